//! The head of a request: from what a client sent to what a server gets, in one pass.
//!
//! A head is parsed by `httparse`, judged, and written anew from its pieces; order and case of its fields are kept. It refuses
//! whatever two parsers could read differently (RFC 9112 sections 3, 5 and 6).

mod again;
mod forwarded;
mod target;

use std::mem::MaybeUninit;
use std::ops::Range;

use http::StatusCode;
use httparse::Status;

use crate::balance::{NO_KEY, hash};
use crate::config::{Balance, Forwarded};
use crate::http::field::{self, ConnectionOptions, FieldMask, Known};
use crate::http::framing::{Declared, Framing, FramingFault};
use crate::http::rewrite::Rewrite;
use crate::proxy::ProxyError;
use crate::stick::{CookieMatch, PersistenceCookie, StickKey};
use crate::topology::KeyedTable;
use target::RequestTarget;

pub use again::write_again;

/// Fields that are parsed without an allocation.
const USUAL: usize = 128;

/// What bounds a head.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Its bytes.
    pub max_head: usize,
    /// Its fields.
    pub max_fields: usize,
}

/// What depends on who asks whom.
#[derive(Debug, Clone, Copy)]
pub struct RewriteContext<'a> {
    /// The `X-Forwarded` fields that the server sees.
    pub forwarded: Forwarded,
    /// What the hash that picks a server is made of.
    pub balance: &'a Balance,
    /// The client's address, for that hash and for the server.
    pub peer: &'a [u8],
    /// The backend's cookie, and Unix time in seconds.
    pub jar: Option<(&'a PersistenceCookie, u64)>,
    /// The keys that bind the client to a server, and that are tracked.
    pub keys: [Option<&'a KeyedTable>; 2],
}

/// A request's head, after it has been written for the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    /// Its size as it came.
    pub size: usize,
    /// Where its method stood.
    pub method: Range<usize>,
    /// Where its target stood.
    pub target: Range<usize>,
    /// HTTP/1.0: neither chunks nor interim answers.
    pub old: bool,
    /// How its body ends.
    pub framing: Framing,
    /// Whether the client wants its connection kept.
    pub keep: bool,
    /// Whether the answer has no body.
    pub is_head: bool,
    /// Whether its method is POST.
    pub is_post: bool,
    /// Whether doing it twice is the same as doing it once (RFC 9110 section 9.2.2).
    pub idempotent: bool,
    /// Whether its trailers go on: not where `Connection` names any, so that nobody has to remember which.
    pub trailers: bool,
    /// The protocols that the client wants to change to.
    pub upgrade: Option<Box<[u8]>>,
    /// The hash that picks a server.
    pub key: u64,
    /// What ties the client to a server or counts it: most backends and frontends do neither.
    pub ties: Option<Box<Persistence>>,
}

/// What a request says of who its client is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Persistence {
    /// What the backend's cookie says, if it has one.
    pub asked: Option<CookieMatch>,
    /// The key that binds the client to a server.
    pub bound: Option<StickKey>,
    /// The key that is tracked.
    pub tracked: Option<StickKey>,
}

