//! The head of a response: from what a server sent to what a client gets, in one pass.
//!
//! The client's head says how its body ends in terms that the client knows: chunks for HTTP/1.1, the end of the connection for
//! HTTP/1.0. It refuses whatever two parsers could read differently.

use std::mem::MaybeUninit;

use http::StatusCode;
use httparse::Status;

use super::request::Limits;
use crate::http::field::{self, ConnectionOptions, FieldMask, Known};
use crate::http::framing::{Declared, Framing, RequestFraming};
use crate::http::rewrite::Rewrite;
use crate::stick::{CookieAction, SetCookie};

/// Fields that are parsed without an allocation.
const USUAL: usize = 256;

/// Whom a response is for.
#[derive(Debug, Clone, Copy)]
pub struct ResponseContext<'a> {
    /// The request's method was HEAD.
    pub is_head: bool,
    /// HTTP/1.0.
    pub old: bool,
    /// Whether the client's connection could be kept.
    pub keep: bool,
    /// The protocol that the client wants to change to.
    pub upgrade: Option<&'a [u8]>,
    /// What is to be done with the backend's cookie.
    pub reply: Option<&'a SetCookie<'a>>,
}

/// A response's head, after it has been written for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHead {
    /// Its size as it came.
    pub size: usize,
    /// Its status: an interim one is not the answer.
    pub status: u16,
    /// How its body ends.
    pub framing: Framing,
    /// How the client's body ends.
    pub framed: Framing,
    /// Whether the server's connection can be used again after the body.
    pub reusable: bool,
    /// Whether the client's connection is kept.
    pub keep: bool,
    /// Whether its trailers go on: not where `Connection` names any, so that nobody has to remember which.
    pub trailers: bool,
    /// What was done with the backend's cookie.
    pub given: CookieAction,
}

/// The server's answer is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the response's head is not valid HTTP/1.1 (RFC 9112 section 4)")]
pub struct InvalidResponse;

/// Reads a head from the start of `input` and writes the client's to `out`; nothing when it is not whole yet.
///
/// # Errors
/// It must not be passed on.
pub fn parse(
    input: &[u8],
    limits: Limits,
    towards: ResponseContext<'_>,
    out: &mut Vec<u8>,
) -> Result<Option<ResponseHead>, InvalidResponse> {
    if matches!(input, [b'\n' | b'\r', ..]) {
        return Err(InvalidResponse);
    }
    let mut usual = [const { MaybeUninit::uninit() }; USUAL];
    let mut many = Vec::new();
    let fields = if limits.max_fields <= USUAL {
        &mut usual[..limits.max_fields]
    } else {
        many.resize_with(limits.max_fields, MaybeUninit::uninit);
        &mut many[..]
    };
    let mut response = httparse::Response::new(&mut []);
    let parser = httparse::ParserConfig::default();
    let size = match parser.parse_response_with_uninit_headers(&mut response, input, fields) {
        Ok(Status::Complete(size)) if size <= limits.max_head => size,
        Ok(Status::Partial) if input.len() < limits.max_head => return Ok(None),
        _ => return Err(InvalidResponse),
    };
    if !field::ends_lines_with_crlf(&input[..size], response.headers) {
        return Err(InvalidResponse);
    }
    let (Some(status), Some(version)) = (response.code, response.version) else {
        return Err(InvalidResponse);
    };
    let old = version == 0;
    if !(100..600).contains(&status) {
        return Err(InvalidResponse);
    }
    let mut seen = ResponseFacts::in_fields(response.headers, status)?;
    // An interim response is nobody's last word.
    seen.reply = towards.reply.filter(|_| status >= 200 || status == 101);
    let asked = RequestFraming { head: towards.is_head };
    let framing = seen.declared.response(status, asked, old).map_err(|_| InvalidResponse)?;
    if status == 101 {
        seen.check_upgrade(towards.upgrade)?;
    }
    let framed = match framing {
        Framing::Chunked | Framing::UntilClose if towards.old => Framing::UntilClose,
        Framing::UntilClose => Framing::Chunked,
        known => known,
    };
    let keep = towards.keep && framed != Framing::UntilClose;
    out.reserve(size + 128);
    let head = &input[..size];
    let mut rewrite = match (old, response.reason) {
        // The line of the same version goes on as it came.
        (false, Some(reason)) if !reason.is_empty() => {
            let end = reason.as_ptr() as usize - input.as_ptr() as usize + reason.len() + 2;
            Rewrite::with_line(head, end, out)
        }
        (_, reason) => {
            write_status(out, status, reason.unwrap_or_default());
            Rewrite::new(head, out)
        }
    };
    seen.find_cookies(response.headers);
    let given = write(&mut rewrite, status, response.headers, &seen, framed, towards);
    if status >= 200 {
        if !keep {
            rewrite.write("Connection", b"close");
        } else if towards.old {
            rewrite.write("Connection", b"keep-alive");
        }
    }
    rewrite.end();
    let persists = !seen.connection.close && (!old || seen.connection.keep_alive);
    Ok(Some(ResponseHead {
        size,
        status,
        framing,
        framed,
        reusable: persists && framing != Framing::UntilClose && !seen.declared.contradicts(status),
        keep,
        trailers: framing != Framing::Chunked || !seen.connection.names_trailers(),
        given,
    }))
}

