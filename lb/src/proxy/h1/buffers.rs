//! What a busy connection borrows from its worker: buffers for both sides and for the heads that are written.
//!
//! Connections that idle have given it back, so its number is that of exchanges in flight and not of connections.

use std::cell::RefCell;
use std::sync::Arc;

use super::buffer::Buffer;
use crate::net::{Descriptors, Pipe};

/// Most sets that a worker keeps for later.
const KEPT: usize = 64;

/// Buffers for one exchange at a time. They change hands with every exchange and live in a box.
#[derive(Debug)]
pub struct ExchangeBuffers {
    /// What the client has sent.
    pub input: Buffer,
    /// What the server has sent.
    pub answer: Buffer,
    /// What goes to the server.
    pub request_head: Vec<u8>,
    /// What goes to the client.
    pub response_head: Vec<u8>,
}

/// What nobody uses at present.
#[derive(Debug, Default)]
pub struct BufferPool {
    #[expect(clippy::vec_box, reason = "they come in boxes and leave in them")]
    pool: RefCell<Vec<Box<ExchangeBuffers>>>,
    pipes: RefCell<Vec<Pipe>>,
    budget: Arc<Descriptors>,
}

// === impl ExchangeBuffers ===

impl ExchangeBuffers {
    fn new() -> Box<Self> {
        let (up, down) = Default::default();
        Box::new(Self {
            input: Buffer::new(Buffer::SIZE),
            answer: Buffer::new(Buffer::SIZE),
            request_head: up,
            response_head: down,
        })
    }

    /// One for a stream of HTTP/2, which no store keeps.
    pub fn of_stream(least: usize) -> Box<Self> {
        let (up, down) = Default::default();
        Box::new(Self {
            input: Buffer::of_stream(least),
            answer: Buffer::of_stream(least),
            request_head: up,
            response_head: down,
        })
    }

    fn clear(&mut self) {
        self.input.clear();
        self.answer.clear();
        for text in [&mut self.request_head, &mut self.response_head] {
            text.clear();
            text.shrink_to(Buffer::SIZE);
        }
    }
}

// === impl BufferPool ===

impl BufferPool {
    /// None yet; pipes are made within `budget`.
    pub fn new(budget: &Arc<Descriptors>) -> Self {
        Self { budget: Arc::clone(budget), ..Self::default() }
    }

    /// A set whose buffers have the ordinary size, or more.
    #[inline]
    pub fn take(&self) -> Box<ExchangeBuffers> {
        let kept = self.pool.borrow_mut().pop();
        kept.unwrap_or_else(ExchangeBuffers::new)
    }

    /// Takes a set back.
    #[inline]
    pub fn give(&self, mut buffers: Box<ExchangeBuffers>) {
        let mut pool = self.pool.borrow_mut();
        if pool.len() < KEPT {
            buffers.clear();
            pool.push(buffers);
        }
    }

    /// A pipe, where the system has them and descriptors are left: otherwise bytes are copied.
    pub fn take_pipe(&self) -> Option<Pipe> {
        let kept = self.pipes.borrow_mut().pop();
        kept.or_else(|| self.budget.pipe().and_then(Pipe::new))
    }

    /// Closes pipes that are not in use.
    pub fn close_pipes(&self) {
        self.pipes.borrow_mut().clear();
    }

    /// Takes a pipe back, unless there is something in it.
    pub fn give_pipe(&self, pipe: Pipe) {
        let mut pipes = self.pipes.borrow_mut();
        if pipe.held() == 0 && pipes.len() < KEPT {
            pipes.push(pipe);
        }
    }
}
