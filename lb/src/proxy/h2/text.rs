//! Heads between HTTP/2 and the engine's HTTP/1.1.
//!
//! What the engine gets is judged by the engine; what it gives has been. Only what the two versions say differently is dealt with here
//! (RFC 9113 section 8).

use std::mem::MaybeUninit;

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, request, response};

use crate::http::framing::{Declared, Framing, RequestFraming};

/// Most fields in a head that the engine has let pass, with those that it adds.
const FIELDS: usize = 1100;

/// A request cannot be put into HTTP/1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// A head that the engine has written.
#[derive(Debug)]
pub(super) struct TextHead<T> {
    pub(super) message: T,
    pub(super) framing: Framing,
    /// Its size as text.
    pub(super) size: usize,
}

/// Writes a stream's request for the engine; says whether its body goes in chunks, or as it is.
pub(super) fn write_request(
    head: &request::Parts,
    has_body: bool,
    out: &mut Vec<u8>,
) -> Result<Framing, Malformed> {
    let path = head.uri.path_and_query().map_or("*", |path| path.as_str());
    if head.method == Method::CONNECT {
        return Err(Malformed);
    }
    line(out, &[head.method.as_str().as_bytes(), b" ", path.as_bytes(), b" HTTP/1.1"]);
    let authority = head.uri.authority().map(|authority| authority.as_str().as_bytes());
    let mut hosts = head.headers.get_all(HOST).iter().map(HeaderValue::as_bytes);
    match (authority, hosts.next()) {
        // What the client calls the host in two ways must be one (RFC 9113 section 8.3.1).
        (Some(authority), Some(host)) if authority != host => return Err(Malformed),
        (Some(host), _) | (None, Some(host)) => line(out, &[b"host: ", host]),
        (None, None) => {}
    }
    if hosts.next().is_some() {
        return Err(Malformed);
    }
    for (name, value) in &head.headers {
        // lb asks for bodies as they come, and says so by its windows.
        if !is_of_connection(name) && ![HOST, COOKIE, EXPECT].contains(name) {
            line(out, &[name.as_str().as_bytes(), b": ", value.as_bytes()]);
        }
    }
    let crumbs: Vec<_> = head.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if !crumbs.is_empty() {
        // One field for those who know no crumbs (RFC 9113 section 8.2.3).
        line(out, &[b"cookie: ", &crumbs.join(&b"; "[..])]);
    }
    let framing = match (has_body, head.headers.contains_key(CONTENT_LENGTH)) {
        (false, _) => Framing::None,
        (true, true) => Framing::UntilClose,
        (true, false) => {
            line(out, &[b"transfer-encoding: chunked"]);
            Framing::Chunked
        }
    };
    line(out, &[]);
    Ok(framing)
}

/// Reads the engine's answer; nothing when it is not whole yet.
pub(super) fn read_response(
    input: &[u8],
    asked: RequestFraming,
) -> Option<Result<TextHead<Response<()>>, Malformed>> {
    let mut fields = [const { MaybeUninit::uninit() }; 256];
    let mut parsed = httparse::Response::new(&mut []);
    let parser = httparse::ParserConfig::default();
    let size = match parser.parse_response_with_uninit_headers(&mut parsed, input, &mut fields) {
        Ok(httparse::Status::Complete(size)) => size,
        Ok(httparse::Status::Partial) => return None,
        Err(_) => return Some(Err(Malformed)),
    };
    let status = parsed.code.unwrap_or_default();
    let read = read_fields(parsed.headers).and_then(|(headers, declared)| {
        let framing = declared.response(status, asked, false).map_err(|_| Malformed)?;
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(status).map_err(|_| Malformed)?;
        *response.headers_mut() = headers;
        Ok(TextHead { message: response, framing, size })
    });
    Some(read)
}

