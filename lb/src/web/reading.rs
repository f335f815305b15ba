//! Responses to slow readers: a stream that notices when its client reads, and a body that is sent in portions.
//!
//! A body copies one portion at a time out of the rendering, which readers share, so a slow client costs little
//! memory.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::readers::{ReaderSlot, Rendering};

/// Size of a portion, bytes.
const PORTION: usize = 32 * 1024;

/// A stream that notices when its client reads; see the module.
pub(super) struct Reading<S> {
    stream: S,
    place: Arc<ReaderSlot>,
}

/// A rendering that is being sent to one client.
pub(super) struct Portions {
    rendering: Rendering,
    sent: usize,
    place: Arc<ReaderSlot>,
}

// === impl Reading ===

impl<S> Reading<S> {
    pub(super) fn new(stream: S, place: Arc<ReaderSlot>) -> Self {
        Self { stream, place }
    }

    fn took(&self, written: io::Result<usize>) -> io::Result<usize> {
        self.place.progresses();
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Reading<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Reading<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        Poll::Ready(self.took(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, bytes));
        Poll::Ready(self.took(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

// === impl Portions ===

impl Portions {
    /// A body that sends all of `rendering`.
    pub(super) fn new(rendering: Rendering, place: &Arc<ReaderSlot>) -> Self {
        place.sends();
        Self { rendering, sent: 0, place: Arc::clone(place) }
    }

    fn rest(&self) -> &[u8] {
        &self.rendering.text().as_bytes()[self.sent..]
    }
}

impl Body for Portions {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let rest = self.rest();
        let portion = Bytes::copy_from_slice(&rest[..rest.len().min(PORTION)]);
        self.sent += portion.len();
        Poll::Ready((!portion.is_empty()).then(|| Ok(Frame::data(portion))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest().is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest().len() as u64)
    }
}

impl Drop for Portions {
    fn drop(&mut self) {
        self.place.waits();
    }
}
