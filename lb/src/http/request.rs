//! The head of a request: parsed and judged, then written for a server.
//!
//! It is parsed by `httparse` into a table of its fields and judged: whatever two parsers could read differently is rejected (RFC 9112
//! sections 3, 5 and 6). Between that and the writing others may look at it, and edit it through an [`Overlay`]. What is written keeps order
//! and case of the fields.

mod written;

use http::StatusCode;
use httparse::Status;

use super::Malformed;
use super::field::{self, ConnectionOptions, FieldMask, Known};
use super::framing::{Declared, Framing, FramingFault};
use super::head::{Field, FieldSpace, Limits};
use super::overlay::{Change, Overlay};
use super::rewrite::Rewrite;
use super::target::RequestTarget;

pub use written::edit_written;

/// A request's head that was found valid. It is a view of the bytes that were received.
#[derive(Debug)]
pub struct Request<'f, 'b> {
    /// The whole head, with its empty line.
    bytes: &'b [u8],
    /// The method.
    pub method: &'b str,
    /// The target as it came (RFC 9112 section 3.2).
    pub target: &'b str,
    parts: RequestTarget<'b>,
    /// The fields as they came.
    pub fields: &'f [Field<'b>],
    facts: RequestFacts<'b>,
    /// How its body ends.
    pub framing: Framing,
    /// The protocols that the client wants to change to, as a list.
    pub upgrade: Option<Vec<u8>>,
}

/// Reads a head from the start of `input`; nothing when it is not whole yet.
///
/// # Errors
/// It is larger than its limits, not valid, ambiguous, or asks for something that a proxy has to reject.
#[inline]
pub fn parse<'f, 'b>(
    input: &'b [u8],
    limits: Limits,
    space: &'f mut FieldSpace<'b>,
) -> Result<Option<Request<'f, 'b>>, Malformed> {
    if matches!(input, [b'\n' | b'\r', ..]) {
        return Err(BAD);
    }
    let mut request = httparse::Request::new(&mut []);
    let size = match request.parse_with_uninit_headers(input, space.of(limits.max_fields)) {
        Ok(Status::Complete(size)) if size <= limits.max_head => size,
        Ok(Status::Partial) if input.len() <= limits.max_head => return Ok(None),
        Ok(_) => return Err(too_large(input, limits.max_head)),
        Err(httparse::Error::TooManyHeaders) => return Err(TOO_MANY),
        Err(httparse::Error::Version) if names_version(input) => return Err(VERSION),
        Err(_) => return Err(BAD),
    };
    let bytes = &input[..size];
    let httparse::Request { method: Some(method), path: Some(target), version: Some(version), headers } =
        request
    else {
        return Err(BAD);
    };
    let fields = &*headers;
    if !field::ends_lines_with_crlf(bytes, fields) {
        return Err(BAD);
    }
    let old = version == 0;
    let mut facts = RequestFacts::in_fields(fields, old, !target.starts_with('/'))?;
    let framing = facts.declared.request(old).map_err(refused)?;
    let parts = RequestTarget::new(method, target)?;
    check_method(method, framing)?;
    if facts.forwards.is_some() && matches!(method, "OPTIONS" | "TRACE") {
        facts.spend_forward()?;
    }
    let upgrade = if facts.upgrade && facts.connection.upgrade && !old { upgrades(fields) } else { None };
    Ok(Some(Request { bytes, method, target, parts, fields, facts, framing, upgrade }))
}

// === impl Request ===

