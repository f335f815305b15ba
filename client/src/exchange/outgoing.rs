//! The bodies the judge sends: none, one of known length, or pieces with a short pause between them, so that each is a chunk of
//! its own on the wire.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Interval, MissedTickBehavior, interval};

const PAUSE: Duration = Duration::from_millis(2);

/// A request's body.
pub(crate) struct Outgoing {
    rest: Bytes,
    /// Bytes a piece, and what keeps pieces apart; `None` sends all as one, with its length.
    cut: Option<(usize, Interval)>,
}

// === impl Outgoing ===

impl Outgoing {
    pub(super) fn empty() -> Self {
        Self::whole(Bytes::new())
    }

    pub(super) fn whole(body: Bytes) -> Self {
        Self { rest: body, cut: None }
    }

    pub(super) fn pieces(body: Bytes, piece: usize) -> Self {
        let mut pace = interval(PAUSE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { rest: body, cut: Some((piece.max(1), pace)) }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            return Poll::Ready(None);
        }
        let size = match &mut this.cut {
            None => this.rest.len(),
            Some((piece, pace)) => {
                ready!(pace.poll_tick(cx));
                this.rest.len().min(*piece)
            }
        };
        Poll::Ready(Some(Ok(Frame::data(this.rest.split_to(size)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match self.cut {
            None => SizeHint::with_exact(self.rest.len() as u64),
            Some(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test(start_paused = true)]
    async fn pieces_are_all_there() {
        let mut body = Outgoing::pieces(Bytes::from_static(b"0123456789"), 4);
        assert_eq!(body.size_hint().exact(), None);
        for expected in ["0123", "4567", "89"] {
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), expected);
        }
        assert!(body.is_end_stream());
        assert_eq!(Outgoing::whole(Bytes::from_static(b"012")).size_hint().exact(), Some(3));
    }
}
