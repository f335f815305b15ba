//! Tracks whether something is up, since when, and its total downtime.

use std::time::Duration;

use tokio::time::Instant;

/// Uptime of one thing.
#[derive(Debug, Clone)]
pub struct UptimeStats {
    running: bool,
    since: Instant,
    /// Downtime, without the current stretch.
    downtime: Duration,
    downs: u64,
    /// Whether it has been down at least once.
    stopped: bool,
}

// === impl UptimeStats ===

impl UptimeStats {
    /// Starts now.
    pub fn new(running: bool) -> Self {
        Self { running, since: Instant::now(), downtime: Duration::ZERO, downs: 0, stopped: false }
    }

    /// Records whether it is up now.
    pub fn turn(&mut self, running: bool) {
        if running == self.running {
            return;
        }
        if running {
            self.downtime += self.since.elapsed();
        } else {
            self.downs += 1;
            self.stopped = true;
        }
        self.running = running;
        self.since = Instant::now();
    }

    /// How long it has been up since its last downtime; `None` while it is down, and if it was never down.
    pub fn running_again(&self) -> Option<Duration> {
        (self.running && self.stopped).then(|| self.since.elapsed())
    }

    /// When it last changed.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Downtime, including the current stretch.
    pub fn downtime(&self) -> Duration {
        if self.running { self.downtime } else { self.downtime + self.since.elapsed() }
    }

    /// How often it went down, since the start or the last [`Self::forget`].
    pub fn downs(&self) -> u64 {
        self.downs
    }

    /// Resets the count. State and downtime stay.
    pub fn forget(&mut self) {
        self.downs = 0;
    }
}
