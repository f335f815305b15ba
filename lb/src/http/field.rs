//! Field lines: which of them matter to a proxy, and what their values say.
//!
//! A name is told by its length first, so most names cost one comparison or none. Nothing here knows requests from responses.

/// A field that a proxy must do something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
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
    /// `Max-Forwards`, which some methods spend.
    MaxForwards,
}

/// Fields that are not just passed on, by their place in the head.
#[derive(Debug, Default)]
pub(crate) struct FieldMask([u64; 4]);

/// What `Connection` says (RFC 9110 section 7.6.1).
#[derive(Debug, Default)]
pub(crate) struct ConnectionOptions<'a> {
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
    /// Other fields that end here.
    named: Vec<&'a [u8]>,
}

// === impl Known ===

impl Known {
    #[inline]
    pub(crate) fn of(name: &str) -> Self {
        let is = |known: &str| same(name.as_bytes(), known.as_bytes());
        let Some(first) = name.as_bytes().first() else { return Self::Other };
        match (name.len(), first | 0x20) {
            (2, b't') if is("te") => Self::Te,
            (4, b'h') if is("host") => Self::Host,
            (6, b'e') if is("expect") => Self::Expect,
            (7, b'u') if is("upgrade") => Self::Upgrade,
            (7, b't') if is("trailer") => Self::Trailer,
            (10, b'c') if is("connection") => Self::Connection,
            (10, b'k') if is("keep-alive") => Self::Hop,
            (12, b'm') if is("max-forwards") => Self::MaxForwards,
            (14, b'c') if is("content-length") => Self::ContentLength,
            (14, b'h') if is("http2-settings") => Self::Hop,
            (16, b'p') if is("proxy-connection") => Self::Hop,
            (16, b'x') if is("x-forwarded-host") => Self::Forwarded,
            (17, b't') if is("transfer-encoding") => Self::TransferEncoding,
            (17, b'x') if is("x-forwarded-proto") => Self::Forwarded,
            _ => Self::Other,
        }
    }
}

// === impl FieldMask ===

impl FieldMask {
    #[inline]
    pub(crate) fn add(&mut self, index: usize) {
        if let Some(bits) = self.0.get_mut(index / 64) {
            *bits |= 1 << (index % 64);
        }
    }

    /// Whether none of `count` fields has to be looked at again.
    #[inline]
    pub(crate) fn is_none_of(&self, count: usize) -> bool {
        count <= 64 * self.0.len() && self.0 == [0; 4]
    }

    /// Whether it has to be looked at again. Far behind that is said of all.
    #[inline]
    pub(crate) fn has(&self, index: usize) -> bool {
        self.0.get(index / 64).is_none_or(|bits| bits >> (index % 64) & 1 == 1)
    }
}

// === impl ConnectionOptions ===

impl<'a> ConnectionOptions<'a> {
    #[inline]
    pub(crate) fn add(&mut self, value: &'a [u8]) {
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

    /// Whether it names no field.
    #[inline]
    pub(crate) fn names_none(&self) -> bool {
        self.named.is_empty()
    }

    /// Whether it names something that could stand in a trailer section: that ends here as well (RFC 9110 section 7.6.1).
    pub(crate) fn names_trailers(&self) -> bool {
        self.named.iter().any(|named| str::from_utf8(named).is_ok_and(may_trail))
    }

    /// Whether it names this field, which is none of those that frame or route.
    #[inline]
    pub(crate) fn names(&self, name: &str) -> bool {
        self.named.iter().any(|named| named.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// Whether two names of the same length, up to 17 bytes, are the same but for case. The first is a token, the second lower-case letters, digits and
/// hyphens: of those, setting one bit makes no two alike that are not.
#[inline]
fn same(name: &[u8], known: &[u8]) -> bool {
    const CASE: u64 = 0x2020_2020_2020_2020;
    let eight = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes) | CASE;
    let four = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes)) | CASE;
    // Of each the first and the last bytes, which may overlap.
    match known.len() {
        0..4 => name.eq_ignore_ascii_case(known),
        4..8 => {
            name.first_chunk().map(four) == known.first_chunk().map(four)
                && name.last_chunk().map(four) == known.last_chunk().map(four)
        }
        _ => {
            name.first_chunk().map(eight) == known.first_chunk().map(eight)
                && name.last_chunk().map(eight) == known.last_chunk().map(eight)
                && (known.len() <= 16 || name[8] | 0x20 == known[8] | 0x20)
        }
    }
}

/// The members of a list (RFC 9110 section 5.6.1).
pub(crate) fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// Whether `TE` says that trailers are welcome.
pub(crate) fn wants_trailers(value: &[u8]) -> bool {
    tokens(value).any(|token| token.eq_ignore_ascii_case(b"trailers"))
}

/// Whether every line of a head ends with CR LF: a bare LF is an end of line to some and not to others. Before each field name stands the
/// end of the line before it, and at the end stand two.
#[inline]
pub(crate) fn ends_lines_with_crlf(head: &[u8], fields: &[httparse::Header<'_>]) -> bool {
    let after_crlf = |field: &httparse::Header<'_>| {
        let at = field.name.as_ptr() as usize - head.as_ptr() as usize;
        head.get(..at).is_some_and(|before| before.ends_with(b"\r\n"))
    };
    head.ends_with(b"\r\n\r\n") && fields.iter().all(after_crlf)
}

/// Whether a head may end in `bytes`, of which everything before `from` has been looked at.
#[inline]
pub(crate) fn may_end(bytes: &[u8], from: usize) -> bool {
    let fresh = &bytes[from.saturating_sub(3).min(bytes.len())..];
    memchr::memchr_iter(b'\n', fresh).any(|at| matches!(fresh[at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]))
}

/// Letters, digits and what else stands in plain host names.
static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        plain[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        byte += 1;
    }
    plain
};

