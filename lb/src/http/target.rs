//! What a request asks for: its target, in each of the forms that it may have (RFC 9112 section 3.2). It refuses what no client sends.

use http::Uri;

use super::request::BAD;
use super::{Malformed, field};

/// The target's parts: what the server gets, and the authority if it named one.
#[derive(Debug)]
pub(crate) struct RequestTarget<'a> {
    pub(crate) path: &'a str,
    /// `OPTIONS` of the whole server, and absolute targets without a path.
    pub(crate) instead: Option<&'static str>,
    pub(crate) authority: Option<&'a str>,
}

// === impl RequestTarget ===

impl<'a> RequestTarget<'a> {
    pub(crate) fn new(method: &str, target: &'a str) -> Result<Self, Malformed> {
        // A fragment never leaves a client, and anything outside of visible ASCII has to be encoded (RFC 3986 section 2).
        if target.bytes().any(|byte| byte == b'#' || !byte.is_ascii_graphic()) {
            return Err(BAD);
        }
        if target.starts_with('/') || target == "*" && method == "OPTIONS" {
            return Ok(Self { path: target, instead: None, authority: None });
        }
        let host = Malformed::bad("the target's host is not valid (RFC 9112 section 3.2.2)");
        let rest = strip_scheme(target).ok_or(if target.contains(':') && !target.contains('/') {
            Malformed::bad("only CONNECT has a host for its target (RFC 9112 section 3.2.3)")
        } else {
            BAD
        })?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() || !field::is_host(authority.as_bytes()) || target.parse::<Uri>().is_err() {
            return Err(host);
        }
        let instead = match path.as_bytes().first() {
            Some(b'/') => None,
            None if method == "OPTIONS" => Some("*"),
            _ => Some("/"),
        };
        Ok(Self { path, instead, authority: Some(authority) })
    }
}

fn strip_scheme(target: &str) -> Option<&str> {
    ["http://", "https://"].iter().find_map(|scheme| {
        let start = target.get(..scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then(|| &target[scheme.len()..])
    })
}
