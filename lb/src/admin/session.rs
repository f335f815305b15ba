//! Settings of one connection: level, mode, format of replies.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::answer::Prefix;
use crate::config::Level;
use crate::control::{Control, Origin};
use crate::readers::ReaderSlot;

/// How long a client may be silent (HAProxy's `stats timeout`).
const IDLE: Duration = Duration::from_secs(10);
/// Marks numbers of socket connections, which share `show sess` with client connections.
const SOCKET_NUMBERS: u64 = 1 << 63;

/// What happens after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionMode {
    /// The connection ends.
    Single,
    /// It waits for another line.
    Interactive,
    /// It waits for another line and prints a prompt.
    Prompt,
}

/// A connection to the runtime socket.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) control: Arc<Control>,
    /// Its slot among readers.
    pub(super) place: Arc<ReaderSlot>,
    /// The peer, as recorded with its commands.
    pub(super) origin: Origin,
    /// Its number in `show sess`.
    pub(super) id: u64,
    /// Its level, which can only be lowered.
    pub(super) level: Level,
    pub(super) mode: SessionMode,
    /// The prompt shows the uptime.
    pub(super) timed: bool,
    pub(super) prefix: Prefix,
    pub(super) idle: Duration,
    pub(super) expert: bool,
    pub(super) experimental: bool,
}

// === impl Session ===

impl Session {
    pub(super) fn new(control: Arc<Control>, place: ReaderSlot, level: Level, origin: Origin) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            control,
            place: Arc::new(place),
            origin,
            id: SOCKET_NUMBERS | NEXT.fetch_add(1, Relaxed),
            level,
            mode: SessionMode::Single,
            timed: false,
            prefix: Prefix::None,
            idle: IDLE,
            expert: false,
            experimental: false,
        }
    }

    /// What follows the last reply to a line.
    pub(super) fn prompt(&self) -> String {
        match self.mode {
            SessionMode::Single | SessionMode::Interactive => String::new(),
            SessionMode::Prompt if self.timed => {
                let up = self.control.shared().process.started.elapsed().as_secs();
                let (days, hours, minutes) = (up / 86_400, up / 3600 % 24, up / 60 % 60);
                format!("[{days}:{hours:02}:{minutes:02}:{:02}]> ", up % 60)
            }
            SessionMode::Prompt => "> ".to_owned(),
        }
    }
}
