//! A stream inside the process, with back-pressure: one end writes, the other reads.
//!
//! Through it HTTP/2 looks to the engine like any other connection. Both ends live on one thread, and nothing
//! passes through a socket. A full queue makes its writer wait.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::BufMut;

use super::lane;

/// Maximum number of bytes queued in one direction.
const CAPACITY: usize = 64 * 1024;

/// The same while memory for waiting bytes is short.
const SHORT: usize = 2 * 1024;

/// One end.
#[derive(Debug)]
pub struct MemoryStream {
    inbound: Rc<RefCell<ByteQueue>>,
    outbound: Rc<RefCell<ByteQueue>>,
}

#[derive(Debug, Default)]
struct ByteQueue {
    bytes: VecDeque<u8>,
    /// The writer has ended the stream.
    ended: bool,
    /// The writer was dropped without ending the stream.
    broken: bool,
    /// The reader was dropped.
    unread: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

// === impl MemoryStream ===

impl MemoryStream {
    /// Both ends of a new stream.
    pub fn pair() -> (Self, Self) {
        let lanes: [Rc<RefCell<ByteQueue>>; 2] = Default::default();
        let end = |inbound: usize| Self {
            inbound: Rc::clone(&lanes[inbound]),
            outbound: Rc::clone(&lanes[1 - inbound]),
        };
        (end(0), end(1))
    }

    /// Reads what is available into `buffer`; 0 means the end.
    ///
    /// # Errors
    /// `ConnectionReset` when the other end was dropped without ending the stream.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut impl BufMut) -> Poll<io::Result<usize>> {
        let mut lane = self.inbound.borrow_mut();
        let (front, _) = lane.bytes.as_slices();
        let count = front.len().min(buffer.remaining_mut());
        if count > 0 {
            buffer.put_slice(&front[..count]);
            lane.take(count);
            wake(&mut lane.writer);
            return Poll::Ready(Ok(count));
        }
        if lane.broken {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if lane.ended {
            return Poll::Ready(Ok(0));
        }
        lane.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Writes as much as fits.
    ///
    /// # Errors
    /// `BrokenPipe` when the reader was dropped.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut lane = self.outbound.borrow_mut();
        if lane.unread || lane.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = bytes.len().min(lane.room());
        if count == 0 {
            lane.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        lane.bytes.extend(&bytes[..count]);
        lane::hold(count);
        wake(&mut lane.reader);
        Poll::Ready(Ok(count))
    }

    /// Ready when a read would not wait.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_readable() {
            return Poll::Ready(());
        }
        self.inbound.borrow_mut().reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Whether bytes or the end can be read.
    pub fn is_readable(&self) -> bool {
        let lane = self.inbound.borrow();
        !lane.bytes.is_empty() || lane.ended || lane.broken
    }

    /// Ready when a write would not wait, or the reader was dropped.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut lane = self.outbound.borrow_mut();
        if lane.unread || lane.ended || lane.room() > 0 {
            return Poll::Ready(());
        }
        lane.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Whether nobody will read what is put in; not to be asked while a write waits.
    pub fn poll_unread(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut lane = self.outbound.borrow_mut();
        if lane.unread {
            return Poll::Ready(());
        }
        lane.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Nothing more will be put in.
    pub fn end(&self) {
        let mut lane = self.outbound.borrow_mut();
        lane.ended = true;
        wake(&mut lane.reader);
    }

    /// What was put in is not the whole.
    pub fn abort(&self) {
        let mut lane = self.outbound.borrow_mut();
        if !lane.ended {
            lane.broken = true;
            wake(&mut lane.reader);
        }
    }
}

// === impl ByteQueue ===

impl ByteQueue {
    /// How much can be put in.
    fn room(&self) -> usize {
        let most = if lane::is_short() { SHORT } else { CAPACITY };
        most.saturating_sub(self.bytes.len())
    }

    /// The first `count` bytes have been read, or will not be.
    fn take(&mut self, count: usize) {
        let count = count.min(self.bytes.len());
        self.bytes.drain(..count);
        lane::release(count);
        if self.bytes.is_empty() && self.bytes.capacity() > SHORT {
            self.bytes = VecDeque::new();
        }
    }
}

impl Drop for ByteQueue {
    fn drop(&mut self) {
        lane::release(self.bytes.len());
    }
}

impl Drop for MemoryStream {
    fn drop(&mut self) {
        self.abort();
        let mut lane = self.inbound.borrow_mut();
        lane.unread = true;
        lane.take(usize::MAX);
        wake(&mut lane.writer);
    }
}

fn wake(waiting: &mut Option<Waker>) {
    if let Some(waker) = waiting.take() {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn read(memory: &MemoryStream) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        poll_fn(|cx| memory.poll_read(cx, &mut bytes)).await.map(|_| bytes)
    }

    #[tokio::test]
    async fn a_full_lane_waits_for_its_reader() {
        let (near, far) = MemoryStream::pair();
        let bytes = vec![7; CAPACITY + 5];
        assert_eq!(poll_fn(|cx| near.poll_write(cx, &bytes)).await.unwrap(), CAPACITY);
        let (rest, taken) = tokio::join!(poll_fn(|cx| near.poll_write(cx, &bytes[CAPACITY..])), read(&far));
        assert!(rest.unwrap() > 0 && !taken.unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_end_is_told_from_a_break() {
        let (near, far) = MemoryStream::pair();
        poll_fn(|cx| near.poll_write(cx, b"abc")).await.unwrap();
        near.end();
        drop(near);
        assert_eq!(read(&far).await.unwrap(), b"abc");
        assert_eq!(read(&far).await.unwrap(), b"");
        assert!(poll_fn(|cx| far.poll_write(cx, b"x")).await.is_err());

        let (near, far) = MemoryStream::pair();
        drop(near);
        assert!(far.is_readable());
        assert_eq!(read(&far).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
}
