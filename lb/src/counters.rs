//! Counters, gauges and means on atomics.
//!
//! Data workers never share a cache line to count: each has its own copy ([`Sharded`]) that only it writes;
//! readers add the copies up. This module does not know what is counted, and takes no lock.

mod latency;
mod mean;
mod rate;
mod standing;
mod tally;
mod traffic;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crossbeam_utils::CachePadded;

pub use latency::{Bucket, Histogram, Latencies, Percentiles, WINDOW};
pub use mean::Mean;
pub use rate::Rate;
pub use standing::UptimeStats;
pub use tally::{Maxima, Means, Tally};
pub use traffic::{Totals, Traffic};

/// A sum, written by one thread and read by any.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

/// A level that many threads change, with its maximum.
#[derive(Debug, Default)]
pub struct Gauge {
    now: AtomicU64,
    max: AtomicU64,
}

/// Holds one unit of a gauge until it is dropped.
#[derive(Debug)]
pub struct GaugeGuard(Arc<Gauge>);

/// The largest value seen.
#[derive(Debug, Default)]
pub struct Peak(AtomicU64);

/// One `T` for each data worker and one for all other threads.
#[derive(Debug)]
pub struct Sharded<T>(Box<[CachePadded<T>]>);

thread_local! {
    /// The index of this thread's copy; the threads of the control side share copy 0.
    static SHARD: Cell<usize> = const { Cell::new(0) };
}

/// Makes this thread the only writer of copy `worker` + 1 of every [`Sharded`] value.
pub fn enter_worker(worker: usize) {
    SHARD.set(worker + 1);
}

/// Whole milliseconds.
#[inline]
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

// === impl Counter ===

impl Counter {
    /// Adds `n`. Only the owning thread may call this: it is a plain load and store, so a concurrent write
    /// would be lost.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Adds `n`, from any thread.
    #[inline]
    pub fn add_shared(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// The sum.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

// === impl Gauge ===

impl Gauge {
    /// Adds one; returns the new level.
    #[inline]
    pub fn up(&self) -> u64 {
        let now = self.now.fetch_add(1, Relaxed) + 1;
        self.record(now);
        now
    }

    /// Adds one, until the result is dropped.
    pub fn hold(self: &Arc<Self>) -> GaugeGuard {
        self.up();
        GaugeGuard(Arc::clone(self))
    }

    /// Subtracts one.
    #[inline]
    pub fn down(&self) {
        self.now.fetch_sub(1, Relaxed);
    }

    /// The level.
    #[inline]
    pub fn get(&self) -> u64 {
        self.now.load(Relaxed)
    }

    /// The maximum since the start or the last [`Gauge::clear_max`].
    pub fn max(&self) -> u64 {
        self.max.load(Relaxed)
    }

    /// Resets the maximum to the current level.
    pub fn clear_max(&self) {
        self.max.store(self.get(), Relaxed);
    }

    #[inline]
    fn record(&self, now: u64) {
        if now > self.max.load(Relaxed) {
            self.max.fetch_max(now, Relaxed);
        }
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.down();
    }
}

// === impl Peak ===

impl Peak {
    /// Takes `value` into account.
    #[inline]
    pub fn record(&self, value: u64) {
        if value > self.0.load(Relaxed) {
            self.0.fetch_max(value, Relaxed);
        }
    }

    /// The largest value since the start or the last [`Peak::clear`].
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Resets.
    pub fn clear(&self) {
        self.0.store(0, Relaxed);
    }
}

// === impl Sharded ===

impl<T: Default> Sharded<T> {
    /// A copy for each of `workers` data workers, and one more.
    pub fn new(workers: usize) -> Self {
        Self((0..=workers).map(|_| CachePadded::default()).collect())
    }
}

impl<T> Sharded<T> {
    /// The copy of this thread.
    #[inline]
    pub fn mine(&self) -> &T {
        let shard = SHARD.get();
        self.0.get(shard).unwrap_or(&self.0[0])
    }

    /// All copies, to be added up.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|padded| &**padded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_keeps_its_highest_level_until_told_to_forget() {
        let gauge = Gauge::default();
        gauge.up();
        gauge.up();
        gauge.down();
        assert_eq!((gauge.get(), gauge.max()), (1, 2));
        gauge.clear_max();
        assert_eq!(gauge.max(), 1);
    }

    #[test]
    fn copies_of_several_workers_add_up() {
        let sharded = Sharded::<Counter>::new(3);
        std::thread::scope(|scope| {
            for worker in 0..3 {
                let sharded = &sharded;
                scope.spawn(move || {
                    enter_worker(worker);
                    (0..1000).for_each(|_| sharded.mine().add(1));
                });
            }
        });
        assert_eq!(sharded.all().map(Counter::get).sum::<u64>(), 3000);
    }
}