/// Whether it is `uri-host [":" port]`, without user info. Nothing is no host of an `http` address (RFC 9110 sections 4.2.1 and 7.2).
pub(crate) fn is_host(value: &[u8]) -> bool {
    // Nearly every Host is a plain name with an optional port; the full grammar is only for the rest.
    let plain = |byte: &u8| PLAIN[usize::from(*byte)];
    let mut rest = value;
    while let [a, b, c, d, tail @ ..] = rest
        && plain(a) & plain(b) & plain(c) & plain(d)
    {
        rest = tail;
    }
    while let [byte, tail @ ..] = rest
        && plain(byte)
    {
        rest = tail;
    }
    match rest {
        [] => return !value.is_empty(),
        [b':', port @ ..] if rest.len() < value.len() => {
            return port.len() <= 5 && port.iter().all(u8::is_ascii_digit);
        }
        _ => {}
    }
    let (name, port) = match value.iter().position(|byte| *byte == b']') {
        Some(end) => value.split_at(end + 1),
        None => value.split_at(value.iter().position(|byte| *byte == b':').unwrap_or(value.len())),
    };
    let good = match name.strip_prefix(b"[") {
        Some(literal) => is_ipv6(literal),
        None => !name.is_empty() && is_registered(name),
    };
    good && (port.is_empty()
        || port.len() <= 6 && port[0] == b':' && port[1..].iter().all(u8::is_ascii_digit))
}

fn is_ipv6(literal: &[u8]) -> bool {
    let address = literal.strip_suffix(b"]").and_then(|address| str::from_utf8(address).ok());
    address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
}

/// Whether it is a `reg-name` (RFC 3986 section 3.2.2), but for the comma: a list is no name.
fn is_registered(name: &[u8]) -> bool {
    let mut rest = name;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [a, b, tail @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => tail,
            (b'%' | b',', _) => return false,
            _ if PLAIN[usize::from(*first)] || b"~!$&'()*+;=".contains(first) => tail,
            _ => return false,
        };
    }
    true
}

