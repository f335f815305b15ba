//! What of a request can be seen through hyper's API and must not be passed on (RFC 9112, RFC 9110).
//!
//! Framing that hyper has already decided is not judged again; what it lets through and a server might read differently is refused.

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, request};

use super::ProxyError;
use super::fields::Seen;

/// Checks a request's head; afterwards it has at most one `Host`, which is the target's.
pub(super) fn request(head: &mut request::Parts, seen: Seen, has_body: bool) -> Result<(), ProxyError> {
    if head.method == Method::CONNECT {
        return Err(ProxyError::Refused(StatusCode::METHOD_NOT_ALLOWED, "CONNECT is not done here"));
    }
    if head.method == Method::TRACE && has_body {
        return Err(ProxyError::BadRequest("a TRACE request has no body (RFC 9110 section 9.3.8)"));
    }
    if seen.transfer_encoding && head.version != Version::HTTP_11 {
        return Err(ProxyError::BadRequest("Transfer-Encoding needs HTTP/1.1 (RFC 9112 section 6.1)"));
    }
    framing(&head.headers, seen)?;
    if head.uri.authority().is_some() && head.uri.scheme().is_none() {
        return Err(ProxyError::BadRequest(
            "only CONNECT has a host for its target (RFC 9112 section 3.2.3)",
        ));
    }
    host(head)
}

/// Checks what tells where a message ends, of a request or a response (RFC 9112 section 6).
pub(super) fn framing(headers: &HeaderMap, seen: Seen) -> Result<(), ProxyError> {
    if seen.transfer_encoding {
        transfer_encoding(headers, seen)?;
    }
    if seen.content_length {
        content_length(headers)?;
    }
    Ok(())
}

fn transfer_encoding(headers: &HeaderMap, seen: Seen) -> Result<(), ProxyError> {
    if seen.content_length {
        return Err(ProxyError::BadRequest("Content-Length beside Transfer-Encoding (RFC 9112 section 6.1)"));
    }
    let mut values = headers.get_all(TRANSFER_ENCODING).iter();
    match (values.next().map(HeaderValue::as_bytes), values.next()) {
        (Some(value), None) if value.eq_ignore_ascii_case(b"chunked") => Ok(()),
        (Some(value), None) if !value.contains(&b',') => Err(ProxyError::Refused(
            StatusCode::NOT_IMPLEMENTED,
            "only the transfer coding chunked is known here",
        )),
        _ => Err(ProxyError::BadRequest(
            "Transfer-Encoding must be exactly one chunked (RFC 9112 section 6.1)",
        )),
    }
}

fn content_length(headers: &HeaderMap) -> Result<(), ProxyError> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let Some(first) = values.next() else { return Ok(()) };
    let digits = !first.is_empty() && first.as_bytes().iter().all(u8::is_ascii_digit);
    if digits && values.all(|other| other == first) {
        return Ok(());
    }
    Err(ProxyError::BadRequest("Content-Length must be one number (RFC 9112 section 6.3)"))
}

/// One valid `Host`, which the target's authority overrides (RFC 9112 sections 3.2 and 3.2.2).
fn host(head: &mut request::Parts) -> Result<(), ProxyError> {
    let mut values = head.headers.get_all(HOST).iter();
    match (values.next(), values.next()) {
        (None, _) if head.version == Version::HTTP_11 => {
            return Err(ProxyError::BadRequest("a request needs a Host (RFC 9112 section 3.2)"));
        }
        (Some(_), Some(_)) => {
            return Err(ProxyError::BadRequest("more than one Host (RFC 9112 section 3.2)"));
        }
        (Some(host), None) if !is_host(host.as_bytes()) => {
            return Err(ProxyError::BadRequest(
                "Host is not a host with an optional port (RFC 9110 section 7.2)",
            ));
        }
        _ => {}
    }
    let Some(authority) = head.uri.authority() else { return Ok(()) };
    if !is_host(authority.as_str().as_bytes()) || authority.host().is_empty() {
        return Err(ProxyError::BadRequest("the target's host is not valid (RFC 9112 section 3.2.2)"));
    }
    let value = HeaderValue::from_str(authority.as_str())
        .map_err(|_| ProxyError::BadRequest("the target's host is not valid (RFC 9112 section 3.2.2)"))?;
    head.headers.insert(HOST, value);
    Ok(())
}

/// Whether it is `uri-host [":" port]`, without user info; empty is allowed (RFC 9110 section 7.2).
fn is_host(value: &[u8]) -> bool {
    if value.is_empty() {
        return true;
    }
    // Nearly every Host is a plain name with an optional port; the full grammar is only for the rest.
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let (name, port) = match value.iter().position(|byte| *byte == b':') {
        Some(colon) => (&value[..colon], &value[colon + 1..]),
        None => (value, &[][..]),
    };
    if !name.is_empty() && name.iter().all(plain) {
        return port.len() <= 5 && port.iter().all(u8::is_ascii_digit);
    }
    Authority::try_from(value).is_ok_and(|authority| {
        let host = authority.host();
        let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let good = literal.map_or(!host.is_empty(), |address| address.parse::<std::net::Ipv6Addr>().is_ok());
        good && !value.contains(&b'@') && !value.contains(&b',')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: &[(&str, &str)], target: &str) -> Result<String, u16> {
        let mut builder = http::Request::builder().uri(target);
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        let (mut head, ()) = builder.body(()).unwrap().into_parts();
        let seen = Seen::in_headers(&head.headers);
        request(&mut head, seen, false).map_err(|error| error.status().as_u16())?;
        Ok(head.headers[HOST].to_str().unwrap().to_owned())
    }

    #[test]
    fn one_valid_host_and_the_target_wins() {
        let good = [
            ("a", "/"),
            ("a:80", "/"),
            ("[::1]:80", "/"),
            ("my_api.local", "/"),
            ("", "/"),
            ("1.2.3.4:", "/"),
        ];
        for (host, target) in good {
            assert_eq!(check(&[("host", host)], target), Ok(host.to_owned()));
        }
        assert_eq!(check(&[("host", "evil")], "http://good:81/x"), Ok("good:81".to_owned()));
        for bad in ["a b", "a/b", "a,b", "u@a", "a:x", "[::1", "[zz]", ":80", "a:123456"] {
            assert_eq!(check(&[("host", bad)], "/"), Err(400), "{bad}");
        }
        assert_eq!(check(&[], "/"), Err(400));
        assert_eq!(check(&[("host", "a"), ("host", "a")], "/"), Err(400));
        assert_eq!(check(&[("host", "a")], "http://u@good/"), Err(400));
    }

    #[test]
    fn exactly_one_chunked() {
        let with = |values: &[&str]| {
            let mut fields = vec![("host", "a")];
            fields.extend(values.iter().map(|value| ("transfer-encoding", *value)));
            check(&fields, "/").map(|_| ())
        };
        assert_eq!(with(&["chunked"]), Ok(()));
        assert_eq!(with(&["Chunked"]), Ok(()));
        assert_eq!(with(&["gzip"]), Err(501));
        for bad in [&["identity, chunked"][..], &["chunked, chunked"], &["chunked", "chunked"], &["chunked,"]]
        {
            assert_eq!(with(bad), Err(400), "{bad:?}");
        }
        let both = [("host", "a"), ("transfer-encoding", "chunked"), ("content-length", "3")];
        assert_eq!(check(&both, "/"), Err(400));
        assert_eq!(check(&[("host", "a"), ("content-length", "+1")], "/"), Err(400));
        assert_eq!(check(&[("host", "a"), ("content-length", "1"), ("content-length", "2")], "/"), Err(400));
    }
}
