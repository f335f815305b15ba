//! How often something happened lately: two counts, of this span of time and of the one before (HAProxy's frequency counters).
//!
//! It refuses to know a clock: milliseconds are given.

/// A rate.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Freq {
    /// When the present span began, milliseconds.
    began: u64,
    now: u64,
    before: u64,
}

// === impl Freq ===

impl Freq {
    /// `count` more at `at`.
    pub(super) fn add(&mut self, count: u64, at: u64, period: u64) {
        *self = self.turned(at, period);
        self.now += count;
    }

    /// It is `count`, as of `at`.
    pub(super) fn set(&mut self, count: u64, at: u64) {
        *self = Self { began: at, now: count, before: 0 };
    }

    /// How often in the last `period`: what is missing of the present one is taken from the one before.
    pub(super) fn read(self, at: u64, period: u64) -> u64 {
        let Self { began, now, before } = self.turned(at, period);
        let left = period.saturating_sub(at.saturating_sub(began));
        now + before.saturating_mul(left) / period.max(1)
    }

    fn turned(self, at: u64, period: u64) -> Self {
        match at.saturating_sub(self.began) {
            passed if passed < period => self,
            passed if passed < 2 * period => Self { began: self.began + period, now: 0, before: self.now },
            _ => Self { began: at, now: 0, before: 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_counts_less_and_less() {
        let mut freq = Freq::default();
        freq.add(10, 500, 1000);
        assert_eq!(freq.read(999, 1000), 10);
        for (at, expected) in [(1000, 10), (1500, 5), (1999, 0), (2500, 0)] {
            assert_eq!(freq.read(at, 1000), expected, "{at}");
        }
        freq.add(4, 1500, 1000);
        assert_eq!(freq.read(1500, 1000), 9);
        freq.set(7, 1600);
        assert_eq!(freq.read(1700, 1000), 7);
    }
}