/// Reads the engine's request; nothing when it is not whole yet.
pub(super) fn read_request(input: &[u8]) -> Option<Result<TextHead<Request<()>>, Malformed>> {
    let mut fields = vec![MaybeUninit::uninit(); FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    let size = match parsed.parse_with_uninit_headers(input, &mut fields) {
        Ok(httparse::Status::Complete(size)) => size,
        Ok(httparse::Status::Partial) => return None,
        Err(_) => return Some(Err(Malformed)),
    };
    let read = read_fields(parsed.headers).and_then(|(mut headers, declared)| {
        let framing = declared.request(false).map_err(|_| Malformed)?;
        let mut request = Request::new(());
        *request.method_mut() =
            Method::from_bytes(parsed.method.unwrap_or_default().as_bytes()).map_err(|_| Malformed)?;
        let host = headers.remove(HOST);
        let authority = host.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
        let target = parsed.path.unwrap_or_default();
        *request.uri_mut() = if authority.is_empty() || target == "*" {
            Uri::try_from(target).map_err(|_| Malformed)?
        } else {
            let uri = Uri::builder().scheme("http").authority(authority).path_and_query(target);
            uri.build().map_err(|_| Malformed)?
        };
        *request.headers_mut() = headers;
        Ok(TextHead { message: request, framing, size })
    });
    Some(read)
}

/// Writes a server's response for the engine; says whether its body goes in chunks, or as it is.
pub(super) fn write_response(
    head: &response::Parts,
    has_body: bool,
    is_head: bool,
    out: &mut Vec<u8>,
) -> Framing {
    let status = head.status.as_str().as_bytes();
    let reason = head.status.canonical_reason().unwrap_or_default().as_bytes();
    line(out, &[b"HTTP/1.1 ", status, b" ", reason]);
    for (name, value) in &head.headers {
        if !is_of_connection(name) {
            line(out, &[name.as_str().as_bytes(), b": ", value.as_bytes()]);
        }
    }
    let framing = match (has_body, head.headers.contains_key(CONTENT_LENGTH)) {
        (true, true) => Framing::UntilClose,
        (true, false) => {
            line(out, &[b"transfer-encoding: chunked"]);
            Framing::Chunked
        }
        (false, false) if !is_head && !matches!(head.status.as_u16(), 204 | 304) => {
            line(out, &[b"content-length: 0"]);
            Framing::None
        }
        (false, _) => Framing::None,
    };
    line(out, &[b"connection: close"]);
    line(out, &[]);
    framing
}

/// Writes a trailer section.
pub(super) fn write_trailers(trailers: &HeaderMap, out: &mut Vec<u8>) {
    for (name, value) in trailers {
        line(out, &[name.as_str().as_bytes(), b": ", value.as_bytes()]);
    }
    line(out, &[]);
}

/// Reads the lines of a trailer section.
pub(super) fn read_trailers(lines: &[u8]) -> Result<HeaderMap, Malformed> {
    let mut section = lines.to_vec();
    section.extend_from_slice(b"\r\n");
    let mut fields = vec![httparse::EMPTY_HEADER; memchr::memchr_iter(b'\n', lines).count()];
    match httparse::parse_headers(&section, &mut fields) {
        Ok(httparse::Status::Complete((_, fields))) => read_fields(fields).map(|(headers, _)| headers),
        _ => Err(Malformed),
    }
}

fn read_fields(fields: &[httparse::Header<'_>]) -> Result<(HeaderMap, Declared), Malformed> {
    let mut headers = HeaderMap::with_capacity(fields.len());
    let mut declared = Declared::default();
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Malformed)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| Malformed)?;
        if name == TRANSFER_ENCODING {
            declared.transfer_encoding(field.value);
        } else if name == CONTENT_LENGTH {
            declared.content_length(field.value).map_err(|_| Malformed)?;
        }
        if !is_of_connection(&name) {
            headers.append(name, value);
        }
    }
    Ok((headers, declared))
}

/// Whether a request waits for a word that its body is wanted; lb will say it, so the field goes no further.
pub(super) fn take_expect(headers: &mut HeaderMap) -> bool {
    let waits =
        headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if waits {
        headers.remove(EXPECT);
    }
    waits
}

/// Whether a message says that its body is empty; more than the h2 crate makes sure of.
pub(super) fn is_declared_empty(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() == b"0")
}

/// Fields that HTTP/2 has no room for (RFC 9113 section 8.2.2).
fn is_of_connection(name: &HeaderName) -> bool {
    [CONNECTION, TRANSFER_ENCODING, UPGRADE].contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings")
}

/// Whether a request says that trailers are welcome, which is all that `TE` may say here.
pub(super) fn may_say_te(headers: &HeaderMap) -> bool {
    headers.get_all(TE).iter().all(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"))
}

fn line(out: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(fields: &[(&str, &str)], has_body: bool) -> Result<String, Malformed> {
        let mut builder = Request::builder().uri("http://a:80/x?y");
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        let (head, ()) = builder.body(()).unwrap().into_parts();
        let mut out = Vec::new();
        write_request(&head, has_body, &mut out)?;
        Ok(String::from_utf8(out).unwrap().replace("\r\n", "\n"))
    }

    #[test]
    fn a_request_becomes_text() {
        let fields = [
            ("te", "trailers"),
            ("cookie", "a=1"),
            ("x", "1"),
            ("cookie", "b=2"),
            ("expect", "100-continue"),
        ];
        assert_eq!(
            written(&fields, true).unwrap(),
            "GET /x?y HTTP/1.1\nhost: a:80\nte: trailers\nx: 1\ncookie: a=1; b=2\ntransfer-encoding: chunked\n\n"
        );
        assert_eq!(
            written(&[("content-length", "3")], true).unwrap(),
            "GET /x?y HTTP/1.1\nhost: a:80\ncontent-length: 3\n\n"
        );
        assert_eq!(
            written(&[("host", "a:80"), ("connection", "x")], false).unwrap(),
            "GET /x?y HTTP/1.1\nhost: a:80\n\n"
        );
        assert_eq!(written(&[("host", "b")], false), Err(Malformed));
    }

    #[test]
    fn text_becomes_a_request() {
        let text = b"POST /x HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nConnection: upgrade\r\nTransfer-Encoding: chunked\r\n\r\nbody";
        let TextHead { message: request, framing, size } = read_request(text).unwrap().unwrap();
        assert_eq!(
            (request.uri().to_string().as_str(), framing, size),
            ("http://a/x", Framing::Chunked, text.len() - 4)
        );
        assert_eq!((request.headers().len(), &request.headers()["x-a"]), (1, &HeaderValue::from_static("1")));
        assert!(read_request(&text[..20]).is_none());
    }

    #[test]
    fn a_response_becomes_text_and_back() {
        for (status, has_body, is_head, framing) in [
            (200, true, false, Framing::Chunked),
            (200, false, false, Framing::None),
            (204, false, false, Framing::None),
            (200, false, true, Framing::None),
        ] {
            let (head, ()) =
                Response::builder().status(status).header("x", "1").body(()).unwrap().into_parts();
            let mut out = Vec::new();
            write_response(&head, has_body, is_head, &mut out);
            let TextHead { message: response, framing: read, size } =
                read_response(&out, RequestFraming { head: is_head }).unwrap().unwrap();
            assert_eq!((response.status().as_u16(), read, size), (status, framing, out.len()));
            assert_eq!(response.headers()["x"], "1");
        }
    }
}
