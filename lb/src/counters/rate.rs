//! Events in the last second, and their maximum, derived from a running total.
//!
//! A sampler on the control side reads the total several times a second, so that a rate costs the hot path
//! nothing. The window is always one second.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(1);

/// A rate over the last second.
#[derive(Debug, Default)]
pub struct Rate {
    /// Readings of the total, oldest first. All but the first are within the window.
    readings: VecDeque<(Instant, u64)>,
    max: u64,
}

// === impl Rate ===

impl Rate {
    /// Takes a reading of the total.
    pub fn sample(&mut self, now: Instant, total: u64) {
        self.readings.push_back((now, total));
        while self.readings.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.readings.pop_front();
        }
        self.max = self.max.max(self.get());
    }

    /// Events in the window that the readings span.
    pub fn get(&self) -> u64 {
        match (self.readings.front(), self.readings.back()) {
            (Some((_, first)), Some((_, last))) => last.saturating_sub(*first),
            _ => 0,
        }
    }

    /// The maximum of [`Rate::get`] since the start or the last [`Rate::clear_max`].
    pub fn max(&self) -> u64 {
        self.max
    }

    /// Resets the maximum.
    pub fn clear_max(&mut self) {
        self.max = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_last_second_added() {
        let start = Instant::now();
        let mut rate = Rate::default();
        for tenth in 0..30u32 {
            rate.sample(start + Duration::from_millis(100) * tenth, u64::from(tenth.min(20)) * 5);
        }
        assert_eq!(rate.get(), 5, "only the first tenth of the last second added anything");
        assert_eq!(rate.max(), 50);
        rate.clear_max();
        assert_eq!(rate.max(), 0);
    }
}
