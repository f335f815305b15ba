//! A parser of HTTP/1.1 messages that forgives nothing: what `lb` itself sends has to pass it (RFC 9112).
//!
//! It works on bytes that were collected before, shares no code with `lb`, and repairs nothing: the first thing that is not exactly
//! as the grammar wants it is a fault, also where a recipient may be lenient. Chunk extensions are a fault, too: they belong to one
//! hop, and `lb` has nothing to say in them.

use std::fmt;

/// A field line, name and value as they came.
pub type Field = (Vec<u8>, Vec<u8>);

/// Why bytes are no message.
pub type Fault = String;

/// What has been read of a message: nothing yet when it is not whole.
pub type Parsed = Result<Option<(Message, usize)>, Fault>;

type Found<T> = Result<Option<T>, Fault>;

/// A message, whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The first line, without its end.
    pub line: Vec<u8>,
    /// The fields in their order.
    pub fields: Vec<Field>,
    /// How the end of the body was told.
    pub framing: Framing,
    /// The body, without chunk framing.
    pub body: Vec<u8>,
    /// The trailers in their order.
    pub trailers: Vec<Field>,
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none, and nothing says how long it would be.
    None,
    /// By `Content-Length`. An answer to HEAD has such a framing and no body.
    Length(usize),
    /// By chunks.
    Chunked,
    /// By the end of the connection.
    Close,
}

/// Reads the request at the start of `bytes`; with it comes how many bytes it takes.
///
/// # Errors
/// What is wrong with it.
pub fn request(bytes: &[u8]) -> Parsed {
    let Some((line, fields, start)) = head(bytes)? else { return Ok(None) };
    request_line(&line)?;
    let framing = stated(&fields)?.unwrap_or(Framing::None);
    whole(bytes, start, line, fields, framing, false)
}

/// Reads the answer to a request with `method` at the start of `bytes`; `ended` when nothing follows them. Interim answers are
/// answers of their own.
///
/// # Errors
/// What is wrong with it.
pub fn answer(bytes: &[u8], method: &str, ended: bool) -> Parsed {
    let Some((line, fields, start)) = head(bytes)? else { return Ok(None) };
    let status = status_line(&line)?;
    let framing = stated(&fields)?.unwrap_or(Framing::Close);
    if framing == Framing::Chunked && line.starts_with(b"HTTP/1.0") {
        return Err("chunks in HTTP/1.0".to_owned());
    }
    let empty = method == "HEAD" || status < 200 || status == 204 || status == 304;
    if !empty {
        return whole(bytes, start, line, fields, framing, ended);
    }
    let framing = if framing == Framing::Close { Framing::None } else { framing };
    Ok(Some((Message { line, fields, framing, body: Vec::new(), trailers: Vec::new() }, start)))
}

fn whole(
    bytes: &[u8],
    start: usize,
    line: Vec<u8>,
    fields: Vec<Field>,
    framing: Framing,
    ended: bool,
) -> Parsed {
    let rest = &bytes[start..];
    let (body, trailers, length) = match framing {
        Framing::None => (Vec::new(), Vec::new(), 0),
        Framing::Length(length) => match rest.get(..length) {
            Some(body) => (body.to_vec(), Vec::new(), length),
            None => return Ok(None),
        },
        Framing::Chunked => match chunks(rest)? {
            Some(all) => all,
            None => return Ok(None),
        },
        Framing::Close if ended => (rest.to_vec(), Vec::new(), rest.len()),
        Framing::Close => return Ok(None),
    };
    Ok(Some((Message { line, fields, framing, body, trailers }, start + length)))
}

/// The first line, the fields, and where the body starts.
fn head(bytes: &[u8]) -> Found<(Vec<u8>, Vec<Field>, usize)> {
    let Some((first, start)) = line(bytes, 0)? else { return Ok(None) };
    let Some((fields, start)) = fields(bytes, start)? else { return Ok(None) };
    Ok(Some((first.to_vec(), fields, start)))
}

/// Field lines up to the empty one, and where that ends.
fn fields(bytes: &[u8], mut at: usize) -> Found<(Vec<Field>, usize)> {
    let mut fields = Vec::new();
    while let Some((text, next)) = line(bytes, at)? {
        if text.is_empty() {
            return Ok(Some((fields, next)));
        }
        fields.push(field(text)?);
        at = next;
    }
    Ok(None)
}

/// The line at `at`, and where the next one starts.
fn line(bytes: &[u8], at: usize) -> Found<(&[u8], usize)> {
    let rest = &bytes[at..];
    let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    match end.map(|end| (end, rest[end], rest.get(end + 1))) {
        None | Some((_, b'\r', None)) => Ok(None),
        Some((end, b'\r', Some(b'\n'))) => Ok(Some((&rest[..end], at + end + 2))),
        Some((end, byte, _)) => {
            let which = if byte == b'\n' { "LF" } else { "CR" };
            Err(format!("bare {which} after \"{}\"", rest[..end].escape_ascii()))
        }
    }
}