/// Reads a head from the start of `input` and writes the server's to `out`; nothing when it is not whole yet.
///
/// # Errors
/// It must not be passed on.
pub fn parse(
    input: &[u8],
    limits: Limits,
    towards: RewriteContext<'_>,
    out: &mut Vec<u8>,
) -> Result<Option<RequestHead>, ProxyError> {
    if matches!(input, [b'\n' | b'\r', ..]) {
        return Err(BAD);
    }
    let mut usual = [const { MaybeUninit::uninit() }; USUAL];
    let mut many = Vec::new();
    let fields = if limits.max_fields <= USUAL {
        &mut usual[..limits.max_fields]
    } else {
        many.resize_with(limits.max_fields, MaybeUninit::uninit);
        &mut many[..]
    };
    let mut request = httparse::Request::new(&mut []);
    let size = match request.parse_with_uninit_headers(input, fields) {
        Ok(Status::Complete(size)) if size <= limits.max_head => size,
        Ok(Status::Partial) if input.len() <= limits.max_head => return Ok(None),
        Ok(_) => return Err(too_large(input, limits.max_head)),
        Err(httparse::Error::TooManyHeaders) => return Err(TOO_MANY),
        Err(httparse::Error::Version) if names_version(input) => return Err(VERSION),
        Err(_) => return Err(BAD),
    };
    if !field::ends_lines_with_crlf(&input[..size], request.headers) {
        return Err(BAD);
    }
    let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Err(BAD);
    };
    let old = version == 0;
    let mut seen = RequestFacts::in_fields(request.headers, old, !target.starts_with('/'))?;
    let asked = towards.jar.map(|(jar, now)| seen.ask(request.headers, jar, now));
    let framing = seen.declared.request(old).map_err(refused)?;
    let parts = RequestTarget::new(method, target)?;
    check_method(method, framing)?;
    if seen.forwards.is_some() && matches!(method, "OPTIONS" | "TRACE") {
        seen.spend_forward()?;
    }
    let upgrade =
        if seen.upgrade && seen.connection.upgrade && !old { upgrades(request.headers) } else { None };
    if towards.forwarded == Forwarded::Replace {
        seen.drop_forwarded(request.headers);
    }
    out.reserve(size + 256);
    let place = |part: &str| {
        let start = part.as_ptr() as usize - input.as_ptr() as usize;
        start..start + part.len()
    };
    let (method_at, target_at) = (place(method), place(target));
    let head = &input[..size];
    let mut rewrite = if parts.authority.is_none() && head[target_at.end..].starts_with(LINE_END) {
        Rewrite::with_line(head, target_at.end + LINE_END.len(), out)
    } else {
        write_line(out, method, &parts);
        Rewrite::new(head, out)
    };
    seen.write(request.headers, &parts, framing, towards.forwarded, &mut rewrite);
    let host = parts.authority.map(str::as_bytes).or(seen.host).unwrap_or_default();
    let usual = matches!(towards.forwarded, Forwarded::Append | Forwarded::Replace) && !host.is_empty();
    if usual {
        let out = rewrite.text();
        out.extend_from_slice(b"X-Forwarded-For: ");
        out.extend_from_slice(towards.peer);
        out.extend_from_slice(b"\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: ");
        out.extend_from_slice(host);
        // Usually nothing follows: then the head ends in the same piece.
        out.extend_from_slice(if upgrade.is_none() { b"\r\n\r\n" } else { b"\r\n" });
    } else if towards.forwarded != Forwarded::Off {
        forwarded::add(request.headers, towards, host, &mut rewrite);
    }
    if let Some(protocols) = &upgrade {
        rewrite.write("Connection", b"upgrade");
        rewrite.write("Upgrade", protocols);
    }
    if upgrade.is_some() || !usual {
        rewrite.end();
    }
    Ok(Some(RequestHead {
        size,
        method: method_at,
        target: target_at,
        old,
        framing,
        keep: !seen.connection.close && (!old || seen.connection.keep_alive),
        is_head: method == "HEAD",
        is_post: method == "POST",
        idempotent: matches!(method, "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE" | "TRACE"),
        trailers: framing != Framing::Chunked || !seen.connection.names_trailers(),
        upgrade: upgrade.map(Into::into),
        key: key(towards, &parts, request.headers),
        ties: ties(asked, towards, request.headers),
    }))
}

/// How the line of a request ends towards servers.
const LINE_END: &[u8] = b" HTTP/1.1\r\n";
const BAD: ProxyError =
    ProxyError::BadRequest("the request's head is not valid HTTP/1.1 (RFC 9112 section 3)");
const TOO_MANY: ProxyError =
    ProxyError::Refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the request has too many fields");
