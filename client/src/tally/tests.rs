//! The books, with time from outside.

use super::*;
use crate::fault::Reason;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn identity(node: &str) -> Option<NodeIdentity> {
    Some(NodeIdentity { node: node.into(), version: "v1".into() })
}

fn outcome(start: Instant, at: u64, took: u64, result: Result<Option<String>, Reason>) -> Outcome {
    let ended = start + ms(at);
    let started = ended.checked_sub(ms(took)).unwrap();
    let (kind, identity) = (Kind::Get, identity("a"));
    Outcome { kind, started, ended, identity, result, sent: true, reconnected: 0, replayed: false }
}

fn good(start: Instant, at: u64, took: u64) -> Outcome {
    outcome(start, at, took, Ok(Some("{}".into())))
}

fn now() -> Instant {
    // Requests of these tests may have begun before the run.
    Instant::now() + Duration::from_secs(100)
}

#[test]
fn gaps_are_between_successes_only() {
    let start = now();
    for (successes, failures, end, longest) in [
        (vec![10, 20, 30], vec![], 40, 10),
        (vec![10, 20, 90], vec![30, 40, 50], 100, 70),
        (vec![50], vec![], 60, 50),
        (vec![10], vec![], 500, 490),
        (vec![], vec![10, 20], 300, 300),
        (vec![30, 10, 20], vec![], 35, 30),
    ] {
        let mut tally = Tally::new(&Options::default(), start);
        for at in &successes {
            tally.record(&good(start, *at, 1));
        }
        for at in failures {
            tally.record(&outcome(start, at, 1, Err(Reason::Reset)));
        }
        let end = start + ms(end);
        assert_eq!(tally.report(&Options::default(), end).longest_gap_ms, longest, "open, {successes:?}");
        tally.close(end);
        // What trickles in after sending has ended makes no gap.
        tally.record(&good(start, 10_000, 1));
        let report = tally.report(&Options::default(), start + ms(20_000));
        assert_eq!(report.longest_gap_ms, longest, "closed, {successes:?}");
    }
}

#[test]
fn the_pulse_is_of_successes_and_of_sending() {
    let start = now();
    let mut tally = Tally::new(&Options::default(), start);
    let pulse = |tally: &Tally, at| {
        let Pulse { requests, failed, since_success, sending } = tally.pulse(start + ms(at));
        (requests, failed, since_success, sending)
    };
    // The time since the start is no time since an answer.
    assert_eq!(pulse(&tally, 9), (0, 0, None, true));
    tally.record(&outcome(start, 10, 1, Err(Reason::Reset)));
    assert_eq!(pulse(&tally, 15), (1, 1, None, true));
    tally.record(&good(start, 20, 1));
    tally.record(&outcome(start, 30, 1, Err(Reason::Reset)));
    assert_eq!(pulse(&tally, 50), (3, 2, Some(ms(30)), true));
    tally.close(start + ms(60));
    assert!(!tally.pulse(start + ms(61)).sending);
}

#[test]
fn percentiles_are_of_successes() {
    let start = now();
    let mut tally = Tally::new(&Options::default(), start);
    for took in 1..=100 {
        tally.record(&good(start, took, took));
    }
    tally.record(&outcome(start, 200, 90_000, Err(Reason::Timeout)));
    let report = tally.report(&Options::default(), start + ms(1000));
    for (got, wanted) in
        [(report.latency.p50_ms, 50.0), (report.latency.p99_ms, 99.0), (report.latency.max_ms, 100.0)]
    {
        assert!((got - wanted).abs() <= wanted * 0.001, "{got} instead of {wanted}");
    }
    assert_eq!((report.requests, report.failed), (101, 1));
    assert!((report.rate - 101.0).abs() < 0.01);
}

#[test]
fn failures_are_grouped_all_and_listed_within_bounds() {
    let start = now();
    let options = Options { keep_failures: 2, ..Options::default() };
    let mut tally = Tally::new(&options, start);
    for got in 0..3 {
        tally.record(&outcome(start, 5, 1, Err(Reason::Truncated { got, wanted: 9 })));
    }
    tally.record(&Outcome { identity: None, ..outcome(start, 7, 1, Err(Reason::Balancer(503))) });
    let report = tally.report(&options, start + ms(10));
    let reasons: Vec<_> = report.reasons.iter().map(|reason| (reason.cause.as_str(), reason.count)).collect();
    assert_eq!(reasons, [("answered by the balancer itself with 503", 1), ("truncated", 3)]);
    assert_eq!((report.failures.len(), report.failures_not_listed), (2, 2));
    assert_eq!((report.failures[1].reason.as_str(), report.failures[1].at_ms), ("truncated: 1 of 9", 5));
    let nodes: Vec<_> = report.nodes.iter().map(|row| (row.node.as_deref(), row.failed)).collect();
    assert_eq!(nodes, [(None, 1), (Some("a"), 3)]);
    assert!(!report.passed());
    let text = report.to_string();
    assert!(text.ends_with("\n4 requests, 4 failed\n"), "{text}");
    assert!(text.contains("       3  get     truncated\n"), "{text}");
}

#[test]
fn a_node_is_introduced_once_by_what_it_says() {
    let start = now();
    let mut tally = Tally::new(&Options::default(), start);
    let silent = |kind| Outcome { kind, ..outcome(start, 1, 1, Ok(None)) };
    let bad = outcome(start, 1, 1, Err(Reason::Reset));
    assert_eq!(tally.introduce(&bad), None);
    assert_eq!(tally.introduce(&silent(Kind::Ws)), None);
    assert_eq!(tally.introduce(&good(start, 1, 1)).as_deref(), Some("a v1 says {}"));
    assert_eq!(tally.introduce(&good(start, 2, 1)), None);
    let other = Outcome { identity: identity("b"), ..good(start, 3, 1) };
    assert_eq!(tally.introduce(&other).as_deref(), Some("b v1 says {}"));

    let options = Options { mix: crate::mix::Mix::only(&[Kind::Ws]), ..Options::default() };
    let mut tally = Tally::new(&options, start);
    assert_eq!(tally.introduce(&silent(Kind::Ws)).as_deref(), Some("a v1 answers ws"));
}

#[test]
fn nothing_judged_is_not_passed() {
    let start = now();
    assert!(!Tally::new(&Options::default(), start).report(&Options::default(), start).passed());
}
