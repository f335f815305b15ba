//! Answers with a body of known content: JSON, an echo, the pattern. Read piece by piece; only small ones are kept.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Deserialize;

use super::NodeIdentity;
use crate::fault::Reason;

/// The longest JSON that is read.
const MAX_JSON: u64 = 64 * 1024;
/// The period of what `/bytes` sends: byte i is i modulo this. Written down here again: a judge takes no one's word.
const PERIOD: u64 = 251;

#[derive(Deserialize)]
struct Root {
    node: String,
    version: String,
    count: u64,
}

#[derive(Deserialize)]
struct Slow {
    node: String,
    version: String,
    slept_ms: u64,
}

/// `GET /`: the JSON agrees with the headers. Returns the JSON as it came.
pub(super) async fn root(response: Response<Incoming>, identity: &NodeIdentity) -> Result<String, Reason> {
    let text = small(response.into_body()).await?;
    let root: Root = parse(&text)?;
    agree(identity, &root.node, &root.version)?;
    if root.count == 0 {
        return Err(Reason::altered("count", "0, though this request counts"));
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// `GET /slow`: the JSON agrees, and no less time has passed than was asked for.
pub(super) async fn slow(
    response: Response<Incoming>,
    identity: &NodeIdentity,
    time: Duration,
    sent: Instant,
) -> Result<(), Reason> {
    let text = small(response.into_body()).await?;
    let slow: Slow = parse(&text)?;
    agree(identity, &slow.node, &slow.version)?;
    let asked = time.as_millis();
    let passed = sent.elapsed().as_millis();
    // A millisecond is the grain of the node's timer and of ours.
    if u128::from(slow.slept_ms) != asked || passed + 1 < asked {
        let detail = format!("{} ms said, {passed} ms passed, {asked} ms asked for", slow.slept_ms);
        return Err(Reason::altered("time taken", detail));
    }
    Ok(())
}

/// The body is these bytes and no others.
pub(super) async fn same(body: Incoming, expected: &Bytes) -> Result<(), Reason> {
    whole(body, expected.len() as u64, |from, piece| {
        let rest = &expected[usize::try_from(from).unwrap_or(usize::MAX)..];
        piece.iter().zip(rest).position(|(got, wanted)| got != wanted)
    })
    .await
}

/// The body is the pattern of `/bytes`, this long.
pub(super) async fn pattern(body: Incoming, length: u64) -> Result<(), Reason> {
    if body.size_hint().exact().is_some_and(|announced| announced != length) {
        let detail = format!("{:?} instead of {length}", body.size_hint().exact());
        return Err(Reason::altered("content-length", detail));
    }
    whole(body, length, |from, piece| {
        piece.iter().zip(from..).position(|(byte, at)| u64::from(*byte) != at % PERIOD)
    })
    .await
}

/// Reads to the end; `differs` says where in a piece, which begins at an offset, the first wrong byte is.
async fn whole(
    mut body: Incoming,
    length: u64,
    differs: impl Fn(u64, &[u8]) -> Option<usize>,
) -> Result<(), Reason> {
    let mut got = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Reason::from(error).after(got, length))?;
        let Some(data) = frame.data_ref() else { continue };
        let end = got + data.len() as u64;
        if end > length {
            return Err(Reason::altered("body", format!("longer than {length} bytes")));
        }
        if let Some(at) = differs(got, data) {
            return Err(Reason::altered("body", format!("at byte {}", got + at as u64)));
        }
        got = end;
    }
    if got < length { Err(Reason::Truncated { got, wanted: length }) } else { Ok(()) }
}

async fn small(mut body: Incoming) -> Result<Vec<u8>, Reason> {
    let announced = body.size_hint().exact().unwrap_or(0);
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Reason::from(error).after(text.len() as u64, announced))?;
        if let Some(data) = frame.data_ref() {
            text.extend_from_slice(data);
        }
        if text.len() as u64 > MAX_JSON {
            return Err(Reason::altered("JSON", format!("longer than {MAX_JSON} bytes")));
        }
    }
    Ok(text)
}

fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Reason> {
    serde_json::from_slice(text).map_err(|error| Reason::altered("JSON", error.to_string()))
}

fn agree(identity: &NodeIdentity, node: &str, version: &str) -> Result<(), Reason> {
    if identity.node == node && identity.version == version {
        return Ok(());
    }
    let detail = format!("headers say {} {}, the body {node} {version}", identity.node, identity.version);
    Err(Reason::altered("identity", detail))
}