const VERSION: ProxyError = ProxyError::Refused(
    StatusCode::HTTP_VERSION_NOT_SUPPORTED,
    "the version is neither HTTP/1.1 nor HTTP/1.0",
);

/// Whether the first line ends as that of a request does, in whatever version.
fn names_version(input: &[u8]) -> bool {
    let line = input.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let mut parts = line.splitn(3, |byte| *byte == b' ').skip(2);
    let version = parts.next().and_then(|version| version.strip_prefix(b"HTTP/"));
    matches!(version, Some([major, b'.', minor]) if major.is_ascii_digit() && minor.is_ascii_digit())
}

fn too_large(input: &[u8], limit: usize) -> ProxyError {
    let line = memchr::memchr(b'\n', input).unwrap_or(input.len());
    if line > limit {
        ProxyError::Refused(StatusCode::URI_TOO_LONG, "the request's line is too long")
    } else {
        ProxyError::Refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the request's head is too large")
    }
}

fn refused(fault: FramingFault) -> ProxyError {
    match fault {
        FramingFault::Length => {
            ProxyError::BadRequest("Content-Length must be one number (RFC 9112 section 6.3)")
        }
        FramingFault::Both => {
            ProxyError::BadRequest("Content-Length beside Transfer-Encoding (RFC 9112 section 6.1)")
        }
        FramingFault::Coding => {
            ProxyError::BadRequest("Transfer-Encoding must be exactly one chunked (RFC 9112 section 6.1)")
        }
        FramingFault::Unknown => {
            ProxyError::Refused(StatusCode::NOT_IMPLEMENTED, "only the transfer coding chunked is known here")
        }
        FramingFault::Version => {
            ProxyError::BadRequest("Transfer-Encoding needs HTTP/1.1 (RFC 9112 section 6.1)")
        }
    }
}

fn check_method(method: &str, framing: Framing) -> Result<(), ProxyError> {
    match method {
        "CONNECT" => Err(ProxyError::Refused(StatusCode::METHOD_NOT_ALLOWED, "CONNECT is not done here")),
        "TRACE" if framing != Framing::None => {
            Err(ProxyError::BadRequest("a TRACE request has no body (RFC 9110 section 9.3.8)"))
        }
        _ => Ok(()),
    }
}

fn write_line(out: &mut Vec<u8>, method: &str, target: &RequestTarget<'_>) {
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(target.instead.unwrap_or_default().as_bytes());
    out.extend_from_slice(target.path.as_bytes());
    out.extend_from_slice(LINE_END);
}

fn key(towards: RewriteContext<'_>, target: &RequestTarget<'_>, fields: &[httparse::Header<'_>]) -> u64 {
    match towards.balance {
        Balance::RoundRobin | Balance::StaticRr | Balance::LeastConn | Balance::Random | Balance::First => {
            NO_KEY
        }
        Balance::Source => hash(towards.peer),
        Balance::Uri => {
            let path = target.path.split('?').next().unwrap_or_default();
            hash(if path.is_empty() { b"/" } else { path.as_bytes() })
        }
        // One that is empty says as little as one that is missing (HAProxy manual, `balance hdr`).
        Balance::Header(name) => fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))
            .filter(|field| !field.value.is_empty())
            .map_or(NO_KEY, |field| hash(field.value)),
    }
}

fn ties(
    asked: Option<CookieMatch>,
    towards: RewriteContext<'_>,
    fields: &[httparse::Header<'_>],
) -> Option<Box<Persistence>> {
    if asked.is_none() && towards.keys.iter().all(Option::is_none) {
        return None;
    }
    let [bound, tracked] = towards.keys.map(|keyed| {
        let KeyedTable { on, table } = keyed?;
        let fields = fields.iter().map(|field| (field.name, field.value));
        StickKey::of(on, &table.spec, towards.peer, fields)
    });
    Some(Box::new(Persistence { asked, bound, tracked }))
}

/// The protocols that a client would change to, as a list. HTTP/2 ends here and is none for servers, whatever else is in the list.
fn upgrades(fields: &[httparse::Header<'_>]) -> Option<Vec<u8>> {
    let lines = fields.iter().filter(|field| Known::of(field.name) == Known::Upgrade);
    let protocols = lines.flat_map(|field| field::tokens(field.value));
    let is_http2 = |protocol: &[u8]| protocol.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"h2"));
    let others: Vec<_> = protocols.filter(|protocol| !is_http2(protocol)).collect();
    (!others.is_empty()).then(|| others.join(&b", "[..]))
}

