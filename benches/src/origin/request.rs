//! The head of a request as the strict origin reads it: a GET in HTTP/1.1 without a body, or a fault.

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request<'a> {
    pub(super) path: &'a str,
    pub(super) head: &'a str,
    pub(super) keep_alive: bool,
}

// === impl Request ===

impl<'a> Request<'a> {
    /// Reads a head that ends with its empty line.
    pub(super) fn parse(head: &'a [u8]) -> Result<Self, &'static str> {
        let head = std::str::from_utf8(head).map_err(|_| "not UTF-8")?;
        let mut lines = head.strip_suffix("\r\n\r\n").ok_or("no empty line")?.split("\r\n");
        let path = lines
            .next()
            .and_then(|line| line.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1"))
            .filter(|path| path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or("not a GET of a path in HTTP/1.1")?;
        let (mut hosts, mut keep_alive) = (0, true);
        for line in lines {
            let (name, value) = line.split_once(':').ok_or("a field without a colon")?;
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err("a field whose name is no token");
            }
            if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
                return Err("a field with a control character");
            }
            if name.eq_ignore_ascii_case("host") {
                hosts += 1;
            } else if name.eq_ignore_ascii_case("connection") {
                keep_alive &= !value.split(',').any(|option| option.trim().eq_ignore_ascii_case("close"));
            } else if name.eq_ignore_ascii_case("content-length")
                || name.eq_ignore_ascii_case("transfer-encoding")
            {
                return Err("a body");
            }
        }
        if hosts != 1 {
            return Err("not one Host field");
        }
        Ok(Self { path, head, keep_alive })
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
