//! A request between its parsing and its writing: what it says of the pick and of its client, and what a backend's servers get to see of it.
//!
//! The head is parsed, judged and written by [`crate::http`]; the edits in between are decided here.

mod again;

use std::ops::Range;

use crate::balance::{NO_KEY, hash};
use crate::config::{Balance, Forwarded};
use crate::http::framing::Framing;
use crate::http::head::{Field, FieldSpace};
use crate::http::overlay::{FieldName, FieldValue, Overlay};
use crate::http::request::{self, Request};
use crate::http::{Malformed, field};
use crate::sample::Variables;
use crate::stick::{CookieMatch, PersistenceCookie, StickKey};
use crate::topology::KeyedTable;

use crate::http::head::Limits;
pub use again::write_again;

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
    /// Variables that rules have set.
    pub variables: Option<Box<Variables>>,
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
) -> Result<Option<RequestHead>, Malformed> {
    let mut space = FieldSpace::new();
    Ok(request::parse(input, limits, &mut space)?.map(|request| write(request, towards, out)))
}

/// Writes a request for a server of the backend that was chosen for it.
#[inline]
pub(super) fn write(request: Request<'_, '_>, towards: RewriteContext<'_>, out: &mut Vec<u8>) -> RequestHead {
    write_edited(request, towards, Overlay::default(), out)
}

/// The same for one that rules have edited.
#[inline]
pub(super) fn write_edited(
    mut request: Request<'_, '_>,
    towards: RewriteContext<'_>,
    mut edits: Overlay,
    out: &mut Vec<u8>,
) -> RequestHead {
    let (key, ties) = read(request.path(), request.fields, towards, &mut edits);
    let client = match towards.forwarded {
        Forwarded::Append => Some(towards.peer),
        Forwarded::Off => None,
        Forwarded::Replace => {
            drop_forwarded(request.fields, &mut edits);
            Some(towards.peer)
        }
        Forwarded::Keep => {
            add_missing(&request, towards.peer, &mut edits);
            None
        }
    };
    request.write(&edits, client, out);
    let place = |part: &str| {
        let start = part.as_ptr() as usize - request.bytes().as_ptr() as usize;
        start..start + part.len()
    };
    let method = request.method;
    RequestHead {
        size: request.bytes().len(),
        method: place(method),
        target: place(request.target),
        old: request.is_old(),
        framing: request.framing,
        keep: request.keeps(),
        is_head: method == "HEAD",
        is_post: method == "POST",
        idempotent: matches!(edits.method(method), "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE" | "TRACE"),
        trailers: request.passes_trailers(),
        upgrade: request.upgrade.take().map(Into::into),
        key,
        ties,
        variables: None,
    }
}

/// Reads what picks a server, and takes out of the `Cookie` fields what servers do not see.
#[inline]
fn read(
    path: &str,
    fields: &[Field<'_>],
    towards: RewriteContext<'_>,
    edits: &mut Overlay,
) -> (u64, Option<Box<Persistence>>) {
    let key = key(towards, edits.target(path), fields, edits);
    if towards.jar.is_none() && towards.keys.iter().all(Option::is_none) {
        return (key, None);
    }
    (key, Some(Box::new(persistence(fields, towards, edits))))
}

#[inline]
fn key(towards: RewriteContext<'_>, path: &str, fields: &[Field<'_>], edits: &Overlay) -> u64 {
    match towards.balance {
        Balance::RoundRobin | Balance::StaticRr | Balance::LeastConn | Balance::Random | Balance::First => {
            NO_KEY
        }
        Balance::Source => hash(towards.peer),
        Balance::Uri => {
            let path = path.split('?').next().unwrap_or_default();
            hash(if path.is_empty() { b"/" } else { path.as_bytes() })
        }
        // One that is empty says as little as one that is missing (HAProxy manual, `balance hdr`).
        Balance::Header(name) => edits
            .fields(fields)
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .filter(|(_, value)| !value.is_empty())
            .map_or(NO_KEY, |(_, value)| hash(value)),
    }
}

fn persistence(fields: &[Field<'_>], towards: RewriteContext<'_>, edits: &mut Overlay) -> Persistence {
    let [bound, tracked] = towards.keys.map(|keyed| {
        let KeyedTable { on, table } = keyed?;
        StickKey::of(on, &table.spec, towards.peer, edits.fields(fields))
    });
    let asked = towards.jar.map(|(jar, now)| {
        let is_cookie = |name: &str| name.eq_ignore_ascii_case("cookie");
        let cookies = edits.fields(fields).filter(|(name, _)| is_cookie(name)).map(|(_, value)| value);
        let asked = jar.read(cookies, now);
        if jar.rewrites() {
            for (index, field) in fields.iter().enumerate().filter(|(_, field)| is_cookie(field.name)) {
                let mut rest = Vec::new();
                jar.write_rest(field.value, &mut rest);
                edits.put(index, rest);
            }
        }
        asked
    });
    Persistence { asked, bound, tracked }
}

/// Takes out the fields in which a client says whom it forwards for.
#[cold]
fn drop_forwarded(fields: &[Field<'_>], edits: &mut Overlay) {
    for (index, _) in fields.iter().enumerate().filter(|(_, field)| field::says_forwarded(field.name)) {
        edits.put(index, Vec::new());
    }
}

/// Adds the `X-Forwarded` fields beside those that the client has sent, which are kept.
#[cold]
fn add_missing(request: &Request<'_, '_>, peer: &[u8], edits: &mut Overlay) {
    let forwarded = ["x-forwarded-proto", "x-forwarded-host"];
    let [has_proto, has_host] =
        forwarded.map(|name| edits.fields(request.fields).any(|(known, _)| known.eq_ignore_ascii_case(name)));
    let mut add = |name: &'static str, value: &[u8]| {
        if let (Ok(name), Ok(value)) = (FieldName::new(name), FieldValue::new(value)) {
            edits.add(name, value);
        }
    };
    add("X-Forwarded-For", peer);
    if !has_proto {
        add("X-Forwarded-Proto", b"http");
    }
    // A request of HTTP/1.0 may name no host; there is none to tell then.
    if !request.host().is_empty() && !has_host {
        add("X-Forwarded-Host", request.host());
    }
}

#[cfg(test)]
mod tests;
