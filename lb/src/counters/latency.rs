//! Latency histograms with round bucket limits, and percentiles.
//!
//! Recording is one plain increment in the worker's own array (and one of a sum); the rest is done by readers. A
//! bucket is at most a seventh wide, so a percentile is off by at most that much.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::{Counter, Sharded};

/// The period that percentiles cover.
pub const WINDOW: Duration = Duration::from_secs(60);
/// Interval between readings at which the window may begin.
const STEP: Duration = Duration::from_secs(10);

/// The limits of one decade, in hundredths of its first. They include 1, 2.5 and 5, the usual limits of alerts.
const DECADE: [u64; 20] =
    [100, 112, 125, 140, 160, 180, 200, 224, 250, 280, 315, 355, 400, 450, 500, 560, 630, 710, 800, 900];
/// From 10 microseconds to 100 seconds.
const DECADES: usize = 7;
/// Limits; the last one ends the last decade.
const LIMITS: usize = DECADE.len() * DECADES + 1;
/// One bucket for each limit (values above the previous limit, up to this one), and one for everything above the
/// last.
const BUCKETS: usize = LIMITS + 1;

/// The limits, nanoseconds.
const NANOS: [u64; LIMITS] = limits();

/// The bucket of a latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    index: usize,
    micros: u64,
}

/// Latencies that one worker has recorded.
#[derive(Debug)]
pub struct Latencies {
    buckets: [Counter; BUCKETS],
    /// Sum of all, microseconds.
    sum: Counter,
}

/// Counts of all workers at one moment, or between two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BUCKETS],
    micros: u64,
}

/// Percentiles of the last minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percentiles {
    /// Number of values.
    pub count: u64,
    /// The median.
    pub p50: Duration,
    /// The 90th percentile.
    pub p90: Duration,
    /// The 99th percentile.
    pub p99: Duration,
    /// The 99.9th percentile.
    pub p999: Duration,
}

/// Readings of the last minute, for a window that slides.
#[derive(Debug, Default)]
pub(super) struct SlidingWindow {
    /// Oldest first. All but the first are within the window.
    readings: VecDeque<(Instant, Box<Histogram>)>,
}

const fn limits() -> [u64; LIMITS] {
    let mut limits = [0; LIMITS];
    let (mut index, mut unit) = (0, 100);
    while index < LIMITS {
        limits[index] = unit * DECADE[index % DECADE.len()];
        index += 1;
        if index % DECADE.len() == 0 {
            unit *= 10;
        }
    }
    limits
}

// === impl Bucket ===

impl Bucket {
    /// The bucket of `time`.
    #[inline]
    pub fn of(took: Duration) -> Self {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        Self { index: NANOS.partition_point(|limit| *limit < nanos), micros: nanos / 1000 }
    }
}

// === impl Latencies ===

impl Latencies {
    /// Records a latency. Only the owning thread may call this.
    #[inline]
    pub fn record(&self, bucket: Bucket) {
        self.buckets[bucket.index].add(1);
        self.sum.add(bucket.micros);
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| Counter::default()), sum: Counter::default() }
    }
}

// === impl Histogram ===

impl Histogram {
    /// Adds up the copies of all workers.
    pub(super) fn of<T>(sharded: &Sharded<T>, latencies: impl Fn(&T) -> &Latencies) -> Self {
        let mut spread = Self::default();
        for shard in sharded.all().map(latencies) {
            for (sum, counter) in spread.buckets.iter_mut().zip(&shard.buckets) {
                *sum += counter.get();
            }
            spread.micros = spread.micros.wrapping_add(shard.sum.get());
        }
        spread
    }

    /// What was recorded since the earlier reading `base`.
    #[must_use]
    pub(super) fn since(&self, base: &Self) -> Self {
        let mut spread = self.clone();
        for (now, base) in spread.buckets.iter_mut().zip(&base.buckets) {
            *now = now.wrapping_sub(*base);
        }
        spread.micros = self.micros.wrapping_sub(base.micros);
        spread
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Sum of all values.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.micros)
    }

    /// How many values are at most `limit`. Exact for bucket limits: 1, 2.5 or 5 times a power of ten.
    pub fn at_most(&self, limit: Duration) -> u64 {
        let buckets = NANOS.partition_point(|nanos| u128::from(*nanos) <= limit.as_nanos());
        self.buckets[..buckets].iter().sum()
    }

    /// The percentiles; `None` without values.
    pub fn percentiles(&self) -> Option<Percentiles> {
        let count = self.count();
        let at = |permille| self.permille(permille, count);
        (count > 0).then(|| Percentiles { count, p50: at(500), p90: at(900), p99: at(990), p999: at(999) })
    }

    /// The value that `permille` of 1,000 do not exceed: the bucket is exact, the position in it is
    /// interpolated.
    fn permille(&self, permille: u64, count: u64) -> Duration {
        let rank = (u128::from(count) * u128::from(permille)).div_ceil(1000).max(1);
        let mut before = 0;
        for (index, bucket) in self.buckets.iter().map(|bucket| u128::from(*bucket)).enumerate() {
            if before + bucket >= rank {
                let low = if index == 0 { 0 } else { NANOS[index - 1] };
                // The last bucket has no upper limit.
                let high = NANOS.get(index).copied().unwrap_or(low);
                let part = u128::from(high - low) * (rank - before) / bucket;
                return Duration::from_nanos(low + u64::try_from(part).unwrap_or_default());
            }
            before += bucket;
        }
        Duration::ZERO
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], micros: 0 }
    }
}

