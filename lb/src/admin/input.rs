//! Reads lines from clients that may send too much, too little, or nothing.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// Longest command line with its line feed, bytes (HAProxy's `tune.bufsize`).
pub(super) const LONGEST_LINE: usize = 16 * 1024;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InputEvent {
    /// A line, without its line feed.
    Line(Vec<u8>),
    /// More than fits into a line.
    TooLong,
    /// No more lines: the client closed its side or was silent for too long.
    Closed,
}

/// The reading side of a connection.
#[derive(Debug)]
pub(super) struct Input<R> {
    stream: R,
    /// Received but not used; bounded by the length of a line.
    buffer: Vec<u8>,
    /// The client closed its side.
    ended: bool,
}

// === impl Input ===

impl<R: AsyncRead + Unpin> Input<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, buffer: Vec::new(), ended: false }
    }

    /// The next line. `idle`: how long the client may be silent.
    pub(super) async fn line(&mut self, idle: Duration) -> InputEvent {
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(searched + at + 1);
                let mut line = std::mem::replace(&mut self.buffer, rest);
                line.pop();
                return if line.len() < LONGEST_LINE { InputEvent::Line(line) } else { InputEvent::TooLong };
            }
            searched = self.buffer.len();
            if searched >= LONGEST_LINE {
                return InputEvent::TooLong;
            }
            if self.ended || timeout(idle, self.fill()).await.is_err() {
                return InputEvent::Closed;
            }
        }
    }

    /// Completes when the client has closed its side. Bytes before that are kept, as far as there is space.
    pub(super) async fn closed(&mut self) {
        while !self.ended {
            if self.buffer.len() >= LONGEST_LINE {
                return std::future::pending().await;
            }
            self.fill().await;
        }
    }

    /// Reads and discards up to `limit` bytes until the client closes, so that it sees an orderly end instead
    /// of a reset.
    pub(super) async fn drain(&mut self, mut limit: usize) {
        while !self.ended && limit > 0 {
            self.buffer.clear();
            self.fill().await;
            limit = limit.saturating_sub(self.buffer.len());
        }
    }

    async fn fill(&mut self) {
        self.buffer.reserve(1024);
        // A broken connection counts as closed.
        self.ended = self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0;
    }
}