impl Request<'_, '_> {
    /// The whole head, with its empty line.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.bytes
    }

    /// Whether it is HTTP/1.0, which has neither chunks nor interim responses.
    #[inline]
    pub fn is_old(&self) -> bool {
        self.facts.old
    }

    /// The target without scheme and authority: `*`, or a path with its query, which is empty where only an authority was named.
    #[inline]
    pub fn path(&self) -> &str {
        self.parts.path
    }

    /// The host that it is for: that of its target, else that of its `Host` field; empty where it names none.
    #[inline]
    pub fn host(&self) -> &[u8] {
        self.parts.authority.map(str::as_bytes).or(self.facts.host).unwrap_or_default()
    }

    /// Whether the client wants its connection kept.
    #[inline]
    pub fn keeps(&self) -> bool {
        !self.facts.connection.close && (!self.facts.old || self.facts.connection.keep_alive)
    }

    /// Whether its trailers go on: not where `Connection` names any, so that nobody has to remember which.
    #[inline]
    pub fn passes_trailers(&self) -> bool {
        self.framing != Framing::Chunked || !self.facts.connection.names_trailers()
    }

    /// Writes it for a server, as `edits` has it. `client` is its client's address, where servers are told of it in `X-Forwarded` fields,
    /// which take the place of the client's.
    #[inline]
    pub fn write(&self, edits: &Overlay, client: Option<&[u8]>, out: &mut Vec<u8>) {
        let Self { bytes: head, method, target, parts, .. } = self;
        out.reserve(head.len() + 256);
        let line_end = target.as_ptr() as usize - head.as_ptr() as usize + target.len();
        let line = edits.line();
        let passes = parts.authority.is_none() && line.is_none() && head[line_end..].starts_with(LINE_END);
        let mut rewrite = if passes {
            Rewrite::with_line(head, line_end + LINE_END.len(), out)
        } else {
            match line.and_then(|line| line.target.as_ref()) {
                Some(target) => write_line(out, edits.method(method), [target.as_str(), ""]),
                None => {
                    write_line(out, edits.method(method), [parts.instead.unwrap_or_default(), parts.path]);
                }
            }
            Rewrite::new(head, out)
        };
        let host = match line.and_then(|line| line.host.as_ref()) {
            Some(host) => Some(host.as_bytes()),
            None => parts.authority.map(str::as_bytes).or(self.facts.host),
        };
        self.facts.write(self.fields, host, self.framing, (client.is_some(), edits), &mut rewrite);
        let mut ended = false;
        if let Some(client) = client {
            let host = host.unwrap_or_default();
            let out = rewrite.text();
            out.extend_from_slice(b"X-Forwarded-For: ");
            out.extend_from_slice(client);
            if !edits.is_empty() {
                out.extend_from_slice(b"\r\n");
                // What a rule says of them goes before.
                let says = |name: &str| edits.added().any(|(added, _)| added.eq_ignore_ascii_case(name));
                if !says("x-forwarded-proto") {
                    rewrite.write("X-Forwarded-Proto", b"http");
                }
                if !host.is_empty() && !says("x-forwarded-host") {
                    rewrite.write("X-Forwarded-Host", host);
                }
            } else if host.is_empty() {
                // A request of HTTP/1.0 may name no host; there is none to tell then.
                out.extend_from_slice(b"\r\nX-Forwarded-Proto: http\r\n");
            } else {
                out.extend_from_slice(b"\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: ");
                out.extend_from_slice(host);
                // Usually nothing follows: then the head ends in the same piece.
                ended = self.upgrade.is_none();
                out.extend_from_slice(if ended { b"\r\n\r\n" } else { b"\r\n" });
            }
        }
        if ended {
            return;
        }
        edits.added().for_each(|(name, value)| rewrite.write(name, value));
        if let Some(protocols) = &self.upgrade {
            rewrite.write("Connection", b"upgrade");
            rewrite.write("Upgrade", protocols);
        }
        rewrite.end();
    }
}

/// How the line of a request ends towards servers.
const LINE_END: &[u8] = b" HTTP/1.1\r\n";
pub(super) const BAD: Malformed =
    Malformed::bad("the request's head is not valid HTTP/1.1 (RFC 9112 section 3)");
