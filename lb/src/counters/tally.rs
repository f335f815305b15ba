//! All statistics of one object: counters by worker, maxima, rates, and what was cleared.
//!
//! Workers only touch [`Tally::mine`] and [`Tally::maxima`]. Clearing never writes to a worker's counters: it
//! stores their values as the new base.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::latency::SlidingWindow;
use super::{Histogram, Mean, Peak, Percentiles, Rate, Sharded, Totals, Traffic};

/// Statistics of one frontend, backend or server.
#[derive(Debug)]
pub struct Tally {
    shards: Sharded<Traffic>,
    /// Maxima.
    pub maxima: Maxima,
    /// Unix time of the end of the last exchange, seconds; 0 before the first.
    last: AtomicU64,
    read: Mutex<ReaderTotals>,
}

/// Maxima since the start or the last clearing; times in milliseconds.
#[derive(Debug, Default)]
pub struct Maxima {
    /// Longest wait in the queue.
    pub queue_time: Peak,
    /// Longest connect.
    pub connect_time: Peak,
    /// Longest wait for a response's head.
    pub response_time: Peak,
    /// Longest exchange.
    pub total_time: Peak,
}

/// Sliding means over about the last 1,024 exchanges, in milliseconds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Means {
    /// Wait in the queue.
    pub queue_time: u64,
    /// Time to connect.
    pub connect_time: u64,
    /// Time to the response's head.
    pub response_time: u64,
    /// Whole exchange.
    pub total_time: u64,
}

/// State that only readers use.
#[derive(Debug, Default)]
struct ReaderTotals {
    base: Totals,
    latency_base: Histogram,
    latencies: SlidingWindow,
    requests: Rate,
    connections: Rate,
    bytes_out: Rate,
}

// === impl Tally ===

impl Tally {
    /// A tally with a copy for each of `workers` data workers.
    pub fn new(workers: usize) -> Self {
        Self {
            shards: Sharded::new(workers),
            maxima: Maxima::default(),
            last: AtomicU64::new(0),
            read: Mutex::default(),
        }
    }

    /// The counters of this thread.
    #[inline]
    pub fn mine(&self) -> &Traffic {
        self.shards.mine()
    }

    /// Records that an exchange has ended just now.
    #[inline]
    pub fn touch(&self, unix_seconds: u64) {
        self.last.store(unix_seconds, Relaxed);
    }

    /// Seconds since the last exchange ended; `None` before the first.
    pub fn last_session_age(&self) -> Option<u64> {
        let last = self.last.load(Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        (last > 0).then(|| now.saturating_sub(last))
    }

    /// Totals since the start or the last [`Tally::clear`].
    pub fn totals(&self) -> Totals {
        Totals::of(&self.shards).since(&self.read().base)
    }

    /// Exchanges that have begun and not ended; clearing does not change it.
    pub fn open(&self) -> u64 {
        let totals = Totals::of(&self.shards);
        totals.requests.saturating_sub(totals.ended)
    }

    /// Means over all workers.
    pub fn means(&self) -> Means {
        let mean = |of: fn(&Traffic) -> &Mean| Mean::of(self.shards.all().map(of));
        Means {
            queue_time: mean(|traffic| &traffic.queue_time),
            connect_time: mean(|traffic| &traffic.connect_time),
            response_time: mean(|traffic| &traffic.response_time),
            total_time: mean(|traffic| &traffic.total_time),
        }
    }

    /// Times to the response's head, since the start or the last [`Tally::clear`].
    pub fn latencies(&self) -> Histogram {
        self.all_latencies().since(&self.read().latency_base)
    }

    /// Percentiles of the last minute, or since [`Tally::clear`]; `None` without values.
    pub fn percentiles(&self) -> Option<Percentiles> {
        let now = self.all_latencies();
        self.read().latencies.window(&now).percentiles()
    }

    /// Percentiles since `counted` was set, and sets it again; `None` without values.
    pub fn percentiles_since(&self, counted: &mut Option<Box<Histogram>>) -> Option<Percentiles> {
        let now = self.all_latencies();
        let found = match counted {
            Some(before) => now.since(before).percentiles(),
            None => now.percentiles(),
        };
        // Most servers of a large backend have nothing to store.
        if found.is_some() {
            *counted = Some(Box::new(now));
        }
        found
    }

    fn all_latencies(&self) -> Histogram {
        Histogram::of(&self.shards, |traffic| &traffic.latency)
    }

    /// Takes a sample for the rates. Must be called several times a second.
    pub fn sample(&self, now: Instant) {
        let totals = Totals::of(&self.shards);
        let mut read = self.read();
        read.requests.sample(now, totals.requests);
        read.connections.sample(now, totals.connections);
        read.latencies.sample(now, || self.all_latencies());
        read.bytes_out.sample(now, totals.bytes_out);
    }

    /// Requests in the last second, and the maximum.
    pub fn request_rate(&self) -> (u64, u64) {
        let read = self.read();
        (read.requests.get(), read.requests.max())
    }

    /// Connections in the last second, and the maximum.
    pub fn connection_rate(&self) -> (u64, u64) {
        let read = self.read();
        (read.connections.get(), read.connections.max())
    }

    /// Bytes to clients in the last second.
    pub fn byte_rate(&self) -> u64 {
        self.read().bytes_out.get()
    }

    /// Resets maxima of values and rates.
    pub fn clear_maxima(&self) {
        let Maxima { queue_time, connect_time, response_time, total_time } = &self.maxima;
        [queue_time, connect_time, response_time, total_time].into_iter().for_each(Peak::clear);
        let mut read = self.read();
        read.requests.clear_max();
        read.connections.clear_max();
    }

    /// Resets all totals and means.
    pub fn clear(&self) {
        self.clear_maxima();
        let latencies = self.all_latencies();
        let mut read = self.read();
        read.base = Totals::of(&self.shards);
        read.latencies.clear(Instant::now(), latencies.clone());
        read.latency_base = latencies;
        drop(read);
        for shard in self.shards.all() {
            let means = [&shard.queue_time, &shard.connect_time, &shard.response_time, &shard.total_time];
            means.into_iter().for_each(Mean::clear);
        }
    }

    fn read(&self) -> MutexGuard<'_, ReaderTotals> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Bucket;
    use super::*;

    #[test]
    fn clearing_makes_sums_begin_again_without_touching_the_workers() {
        let tally = Tally::new(1);
        tally.mine().requests.add(5);
        tally.mine().total_time.record(80);
        tally.mine().latency.record(Bucket::of(Duration::from_millis(80)));
        assert_eq!((tally.latencies().count(), tally.percentiles().unwrap().count), (1, 1));
        tally.clear();
        assert_eq!((tally.totals(), tally.means()), (Totals::default(), Means::default()));
        assert_eq!((tally.latencies().count(), tally.percentiles()), (0, None));
        tally.mine().requests.add(2);
        assert_eq!(tally.totals().requests, 2);
        assert_eq!(tally.mine().requests.get(), 7);
    }
}
