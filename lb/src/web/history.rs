//! History of the last minute: one sample a second of an [`Overview`], for sparklines and for "last minute"
//! figures.
//!
//! Objects that no longer exist are dropped.

use std::collections::{HashMap, VecDeque};

use crate::counters::{Histogram, Tally};
use crate::report::Overview;
use crate::report::overview::{BackendReport, ServerView, TrafficReport};
use crate::topology::Topology;

/// Number of kept differences: one minute.
const KEPT: usize = 60;

/// Tracks by name: `` is the process, `backend/` a backend, `backend/server` a server.
#[derive(Debug, Default)]
pub(super) struct History {
    tracks: HashMap<String, HistoryTrack>,
    round: u64,
}

/// History of one object.
#[derive(Debug, Default)]
struct HistoryTrack {
    samples: VecDeque<Sample>,
    /// The latency counts at the last sample.
    counted: Option<Box<Histogram>>,
    /// The sampling round that last saw the object.
    round: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sample {
    requests: u64,
    failures: u64,
    in_flight: u64,
    latency: Option<u64>,
}

/// Values of one object, one a second, the newest last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Trend {
    /// Requests.
    pub(super) requests: Vec<u64>,
    /// Responses with 5xx, and failed exchanges.
    pub(super) failures: Vec<u64>,
    /// Exchanges in flight.
    pub(super) in_flight: Vec<u64>,
    /// 99th percentile of the time to the response head in each second, microseconds; `None` without
    /// responses.
    pub(super) latency: Vec<Option<u64>>,
}

// === impl History ===

impl History {
    /// Takes a sample. Latencies are read from the counters of `topology`.
    pub(super) fn record(&mut self, overview: &Overview, topology: &Topology) {
        self.round += 1;
        let frontends = || overview.frontends.iter();
        let process = Sample {
            requests: overview.process.requests_total,
            failures: frontends().map(|frontend| failures(&frontend.traffic)).sum(),
            in_flight: overview.backends.iter().map(|backend| backend.in_flight).sum(),
            latency: None,
        };
        self.push(String::new(), process, None);
        for backend in &overview.backends {
            let now = topology.backend(&backend.name);
            let sample = Sample::of(&backend.traffic, backend.in_flight);
            self.push(format!("{}/", backend.name), sample, now.map(|now| &now.live.tally));
            for (at, server) in backend.servers.iter().enumerate() {
                // Both lists are in file order, unless a change has come in between.
                let tally = now.and_then(|now| now.servers.get(at)).filter(|now| *now.name == *server.name);
                let sample = Sample::of(&server.traffic, server.in_flight.into());
                self.push(key(backend, server), sample, tally.map(|now| &now.stats.tally));
            }
        }
        let round = self.round;
        self.tracks.retain(|_, track| track.round == round);
    }

    fn push(&mut self, key: String, sample: Sample, tally: Option<&Tally>) {
        let track = self.tracks.entry(key).or_default();
        let ended = tally.and_then(|tally| tally.percentiles_since(&mut track.counted));
        let latency = ended.map(|ended| u64::try_from(ended.p99.as_micros()).unwrap_or(u64::MAX));
        track.round = self.round;
        if track.samples.len() > KEPT {
            track.samples.pop_front();
        }
        track.samples.push_back(Sample { latency, ..sample });
    }

    /// Values of the process.
    pub(super) fn process(&self) -> Trend {
        self.trend("")
    }

    /// Values of a backend.
    pub(super) fn backend(&self, backend: &BackendReport) -> Trend {
        self.trend(&format!("{}/", backend.name))
    }

    /// Values of a server.
    pub(super) fn server(&self, backend: &BackendReport, server: &ServerView) -> Trend {
        self.trend(&key(backend, server))
    }

    fn trend(&self, key: &str) -> Trend {
        self.tracks.get(key).map(HistoryTrack::trend).unwrap_or_default()
    }
}

