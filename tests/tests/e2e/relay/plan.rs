//! Random legal exchanges: what both ends send, and how it is cut on the wire.
//!
//! Everything here is within the grammar and means one thing; what is not has its place in the corpus.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// One client connection: exchanges, all sent at once.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub(super) exchanges: Vec<Exchange>,
    /// Whether the last request is one of HTTP/1.0.
    pub(super) old: bool,
    /// Where the client's bytes are cut.
    pub(super) cuts: Vec<Index>,
}

/// A request and its answer.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) method: &'static str,
    /// Whether the target has a scheme and a host in front.
    pub(super) absolute: bool,
    pub(super) target: String,
    pub(super) fields: Vec<Line>,
    /// Whether both sides send a field that is for `lb` only.
    pub(super) hop: bool,
    pub(super) body: Body,
    /// Statuses of interim answers.
    pub(super) interim: Vec<u16>,
    pub(super) answer: Answer,
}

/// The answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) fields: Vec<Line>,
    pub(super) body: Body,
    /// Whether the server closes its connection then.
    pub(super) closes: bool,
    /// Where the server's bytes are cut.
    pub(super) cuts: Vec<Index>,
}

/// A field line.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) value: Bytes,
    /// Blanks around the value.
    pub(super) blanks: (&'static str, &'static str),
}

