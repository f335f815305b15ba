//! Whether something runs, since when, and how long it has not.

use std::time::Duration;

use tokio::time::Instant;

/// The running or not running of one thing over time.
#[derive(Debug, Clone)]
pub struct UptimeStats {
    running: bool,
    since: Instant,
    /// Time not running, without the present stretch.
    downtime: Duration,
    downs: u64,
    /// It has stopped once.
    stopped: bool,
}

// === impl UptimeStats ===

impl UptimeStats {
    /// From now on.
    pub fn new(running: bool) -> Self {
        Self { running, since: Instant::now(), downtime: Duration::ZERO, downs: 0, stopped: false }
    }

    /// Says whether it runs now.
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

    /// For how long it has run since it last began to; `None` while it does not, and when it ran from the beginning.
    pub fn running_again(&self) -> Option<Duration> {
        (self.running && self.stopped).then(|| self.since.elapsed())
    }

    /// When it last changed.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Time not running, with the present stretch.
    pub fn downtime(&self) -> Duration {
        if self.running { self.downtime } else { self.downtime + self.since.elapsed() }
    }

    /// Times it stopped running, since the start or since it was last [forgotten](Self::forget).
    pub fn downs(&self) -> u64 {
        self.downs
    }

    /// Begins to count anew. What was and how long it took stays.
    pub fn forget(&mut self) {
        self.downs = 0;
    }
}
