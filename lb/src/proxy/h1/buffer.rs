//! A buffer of what has arrived and not been dealt with. Its bytes are borrowed from the thread's store when there is something to read and given
//! back as soon as nothing is left in it, so that a thread touches few of them, and always the same.
//!
//! It never grows: what does not fit is a head that is too large, or waits. Before what is there it has some room, so that a head that was
//! written anew can go in front of its body and both leave in one plain write.

use std::cell::{Cell, RefCell};
use std::io;
use std::task::{Context, Poll};

use crate::net::{ReadTarget, Socket, lane};

/// Most that a thread keeps for later.
const KEPT: usize = 64;

thread_local! {
    /// The bytes of an ordinary buffer that were given back last: the next one gets them, while they are in the processor's cache.
    static LAST: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// Those that were given back before.
    static OTHERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that have arrived and not been dealt with.
#[derive(Debug)]
pub struct Buffer {
    /// Nothing while it is empty.
    bytes: Vec<u8>,
    start: usize,
    size: usize,
}

// === impl Buffer ===

impl Buffer {
    /// Size of an ordinary buffer, bytes: what bodies are copied by. A quarter of it costs half again as much at 1 MB.
    pub const SIZE: usize = 64 * 1024;

    /// What tells the buffers of streams of HTTP/2 from ordinary ones: they are counted, and small while too much waits.
    const STREAM: usize = Self::SIZE + 1;

    /// Size of a small one; it grows for a head that has to be whole.
    const SMALL: usize = 4 * 1024;

    /// Bytes in front of all that arrives. A head that goes on is about as long as the one that came, whose place it gets besides.
    const ROOM: usize = 512;

    /// An empty buffer of at least `least` bytes.
    pub fn new(least: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, size: Self::SIZE.max(least) }
    }

    /// An empty buffer of at least `least` bytes for a stream of HTTP/2.
    pub fn of_stream(least: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, size: Self::STREAM.max(least) }
    }

    /// What it can hold, bytes.
    pub fn size(&self) -> usize {
        self.size
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
    #[inline]
    pub fn clear(&mut self) {
        if self.bytes.capacity() > 0 {
            self.give_back();
        }
    }

    /// Puts `bytes` in front of what is there, as if they had arrived before; says whether there was room.
    pub fn prepend(&mut self, bytes: &[u8]) -> bool {
        let Some(start) = self.start.checked_sub(bytes.len()) else { return false };
        self.bytes[start..self.start].copy_from_slice(bytes);
        self.start = start;
        true
    }

    /// Makes it hold at least `least` bytes.
    #[cold]
    pub fn grow(&mut self, least: usize) {
        let there = self.data().to_vec();
        self.clear();
        self.size = self.size.max(least);
        if !there.is_empty() {
            self.room().extend_from_slice(&there);
        }
    }

    /// Whether nothing more fits.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.start <= Self::ROOM && self.is_at_end()
    }

    /// Whether nothing more fits behind what is there.
    #[inline]
    fn is_at_end(&self) -> bool {
        !self.bytes.is_empty() && self.bytes.len() == self.bytes.capacity()
    }

    /// Reads what there is and fits; 0 is the end of the stream. A full buffer is never ready.
    #[inline]
    pub fn poll_fill(&mut self, cx: &mut Context<'_>, socket: &Socket) -> Poll<io::Result<usize>> {
        if self.is_at_end() {
            if self.start <= Self::ROOM {
                if self.size != Self::STREAM || self.bytes.len() > Self::SIZE {
                    return Poll::Pending;
                }
                self.enlarge();
            }
            self.bytes.drain(Self::ROOM..self.start);
            self.start = Self::ROOM;
        }
        let polled = socket.poll_read(cx, self);
        if self.is_empty() {
            self.clear();
        }
        polled
    }

    #[inline]
    fn borrow(&mut self) {
        if self.size == Self::SIZE {
            self.bytes = LAST.take();
        }
        if self.bytes.capacity() == 0 {
            self.bytes = Self::another(self.size);
        }
        self.start = Self::ROOM;
    }

    #[cold]
    fn another(size: usize) -> Vec<u8> {
        let kept = if size == Self::SIZE { OTHERS.with_borrow_mut(Vec::pop) } else { None };
        kept.unwrap_or_else(|| {
            let is_small = size == Self::STREAM && lane::is_short();
            let mut bytes = Vec::with_capacity(Self::ROOM + if is_small { Self::SMALL } else { size });
            bytes.resize(Self::ROOM, 0);
            if size == Self::STREAM {
                lane::hold(bytes.capacity());
            }
            bytes
        })
    }

    /// Makes room in a small one.
    #[cold]
    fn enlarge(&mut self) {
        lane::release(self.bytes.capacity());
        self.bytes.reserve(Self::SIZE);
        lane::hold(self.bytes.capacity());
    }

    #[inline]
    fn give_back(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        self.start = 0;
        if self.size == Self::SIZE {
            bytes.truncate(Self::ROOM);
            // At the end of its thread there is no store any more.
            match LAST.try_with(|last| last.replace(bytes)) {
                Ok(before) if before.capacity() > 0 => Self::keep(before),
                _ => {}
            }
        } else if self.size == Self::STREAM {
            lane::release(bytes.capacity());
        }
    }

    #[cold]
    fn keep(bytes: Vec<u8>) {
        let _ = OTHERS.try_with(|others| {
            let mut others = others.borrow_mut();
            if others.len() < KEPT {
                others.push(bytes);
            }
        });
    }

    /// Puts bytes in, as if they had arrived.
    #[cfg(test)]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.room();
        assert!(self.bytes.len() + bytes.len() <= Self::ROOM + self.size);
        self.bytes.extend_from_slice(bytes);
    }
}

impl ReadTarget for Buffer {
    #[inline]
    fn room(&mut self) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.borrow();
        }
        &mut self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.clear();
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
        buffer.put(b"abc");
        buffer.consume(1);
        buffer.grow(Buffer::SIZE + 1);
        assert_eq!((buffer.data(), buffer.size()), (&b"bc"[..], Buffer::SIZE + 1));
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
        assert!(buffer.is_empty() && !buffer.prepend(b"x"));
        // The next one gets the same bytes, and nothing that was in them.
        buffer.put(b"body");
        assert_eq!(buffer.data(), b"body");
    }
}
