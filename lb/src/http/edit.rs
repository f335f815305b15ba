//! What may be written into a head by edits. Each of these types holds only what is valid there and leaves the framing alone.

use std::borrow::Cow;

use super::field::{self, Known};

/// Why something cannot be written into a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditFault {
    /// It is no token (RFC 9110 section 5.6.2).
    #[error("a name consists of letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 section 5.6.2)")]
    Token,
    /// The field says where a message ends, or is about a connection (RFC 9110 section 7.6.1).
    #[error("this field says how messages are framed, or is about one connection: it cannot be edited")]
    Framing,
    /// `Host` is not set as other fields are: there is exactly one.
    #[error("Host is edited as the host of a request")]
    Host,
    /// The value would end its line, or holds other control characters (RFC 9110 section 5.5).
    #[error("a value has no control characters but tabs (RFC 9110 section 5.5)")]
    Value,
    /// The method decides how a message is framed, or is not passed on.
    #[error("CONNECT, HEAD and TRACE cannot be set, since they change how messages are framed")]
    Method,
    /// The status decides how a message is framed, or is none.
    #[error("a status is a number from 200 to 599, but for 204, 205 and 304, which have no body")]
    Status,
    /// It is neither `*` nor a path with an optional query.
    #[error(
        "a target is a path with an optional query, of visible ASCII characters (RFC 9112 section 3.2.1)"
    )]
    Target,
    /// It is no host with an optional port.
    #[error("a host is a name or an address with an optional port (RFC 9110 section 7.2)")]
    Authority,
}

/// The name of a field that may be edited. Names are the same whatever their case.
#[derive(Debug, Clone)]
pub struct FieldName(Cow<'static, str>);

/// The value of a field, without blanks around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldValue(Box<[u8]>);

/// The method that a request gets instead of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodName(Box<str>);

/// The path and query that a request gets instead of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPath(Box<str>);

/// The status that a response gets instead of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusLine {
    status: u16,
    reason: Box<str>,
}

/// The host that a request gets instead of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(Box<[u8]>);

// === impl FieldName ===

impl FieldName {
    /// A field's name.
    ///
    /// # Errors
    /// `Token` when it is none; `Framing` and `Host` when it names a field that is not edited as others are.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Result<Self, EditFault> {
        let name = name.into();
        if !is_token(&name) {
            return Err(EditFault::Token);
        }
        match Known::of(&name) {
            Known::Host => Err(EditFault::Host),
            Known::Other | Known::Forwarded | Known::MaxForwards => Ok(Self(name)),
            Known::Te
            | Known::Expect
            | Known::Upgrade
            | Known::Connection
            | Known::ContentLength
            | Known::TransferEncoding
            | Known::Hop
            | Known::Trailer => Err(EditFault::Framing),
        }
    }

    /// The name.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for FieldName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for FieldName {}

// === impl FieldValue ===

impl FieldValue {
    /// A field's value; blanks around it are dropped.
    ///
    /// # Errors
    /// `Value` when it holds CR, LF, NUL or another control character but tabs.
    pub fn new(value: impl AsRef<[u8]>) -> Result<Self, EditFault> {
        let value = value.as_ref();
        if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(EditFault::Value);
        }
        Ok(Self(value.trim_ascii().into()))
    }

    /// The value.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

// === impl MethodName ===

impl MethodName {
    /// A method.
    ///
    /// # Errors
    /// `Token` when it is none; `Method` when it would change how messages are framed.
    pub fn new(method: &str) -> Result<Self, EditFault> {
        match method {
            "CONNECT" | "HEAD" | "TRACE" => Err(EditFault::Method),
            _ if !is_token(method) => Err(EditFault::Token),
            _ => Ok(Self(method.into())),
        }
    }

    /// The method.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// === impl TargetPath ===

impl TargetPath {
    /// A path with an optional query.
    ///
    /// # Errors
    /// `Target` when it does not begin with `/`, has a fragment, or holds anything but visible ASCII characters.
    pub fn new(target: &str) -> Result<Self, EditFault> {
        let is_good =
            target.starts_with('/') && !target.bytes().any(|byte| byte == b'#' || !byte.is_ascii_graphic());
        if is_good { Ok(Self(target.into())) } else { Err(EditFault::Target) }
    }