// === impl SlidingWindow ===

impl SlidingWindow {
    /// Takes a reading, if one is due.
    pub(super) fn sample(&mut self, now: Instant, read: impl FnOnce() -> Histogram) {
        if self.readings.back().is_some_and(|(at, _)| now.duration_since(*at) < STEP) {
            return;
        }
        self.readings.push_back((now, Box::new(read())));
        while self.readings.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.readings.pop_front();
        }
    }

    /// What was recorded within the window: up to one step longer than a minute, or as long as there are
    /// readings.
    pub(super) fn window(&self, now: &Histogram) -> Histogram {
        self.readings.front().map_or_else(|| now.clone(), |(_, base)| now.since(base))
    }

    /// Drops all readings and starts with `base`.
    pub(super) fn clear(&mut self, now: Instant, base: Histogram) {
        self.readings.clear();
        self.readings.push_back((now, Box::new(base)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(times: &[(u64, Duration)]) -> Histogram {
        let sharded = Sharded::<Latencies>::new(0);
        for (count, took) in times {
            (0..*count).for_each(|_| sharded.mine().record(Bucket::of(*took)));
        }
        Histogram::of(&sharded, |latencies| latencies)
    }

    #[test]
    fn limits_are_round_and_belong_to_the_bucket_below() {
        assert_eq!((NANOS[0], NANOS[LIMITS - 1]), (10_000, 100_000_000_000));
        for micros in [10, 25, 50, 1_000, 2_500, 5_000, 10_000, 250_000, 500_000, 10_000_000] {
            assert!(NANOS.contains(&(micros * 1000)), "{micros}");
            let limit = Duration::from_micros(micros);
            let spread = counted(&[(3, limit), (2, limit + Duration::from_nanos(1))]);
            assert_eq!((spread.at_most(limit), spread.count()), (3, 5), "{micros}");
        }
        assert!(NANOS.windows(2).all(|pair| pair[0] < pair[1] && pair[1] * 7 <= pair[0] * 8));
    }

    #[test]
    fn percentiles_are_at_most_a_bucket_off() {
        let millis = Duration::from_millis;
        let all = counted(&[(900, millis(3)), (90, millis(40)), (9, millis(700)), (1, millis(6000))]);
        let Percentiles { count, p50, p90, p99, p999 } = all.percentiles().unwrap();
        assert_eq!(count, 1000);
        for (found, wanted) in [(p50, 3), (p90, 3), (p99, 40), (p999, 700)] {
            let (found, wanted) = (found.as_nanos(), millis(wanted).as_nanos());
            assert!(found.abs_diff(wanted) * 7 <= wanted, "{found} {wanted}");
        }
        assert_eq!(all.sum(), millis(900 * 3 + 90 * 40 + 9 * 700 + 6000));
        assert_eq!(Histogram::default().percentiles(), None);
    }

    #[test]
    fn what_exceeds_all_limits_and_what_takes_no_time_is_counted_too() {
        let spread = counted(&[(1, Duration::ZERO), (1, Duration::MAX)]);
        assert_eq!((spread.count(), spread.at_most(Duration::from_secs(100))), (2, 1));
        assert_eq!(spread.percentiles().unwrap().p999, Duration::from_secs(100));
    }

    #[test]
    fn the_window_moves_and_can_begin_again() {
        let (start, mut recent) = (Instant::now(), SlidingWindow::default());
        let slow = |count| counted(&[(count, Duration::from_secs(1))]);
        let second = Duration::from_secs(1);
        for at in 0..=120u32 {
            recent.sample(start + second * at, || slow(u64::from(at.min(70))));
        }
        assert_eq!(recent.window(&slow(70)).count(), 10, "the readings at 60 and 70 differ by ten");
        recent.clear(start, slow(70));
        assert_eq!(recent.window(&slow(72)).count(), 2);
    }
}
