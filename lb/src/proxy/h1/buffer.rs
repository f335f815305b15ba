//! A buffer of what has arrived and not been dealt with.
//!
//! It never grows: what does not fit is a head that is too large, or waits. Its pages are only touched as far as they are used, so a
//! buffer that only ever saw small messages is small.

use std::io;
use std::task::{Context, Poll};

use crate::net::Socket;

/// Bytes that have arrived and not been dealt with.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

// === impl Buffer ===

impl Buffer {
    /// Size of an ordinary buffer, bytes: what bodies are copied by. A quarter of it costs half again as much at 1 MB.
    pub const SIZE: usize = 64 * 1024;

    /// An empty buffer of at least `least` bytes.
    pub fn new(least: usize) -> Self {
        Self { bytes: Vec::with_capacity(Self::SIZE.max(least)), start: 0 }
    }

    /// What it can hold, bytes.
    pub fn size(&self) -> usize {
        self.bytes.capacity()
    }

    /// What is there.
    #[inline]
    pub fn data(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Whether nothing is there.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// The first `count` bytes are dealt with.
    #[inline]
    pub fn consume(&mut self, count: usize) {
        self.start += count;
        if self.start >= self.bytes.len() {
            self.clear();
        }
    }

    /// Everything is dealt with.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }

    /// Whether nothing more fits.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.start == 0 && self.bytes.len() == self.bytes.capacity()
    }

    /// Reads what there is and fits; 0 is the end of the stream. A full buffer is never ready.
    #[inline]
    pub fn poll_fill(&mut self, cx: &mut Context<'_>, socket: &Socket) -> Poll<io::Result<usize>> {
        if self.bytes.len() == self.bytes.capacity() {
            if self.start == 0 {
                return Poll::Pending;
            }
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        socket.poll_fill(cx, &mut self.bytes)
    }

    /// Puts bytes in, as if they had arrived.
    #[cfg(test)]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        assert!(self.bytes.len() + bytes.len() <= self.bytes.capacity());
        self.bytes.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_consumed_is_gone() {
        let mut buffer = Buffer::new(10);
        buffer.put(b"abc");
        buffer.consume(1);
        assert_eq!((buffer.data(), buffer.is_empty(), buffer.is_full()), (&b"bc"[..], false, false));
        buffer.consume(2);
        assert!(buffer.is_empty() && buffer.size() == Buffer::SIZE);
        assert!(Buffer::new(Buffer::SIZE * 2).size() >= Buffer::SIZE * 2);
    }
}
