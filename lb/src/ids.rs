//! Identities of this process: of a server, and of a backend.
//!
//! They are numbers that are never given twice, so that what is kept under one (a connection, a claim, an order to a worker) can outlive
//! the server or backend that it is about without being taken for another's.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A server of this process. No two servers share one, not even one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(NonZeroU32);

/// A backend of this process: HAProxy's `iid`, which frontends are numbered by as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendId(u32);

// === impl ServerId ===

impl ServerId {
    /// One that no server has had.
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self(NonZeroU32::MIN.saturating_add(NEXT.fetch_add(1, Relaxed)))
    }

    /// The number itself.
    #[inline]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

// === impl BackendId ===

impl BackendId {
    /// The backend of that number.
    pub fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number itself.
    #[inline]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for BackendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
