//! What an HTTP/2 connection reads, in portions: h2 reads for as long as something is there, and one connection would be all that a worker
//! does.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::Frames;
use crate::net::{Socket, turn};

/// Frames of a turn: to many of them h2 writes an answer at once.
const FRAMES: u32 = 64;
/// Bytes of a turn.
const BYTES: usize = 256 * 1024;

/// The reading side of a connection.
#[derive(Debug)]
pub(super) struct Paced {
    pub(super) frames: Frames,
    /// Has been read, and is not handed on yet.
    kept: Bytes,
    frames_left: u32,
    bytes_left: usize,
}

/// A connection to a server.
#[derive(Debug)]
pub(super) struct ToServer {
    socket: Socket,
    paced: Paced,
}

// === impl Paced ===

impl Paced {
    /// A connection of which `kept` has been read.
    pub(super) fn new(frames: Frames, kept: Bytes) -> Self {
        Self { frames, kept, frames_left: FRAMES, bytes_left: BYTES }
    }

    /// Reads what belongs to this turn.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        socket: &Socket,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.frames_left == 0 || self.bytes_left == 0 {
            self.begin_turn();
            turn::end(cx);
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let from_kept = !self.kept.is_empty();
        if from_kept {
            let count = self.kept.len().min(buf.remaining());
            buf.put_slice(&self.kept[..count]);
        } else {
            let polled = Pin::new(&mut &*socket).poll_read(cx, buf);
            if polled.is_pending() {
                self.begin_turn();
            }
            ready!(polled)?;
        }
        let bytes = &buf.filled()[before..];
        let taken = self.frames.follow(bytes, self.frames_left);
        if from_kept {
            self.kept.advance(taken);
        } else if taken < bytes.len() {
            self.kept = Bytes::copy_from_slice(&bytes[taken..]);
        }
        buf.set_filled(before + taken);
        self.frames_left = self.frames_left.saturating_sub(self.frames.begun());
        self.bytes_left = self.bytes_left.saturating_sub(taken);
        Poll::Ready(Ok(()))
    }

    fn begin_turn(&mut self) {
        (self.frames_left, self.bytes_left) = (FRAMES, BYTES);
    }
}

// === impl ToServer ===

impl ToServer {
    /// A connection of which nothing has been read.
    pub(super) fn new(socket: Socket) -> Self {
        Self { socket, paced: Paced::new(Frames::of_server(), Bytes::new()) }
    }
}

impl AsyncRead for ToServer {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.paced.poll_read(cx, &this.socket, buf))?;
        if this.paced.frames.is_flooded() {
            // h2 would keep all of them until the last answer comes.
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "too many interim answers")));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ToServer {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &self.socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &self.socket).poll_shutdown(cx)
    }
}
