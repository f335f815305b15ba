//! Heads and whole messages, as they came.

use std::io::{self, ErrorKind};
use std::ops::Deref;

/// A request's or an answer's head.
#[derive(Debug, Clone)]
pub struct Head {
    /// The first line, without its end.
    pub line: String,
    /// The fields in their order, names as sent.
    pub fields: Vec<(String, String)>,
}

/// A request or an answer, whole.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its head.
    pub head: Head,
    /// Its body, without chunk framing.
    pub body: Vec<u8>,
    /// Its trailers.
    pub trailers: Vec<(String, String)>,
}

/// How long a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

// === impl Head ===

impl Head {
    pub(super) fn parse(bytes: Vec<u8>) -> io::Result<Self> {
        let text = String::from_utf8(bytes).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let line = lines.next().unwrap_or_default().to_owned();
        let fields = lines.map(field).collect::<io::Result<_>>()?;
        Ok(Self { line, fields })
    }

    /// An answer's status.
    ///
    /// # Panics
    /// When it has none.
    pub fn status(&self) -> u16 {
        let status = self.line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
        status
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("no status line: {:?}", self.line))
    }

    /// A request's method.
    pub fn method(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }

    /// A request's target.
    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of a field that is there once; the name in any case.
    ///
    /// # Panics
    /// When it is there more than once.
    pub fn field<'a>(&'a self, name: &str) -> Option<&'a str> {
        let mut values = self.values(name);
        let first = values.next();
        assert!(values.next().is_none(), "several {name}: {:?}", self.fields);
        first
    }

    /// The values of a field, one a line.
    pub fn values<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.fields
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether a list field holds a word.
    pub fn lists(&self, name: &str, word: &str) -> bool {
        self.values(name)
            .flat_map(|value| value.split(','))
            .any(|token| token.trim().eq_ignore_ascii_case(word))
    }

    /// RFC 9112 §6.3, for requests.
    pub(super) fn request_framing(&self) -> io::Result<Framing> {
        Ok(self.stated_framing()?.unwrap_or(Framing::Length(0)))
    }

    /// RFC 9112 §6.3, for answers to `method`.
    pub(super) fn answer_framing(&self, method: &str) -> io::Result<Framing> {
        let status = self.status();
        if method == "HEAD" || status < 200 || status == 204 || status == 304 {
            return Ok(Framing::Length(0));
        }
        Ok(self.stated_framing()?.unwrap_or(Framing::UntilClose))
    }

    fn stated_framing(&self) -> io::Result<Option<Framing>> {
        let length = self.field("content-length");
        match (self.field("transfer-encoding"), length) {
            (None, None) => Ok(None),
            (Some("chunked"), None) => Ok(Some(Framing::Chunked)),
            (None, Some(length)) => {
                let length = length.parse().map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
                Ok(Some(Framing::Length(length)))
            }
            other => Err(io::Error::new(ErrorKind::InvalidData, format!("framing by {other:?}"))),
        }
    }
}

// === impl Message ===

impl Message {
    /// The body as text.
    ///
    /// # Panics
    /// When it is none.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text body")
    }
}

impl Deref for Message {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

/// A field line.
pub(super) fn field(line: &str) -> io::Result<(String, String)> {
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| io::Error::new(ErrorKind::InvalidData, format!("no field line: {line:?}")))?;
    Ok((name.to_owned(), value.trim().to_owned()))
}
