//! Field lines: which of them matter to a proxy, and what their values say.
//!
//! A name is told by its length first, so most names cost one comparison or none. Nothing here knows requests from responses.

use http::uri::Authority;

/// A field that a proxy must do something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Other,
    Te,
    Host,
    Expect,
    Upgrade,
    Connection,
    ContentLength,
    TransferEncoding,
    /// Ends here: `Keep-Alive`, `Proxy-Connection`, `HTTP2-Settings`.
    Hop,
    /// `X-Forwarded-Proto` or `-Host`: what this hop saw takes their place.
    Forwarded,
    /// `Trailer`, which frames and is not to be named away.
    Trailer,
}

/// What `Connection` says (RFC 9110 section 7.6.1).
#[derive(Debug, Default)]
pub(super) struct Connection<'a> {
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) upgrade: bool,
    /// Other fields that end here.
    named: Vec<&'a [u8]>,
}

// === impl Known ===

impl Known {
    #[inline]
    pub(super) fn of(name: &str) -> Self {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name.len() {
            2 if is("te") => Self::Te,
            4 if is("host") => Self::Host,
            6 if is("expect") => Self::Expect,
            7 if is("upgrade") => Self::Upgrade,
            7 if is("trailer") => Self::Trailer,
            10 if is("connection") => Self::Connection,
            10 if is("keep-alive") => Self::Hop,
            14 if is("content-length") => Self::ContentLength,
            14 if is("http2-settings") => Self::Hop,
            16 if is("proxy-connection") => Self::Hop,
            16 if is("x-forwarded-host") => Self::Forwarded,
            17 if is("transfer-encoding") => Self::TransferEncoding,
            17 if is("x-forwarded-proto") => Self::Forwarded,
            _ => Self::Other,
        }
    }
}

// === impl Connection ===

impl<'a> Connection<'a> {
    #[inline]
    pub(super) fn add(&mut self, value: &'a [u8]) {
        for token in tokens(value) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if token.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else {
                self.named.push(token);
            }
        }
    }

    /// Whether it names this field, which is none of those that frame or route.
    #[inline]
    pub(super) fn names(&self, name: &str) -> bool {
        self.named.iter().any(|named| named.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// The members of a list (RFC 9110 section 5.6.1).
pub(super) fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// Whether `TE` says that trailers are welcome.
pub(super) fn wants_trailers(value: &[u8]) -> bool {
    tokens(value).any(|token| token.eq_ignore_ascii_case(b"trailers"))
}

/// Whether every line of a head ends with CR LF: a bare LF is an end of line to some and not to others.
#[inline]
pub(super) fn ends_lines_with_crlf(head: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', head).all(|at| at > 0 && head[at - 1] == b'\r')
}

/// Whether a head may end in `bytes`, of which everything before `from` has been looked at.
#[inline]
pub(super) fn may_end(bytes: &[u8], from: usize) -> bool {
    let fresh = &bytes[from.saturating_sub(3).min(bytes.len())..];
    memchr::memchr_iter(b'\n', fresh).any(|at| matches!(fresh[at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]))
}

/// Whether it is `uri-host [":" port]`, without user info; empty is allowed (RFC 9110 section 7.2).
pub(in crate::proxy) fn is_host(value: &[u8]) -> bool {
    // Nearly every Host is a plain name with an optional port; the full grammar is only for the rest.
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let (name, port) = match value.iter().position(|byte| *byte == b':') {
        Some(colon) => (&value[..colon], &value[colon + 1..]),
        None => (value, &[][..]),
    };
    if name.iter().all(plain) && (!name.is_empty() || value.is_empty()) {
        return port.len() <= 5 && port.iter().all(u8::is_ascii_digit);
    }
    Authority::try_from(value).is_ok_and(|authority| {
        let host = authority.host();
        let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let good = literal.map_or(!host.is_empty(), |address| address.parse::<std::net::Ipv6Addr>().is_ok());
        good && !value.contains(&b'@') && !value.contains(&b',')
    })
}

/// Whether a field may stand in a trailer section: none that frames, routes, authenticates or says how to read the body
/// (RFC 9110 section 6.5.1).
pub(in crate::proxy) fn may_trail(name: &str) -> bool {
    const NEVER: [&str; 30] = [
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "http2-settings",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "keep-alive",
        "max-forwards",
        "pragma",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    ];
    let forwarded =
        |name: &str| name.get(..12).is_some_and(|start| start.eq_ignore_ascii_case("x-forwarded-"));
    !forwarded(name) && !NEVER.iter().any(|never| name.eq_ignore_ascii_case(never))
}

/// Writes a field line.
#[inline]
pub(super) fn write(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Writes the trailer section of a chunked body, from the lines that were received; the empty line at its end included.
///
/// # Errors
/// A line is no field line.
pub(super) fn write_trailers(out: &mut Vec<u8>, lines: &[u8]) -> Result<(), super::chunk::Faulty> {
    if !lines.is_empty() {
        let mut section = lines.to_vec();
        section.extend_from_slice(b"\r\n");
        let mut fields = vec![httparse::EMPTY_HEADER; memchr::memchr_iter(b'\n', lines).count()];
        let Ok(httparse::Status::Complete((_, fields))) = httparse::parse_headers(&section, &mut fields)
        else {
            return Err(super::chunk::Faulty);
        };
        for field in fields.iter().filter(|field| may_trail(field.name)) {
            write(out, field.name, field.value);
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for good in ["", "a", "a:80", "a:", "[::1]:80", "[::1]", "my_api.local", "1.2.3.4:"] {
            assert!(is_host(good.as_bytes()), "{good:?}");
        }
        for bad in ["a b", "a/b", "a,b", "u@a", "a:x", "[::1", "[zz]", ":80", "a:123456", "a?", "a#"] {
            assert!(!is_host(bad.as_bytes()), "{bad:?}");
        }
    }

    #[test]
    fn line_ends() {
        assert!(ends_lines_with_crlf(b"a\r\nb\r\n\r\n"));
        for bad in [&b"a\nb\r\n\r\n"[..], b"\n", b"a\r\nb\n\r\n"] {
            assert!(!ends_lines_with_crlf(bad));
        }
        assert!(may_end(b"a\r\n\r\n", 0) && may_end(b"a\n\n", 0) && may_end(b"a\r\n\r\n", 4));
        assert!(!may_end(b"a\r\nb\r\n", 0) && !may_end(b"a\r\n\r", 0));
    }

    #[test]
    fn trailers_that_frame_or_route_are_dropped_and_faulty_ones_refused() {
        let written = |lines: &str| {
            let mut out = Vec::new();
            write_trailers(&mut out, lines.as_bytes()).map(|()| String::from_utf8(out).unwrap())
        };
        let lines = "X-Sum: 1\r\nContent-Length: 3\r\nHOST: a\r\nx-Forwarded-For: b\r\ngrpc-status: 0\r\n";
        assert_eq!(written(lines), Ok("X-Sum: 1\r\ngrpc-status: 0\r\n\r\n".into()));
        assert_eq!(written(""), Ok("\r\n".into()));
        for bad in ["X\r\n", "X : 1\r\n", " X: 1\r\n", ": 1\r\n", "X: 1\r\n folded\r\n"] {
            assert_eq!(written(bad), Err(crate::proxy::h1::chunk::Faulty), "{bad:?}");
        }
    }
}