/// A body, and how its end is told.
#[derive(Debug, Clone)]
pub(super) enum Body {
    None,
    Length(Bytes),
    /// Chunks, each with its extension, and trailers.
    Chunked(Vec<(Bytes, &'static str)>, Vec<Line>),
    /// By the end of the connection.
    Close(Bytes),
}

/// Bytes that are shown as text.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) Vec<u8>);

const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE", "odd-!Method"];
const STATUSES: [u16; 13] = [200, 201, 203, 204, 206, 299, 301, 304, 404, 418, 500, 503, 599];
const INTERIM: [u16; 4] = [100, 102, 103, 199];
const EXTENSIONS: [&str; 5] = ["", "", ";a", ";a=b", ";name=\"v;x\""];

/// Field names that mean something to applications, but nothing to a proxy.
const KNOWN: [&str; 10] = [
    "aCCept",
    "COOKIE",
    "user-agent",
    "Accept-ENCODING",
    "Referer",
    "authorization",
    "Range",
    "Content-Type",
    "Cache-Control",
    "ETag",
];

/// Up to five exchanges.
pub(super) fn pipelines() -> impl Strategy<Value = Pipeline> {
    (vec(exchange(), 1..=5), prop::bool::weighted(0.2), vec(any::<Index>(), 0..8)).prop_map(
        |(mut exchanges, old, cuts)| {
            let last = exchanges.len() - 1;
            for (number, exchange) in exchanges.iter_mut().enumerate() {
                exchange.settle(number == last, old && number == last);
            }
            Pipeline { exchanges, old, cuts }
        },
    )
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let request =
        (select(&METHODS[..]), prop::bool::weighted(0.1), target(), lines(8), prop::bool::weighted(0.2));
    let interim = vec(select(&INTERIM[..]), 0..3);
    (request, body(), interim, answer()).prop_map(
        |((method, absolute, target, fields, hop), body, interim, answer)| Exchange {
            method,
            absolute,
            target,
            fields,
            hop,
            body,
            interim,
            answer,
        },
    )
}

fn answer() -> impl Strategy<Value = Answer> {
    let cuts = vec(any::<Index>(), 0..6);
    (select(&STATUSES[..]), "[ -~\u{e4}]{0,12}", lines(8), body(), prop::bool::weighted(0.1), cuts).prop_map(
        |(status, reason, fields, body, closes, cuts)| Answer { status, reason, fields, body, closes, cuts },
    )
}

fn target() -> impl Strategy<Value = String> {
    let path = "(/[A-Za-z0-9._~!$&'()*+,;=:@-]{0,8}|/%[0-9A-Fa-f]{2}){1,4}";
    prop_oneof![
        8 => path,
        3 => (path, "[A-Za-z0-9/?._~!$&'()*+,;=:@-]{0,12}").prop_map(|(path, query)| format!("{path}?{query}")),
        1 => Just("*".to_owned()),
    ]
}

fn lines(most: usize) -> impl Strategy<Value = Vec<Line>> {
    let name = prop_oneof![
        4 => "[xX]-[!#$%&'*+.^_`|~0-9A-Za-z-]{1,6}",
        1 => select(&KNOWN[..]).prop_map(str::to_owned),
        1 => "[xX]-[aA]",
    ];
    let blanks = || select(&["", " ", "\t", " \t "][..]);
    vec(
        (name, value(), (blanks(), blanks())).prop_map(|(name, value, blanks)| Line { name, value, blanks }),
        0..most,
    )
}

fn value() -> impl Strategy<Value = Bytes> {
    let inner = prop_oneof![20 => 0x21..=0x7e_u8, 2 => 0x80..=0xff_u8, 2 => Just(b' '), 1 => Just(b'\t')];
    vec(inner, 0..24).prop_map(|mut bytes| {
        let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
        while blank(bytes.last()) {
            bytes.pop();
        }
        while blank(bytes.first()) {
            bytes.remove(0);
        }
        Bytes(bytes)
    })
}

fn body() -> impl Strategy<Value = Body> {
    let short = || vec(any::<u8>(), 0..40).prop_map(Bytes);
    // All of a pipeline fits into the kernel's buffers: its client does not read before it has sent everything.
    let long = |most: usize| (any::<u8>(), 1..most).prop_map(|(start, length)| pattern(start, length));
    let bytes = || prop_oneof![8 => short(), 1 => long(40_000)];
    let some = || prop_oneof![8 => vec(any::<u8>(), 1..40).prop_map(Bytes), 1 => long(8_000)];
    prop_oneof![
        4 => Just(Body::None),
        4 => bytes().prop_map(Body::Length),
        4 => (vec((some(), select(&EXTENSIONS[..])), 0..6), lines(3)).prop_map(|(chunks, trailers)| {
            Body::Chunked(chunks, trailers.into_iter().filter(Line::may_be_trailer).collect())
        }),
        1 => bytes().prop_map(Body::Close),
    ]
}

fn pattern(start: u8, length: usize) -> Bytes {
    Bytes((0..length).map(|at| start.wrapping_add((at % 251) as u8)).collect())
}

// === impl Exchange ===

impl Exchange {
    /// Makes it legal: what was drawn by itself may not go together.
    fn settle(&mut self, last: bool, old: bool) {
        if self.target == "*" && (self.method != "OPTIONS" || self.absolute) {
            self.target = "/".to_owned();
        }
        let body = self.body.bytes();
        self.body = match std::mem::replace(&mut self.body, Body::None) {
            _ if self.method == "HEAD" => Body::None,
            Body::Close(_) => Body::Length(body),
            Body::Chunked(..) if old => Body::Length(body),
            same => same,
        };
        let body = self.answer.body.bytes();
        let empty = self.method == "HEAD" || matches!(self.answer.status, 204 | 304);
        self.answer.body = match std::mem::replace(&mut self.answer.body, Body::None) {
            _ if matches!(self.answer.status, 204 | 304) => Body::None,
            Body::None if !empty => Body::Length(body),
            Body::Close(_) if !last || empty => Body::Length(body),
            same => same,
        };
        // A connection that has ended cannot say so.
        self.answer.closes &= !matches!(self.answer.body, Body::Close(_));
    }

    /// Whether the end of the answer's body is where the head ends.
    pub(super) fn is_bodiless(&self) -> bool {
        self.method == "HEAD" || matches!(self.answer.status, 204 | 304)
    }
}

// === impl Line ===

impl Line {
    /// Those that only make sense before a body are no trailers (RFC 9110 section 6.5.1).
    fn may_be_trailer(&self) -> bool {
        !KNOWN.contains(&&*self.name) || self.name == "ETag"
    }
}

// === impl Body ===

impl Body {
    /// Its bytes, without any framing.
    pub(super) fn bytes(&self) -> Bytes {
        match self {
            Self::None => Bytes(Vec::new()),
            Self::Length(bytes) | Self::Close(bytes) => bytes.clone(),
            Self::Chunked(chunks, _) => {
                Bytes(chunks.iter().flat_map(|(bytes, _)| bytes.0.iter().copied()).collect())
            }
        }
    }

    /// Its trailers.
    pub(super) fn trailers(&self) -> &[Line] {
        match self {
            Self::Chunked(_, trailers) => trailers,
            _ => &[],
        }
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() <= 80 {
            return write!(f, "\"{}\"", self.0.escape_ascii());
        }
        write!(f, "\"{}\" … {} bytes in all", self.0[..40].escape_ascii(), self.0.len())
    }
}
