//! An answer on its way to a client of HTTP/2.
//!
//! h2 is given no more of it than the client's windows have room for. So nothing waits where nobody watches it: a client that never opens
//! its window (RFC 9113 section 10.5) is noticed here, and what it has not taken is let go. It refuses to reset a stream: how one ends is
//! its stream's business.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::SendStream;
use http_body::Body as _;

use super::body::FromText;
use super::stream::Streams;

/// The engine, which keeps the account, is the first to say that its client takes nothing.
const GRACE: Duration = Duration::from_secs(1);

/// Why an answer did not get to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendError {
    /// By the client, or with the connection.
    Reset,
    /// The client has not made room for too long.
    Stalled,
    /// There is no more of it.
    Broken,
}

/// Sends a body that is not empty; each piece of it may wait `limit` for room.
pub(super) async fn send(
    mut body: FromText,
    to: &mut SendStream<Bytes>,
    streams: &Streams,
    limit: Duration,
) -> Result<(), SendError> {
    loop {
        let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
        let frame = match unless(|cx| to.poll_reset(cx), frame).await.ok_or(SendError::Reset)? {
            None => return to.send_data(Bytes::new(), true).map_err(|_| SendError::Reset),
            Some(frame) => frame.map_err(|_| SendError::Broken)?,
        };
        match frame.into_data() {
            Ok(mut data) => {
                let last = body.is_end_stream();
                while !data.is_empty() {
                    let room = room(to, streams, data.len(), limit).await?;
                    let piece = data.split_to(room.min(data.len()));
                    streams.gives(piece.len());
                    to.send_data(piece, last && data.is_empty()).map_err(|_| SendError::Reset)?;
                }
                if last {
                    return Ok(());
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    return to.send_trailers(trailers).map_err(|_| SendError::Reset);
                }
            }
        }
    }
}

/// Waits until something of `wanted` bytes can be sent.
async fn room(
    to: &mut SendStream<Bytes>,
    streams: &Streams,
    wanted: usize,
    limit: Duration,
) -> Result<usize, SendError> {
    to.reserve_capacity(wanted);
    let mut poll = |cx: &mut Context<'_>| loop {
        if to.poll_reset(cx).is_ready() {
            return Poll::Ready(Err(SendError::Reset));
        }
        if to.capacity() > 0 {
            return streams.poll_share(cx).map(|share| Ok(share.min(to.capacity())));
        }
        match to.poll_capacity(cx) {
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Err(SendError::Reset)),
            Poll::Pending => return Poll::Pending,
        }
    };
    // Most often there is room, and no need of a timer.
    match poll_fn(|cx| Poll::Ready(poll(cx))).await {
        Poll::Ready(room) => room,
        Poll::Pending => {
            tokio::time::timeout(limit + GRACE, poll_fn(poll)).await.unwrap_or(Err(SendError::Stalled))
        }
    }
}

/// Runs `future` unless `over` comes first; it is asked first, so that nothing is begun for who has gone.
pub(super) async fn unless<T, F: Future>(
    mut over: impl FnMut(&mut Context<'_>) -> Poll<T>,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match over(cx) {
        Poll::Ready(_) => Poll::Ready(None),
        Poll::Pending => future.as_mut().poll(cx).map(Some),
    })
    .await
}
