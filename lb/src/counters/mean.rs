//! A sliding mean of about the last 1,024 values, in one word.
//!
//! It keeps a scaled sum that loses 1/1024 of itself with each new value: this is what HAProxy's `qtime`,
//! `ctime`, `rtime` and `ttime` columns show (HAProxy manual, management, section 9.1).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const WINDOW: u64 = 1024;

/// A sliding mean, written by one thread and read by any.
#[derive(Debug, Default)]
pub struct Mean {
    /// Sum of the last values, at most `WINDOW` of them.
    sum: AtomicU64,
    /// How many values are in `sum`, at most `WINDOW`.
    count: AtomicU64,
}

impl Mean {
    /// Adds a value. Only the owning thread may call this.
    #[inline]
    pub fn record(&self, value: u64) {
        let (sum, count) = (self.sum.load(Relaxed), self.count.load(Relaxed));
        if count < WINDOW {
            self.sum.store(sum + value, Relaxed);
            self.count.store(count + 1, Relaxed);
        } else {
            self.sum.store(sum - sum.div_ceil(WINDOW) + value, Relaxed);
        }
    }

    /// The combined mean of several, 0 without values.
    pub fn of<'a>(means: impl Iterator<Item = &'a Self>) -> u64 {
        let (sum, count) = means.fold((0, 0), |(sum, count), mean| {
            (sum + mean.sum.load(Relaxed), count + mean.count.load(Relaxed))
        });
        sum.checked_div(count).unwrap_or(0)
    }

    /// Drops all values.
    pub fn clear(&self) {
        self.count.store(0, Relaxed);
        self.sum.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_values_give_their_plain_mean() {
        let mean = Mean::default();
        [10, 20, 30].iter().for_each(|value| mean.record(*value));
        assert_eq!(Mean::of([&mean].into_iter()), 20);
    }

    #[test]
    fn old_values_fade() {
        let mean = Mean::default();
        (0..2000).for_each(|_| mean.record(100));
        (0..10_000).for_each(|_| mean.record(5));
        assert_eq!(Mean::of([&mean].into_iter()), 5);
    }
}
