//! The books of a run: counts, latencies, failures, and the longest time without a success. Time comes in from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;

use crate::exchange::NodeIdentity;
use crate::fault::Failure;
use crate::health::Pulse;
use crate::mix::Kind;
use crate::options::Options;
use crate::report::{KindReport, Latency, NodeReport, ReasonReport, Report};
use crate::worker::Outcome;

/// Latencies above this are counted as this: no request outlives its timeout by much.
const MAX_LATENCY: Duration = Duration::from_secs(3600);

/// The books.
pub(crate) struct Tally {
    start: Instant,
    total: Entry,
    kinds: BTreeMap<Kind, Entry>,
    nodes: BTreeMap<Option<NodeIdentity>, Entry>,
    causes: BTreeMap<(Kind, String), u64>,
    failures: Vec<Failure>,
    keep_failures: usize,
    reconnected: u64,
    replayed: u64,
    gap: Gap,
    recent: Entry,
    introduced: BTreeSet<NodeIdentity>,
    waits_for_words: bool,
}

/// The counts of one kind, one node, or all.
struct Entry {
    requests: u64,
    failed: u64,
    /// Microseconds, of successes.
    latency: Histogram<u32>,
}

/// The longest time between two consecutive successes, the start and the end of sending included.
#[derive(Debug)]
struct Gap {
    last: Instant,
    longest: Duration,
    closed: bool,
}

// === impl Tally ===

impl Tally {
    pub(crate) fn new(options: &Options, start: Instant) -> Self {
        Self {
            start,
            total: Entry::default(),
            kinds: BTreeMap::new(),
            nodes: BTreeMap::new(),
            causes: BTreeMap::new(),
            failures: Vec::new(),
            keep_failures: options.keep_failures,
            reconnected: 0,
            replayed: 0,
            gap: Gap { last: start, longest: Duration::ZERO, closed: false },
            recent: Entry::default(),
            introduced: BTreeSet::new(),
            waits_for_words: options.mix.weight(Kind::Get) > 0,
        }
    }

    /// Enters one request.
    pub(crate) fn record(&mut self, outcome: &Outcome) {
        self.reconnected += outcome.reconnected;
        self.replayed += u64::from(outcome.replayed);
        let latency = outcome.result.is_ok().then(|| outcome.ended - outcome.started);
        self.total.add(latency);
        self.recent.add(latency);
        self.kinds.entry(outcome.kind).or_default().add(latency);
        self.nodes.entry(outcome.identity.clone()).or_default().add(latency);
        match &outcome.result {
            Ok(_) => self.gap.success(outcome.ended),
            Err(reason) => {
                *self.causes.entry((outcome.kind, reason.cause())).or_default() += 1;
                if self.failures.len() < self.keep_failures {
                    self.failures.push(Failure {
                        at_ms: millis(outcome.ended - self.start),
                        unix_ms: unix_ms(SystemTime::now()),
                        kind: outcome.kind,
                        node: outcome.identity.as_ref().map(|identity| identity.node.clone()),
                        version: outcome.identity.as_ref().map(|identity| identity.version.clone()),
                        cause: reason.cause(),
                        reason: reason.to_string(),
                        sent: outcome.sent,
                    });
                }
            }
        }
    }

    /// The line that introduces a node and version, when this is their first good answer; where `GET /` is in the mix, their
    /// first good answer to that, because it is the one that says something.
    pub(crate) fn introduce(&mut self, outcome: &Outcome) -> Option<String> {
        let (Ok(said), Some(identity)) = (&outcome.result, &outcome.identity) else { return None };
        if (self.waits_for_words && said.is_none()) || !self.introduced.insert(identity.clone()) {
            return None;
        }
        let NodeIdentity { node, version } = identity;
        Some(match said {
            Some(words) => format!("{node} {version} says {words}"),
            None => format!("{node} {version} answers {}", outcome.kind),
        })
    }

    /// Sending is over: what comes in from now on is still counted, but fewer and fewer answers are no gap.
    pub(crate) fn close(&mut self, now: Instant) {
        self.gap.close(now);
    }