const TOO_MANY: Malformed =
    Malformed::rejected(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the request has too many fields");
const VERSION: Malformed = Malformed::rejected(
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

fn too_large(input: &[u8], limit: usize) -> Malformed {
    let line = memchr::memchr(b'\n', input).unwrap_or(input.len());
    if line > limit {
        Malformed::rejected(StatusCode::URI_TOO_LONG, "the request's line is too long")
    } else {
        Malformed::rejected(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the request's head is too large")
    }
}

fn refused(fault: FramingFault) -> Malformed {
    match fault {
        FramingFault::Length => Malformed::bad("Content-Length must be one number (RFC 9112 section 6.3)"),
        FramingFault::Both => {
            Malformed::bad("Content-Length beside Transfer-Encoding (RFC 9112 section 6.1)")
        }
        FramingFault::Coding => {
            Malformed::bad("Transfer-Encoding must be exactly one chunked (RFC 9112 section 6.1)")
        }
        FramingFault::Unknown => {
            Malformed::rejected(StatusCode::NOT_IMPLEMENTED, "only the transfer coding chunked is known here")
        }
        FramingFault::Version => Malformed::bad("Transfer-Encoding needs HTTP/1.1 (RFC 9112 section 6.1)"),
    }
}

fn check_method(method: &str, framing: Framing) -> Result<(), Malformed> {
    match method {
        "CONNECT" => Err(Malformed::rejected(StatusCode::METHOD_NOT_ALLOWED, "CONNECT is not done here")),
        "TRACE" if framing != Framing::None => {
            Err(Malformed::bad("a TRACE request has no body (RFC 9110 section 9.3.8)"))
        }
        _ => Ok(()),
    }
}

fn write_line(out: &mut Vec<u8>, method: &str, target: [&str; 2]) {
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    target.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    out.extend_from_slice(LINE_END);
}

/// The protocols that a client would change to, as a list. HTTP/2 ends here and is none for servers, whatever else is in the list.
fn upgrades(fields: &[Field<'_>]) -> Option<Vec<u8>> {
    let lines = fields.iter().filter(|field| Known::of(field.name) == Known::Upgrade);
    let protocols = lines.flat_map(|field| field::tokens(field.value));
    let is_http2 = |protocol: &[u8]| protocol.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"h2"));
    let others: Vec<_> = protocols.filter(|protocol| !is_http2(protocol)).collect();
    (!others.is_empty()).then(|| others.join(&b", "[..]))
}

/// What the fields of a request say to a proxy.
#[derive(Debug)]
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
    /// Which fields do not just go on.
    special: FieldMask,
}

// === impl RequestFacts ===

impl<'a> RequestFacts<'a> {
    /// The target may name an authority when it is `absolute`; else the host stays as it is.
    #[inline]
    fn in_fields(fields: &[Field<'a>], old: bool, absolute: bool) -> Result<Self, Malformed> {
        let mut seen = Self {
            declared: Declared::default(),
            connection: ConnectionOptions::default(),
            host: None,
            upgrade: false,
            trailers: false,
            forwards: None,
            forwards_left: None,
            old,
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
                    return Err(Malformed::bad("more than one Host (RFC 9112 section 3.2)"));
                }
                Known::Host => seen.host = Some(field.value),
                Known::Connection => seen.connection.add(field.value),
                Known::ContentLength => seen.declared.content_length(field.value).map_err(refused)?,
                Known::TransferEncoding => seen.declared.transfer_encoding(field.value),
                Known::Te => seen.trailers |= field::wants_trailers(field.value),
                Known::Upgrade => seen.upgrade = true,
                Known::MaxForwards => seen.forwards = Some(field.value),
                Known::Expect if !old && !field.value.eq_ignore_ascii_case(b"100-continue") => {
                    return Err(Malformed::rejected(
                        StatusCode::EXPECTATION_FAILED,
                        "only 100-continue can be expected (RFC 9110 section 10.1.1)",
                    ));
                }
                Known::Expect | Known::Hop | Known::Forwarded | Known::Trailer | Known::Other => {}
            }
        }
        match seen.host {
            None if !old => Err(Malformed::bad("a request needs a Host (RFC 9112 section 3.2)")),
            Some(host) if !field::is_host(host) => {
                Err(Malformed::bad("Host is not a host with an optional port (RFC 9110 section 7.2)"))
            }
            _ => Ok(seen),
        }
    }

    /// Passing it on costs one of the forwards that its client allows (RFC 9110 section 7.6.2).
    fn spend_forward(&mut self) -> Result<(), Malformed> {
        let said = self.forwards.and_then(|value| str::from_utf8(value).ok()?.parse::<u64>().ok());
        match said {
            Some(0) => Err(Malformed::rejected(
                StatusCode::NOT_IMPLEMENTED,
                "Max-Forwards ends this request here, and lb does nothing itself for its method",
            )),
            said => {
                self.forwards_left = said.map(|said| said - 1);
                Ok(())
            }
        }
    }

    /// Writes the fields that go on, in their order; ours take the places of those that they replace. `tells` is set when this hop's own
    /// `X-Forwarded` fields follow, and takes the client's away.
    fn write(
        &self,
        fields: &[Field<'_>],
        host: Option<&[u8]>,
        framing: Framing,
        (tells, edits): (bool, &Overlay),
        out: &mut Rewrite<'_>,
    ) {
        let (mut framed, mut trailers) = (false, false);
        if self.host.is_none() {
            out.write("Host", host.unwrap_or_default());
        }
        if self.special.is_none_of(fields.len()) && self.connection.names_none() && edits.is_empty() {
            return fields.iter().for_each(|field| out.pass(field));
        }
        let moved = edits.line().is_some_and(|line| line.host.is_some());
        for (index, field) in fields.iter().enumerate() {
            let change = edits.change(index);
            let goes_on = !self.special.has(index) && !self.connection.names(field.name) && change.is_none();
            if goes_on && !(moved && Known::of(field.name) == Known::Host) {
                out.pass(field);
                continue;
            }
            match Known::of(field.name) {
                Known::Other | Known::MaxForwards if self.connection.names(field.name) => {}
                Known::Other | Known::MaxForwards | Known::Forwarded if change.is_some() => {
                    if let Some(Change::Value(value)) = change {
                        out.write(field.name, value.as_bytes());
                    }
                }
                Known::MaxForwards => match self.forwards_left {
                    Some(left) => out.write(field.name, itoa::Buffer::new().format(left).as_bytes()),
                    None => out.pass(field),
                },
                Known::Forwarded if tells => {}
                Known::Host if host != self.host => {
                    out.write(field.name, host.unwrap_or_default());
                }
                Known::Other | Known::Trailer | Known::Forwarded | Known::Host => {
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
