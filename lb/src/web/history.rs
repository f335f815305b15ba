//! How things went in the last minute: a sample a second of what an [`Overview`] counts, for lines and for "in the last minute".
//!
//! It refuses to keep what is no longer there, and to decide anything.

use std::collections::{HashMap, VecDeque};

use crate::report::Overview;
use crate::report::overview::{Backend, Latency, ServerView, Traffic};

/// Differences that are kept: a minute.
const KEPT: usize = 60;

/// What is remembered, by name: `` is the process, `backend/` a backend, `backend/server` a server.
#[derive(Debug, Default)]
pub(super) struct History {
    tracks: HashMap<String, Track>,
    round: u64,
}

/// How one thing went.
#[derive(Debug, Default)]
struct Track {
    samples: VecDeque<Sample>,
    /// The round that saw it last.
    round: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sample {
    requests: u64,
    failures: u64,
    in_flight: u64,
    latency: u64,
}

/// How one thing went, a value a second, the newest last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Trend {
    /// Requests.
    pub(super) requests: Vec<u64>,
    /// Answers with 5xx, and exchanges that failed.
    pub(super) failures: Vec<u64>,
    /// Exchanges in flight.
    pub(super) in_flight: Vec<u64>,
    /// What 99 of 100 of the last minute's responses took at most to begin, microseconds.
    pub(super) latency: Vec<u64>,
}

// === impl History ===

impl History {
    /// Takes a sample.
    pub(super) fn record(&mut self, overview: &Overview) {
        self.round += 1;
        let frontends = || overview.frontends.iter();
        let process = Sample {
            requests: overview.process.requests_total,
            failures: frontends().map(|frontend| failures(&frontend.traffic)).sum(),
            in_flight: overview.backends.iter().map(|backend| backend.in_flight).sum(),
            latency: overview
                .backends
                .iter()
                .map(|of| slowest(of.latency.as_ref()))
                .max()
                .unwrap_or_default(),
        };
        self.push(String::new(), process);
        for backend in &overview.backends {
            self.push(
                format!("{}/", backend.name),
                Sample::of(&backend.traffic, backend.in_flight, backend.latency.as_ref()),
            );
            for server in &backend.servers {
                self.push(
                    key(backend, server),
                    Sample::of(&server.traffic, server.in_flight.into(), server.latency.as_ref()),
                );
            }
        }
        let round = self.round;
        self.tracks.retain(|_, track| track.round == round);
    }

    fn push(&mut self, key: String, sample: Sample) {
        let track = self.tracks.entry(key).or_default();
        track.round = self.round;
        if track.samples.len() > KEPT {
            track.samples.pop_front();
        }
        track.samples.push_back(sample);
    }

    /// How the process went.
    pub(super) fn process(&self) -> Trend {
        self.trend("")
    }

    /// How a backend went.
    pub(super) fn backend(&self, backend: &Backend) -> Trend {
        self.trend(&format!("{}/", backend.name))
    }

    /// How a server went.
    pub(super) fn server(&self, backend: &Backend, server: &ServerView) -> Trend {
        self.trend(&key(backend, server))
    }

    fn trend(&self, key: &str) -> Trend {
        self.tracks.get(key).map(Track::trend).unwrap_or_default()
    }
}

fn key(backend: &Backend, server: &ServerView) -> String {
    format!("{}/{}", backend.name, server.name)
}

/// What went wrong at somebody's: 5xx, and exchanges that broke.
pub(super) fn failures(traffic: &Traffic) -> u64 {
    traffic.responses[4] + traffic.errors_total
}

// === impl Sample ===

impl Sample {
    fn of(traffic: &Traffic, in_flight: u64, latency: Option<&Latency>) -> Self {
        let (requests, failures) = (traffic.requests_total, failures(traffic));
        Self { requests, failures, in_flight, latency: slowest(latency) }
    }
}

fn slowest(latency: Option<&Latency>) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time in microseconds")]
    latency.map_or(0, |latency| (latency.p99_ms * 1e3) as u64)
}

// === impl Track ===

impl Track {
    fn trend(&self) -> Trend {
        // Counters that were cleared begin again: that second has none.
        let steps = |of: fn(&Sample) -> u64| {
            let pairs = self.samples.iter().zip(self.samples.iter().skip(1));
            pairs.map(|(before, after)| of(after).saturating_sub(of(before))).collect()
        };
        let levels = |of: fn(&Sample) -> u64| self.samples.iter().skip(1).map(of).collect();
        Trend {
            requests: steps(|sample| sample.requests),
            failures: steps(|sample| sample.failures),
            in_flight: levels(|sample| sample.in_flight),
            latency: levels(|sample| sample.latency),
        }
    }
}

// === impl Trend ===

impl Trend {
    /// Requests and failures of the last minute, when so many failed that somebody should look: five, and one in twenty.
    pub(super) fn failing(&self) -> Option<(u64, u64)> {
        let (requests, failures) = (self.requests.iter().sum::<u64>(), self.failures.iter().sum::<u64>());
        (failures >= 5 && failures * 20 >= requests).then_some((requests, failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::fixture::Fixture;

    #[test]
    fn a_minute_is_kept_of_what_is_there() {
        let fixture = Fixture::new("[backend.be.servers]\ns1 = \"127.0.0.1:9\"\ns2 = \"127.0.0.1:9\"");
        let mut history = History::default();
        let tally = || fixture.server("s1");
        for second in 0..100u64 {
            tally().stats.tally.mine().requests.add(second);
            history.record(&Overview::of(&fixture.control));
        }
        let overview = Overview::of(&fixture.control);
        let backend = &overview.backends[0];
        let trend = history.server(backend, &backend.servers[0]);
        assert_eq!(trend.requests, (40..100).collect::<Vec<_>>());
        assert_eq!((trend.in_flight.len(), trend.latency.len()), (60, 60));
        assert_eq!(trend.failing(), None);

        fixture.control.clear_counters(true);
        history.record(&Overview::of(&fixture.control));
        assert_eq!(history.server(backend, &backend.servers[0]).requests.last(), Some(&0));

        fixture.apply("[backend.be.servers]\ns1 = \"127.0.0.1:9\"");
        history.record(&Overview::of(&fixture.control));
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