/// Whether a field may stand in a trailer section: none that frames, routes, authenticates or says how to read the body
/// (RFC 9110 section 6.5.1).
pub(crate) fn may_trail(name: &str) -> bool {
    const NEVER: [&str; 29] = [
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "expect",
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
    !says_forwarded(name) && !NEVER.iter().any(|never| name.eq_ignore_ascii_case(never))
}

/// Whether it is a number as everybody writes it.
#[inline]
pub(crate) fn is_plain_number(value: &[u8]) -> bool {
    value.iter().all(u8::is_ascii_digit)
        && (value.len() == 1 || !value.starts_with(b"0"))
        && !value.is_empty()
}

/// Writes a field line.
#[inline]
pub(crate) fn write(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Writes the trailer section of a chunked body, from the lines that were received, or none of them; the empty line at its end included.
///
/// # Errors
/// A line is no field line.
pub(crate) fn write_trailers(
    out: &mut Vec<u8>,
    lines: &[u8],
    pass: bool,
) -> Result<(), super::chunk::InvalidChunk> {
    if !lines.is_empty() {
        let mut section = lines.to_vec();
        section.extend_from_slice(b"\r\n");
        let mut fields = vec![httparse::EMPTY_HEADER; memchr::memchr_iter(b'\n', lines).count()];
        let Ok(httparse::Status::Complete((_, fields))) = httparse::parse_headers(&section, &mut fields)
        else {
            return Err(super::chunk::InvalidChunk);
        };
        for field in fields.iter().filter(|field| pass && may_trail(field.name)) {
            write(out, field.name, field.value);
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Whether a field says for whom a request has been forwarded: `Forwarded` (RFC 7239), or any `X-Forwarded-`.
pub(crate) fn says_forwarded(name: &str) -> bool {
    name.eq_ignore_ascii_case("forwarded")
        || name.get(..12).is_some_and(|start| start.eq_ignore_ascii_case("x-forwarded-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case_and_only_whole() {
        for (name, known) in [
            ("te", Known::Te),
            ("host", Known::Host),
            ("expect", Known::Expect),
            ("upgrade", Known::Upgrade),
            ("trailer", Known::Trailer),
            ("connection", Known::Connection),
            ("max-forwards", Known::MaxForwards),
            ("keep-alive", Known::Hop),
            ("content-length", Known::ContentLength),
            ("http2-settings", Known::Hop),
            ("proxy-connection", Known::Hop),
            ("x-forwarded-host", Known::Forwarded),
            ("transfer-encoding", Known::TransferEncoding),
            ("x-forwarded-proto", Known::Forwarded),
        ] {
            assert_eq!((Known::of(name), Known::of(&name.to_uppercase())), (known, known), "{name}");
            for at in 0..name.len() {
                let mut other = name.to_owned();
                other.replace_range(at..=at, if name[at..].starts_with('z') { "y" } else { "z" });
                assert_eq!(Known::of(&other), Known::Other, "{other}");
            }
            assert_eq!(Known::of(&format!("{name}x")), Known::Other);
        }
    }

    #[test]
    fn hosts() {
        for good in ["a", "a:80", "a:", "[::1]:80", "[::1]", "my_api.local", "1.2.3.4:", "a%2Db", "a~b:1"] {
            assert!(is_host(good.as_bytes()), "{good:?}");
        }
        for bad in [
            "", "a b", "a/b", "a,b", "u@a", "a:x", "[::1", "[zz]", ":80", "a:123456", "a?", "a#", "[::1]x",
            "[::1]:x", "[::1]]", "a%2", "]", "[", "a[b]",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad:?}");
        }
    }

    #[test]
    fn line_ends() {
        let whole = |head: &[u8]| {
            let mut fields = [httparse::EMPTY_HEADER; 4];
            let mut request = httparse::Request::new(&mut fields);
            request.parse(head).unwrap();
            ends_lines_with_crlf(head, request.headers)
        };
        assert!(whole(b"GET / HTTP/1.1\r\n\r\n") && whole(b"GET / HTTP/1.1\r\na: b\r\nc: d\r\n\r\n"));
        for bad in [
            "GET / HTTP/1.1\n\n",
            "GET / HTTP/1.1\n\r\n",
            "GET / HTTP/1.1\r\n\n",
            "GET / HTTP/1.1\na: b\r\n\r\n",
            "GET / HTTP/1.1\r\na: b\nc: d\r\n\r\n",
            "GET / HTTP/1.1\r\na: b\n\r\n",
            "GET / HTTP/1.1\r\na: b\r\nc: d\r\n\n",
            "GET / HTTP/1.1\r\na:\nc: d\r\n\r\n",
        ] {
            assert!(!whole(bad.as_bytes()), "{bad:?}");
        }
        assert!(may_end(b"a\r\n\r\n", 0) && may_end(b"a\n\n", 0) && may_end(b"a\r\n\r\n", 4));
        assert!(!may_end(b"a\r\nb\r\n", 0) && !may_end(b"a\r\n\r", 0));
    }

    #[test]
    fn trailers_that_frame_or_route_are_dropped_and_faulty_ones_refused() {
        let written = |lines: &str| {
            let mut out = Vec::new();
            write_trailers(&mut out, lines.as_bytes(), true).map(|()| String::from_utf8(out).unwrap())
        };
        let lines = "X-Sum: 1\r\nContent-Length: 3\r\nHOST: a\r\nx-Forwarded-For: b\r\ngrpc-status: 0\r\n";
        assert_eq!(written(lines), Ok("X-Sum: 1\r\ngrpc-status: 0\r\n\r\n".into()));
        assert_eq!(written(""), Ok("\r\n".into()));
        let mut out = Vec::new();
        assert!(write_trailers(&mut out, lines.as_bytes(), false).is_ok() && out == b"\r\n");
        for bad in ["X\r\n", "X : 1\r\n", " X: 1\r\n", ": 1\r\n", "X: 1\r\n folded\r\n"] {
            assert_eq!(written(bad), Err(crate::http::chunk::InvalidChunk), "{bad:?}");
        }
    }
}