fn field(text: &[u8]) -> Result<Field, Fault> {
    let fault = |what: &str| Err(format!("{what}: \"{}\"", text.escape_ascii()));
    let Some(colon) = text.iter().position(|byte| *byte == b':') else { return fault("no colon") };
    let (name, value) = (&text[..colon], blanks_off(&text[colon + 1..]));
    if !is_token(name) {
        return fault("no field name");
    }
    if !value.iter().all(|byte| is_text(*byte)) {
        return fault("a control character");
    }
    Ok((name.to_vec(), value.to_vec()))
}

fn request_line(line: &[u8]) -> Result<(), Fault> {
    let parts: Vec<_> = line.split(|byte| *byte == b' ').collect();
    let good = match parts[..] {
        [method, target, version] => {
            is_token(method)
                && !target.is_empty()
                && target.iter().all(|byte| (0x21..=0x7e).contains(byte) && *byte != b'#')
                && matches!(version, b"HTTP/1.1" | b"HTTP/1.0")
        }
        _ => false,
    };
    if good { Ok(()) } else { Err(format!("no request line: \"{}\"", line.escape_ascii())) }
}

fn status_line(line: &[u8]) -> Result<u16, Fault> {
    let fault = || format!("no status line: \"{}\"", line.escape_ascii());
    // The version is the client's or the latest (RFC 9110 section 6.2).
    let rest =
        line.strip_prefix(b"HTTP/1.1 ").or_else(|| line.strip_prefix(b"HTTP/1.0 ")).ok_or_else(fault)?;
    let (status, reason) = rest.split_at_checked(3).ok_or_else(fault)?;
    let reason = reason.strip_prefix(b" ").ok_or_else(fault)?;
    if !reason.iter().all(|byte| is_text(*byte)) || !status.iter().all(u8::is_ascii_digit) {
        return Err(fault());
    }
    let status = status.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
    if (100..=599).contains(&status) { Ok(status) } else { Err(fault()) }
}

fn stated(fields: &[Field]) -> Result<Option<Framing>, Fault> {
    let values = |name: &str| -> Vec<&[u8]> {
        let named = fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| value.as_slice()).collect()
    };
    match (&values("transfer-encoding")[..], &values("content-length")[..]) {
        ([], []) => Ok(None),
        ([coding], []) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Some(Framing::Chunked)),
        ([], [length]) => match number(length, 10) {
            Some(length) => Ok(Some(Framing::Length(length))),
            None => Err(format!("Content-Length: \"{}\"", length.escape_ascii())),
        },
        _ => Err(format!("framing that can be read in two ways: {}", Shown(fields))),
    }
}

/// Body, trailers, and how many bytes both take.
fn chunks(bytes: &[u8]) -> Found<(Vec<u8>, Vec<Field>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    while let Some((size, start)) = line(bytes, at)? {
        let Some(size) = number(size, 16) else {
            return Err(format!("no chunk size: \"{}\"", size.escape_ascii()));
        };
        if size == 0 {
            return Ok(fields(bytes, start)?.map(|(trailers, end)| (body, trailers, end)));
        }
        let Some(chunk) = start.checked_add(size).and_then(|end| bytes.get(start..end)) else {
            return Ok(None);
        };
        body.extend(chunk);
        match line(bytes, start + size)? {
            None => return Ok(None),
            Some(([], next)) => at = next,
            Some(_) => return Err(format!("more than {size} bytes in a chunk")),
        }
    }
    Ok(None)
}

/// Without blanks at both ends; `trim_ascii` would take control characters off, too.
fn blanks_off(text: &[u8]) -> &[u8] {
    let solid = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let Some(start) = text.iter().position(solid) else { return &[] };
    let end = text.iter().rposition(solid).unwrap_or(start);
    &text[start..=end]
}

/// Digits only, and no more than can be counted.
fn number(text: &[u8], radix: u32) -> Option<usize> {
    let text = std::str::from_utf8(text).ok()?;
    if text.is_empty() || !text.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    usize::from_str_radix(text, radix).ok()
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

// === impl Message ===

impl Message {
    /// A request's method.
    pub fn method(&self) -> &[u8] {
        self.line.split(|byte| *byte == b' ').next().unwrap_or_default()
    }

    /// A request's target.
    pub fn target(&self) -> &[u8] {
        self.line.split(|byte| *byte == b' ').nth(1).unwrap_or_default()
    }

    /// An answer's status.
    ///
    /// # Panics
    /// When it is a request.
    pub fn status(&self) -> u16 {
        status_line(&self.line).expect("an answer has a status line")
    }

    /// The values of a field, one a line; the name in any case.
    pub fn values<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let named = self.fields.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice())
    }

    /// The words of a list field, in lower case.
    pub fn words(&self, name: &[u8]) -> Vec<Vec<u8>> {
        let words = self.values(name).flat_map(|value| value.split(|byte| *byte == b','));
        words.map(|word| word.trim_ascii().to_ascii_lowercase()).filter(|word| !word.is_empty()).collect()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" {}", self.line.escape_ascii(), Shown(&self.fields))?;
        write!(f, " {:?} \"{}\" {}", self.framing, self.body.escape_ascii(), Shown(&self.trailers))
    }
}

/// Field lines for a person to read.
struct Shown<'a>(&'a [Field]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |(name, value): &Field| format!("{}: {}", name.escape_ascii(), value.escape_ascii());
        f.debug_list().entries(self.0.iter().map(line)).finish()
    }
}

#[cfg(test)]
mod tests;