    /// The path and query.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// === impl Host ===

impl Host {
    /// A host with an optional port.
    ///
    /// # Errors
    /// `Authority` when it is none.
    pub fn new(host: &[u8]) -> Result<Self, EditFault> {
        if field::is_host(host) { Ok(Self(host.into())) } else { Err(EditFault::Authority) }
    }

    /// The host.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

// === impl StatusLine ===

impl StatusLine {
    /// A status with its reason.
    ///
    /// # Errors
    /// `Status` when it would change how the message is framed, or is none; `Value` when the reason has control characters.
    pub fn new(status: u16, reason: &str) -> Result<Self, EditFault> {
        if !Self::frames_alike(status) {
            return Err(EditFault::Status);
        }
        if reason.bytes().any(|byte| !(byte == b' ' || byte.is_ascii_graphic())) {
            return Err(EditFault::Value);
        }
        Ok(Self { status, reason: reason.into() })
    }

    /// Whether responses with that status end as most do.
    pub(crate) fn frames_alike(status: u16) -> bool {
        (200..600).contains(&status) && !matches!(status, 204 | 205 | 304)
    }

    /// The status.
    #[inline]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The reason.
    #[inline]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Whether it is a token (RFC 9110 section 5.6.2).
fn is_token(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens_that_leave_framing_and_connection_alone() {
        for good in ["X-A", "cookie", "Set-Cookie", "X-Forwarded-Proto", "Max-Forwards", "a!#$%&'*+-.^_`|~9"]
        {
            assert_eq!(FieldName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a:", "a\r", "a\n", "a\0", "é", "a(", "\"a\""] {
            assert_eq!(FieldName::new(bad), Err(EditFault::Token), "{bad:?}");
        }
        for framing in [
            "Content-Length",
            "TRANSFER-ENCODING",
            "connection",
            "Keep-Alive",
            "Proxy-Connection",
            "TE",
            "trailer",
            "Upgrade",
            "HTTP2-Settings",
            "Expect",
        ] {
            assert_eq!(FieldName::new(framing), Err(EditFault::Framing), "{framing}");
        }
        assert_eq!(FieldName::new("HOST"), Err(EditFault::Host));
        assert_eq!(FieldName::new("x-a"), FieldName::new("X-A"));
    }

    #[test]
    fn values_never_end_a_line() {
        for good in ["", "a", "a b\tc", "\u{e9}"] {
            assert_eq!(FieldValue::new(good).unwrap().as_bytes(), good.as_bytes());
        }
        assert_eq!(FieldValue::new(" a ").unwrap().as_bytes(), b"a");
        for byte in (0..32).chain([127]).filter(|byte| *byte != b'\t') {
            for bad in [vec![byte], vec![b'a', byte], vec![byte, b'a'], vec![b'a', byte, b'b']] {
                assert_eq!(FieldValue::new(&bad), Err(EditFault::Value), "{bad:?}");
            }
        }
    }

    #[test]
    fn lines_are_made_of_methods_paths_and_hosts() {
        assert_eq!(StatusLine::new(404, "Not here").unwrap().reason(), "Not here");
        assert!(
            [101, 199, 204, 205, 304, 600]
                .iter()
                .all(|bad| StatusLine::new(*bad, "") == Err(EditFault::Status))
        );
        assert_eq!(StatusLine::new(200, "a\r\nb"), Err(EditFault::Value));
        assert!(["GET", "PURGE", "get"].iter().all(|good| MethodName::new(good).is_ok()));
        for (bad, fault) in [
            ("HEAD", EditFault::Method),
            ("CONNECT", EditFault::Method),
            ("TRACE", EditFault::Method),
            ("", EditFault::Token),
            ("G T", EditFault::Token),
            ("GET\r\n", EditFault::Token),
        ] {
            assert_eq!(MethodName::new(bad), Err(fault), "{bad:?}");
        }
        assert!(["/", "/a?b=c", "//x"].iter().all(|good| TargetPath::new(good).is_ok()));
        for bad in ["", "a", "*", "/a b", "/a\r\n", "/a#b", "/é", "http://a/", "/\0"] {
            assert_eq!(TargetPath::new(bad), Err(EditFault::Target), "{bad:?}");
        }
        assert_eq!(Host::new(b"a:80").unwrap().as_bytes(), b"a:80");
        assert!(
            [&b""[..], b"a b", b"a\r\nB: c", b"a,b"]
                .iter()
                .all(|bad| Host::new(bad) == Err(EditFault::Authority))
        );
    }
}
