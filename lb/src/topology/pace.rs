//! How fast clients may come: a limit of connections a second, or none.
//!
//! Turns are handed out evenly, with a hundredth of a second to catch up, so that a limit holds within each second. It refuses to turn
//! anybody away: who is too early waits in the kernel's queue.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

/// What may be caught up after a pause.
const SLACK: Duration = Duration::from_millis(10);

/// A limit of events a second.
#[derive(Debug)]
pub struct Pace {
    /// 0 = no limit.
    limit: AtomicU32,
    /// When the next turn is, nanoseconds after `began`.
    next: AtomicU64,
    began: Instant,
}

// === impl Pace ===

impl Pace {
    /// No limit.
    pub fn unlimited() -> Self {
        Self { limit: AtomicU32::new(0), next: AtomicU64::new(0), began: Instant::now() }
    }

    /// Events a second; 0 = no limit.
    pub fn limit(&self) -> u32 {
        self.limit.load(Relaxed)
    }

    /// Changes the limit.
    pub fn set_limit(&self, limit: u32) {
        self.limit.store(limit, Relaxed);
    }

    /// Waits for a turn.
    pub async fn turn(&self) {
        let limit = self.limit();
        if limit == 0 {
            return;
        }
        let interval = 1_000_000_000 / u64::from(limit);
        let now = self.nanos();
        let earliest = now.saturating_sub(nanos(SLACK));
        let mut turn = 0;
        // Always succeeds: the closure never declines.
        let _ = self.next.fetch_update(Relaxed, Relaxed, |next| {
            turn = next.max(earliest);
            Some(turn + interval)
        });
        if turn > now {
            tokio::time::sleep(Duration::from_nanos(turn - now)).await;
        }
    }

    fn nanos(&self) -> u64 {
        nanos(self.began.elapsed())
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_limit_holds_in_each_second_and_none_does_not_wait() {
        let (pace, start) = (Pace::unlimited(), Instant::now());
        for _ in 0..1000 {
            pace.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        pace.set_limit(100);
        let mut times = Vec::new();
        while start.elapsed() < Duration::from_secs(3) {
            pace.turn().await;
            times.push(start.elapsed());
        }
        for second in 0..3 {
            let within = times.iter().filter(|time| time.as_secs() == second).count();
            assert!((95..=102).contains(&within), "{within} in second {second}");
        }
    }
}
