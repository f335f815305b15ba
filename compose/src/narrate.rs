//! What `compose` tells the operator: one line an event, with the seconds since it started.
//!
//! It writes to standard output only and keeps nothing.

use std::fmt::Display;
use std::time::Instant;

/// Prints lines with the time since it was made.
#[derive(Clone, Copy)]
pub(crate) struct Narrator {
    started: Instant,
}

// === impl Narrator ===

impl Narrator {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(crate) fn say(&self, text: impl Display) {
        println!("[{:7.3}s] {text}", self.started.elapsed().as_secs_f64());
    }
}
