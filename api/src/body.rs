//! The bodies a node sends: whole, echoed, patterned, or events over time. Each is produced only as fast as it is read.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::{Interval, MissedTickBehavior, interval};

const PERIOD: usize = 251;

/// Whole periods of the pattern, so that every piece begins with byte 0 and no piece is ever copied.
static TILE: [u8; PERIOD * 256] = tile();

/// A response's body.
pub(crate) enum Body {
    Whole(Full<Bytes>),
    Echo(Incoming),
    Pattern { left: u64 },
    Events(Events),
}

/// Server-sent events, numbered from 1.
pub(crate) struct Events {
    next: u64,
    last: u64,
    node: String,
    pace: Option<Interval>,
}

/// Byte `index` of what `/bytes` answers: `index % 251`. The period is prime, so a piece that is lost, doubled or moved by any
/// usual buffer size shows.
#[must_use]
pub const fn pattern_byte(index: u64) -> u8 {
    (index % PERIOD as u64) as u8
}

const fn tile() -> [u8; PERIOD * 256] {
    let mut bytes = [0; PERIOD * 256];
    let mut index = 0;
    while index < bytes.len() {
        bytes[index] = pattern_byte(index as u64);
        index += 1;
    }
    bytes
}

// === impl Body ===

impl Body {
    pub(crate) fn empty() -> Self {
        Self::Whole(Full::default())
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole(Full::from(bytes))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Self::Echo(body) => Pin::new(body).poll_frame(cx),
            Self::Pattern { left: 0 } => Poll::Ready(None),
            Self::Pattern { left } => {
                let size = usize::try_from(*left).map_or(TILE.len(), |left| left.min(TILE.len()));
                *left -= size as u64;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&TILE[..size])))))
            }
            Self::Events(events) => {
                events.poll_next(cx).map(|event| event.map(|text| Ok(Frame::data(text.into()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Echo(body) => body.is_end_stream(),
            Self::Pattern { left } => *left == 0,
            Self::Events(events) => events.next > events.last,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            // Keeps the framing of the request: a length when it had one, else chunked.
            Self::Echo(body) => body.size_hint(),
            Self::Pattern { left } => SizeHint::with_exact(*left),
            Self::Events(_) => SizeHint::default(),
        }
    }
}

// === impl Events ===

impl Events {
    /// `count` events of this node, the first at once, the others `pause` apart.
    pub(crate) fn new(node: &str, count: u64, pause: Duration) -> Self {
        let pace = (!pause.is_zero()).then(|| {
            let mut pace = interval(pause);
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            pace
        });
        Self { next: 1, last: count, node: node.to_owned(), pace }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<String>> {
        if self.next > self.last {
            return Poll::Ready(None);
        }
        if let Some(pace) = &mut self.pace {
            ready!(pace.poll_tick(cx));
        }
        let number = self.next;
        self.next += 1;
        // Serialised, not pasted: a name may hold quotes.
        let data = serde_json::json!({ "node": self.node, "event": number });
        Poll::Ready(Some(format!("id: {number}\ndata: {data}\n\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn the_pattern_is_exact_over_pieces() {
        let tile = TILE.len() as u64;
        for length in [0, 1, 250, 251, 252, tile - 1, tile, tile + 1, 3 * tile + 17] {
            let body = Body::Pattern { left: length };
            assert_eq!(body.size_hint().exact(), Some(length));
            let bytes = body.collect().await.unwrap().to_bytes();
            assert_eq!(bytes.len() as u64, length);
            assert!(bytes.iter().zip(0..).all(|(byte, index)| *byte == pattern_byte(index)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn events_are_numbered_and_paced() {
        let start = tokio::time::Instant::now();
        let mut body = Body::Events(Events::new("a\"b", 3, Duration::from_millis(40)));
        for number in 1..=3 {
            let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
            let expected = format!("id: {number}\ndata: {{\"event\":{number},\"node\":\"a\\\"b\"}}\n\n");
            assert_eq!(data, expected);
            assert_eq!(start.elapsed(), Duration::from_millis(40) * (number - 1));
        }
        assert!(body.is_end_stream());
        assert!(body.frame().await.is_none());
    }
}
