//! One exchange of each kind: what is sent, and how the answer is held against it. Knows no connections and no retries.

mod answer;
mod events;
mod outgoing;
mod websocket;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::fault::Reason;
use crate::mix::Kind;
use crate::options::{Options, Target};

pub(crate) use outgoing::Outgoing;

const OCTETS: &str = "application/octet-stream";

/// One request with all that its answer needs to be judged. It can be sent again: it does not change.
#[derive(Debug)]
pub(crate) enum Plan {
    Get,
    Post { body: Bytes },
    Slow { time: Duration },
    Upload { body: Bytes, piece: usize },
    Bytes { length: u64 },
    Sse { count: u64, pause: Duration },
    Ws { talk: websocket::Talk },
}

/// The node that responded, as the response's header fields say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeIdentity {
    pub(crate) node: String,
    pub(crate) version: String,
}

// === impl Plan ===

impl Plan {
    pub(crate) fn new(kind: Kind, options: &Options, random: &mut fastrand::Rng) -> Self {
        match kind {
            Kind::Get => Self::Get,
            Kind::Post => Self::Post { body: noise(random, options.body) },
            Kind::Slow => Self::Slow { time: options.slow },
            Kind::Upload => {
                let body = noise(random, options.body);
                // Four to sixteen pieces, whatever the length: with a pause between each, more would only take time.
                let piece = random.usize(body.len().div_ceil(16)..=body.len().div_ceil(4));
                Self::Upload { body, piece }
            }
            Kind::Bytes => Self::Bytes { length: random.u64(1..=options.bytes.into()) },
            Kind::Sse => Self::Sse { count: options.events.into(), pause: options.pause },
            Kind::Ws => Self::Ws { talk: websocket::Talk::new(random, options.pause) },
        }
    }

    /// A new request at each call.
    pub(crate) fn request(&self, target: &Target) -> Result<Request<Outgoing>, Reason> {
        let (method, path, body) = match self {
            Self::Get => (Method::GET, "/".to_owned(), Outgoing::empty()),
            Self::Post { body } => (Method::POST, "/echo".to_owned(), Outgoing::whole(body.clone())),
            Self::Slow { time } => (Method::GET, format!("/slow?ms={}", time.as_millis()), Outgoing::empty()),
            Self::Upload { body, piece } => {
                (Method::POST, "/echo".to_owned(), Outgoing::pieces(body.clone(), *piece))
            }
            Self::Bytes { length } => (Method::GET, format!("/bytes?n={length}"), Outgoing::empty()),
            Self::Sse { count, pause } => {
                (Method::GET, format!("/events?n={count}&ms={}", pause.as_millis()), Outgoing::empty())
            }
            Self::Ws { .. } => (Method::GET, "/ws".to_owned(), Outgoing::empty()),
        };
        let mut builder = Request::builder().method(method).uri(path).header(HOST, target.authority());
        match self {
            Self::Post { .. } | Self::Upload { .. } => builder = builder.header(CONTENT_TYPE, OCTETS),
            Self::Ws { talk } => builder = talk.ask(builder),
            _ => {}
        }
        builder.body(body).map_err(|error| Reason::Connect(format!("cannot make a request: {error}")))
    }

    /// Reads the answer to its end and compares. Returns what the node said, for the kind that says something.
    pub(crate) async fn check(
        &self,
        response: Response<Incoming>,
        identity: Option<&NodeIdentity>,
        sent: Instant,
    ) -> Result<Option<String>, Reason> {
        let status = response.status();
        if status.as_u16() >= 400 {
            return Err(match identity {
                Some(_) => Reason::Node(status.as_u16()),
                None => Reason::Balancer(status.as_u16()),
            });
        }
        let expected = match self {
            Self::Ws { .. } => StatusCode::SWITCHING_PROTOCOLS,
            _ => StatusCode::OK,
        };
        if status != expected {
            return Err(Reason::altered("status", format!("{status} instead of {expected}")));
        }
        let identity = identity.ok_or_else(|| Reason::altered("x-node and x-version", "missing"))?;
        match self {
            Self::Get => return answer::root(response, identity).await.map(Some),
            Self::Slow { time } => answer::slow(response, identity, *time, sent).await?,
            Self::Post { body } | Self::Upload { body, .. } => {
                typed(&response, OCTETS)?;
                answer::same(response.into_body(), body).await?;
            }
            Self::Bytes { length } => {
                typed(&response, OCTETS)?;
                answer::pattern(response.into_body(), *length).await?;
            }
            Self::Sse { count, .. } => {
                typed(&response, "text/event-stream")?;
                events::in_order(response.into_body(), *count, &identity.node).await?;
            }
            Self::Ws { talk } => talk.hold(response).await?,
        }
        Ok(None)
    }
}

// === impl NodeIdentity ===

impl NodeIdentity {
    pub(crate) fn of<B>(response: &Response<B>) -> Option<Self> {
        let text = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        Some(Self { node: text("x-node")?.to_owned(), version: text("x-version")?.to_owned() })
    }
}

fn typed<B>(response: &Response<B>, expected: &str) -> Result<(), Reason> {
    match response.headers().get(CONTENT_TYPE) {
        Some(value) if value == expected => Ok(()),
        other => Err(Reason::altered("content-type", format!("{other:?} instead of {expected}"))),
    }
}

fn noise(random: &mut fastrand::Rng, longest: u32) -> Bytes {
    let mut bytes = vec![0; random.usize(1..=longest.max(1) as usize)];
    random.fill(&mut bytes);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_never_in_more_than_sixteen_pieces() {
        let mut random = fastrand::Rng::with_seed(7);
        for longest in [1, 2, 3, 5, 16, 17, 1000, 16_384] {
            let options = Options { body: longest, ..Options::default() };
            for _ in 0..200 {
                let Plan::Upload { body, piece } = Plan::new(Kind::Upload, &options, &mut random) else {
                    unreachable!("an upload was asked for")
                };
                assert!((1..=16).contains(&body.len().div_ceil(piece)), "{} in {piece}", body.len());
            }
        }
    }
}