fn write(
    out: &mut Rewrite<'_>,
    status: u16,
    fields: &[httparse::Header<'_>],
    seen: &ResponseFacts<'_>,
    framed: Framing,
    towards: ResponseContext<'_>,
) -> CookieAction {
    let (mut done, mut given) = (seen.length_passes, CookieAction::None);
    let plain = seen.special.is_none_of(fields.len()) && seen.connection.names_none();
    for (index, field) in fields.iter().enumerate() {
        if plain || !seen.special.has(index) && !seen.connection.names(field.name) {
            out.pass(field);
            continue;
        }
        match Known::of(field.name) {
            Known::Other | Known::Host | Known::Expect | Known::MaxForwards
                if seen.connection.names(field.name) => {}
            // Named by `Connection`, which cannot take away how the body ends.
            Known::ContentLength if !seen.special.has(index) => out.pass(field),
            Known::ContentLength | Known::TransferEncoding => {
                if !done {
                    done = write_framing(out, field.name, status, seen, framed, towards);
                }
            }
            Known::Connection | Known::Hop | Known::Upgrade | Known::Te => {}
            Known::Other => match seen.reply.filter(|_| is_set_cookie(field)) {
                Some(reply) => {
                    let own = |out: &mut Vec<u8>| reply.write_own(field.value, out);
                    given = field::write_some(out.text(), field.name, own);
                }
                None => out.pass(field),
            },
            _ => out.pass(field),
        }
    }
    if framed == Framing::Chunked && !done {
        out.write("Transfer-Encoding", b"chunked");
    }
    if let (101, Some(protocol)) = (status, seen.upgrade) {
        out.write("Connection", b"upgrade");
        out.write("Upgrade", protocol);
    }
    if let Some(reply) = seen.reply {
        given = field::write_some(out.text(), "Set-Cookie", |out| reply.write_new(given, out));
        let mut fields = fields.iter().map(|field| (field.name, field.value));
        if reply.makes_private(given, status, &mut fields) {
            out.write("Cache-Control", b"private");
        }
    }
    given
}

fn is_set_cookie(field: &httparse::Header<'_>) -> bool {
    field.name.eq_ignore_ascii_case("set-cookie")
}

/// Writes the status line of a response.
pub(super) fn write_status(out: &mut Vec<u8>, status: u16, reason: &str) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(reason.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Whether a length or a coding may stand in its head (RFC 9110 section 8.6, RFC 9112 section 6.1).
fn may_have_length(status: u16) -> bool {
    status >= 200 && status != 204
}

/// Writes how the body ends, or would have ended, in the place where the server said so.
fn write_framing(
    out: &mut Rewrite<'_>,
    name: &str,
    status: u16,
    seen: &ResponseFacts<'_>,
    framed: Framing,
    towards: ResponseContext<'_>,
) -> bool {
    if !may_have_length(status) {
        return true;
    }
    match (framed, seen.declared.length()) {
        (_, Some(length)) => out.write(name, itoa::Buffer::new().format(length).as_bytes()),
        (Framing::Chunked, None) => out.write(name, b"chunked"),
        // It tells what a GET would have got: of old clients none gets that.
        (Framing::None, None) if towards.is_head && !towards.old => out.write(name, b"chunked"),
        (Framing::None | Framing::Length(_) | Framing::UntilClose, None) => {}
    }
    true
}

/// What the fields of a response say to a proxy.
struct ResponseFacts<'a> {
    declared: Declared,
    connection: ConnectionOptions<'a>,
    upgrade: Option<&'a [u8]>,
    reply: Option<&'a SetCookie<'a>>,
    /// Which fields do not just go on.
    special: FieldMask,
    /// A length of the body goes on as it came.
    length_passes: bool,
}

// === impl ResponseFacts ===

impl<'a> ResponseFacts<'a> {
    fn in_fields(fields: &[httparse::Header<'a>], status: u16) -> Result<Self, InvalidResponse> {
        let mut seen = Self {
            declared: Declared::default(),
            connection: ConnectionOptions::default(),
            upgrade: None,
            reply: None,
            special: FieldMask::default(),
            length_passes: false,
        };
        for (index, field) in fields.iter().enumerate() {
            let known = Known::of(field.name);
            if known == Known::Other {
                continue;
            }
            match known {
                Known::Connection => seen.connection.add(field.value),
                Known::ContentLength => {
                    let first = seen.declared.length().is_none();
                    seen.declared.content_length(field.value).map_err(|_| InvalidResponse)?;
                    if first && field::is_plain_number(field.value) && may_have_length(status) {
                        seen.length_passes = true;
                        continue;
                    }
                }
                Known::TransferEncoding => seen.declared.transfer_encoding(field.value),
                Known::Upgrade => seen.upgrade = Some(field.value),
                _ => {}
            }
            seen.special.add(index);
        }
        Ok(seen)
    }

    /// Notes the fields that are about the backend's cookie.
    fn find_cookies(&mut self, fields: &[httparse::Header<'a>]) {
        let Some(reply) = self.reply else { return };
        for (index, field) in fields.iter().enumerate() {
            if is_set_cookie(field) && reply.concerns(field.value) {
                self.special.add(index);
            }
        }
    }

    /// Only what was asked for, and only when it was (RFC 9110 section 7.8).
    fn check_upgrade(&self, asked: Option<&[u8]>) -> Result<(), InvalidResponse> {
        let (Some(asked), Some(given)) = (asked, self.upgrade) else { return Err(InvalidResponse) };
        let offered = field::tokens(asked).any(|protocol| protocol.eq_ignore_ascii_case(given));
        if offered && self.connection.upgrade && self.declared.length().is_none() {
            Ok(())
        } else {
            Err(InvalidResponse)
        }
    }
}

/// Writes an answer of our own.
pub(super) fn write_own(
    out: &mut Vec<u8>,
    status: StatusCode,
    text: &str,
    keep: bool,
    towards: ResponseContext<'_>,
) {
    write_status(out, status.as_u16(), status.canonical_reason().unwrap_or_default());
    field::write(out, "Content-Length", itoa::Buffer::new().format(text.len()).as_bytes());
    field::write(out, "Content-Type", b"text/plain; charset=utf-8");
    field::write(out, "Cache-Control", b"no-cache");
    if status == StatusCode::METHOD_NOT_ALLOWED {
        field::write(out, "Allow", b"GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, TRACE");
    }
    if !keep {
        field::write(out, "Connection", b"close");
    } else if towards.old {
        field::write(out, "Connection", b"keep-alive");
    }
    out.extend_from_slice(b"\r\n");
    if !towards.is_head {
        out.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests;