fn is_cookie(field: &httparse::Header<'_>) -> bool {
    field.name.eq_ignore_ascii_case("cookie")
}

/// What the fields of a request say to a proxy.
struct RequestFacts<'a> {
    declared: Declared,
    connection: ConnectionOptions<'a>,
    host: Option<&'a [u8]>,
    upgrade: bool,
    trailers: bool,
    /// What `Max-Forwards` says, and what it has to say to the server where the method spends one.
    forwards: Option<&'a [u8]>,
    forwards_left: Option<u64>,
    old: bool,
    /// The cookie that servers see only a part of.
    jar: Option<&'a PersistenceCookie>,
    /// Which fields do not just go on.
    special: FieldMask,
}

// === impl RequestFacts ===

impl<'a> RequestFacts<'a> {
    /// The target may name an authority when it is `absolute`; else the host stays as it is.
    fn in_fields(fields: &[httparse::Header<'a>], old: bool, absolute: bool) -> Result<Self, ProxyError> {
        let mut seen = Self {
            declared: Declared::default(),
            connection: ConnectionOptions::default(),
            host: None,
            upgrade: false,
            trailers: false,
            forwards: None,
            forwards_left: None,
            old,
            jar: None,
            special: FieldMask::default(),
        };
        for (index, field) in fields.iter().enumerate() {
            let known = Known::of(field.name);
            if known == Known::Other {
                continue;
            }
            if known != Known::Host || absolute {
                seen.special.add(index);
            }
            match known {
                Known::Host if seen.host.is_some() => {
                    return Err(ProxyError::BadRequest("more than one Host (RFC 9112 section 3.2)"));
                }
                Known::Host => seen.host = Some(field.value),
                Known::Connection => seen.connection.add(field.value),
                Known::ContentLength => seen.declared.content_length(field.value).map_err(refused)?,
                Known::TransferEncoding => seen.declared.transfer_encoding(field.value),
                Known::Te => seen.trailers |= field::wants_trailers(field.value),
                Known::Upgrade => seen.upgrade = true,
                Known::MaxForwards => seen.forwards = Some(field.value),
                Known::Expect if !old && !field.value.eq_ignore_ascii_case(b"100-continue") => {
                    return Err(ProxyError::Refused(
                        StatusCode::EXPECTATION_FAILED,
                        "only 100-continue can be expected (RFC 9110 section 10.1.1)",
                    ));
                }
                Known::Expect | Known::Hop | Known::Forwarded | Known::Trailer | Known::Other => {}
            }
        }
        match seen.host {
            None if !old => Err(ProxyError::BadRequest("a request needs a Host (RFC 9112 section 3.2)")),
            Some(host) if !field::is_host(host) => {
                Err(ProxyError::BadRequest("Host is not a host with an optional port (RFC 9110 section 7.2)"))
            }
            _ => Ok(seen),
        }
    }

    /// Marks the fields in which a client says whom it forwards for.
    #[cold]
    fn drop_forwarded(&mut self, fields: &[httparse::Header<'_>]) {
        let forwarding = fields.iter().enumerate().filter(|(_, field)| field::says_forwarded(field.name));
        forwarding.for_each(|(index, _)| self.special.add(index));
    }

    /// What the backend's cookie says in these fields; they are written anew where servers do not see all of it.
    fn ask(&mut self, fields: &[httparse::Header<'a>], jar: &'a PersistenceCookie, now: u64) -> CookieMatch {
        if jar.rewrites() {
            self.jar = Some(jar);
            let cookies = fields.iter().enumerate().filter(|(_, field)| is_cookie(field));
            cookies.for_each(|(index, _)| self.special.add(index));
        }
        jar.read(fields.iter().filter(|field| is_cookie(field)).map(|field| field.value), now)
    }

    /// Passing it on costs one of the forwards that its client allows (RFC 9110 section 7.6.2).
    fn spend_forward(&mut self) -> Result<(), ProxyError> {
        let said = self.forwards.and_then(|value| str::from_utf8(value).ok()?.parse::<u64>().ok());
        match said {
            Some(0) => Err(ProxyError::Refused(
                StatusCode::NOT_IMPLEMENTED,
                "Max-Forwards ends this request here, and lb does nothing itself for its method",
            )),
            said => {
                self.forwards_left = said.map(|said| said - 1);
                Ok(())
            }
        }
    }

    /// Writes the fields that go on, in their order; ours take the places of those that they replace.
    fn write(
        &self,
        fields: &[httparse::Header<'_>],
        target: &RequestTarget<'_>,
        framing: Framing,
        forwarded: Forwarded,
        out: &mut Rewrite<'_>,
    ) {
        let (mut framed, mut trailers) = (false, false);
        let host = target.authority.map(str::as_bytes).or(self.host);
        if self.host.is_none() {
            out.write("Host", host.unwrap_or_default());
        }
        if self.special.is_none_of(fields.len()) && self.connection.names_none() {
            return fields.iter().for_each(|field| out.pass(field));
        }
        for (index, field) in fields.iter().enumerate() {
            if !self.special.has(index) && !self.connection.names(field.name) {
                out.pass(field);
                continue;
            }
            match Known::of(field.name) {
                Known::Other | Known::MaxForwards if self.connection.names(field.name) => {}
                Known::MaxForwards => match self.forwards_left {
                    Some(left) => out.write(field.name, itoa::Buffer::new().format(left).as_bytes()),
                    None => out.pass(field),
                },
                Known::Other if forwarded == Forwarded::Replace && field::says_forwarded(field.name) => {}
                Known::Other => match self.jar.filter(|_| is_cookie(field)) {
                    Some(jar) => {
                        let rest = |out: &mut Vec<u8>| jar.write_rest(field.value, out);
                        field::write_some(out.text(), field.name, rest);
                    }
                    None => out.pass(field),
                },
                Known::Forwarded if matches!(forwarded, Forwarded::Append | Forwarded::Replace) => {}
                Known::Host if target.authority.is_some() => {
                    out.write(field.name, host.unwrap_or_default());
                }
                Known::Trailer | Known::Forwarded | Known::Host => {
                    out.pass(field);
                }
                Known::ContentLength | Known::TransferEncoding if framed => {}
                Known::ContentLength if field::is_plain_number(field.value) => {
                    framed = true;
                    out.pass(field);
                }
                Known::ContentLength | Known::TransferEncoding => {
                    framed = true;
                    self.write_framing(field.name, framing, out);
                }
                Known::Te if self.trailers && !trailers => {
                    trailers = true;
                    out.write(field.name, b"trailers");
                    // It is about this connection, and has to say so (RFC 9110 section 10.1.4).
                    out.write("Connection", b"TE");
                }
                Known::Expect if !self.old && framing != Framing::None => {
                    out.write(field.name, field.value);
                }
                // A change of protocol that is properly asked for is written behind the others.
                Known::Te | Known::Expect | Known::Connection | Known::Hop | Known::Upgrade => {}
            }
        }
    }

    fn write_framing(&self, name: &str, framing: Framing, out: &mut Rewrite<'_>) {
        match framing {
            Framing::Chunked => out.write(name, b"chunked"),
            Framing::None | Framing::Length(_) | Framing::UntilClose => {
                let length = self.declared.length().unwrap_or(0);
                out.write(name, itoa::Buffer::new().format(length).as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests;
