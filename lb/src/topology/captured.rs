//! The last message of each proxy that was no HTTP, for `show errors`.
//!
//! It costs nothing until a message is refused; then a bounded copy of it is kept in place of the former one. It refuses to judge messages.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::server::Server;

/// Most bytes that are kept of a message: HAProxy's buffer.
const MOST: usize = 16 * 1024;

/// A message that was refused.
#[derive(Debug, Clone)]
pub struct RejectedMessage {
    /// When.
    pub at: SystemTime,
    /// Its number in this process.
    pub event: u64,
    /// The client that it was from or for.
    pub peer: SocketAddr,
    /// Name and number of the frontend.
    pub frontend: (Arc<str>, u32),
    /// The server that sent it; none for a request.
    pub server: Option<Arc<Server>>,
    /// Its first bytes.
    pub bytes: Vec<u8>,
    /// Bytes of it that had come.
    pub length: usize,
}

/// The place for one.
#[derive(Debug, Default)]
pub struct RejectedMessageSlot(Mutex<Option<Box<RejectedMessage>>>);

// === impl RejectedMessage ===

impl RejectedMessage {
    /// A message that has just been refused.
    pub fn new(
        event: u64,
        peer: SocketAddr,
        frontend: (Arc<str>, u32),
        server: Option<Arc<Server>>,
        bytes: &[u8],
    ) -> Self {
        let kept = &bytes[..bytes.len().min(MOST)];
        let at = SystemTime::now();
        Self { at, event, peer, frontend, server, bytes: kept.to_vec(), length: bytes.len() }
    }
}

// === impl RejectedMessageSlot ===

impl RejectedMessageSlot {
    /// Keeps `capture` in place of the former one.
    pub fn put(&self, capture: RejectedMessage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(capture));
    }

    /// The last one.
    pub fn get(&self) -> Option<RejectedMessage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_deref().cloned()
    }
}
