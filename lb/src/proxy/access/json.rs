//! The JSON line, written straight into its worker's lines: through a serializer it would cost more than all that lb does with the head of
//! a request.
//!
//! It knows no field of the log, only how JSON is written (RFC 8259).

use std::time::Duration;

/// An object that is being written. Keys are given as they stand in the text, so that each is one piece: `,"status":`.
pub(super) struct Object<'a>(&'a mut Vec<u8>);

// === impl Object ===

impl<'a> Object<'a> {
    /// What is written before the first value is `start`.
    pub(super) fn new(out: &'a mut Vec<u8>, start: &str) -> Self {
        out.extend_from_slice(start.as_bytes());
        Self(out)
    }

    /// A moment or a time in seconds, to the microsecond.
    pub(super) fn seconds(&mut self, time: Duration) {
        self.raw(itoa::Buffer::new().format(time.as_secs()));
        self.raw(".");
        // A one before them keeps the zeros in front.
        self.raw(&itoa::Buffer::new().format(1_000_000 + time.subsec_micros())[1..]);
    }

    pub(super) fn number(&mut self, key: &str, number: impl itoa::Integer) {
        self.raw(key);
        self.raw(itoa::Buffer::new().format(number));
    }

    pub(super) fn flag(&mut self, key: &str, flag: bool) {
        self.raw(key);
        self.raw(if flag { "true" } else { "false" });
    }

    pub(super) fn text(&mut self, key: &str, text: &str) {
        self.raw(key);
        self.quoted(text);
    }

    /// `null` where there is no text.
    pub(super) fn text_or_null(&mut self, key: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(key, text),
            None => self.null(key),
        }
    }

    /// `null` where there is no number.
    pub(super) fn number_or_null(&mut self, key: &str, number: Option<impl itoa::Integer>) {
        match number {
            Some(number) => self.number(key, number),
            None => self.null(key),
        }
    }

    /// An object of texts.
    pub(super) fn texts<'b>(&mut self, key: &str, texts: impl Iterator<Item = (&'b str, &'b [u8])>) {
        self.raw(key);
        let mut before = "{";
        for (name, text) in texts {
            self.raw(before);
            self.quoted(name);
            self.text(":", &String::from_utf8_lossy(text));
            before = ",";
        }
        self.raw(if before == "{" { "{}" } else { "}" });
    }

    pub(super) fn end(mut self) {
        self.raw("}");
    }

    fn null(&mut self, key: &str) {
        self.raw(key);
        self.raw("null");
    }

    fn quoted(&mut self, text: &str) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.0.push(b'"');
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|&byte| byte < b' ' || byte == b'"' || byte == b'\\') {
            let byte = rest[at];
            self.0.extend_from_slice(&rest[..at]);
            match byte {
                b'"' | b'\\' => self.0.extend([b'\\', byte]),
                _ => {
                    self.0.extend_from_slice(b"\\u00");
                    self.0.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
                }
            }
            rest = &rest[at + 1..];
        }
        self.0.extend_from_slice(rest);
        self.0.push(b'"');
    }

    /// Text that is JSON already.
    pub(super) fn raw(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// The same, as bytes.
    pub(super) fn bytes(&mut self, text: &[u8]) {
        self.0.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Object<'_>)) -> serde_json::Value {
        let mut out = Vec::new();
        let mut object = Object::new(&mut out, "{\"first\":1");
        write(&mut object);
        object.end();
        serde_json::from_slice(&out).unwrap_or_else(|error| panic!("{error}: {out:?}"))
    }

    #[test]
    fn every_text_is_read_as_it_was() {
        let all: String = (0..0x180).filter_map(char::from_u32).collect();
        for text in ["", "plain", "\"", "\\", "a\\\"b\n", "\0", "é€😀", all.as_str()] {
            let read = written(|object| object.text(",\"text\":", text));
            assert_eq!(read["text"], *text);
        }
    }

    #[test]
    fn values_are_those_of_json() {
        let read = written(|object| {
            object.number(",\"number\":", -1);
            object.number_or_null(",\"none\":", None::<u8>);
            object.text_or_null(",\"some\":", Some("a"));
            object.flag(",\"flag\":", true);
            object.texts(",\"none_of_them\":", std::iter::empty());
            object.texts(",\"both\":", [("a", &b"1"[..]), ("b\"", b"\xff")].into_iter());
        });
        let expected = serde_json::json!({
            "first": 1, "number": -1, "none": null, "some": "a", "flag": true,
            "none_of_them": {}, "both": { "a": "1", "b\"": "\u{fffd}" }
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn seconds_have_six_digits_behind_the_point() {
        for (micros, text) in
            [(0, "0.000000"), (1_000_042, "1.000042"), (1_795_378_278_999_999, "1795378278.999999")]
        {
            let mut out = Vec::new();
            Object::new(&mut out, "").seconds(Duration::from_micros(micros));
            assert_eq!(out, text.as_bytes());
        }
    }
}
