//! A head that is written anew from another one's pieces.
//!
//! Pieces that follow each other and stand as they are to be written are copied at once: usually that is nearly all of a head. It refuses to judge
//! what it is given.

use super::field;

/// A head on its way from `head` to `out`.
pub(crate) struct Rewrite<'a> {
    head: &'a [u8],
    out: &'a mut Vec<u8>,
    /// What is to be copied and has not been.
    from: usize,
    to: usize,
}

// === impl Rewrite ===

impl<'a> Rewrite<'a> {
    /// Begins with nothing of `head`, which ends with its empty line.
    #[inline]
    pub(crate) fn new(head: &'a [u8], out: &'a mut Vec<u8>) -> Self {
        Self { head, out, from: 0, to: 0 }
    }

    /// Begins with the first bytes of `head`, a whole line.
    #[inline]
    pub(crate) fn with_line(head: &'a [u8], size: usize, out: &'a mut Vec<u8>) -> Self {
        Self { head, out, from: 0, to: size }
    }

    /// A field line as it came.
    #[inline]
    pub(crate) fn pass(&mut self, field: &httparse::Header<'_>) {
        let place = |piece: *const u8| piece as usize - self.head.as_ptr() as usize;
        let (start, value) = (place(field.name.as_ptr()), place(field.value.as_ptr()));
        let (middle, end) = (start + field.name.len(), value + field.value.len() + 2);
        let stands =
            value == middle + 2 && matches!(self.head.get(middle..end), Some([b':', b' ', .., b'\r', b'\n']));
        if !stands {
            return self.write(field.name, field.value);
        }
        if start != self.to {
            self.copy();
            self.from = start;
        }
        self.to = end;
    }

    /// A field line of our own.
    pub(crate) fn write(&mut self, name: &str, value: &[u8]) {
        field::write(self.text(), name, value);
    }

    /// What has been written, to write more.
    #[inline]
    pub(crate) fn text(&mut self) -> &mut Vec<u8> {
        self.copy();
        self.out
    }

    /// The empty line.
    #[inline]
    pub(crate) fn end(mut self) {
        if self.to + 2 == self.head.len() {
            self.to = self.head.len();
            self.copy();
        } else {
            self.text().extend_from_slice(b"\r\n");
        }
    }

    #[inline]
    fn copy(&mut self) {
        if self.from < self.to {
            self.out.extend_from_slice(&self.head[self.from..self.to]);
            self.from = self.to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of `head` when its fields pass, but for those whose name is in `left_out`; `Ours` is written in the place of `Theirs`.
    fn rewritten(head: &str, left_out: &[&str], with_line: bool) -> String {
        let mut fields = [httparse::EMPTY_HEADER; 8];
        let mut request = httparse::Request::new(&mut fields);
        request.parse(head.as_bytes()).unwrap();
        let mut out = Vec::new();
        let line = if with_line { head.find('\n').unwrap() + 1 } else { 0 };
        let mut rewrite = Rewrite::with_line(head.as_bytes(), line, &mut out);
        for field in request.headers.iter() {
            match field.name {
                "Theirs" => rewrite.write("Ours", b"1"),
                name if left_out.contains(&name) => {}
                _ => rewrite.pass(field),
            }
        }
        rewrite.end();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn pieces_are_put_together_in_their_order() {
        let head = "GET / HTTP/1.1\r\nA: 1\r\nB:2\r\nTheirs: x\r\nC: \r\nD:  4\r\nE: 5\r\nF: 6\r\n\r\n";
        let all = "A: 1\r\nB: 2\r\nOurs: 1\r\nC: \r\nD: 4\r\nE: 5\r\nF: 6\r\n\r\n";
        assert_eq!(rewritten(head, &[], false), all);
        assert_eq!(rewritten(head, &[], true), format!("GET / HTTP/1.1\r\n{all}"));
        for gone in ["A", "B", "C", "D", "E", "F"] {
            let line = all.split_inclusive('\n').find(|line| line.starts_with(gone)).unwrap();
            assert_eq!(rewritten(head, &[gone], false), all.replace(line, ""), "{gone}");
        }
        assert_eq!(rewritten(head, &["E", "F"], false), all.replace("E: 5\r\nF: 6\r\n", ""));
        assert_eq!(rewritten("GET / HTTP/1.1\r\n\r\n", &[], true), "GET / HTTP/1.1\r\n\r\n");
        assert_eq!(rewritten("GET / HTTP/1.1\r\n\r\n", &[], false), "\r\n");
    }
}