fn key(backend: &BackendReport, server: &ServerView) -> String {
    format!("{}/{}", backend.name, server.name)
}

/// Responses with 5xx and broken exchanges.
pub(super) fn failures(traffic: &TrafficReport) -> u64 {
    traffic.responses[4] + traffic.errors_total
}

// === impl Sample ===

impl Sample {
    fn of(traffic: &TrafficReport, in_flight: u64) -> Self {
        Self { requests: traffic.requests_total, failures: failures(traffic), in_flight, latency: None }
    }
}

// === impl HistoryTrack ===

impl HistoryTrack {
    fn trend(&self) -> Trend {
        // Counters that were cleared start at zero: that second has no value.
        let steps = |of: fn(&Sample) -> u64| {
            let pairs = self.samples.iter().zip(self.samples.iter().skip(1));
            pairs.map(|(before, after)| of(after).saturating_sub(of(before))).collect()
        };
        let levels = || self.samples.iter().skip(1);
        Trend {
            requests: steps(|sample| sample.requests),
            failures: steps(|sample| sample.failures),
            in_flight: levels().map(|sample| sample.in_flight).collect(),
            latency: levels().map(|sample| sample.latency).collect(),
        }
    }
}

// === impl Trend ===

impl Trend {
    /// Requests and failures of the last minute, if failures deserve attention: at least five, and one in
    /// twenty.
    pub(super) fn failing(&self) -> Option<(u64, u64)> {
        let (requests, failures) = (self.requests.iter().sum::<u64>(), self.failures.iter().sum::<u64>());
        (failures >= 5 && failures * 20 >= requests).then_some((requests, failures))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::control::fixture::Fixture;
    use crate::counters::Bucket;

    #[test]
    fn a_minute_is_kept_of_what_is_there() {
        let fixture = Fixture::new("[backend.be.servers]\ns1 = \"127.0.0.1:9\"\ns2 = \"127.0.0.1:9\"");
        let mut history = History::default();
        let tally = || fixture.server("s1");
        for second in 0..100u64 {
            let server = tally();
            server.stats.tally.mine().requests.add(second);
            if second % 2 == 1 {
                server.stats.tally.mine().latency.record(Bucket::of(Duration::from_millis(second)));
            }
            history.record(&Overview::of(&fixture.control), &fixture.control.topology());
        }
        let overview = Overview::of(&fixture.control);
        let backend = &overview.backends[0];
        let trend = history.server(backend, &backend.servers[0]);
        assert_eq!(trend.requests, (40..100).collect::<Vec<_>>());
        assert_eq!((trend.in_flight.len(), trend.latency.len()), (60, 60));
        assert_eq!(trend.failing(), None);
        // A second without a response has no latency; it does not inherit the minute's.
        let gaps: Vec<_> = trend.latency.iter().map(Option::is_some).collect();
        assert_eq!(gaps, [false, true].repeat(30));
        let newest = trend.latency.last().copied().flatten().unwrap();
        assert!((85_000..=114_000).contains(&newest), "{newest}");

        fixture.control.clear_counters(true);
        history.record(&Overview::of(&fixture.control), &fixture.control.topology());
        assert_eq!(history.server(backend, &backend.servers[0]).requests.last(), Some(&0));

        fixture.apply("[backend.be.servers]\ns1 = \"127.0.0.1:9\"");
        history.record(&Overview::of(&fixture.control), &fixture.control.topology());
        assert_eq!(history.server(backend, &backend.servers[1]), Trend::default());
        assert_eq!(history.tracks.len(), 3);
    }

    #[test]
    fn only_many_failures_are_worth_a_look() {
        let failing = |requests, failures| {
            Trend { requests: vec![requests], failures: vec![failures], ..Trend::default() }.failing()
        };
        assert_eq!(failing(4, 4), None);
        assert_eq!(failing(5, 5), Some((5, 5)));
        assert_eq!(failing(100, 5), Some((100, 5)));
        assert_eq!(failing(101, 5), None);
    }
}