    /// The live line, over the time since the last one.
    pub(crate) fn live(&mut self, now: Instant, interval: Duration) -> String {
        let recent = std::mem::take(&mut self.recent);
        let rate = recent.requests as f64 / interval.as_secs_f64();
        let latency = recent.latency();
        format!(
            "{:>4}s: {} requests, {} failed, {rate:.0}/s, p50 {:.1} ms, p99 {:.1} ms, longest gap {} ms",
            (now - self.start).as_secs(),
            self.total.requests,
            self.total.failed,
            latency.p50_ms,
            latency.p99_ms,
            millis(self.gap.until(now)),
        )
    }

    /// What a health check goes by.
    pub(crate) fn pulse(&self, now: Instant) -> Pulse {
        let Entry { requests, failed, .. } = self.total;
        let since_success = (requests > failed).then(|| now.saturating_duration_since(self.gap.last));
        Pulse { requests, failed, since_success, sending: !self.gap.closed }
    }

    pub(crate) fn report(&self, options: &Options, now: Instant) -> Report {
        let elapsed = now - self.start;
        let listed = self.failures.len() as u64;
        Report {
            name: options.name.clone(),
            target: options.target.to_string(),
            mix: options.mix.to_string(),
            elapsed_ms: millis(elapsed),
            requests: self.total.requests,
            failed: self.total.failed,
            reconnected: self.reconnected,
            replayed: self.replayed,
            rate: self.total.requests as f64 / elapsed.as_secs_f64().max(0.001),
            longest_gap_ms: millis(self.gap.until(now)),
            latency: self.total.latency(),
            kinds: self.kinds.iter().map(|(kind, entry)| entry.kind(*kind)).collect(),
            nodes: self.nodes.iter().map(|(identity, entry)| entry.node(identity.as_ref())).collect(),
            reasons: self
                .causes
                .iter()
                .map(|((kind, cause), count)| ReasonReport {
                    kind: *kind,
                    cause: cause.clone(),
                    count: *count,
                })
                .collect(),
            failures: self.failures.clone(),
            failures_not_listed: self.total.failed - listed,
        }
    }
}

// === impl Entry ===

impl Default for Entry {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "three digits are always within the library's limits")]
        let latency = Histogram::new(3).expect("a histogram of three digits");
        Self { requests: 0, failed: 0, latency }
    }
}

impl Entry {
    /// Counts a request; `None` is a failed one.
    fn add(&mut self, latency: Option<Duration>) {
        self.requests += 1;
        match latency {
            Some(latency) => {
                let micros = latency.clamp(Duration::from_micros(1), MAX_LATENCY).as_micros();
                // It grows as needed; the value is clamped above.
                let _ = self.latency.record(micros as u64);
            }
            None => self.failed += 1,
        }
    }

    fn latency(&self) -> Latency {
        let ms = |micros: u64| micros as f64 / 1000.0;
        Latency {
            p50_ms: ms(self.latency.value_at_quantile(0.5)),
            p99_ms: ms(self.latency.value_at_quantile(0.99)),
            max_ms: ms(self.latency.max()),
        }
    }

    fn kind(&self, kind: Kind) -> KindReport {
        KindReport { kind, requests: self.requests, failed: self.failed, latency: self.latency() }
    }

    fn node(&self, identity: Option<&NodeIdentity>) -> NodeReport {
        NodeReport {
            node: identity.map(|identity| identity.node.clone()),
            version: identity.map(|identity| identity.version.clone()),
            requests: self.requests,
            failed: self.failed,
            latency: self.latency(),
        }
    }
}

// === impl Gap ===

impl Gap {
    fn success(&mut self, at: Instant) {
        if !self.closed {
            self.longest = self.until(at);
            self.last = self.last.max(at);
        }
    }

    fn close(&mut self, now: Instant) {
        self.success(now);
        self.closed = true;
    }

    /// The longest, with the one that is open.
    fn until(&self, now: Instant) -> Duration {
        if self.closed { self.longest } else { self.longest.max(now.saturating_duration_since(self.last)) }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn unix_ms(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, millis)
}

#[cfg(test)]
mod tests;
