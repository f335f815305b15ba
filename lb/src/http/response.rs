//! The head of a response: parsed and judged, then written for a client.
//!
//! The client's head says how its body ends in terms that the client knows: chunks for HTTP/1.1, the end of the connection for
//! HTTP/1.0. Whatever two parsers could read differently is rejected. Between judging and writing others may look at it, and edit it
//! through an [`Overlay`].

use http::StatusCode;
use httparse::Status;

use super::Malformed;
use super::field::{self, ConnectionOptions, FieldMask, Known};
use super::framing::{Declared, Framing, RequestFraming};
use super::head::{Field, FieldSpace, Limits};
use super::overlay::{Change, Overlay, StatusLine};
use super::rewrite::Rewrite;

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
}

/// A response's head that was found valid. It is a view of the bytes that were received.
#[derive(Debug)]
pub struct Response<'f, 'b> {
    /// The whole head, with its empty line.
    bytes: &'b [u8],
    old: bool,
    /// Its status: an interim one is not the answer.
    pub status: u16,
    reason: &'b str,
    /// The fields as they came.
    pub fields: &'f [Field<'b>],
    facts: ResponseFacts<'b>,
    framing: Framing,
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
}

const BAD: Malformed = Malformed::bad("the response's head is not valid HTTP/1.1 (RFC 9112 section 4)");

/// Reads a head from the start of `input`; nothing when it is not whole yet.
///
/// # Errors
/// It is larger than its limits, not valid, or ambiguous; or it changes to a protocol that was not asked for.
#[inline]
pub fn parse<'f, 'b>(
    input: &'b [u8],
    limits: Limits,
    towards: ResponseContext<'_>,
    space: &'f mut FieldSpace<'b>,
) -> Result<Option<Response<'f, 'b>>, Malformed> {
    if matches!(input, [b'\n' | b'\r', ..]) {
        return Err(BAD);
    }
    let mut response = httparse::Response::new(&mut []);
    let parser = httparse::ParserConfig::default();
    let fields = space.of(limits.max_fields);
    let size = match parser.parse_response_with_uninit_headers(&mut response, input, fields) {
        Ok(Status::Complete(size)) if size <= limits.max_head => size,
        Ok(Status::Partial) if input.len() < limits.max_head => return Ok(None),
        _ => return Err(BAD),
    };
    let httparse::Response { code: Some(status), version: Some(version), reason, headers } = response else {
        return Err(BAD);
    };
    let (bytes, fields) = (&input[..size], &*headers);
    if !field::ends_lines_with_crlf(bytes, fields) || !(100..600).contains(&status) {
        return Err(BAD);
    }
    let old = version == 0;
    let facts = ResponseFacts::in_fields(fields, status)?;
    let asked = RequestFraming { head: towards.is_head };
    let framing = facts.declared.response(status, asked, old).map_err(|_| BAD)?;
    if status == 101 {
        facts.check_upgrade(towards.upgrade)?;
    }
    let reason = reason.unwrap_or_default();
    Ok(Some(Response { bytes, old, status, reason, fields, facts, framing }))
}

// === impl Response ===

impl Response<'_, '_> {
    /// Whether it is the answer to its request, and not an interim one before it. After 101 no other follows.
    #[inline]
    pub fn is_final(&self) -> bool {
        self.status >= 200 || self.status == 101
    }

    /// Writes it for its client, as `edits` has it.
    #[inline]
    pub fn write(&self, edits: &Overlay, towards: ResponseContext<'_>, out: &mut Vec<u8>) -> ResponseHead {
        let Self { bytes: head, old, status, reason, fields, ref facts, framing } = *self;
        let framed = match framing {
            Framing::Chunked | Framing::UntilClose if towards.old => Framing::UntilClose,
            Framing::UntilClose => Framing::Chunked,
            known => known,
        };
        let keep = towards.keep && framed != Framing::UntilClose;
        out.reserve(head.len() + 128);
        let other = edits.line().and_then(|line| line.status.as_ref());
        let other = other.filter(|_| StatusLine::frames_alike(status));
        let mut rewrite = if let Some(other) = other {
            write_status(out, other.status(), other.reason());
            Rewrite::new(head, out)
        } else if old || reason.is_empty() {
            write_status(out, status, reason);
            Rewrite::new(head, out)
        } else {
            // The line of the same version goes on as it came.
            let end = reason.as_ptr() as usize - head.as_ptr() as usize + reason.len() + 2;
            Rewrite::with_line(head, end, out)
        };
        write(&mut rewrite, status, (fields, edits), facts, framed, towards);
        if status >= 200 {
            if !keep {
                rewrite.write("Connection", b"close");
            } else if towards.old {
                rewrite.write("Connection", b"keep-alive");
            }
        }
        rewrite.end();
        let persists = !facts.connection.close && (!old || facts.connection.keep_alive);
        ResponseHead {
            size: head.len(),
            status: other.map_or(status, StatusLine::status),
            framing,
            framed,
            reusable: persists && framing != Framing::UntilClose && !facts.declared.contradicts(status),
            keep,
            trailers: framing != Framing::Chunked || !facts.connection.names_trailers(),
        }
    }
}

fn write(
    out: &mut Rewrite<'_>,
    status: u16,
    (fields, edits): (&[Field<'_>], &Overlay),
    seen: &ResponseFacts<'_>,
    framed: Framing,
    towards: ResponseContext<'_>,
) {
    let mut done = seen.length_passes;
    let plain = seen.special.is_none_of(fields.len()) && seen.connection.names_none() && edits.is_empty();
    for (index, field) in fields.iter().enumerate() {
        if plain {
            out.pass(field);
            continue;
        }
        let change = edits.change(index);
        if !seen.special.has(index) && !seen.connection.names(field.name) && change.is_none() {
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
            Known::Other => match change {
                Some(Change::Removed) => {}
                Some(Change::Value(value)) => out.write(field.name, value.as_bytes()),
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
    edits.added().for_each(|(name, value)| out.write(name, value));
}

/// Writes the status line of a response.
pub(crate) fn write_status(out: &mut Vec<u8>, status: u16, reason: &str) {
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
#[derive(Debug)]
struct ResponseFacts<'a> {
    declared: Declared,
    connection: ConnectionOptions<'a>,
    upgrade: Option<&'a [u8]>,
    /// Which fields do not just go on.
    special: FieldMask,
    /// A length of the body goes on as it came.
    length_passes: bool,
}

// === impl ResponseFacts ===

impl<'a> ResponseFacts<'a> {
    fn in_fields(fields: &[Field<'a>], status: u16) -> Result<Self, Malformed> {
        let mut seen = Self {
            declared: Declared::default(),
            connection: ConnectionOptions::default(),
            upgrade: None,
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
                    seen.declared.content_length(field.value).map_err(|_| BAD)?;
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

    /// Only what was asked for, and only when it was (RFC 9110 section 7.8).
    fn check_upgrade(&self, asked: Option<&[u8]>) -> Result<(), Malformed> {
        let (Some(asked), Some(given)) = (asked, self.upgrade) else { return Err(BAD) };
        let offered = field::tokens(asked).any(|protocol| protocol.eq_ignore_ascii_case(given));
        if offered && self.connection.upgrade && self.declared.length().is_none() { Ok(()) } else { Err(BAD) }
    }
}

/// Writes an answer of our own.
pub(crate) fn write_own(
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
