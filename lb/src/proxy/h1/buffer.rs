//! A buffer of what has arrived and not been dealt with.
//!
//! It never grows: what does not fit is a head that is too large, or waits. Its pages are only touched as far as they are used, so a
//! buffer that only ever saw small messages is small. Before what is there it has some room, so that a head that was written anew can go in
//! front of its body and both leave in one plain write.

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

    /// Bytes in front of all that arrives. A head that goes on is about as long as the one that came, whose place it gets besides.
    const ROOM: usize = 512;

    /// An empty buffer of at least `least` bytes.
    pub fn new(least: usize) -> Self {
        let mut bytes = Vec::with_capacity(Self::ROOM + Self::SIZE.max(least));
        bytes.resize(Self::ROOM, 0);
        Self { bytes, start: Self::ROOM }
    }

    /// What it can hold, bytes.
    pub fn size(&self) -> usize {
        self.bytes.capacity() - Self::ROOM
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
        self.bytes.truncate(Self::ROOM);
        self.start = Self::ROOM;
    }

    /// Puts `bytes` in front of what is there, as if they had arrived before; says whether there was room.
    pub fn prepend(&mut self, bytes: &[u8]) -> bool {
        let Some(start) = self.start.checked_sub(bytes.len()) else { return false };
        self.bytes[start..self.start].copy_from_slice(bytes);
        self.start = start;
        true
    }

    /// Whether nothing more fits.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.start <= Self::ROOM && self.bytes.len() == self.bytes.capacity()
    }

    /// Reads what there is and fits; 0 is the end of the stream. A full buffer is never ready.
    #[inline]
    pub fn poll_fill(&mut self, cx: &mut Context<'_>, socket: &Socket) -> Poll<io::Result<usize>> {
        if self.bytes.len() == self.bytes.capacity() {
            if self.start <= Self::ROOM {
                return Poll::Pending;
            }
            self.bytes.drain(Self::ROOM..self.start);
            self.start = Self::ROOM;
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

    #[test]
    fn what_is_prepended_comes_first() {
        let mut buffer = Buffer::new(10);
        buffer.put(b"head body");
        buffer.consume(5);
        assert!(buffer.prepend(b"Head: ") && buffer.data() == b"Head: body");
        assert!(!buffer.prepend(&[b'x'; Buffer::ROOM]) && buffer.data() == b"Head: body");
        let rest = vec![b'x'; buffer.size() - 9];
        buffer.put(&rest);
        assert!(buffer.is_full());
        buffer.clear();
        assert!(
            buffer.is_empty() && buffer.prepend(&[b'x'; Buffer::ROOM]) && buffer.data().len() == Buffer::ROOM
        );
    }
}
