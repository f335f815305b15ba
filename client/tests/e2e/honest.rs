//! Against a node that does everything right: no failure, whatever the kind and however either side ends.

use std::time::Duration;

use client::{Error, Kind, Mix, Options, Reason, run};
use tokio_util::sync::CancellationToken;

use crate::meddler::{Meddler, Wrong};
use crate::{judge, node, quick};

#[tokio::test]
async fn every_kind_passes() {
    let node = node().await;
    let report = judge(Options { connections: 5, ..quick(node.addr(), Mix::only(&Kind::ALL), 70) }).await;
    assert!(report.passed(), "{:?}", report.failures);
    assert_eq!((report.requests, node.count()), (70, 70));
    for kind in &report.kinds {
        assert_eq!((kind.requests, kind.failed), (10, 0), "{}", kind.kind);
    }
    assert_eq!(report.kinds.len(), Kind::ALL.len());
    assert_eq!(report.nodes.len(), 1);
    assert_eq!(
        (report.nodes[0].node.as_deref(), report.nodes[0].version.as_deref()),
        (Some("api1"), Some("v2"))
    );
    assert!(report.latency.max_ms >= 20.0, "slow requests take 20 ms");
    assert_eq!((report.reconnected, report.replayed), (0, 0));
}

#[tokio::test]
async fn large_bodies_pass() {
    let node = node().await;
    let mix = Mix::only(&[Kind::Post, Kind::Upload, Kind::Bytes]);
    let report = judge(Options { body: 1 << 20, bytes: 4 << 20, ..quick(node.addr(), mix, 9) }).await;
    assert!(report.passed(), "{:?}", report.failures);
}

#[tokio::test]
async fn the_rate_is_held() {
    let node = node().await;
    let options = Options { connections: 4, rate: 200, ..quick(node.addr(), Mix::only(&[Kind::Get]), 41) };
    let report = judge(options).await;
    // The last of 41 requests is due after 200 ms; it may be later on a busy machine, never sooner.
    assert!(report.elapsed_ms >= 200, "{} ms", report.elapsed_ms);
    assert!(report.passed());
}

#[tokio::test]
async fn a_duration_ends_it() {
    let node = node().await;
    let options = quick(node.addr(), Mix::default(), 0);
    let duration = Some(Duration::from_millis(150));
    let report = judge(Options { requests: None, rate: 500, duration, ..options }).await;
    assert!(report.passed() && report.elapsed_ms >= 150, "{report}");
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight() {
    let node = node().await;
    let options = quick(node.addr(), Mix::only(&[Kind::Slow, Kind::Sse]), 0);
    let (slow, pause) = (Duration::from_millis(150), Duration::from_millis(40));
    let options = Options { requests: None, connections: 2, slow, pause, ..options };
    let stop = CancellationToken::new();
    let (report, ()) = tokio::join!(run(options, stop.clone()), async {
        node.reached(2).await;
        stop.cancel();
    });
    let report = report.unwrap();
    assert!(report.passed(), "{:?}", report.failures);
    assert_eq!(report.requests, 2);
}

#[tokio::test]
async fn a_node_that_stops_gracefully_loses_nothing() {
    let node = node().await;
    let mix = Mix::only(&[Kind::Slow, Kind::Sse, Kind::Ws]);
    let (slow, pause) = (Duration::from_millis(150), Duration::from_millis(40));
    let options = Options { connections: 3, slow, pause, ..quick(node.addr(), mix, 3) };
    let (report, finished) = tokio::join!(judge(options), async {
        node.reached(3).await;
        node.stop().await
    });
    assert!(finished);
    assert!(report.passed(), "{:?}", report.failures);
}

#[tokio::test]
async fn a_node_that_is_killed_is_seen() {
    let node = node().await;
    let options = quick(node.addr(), Mix::only(&[Kind::Slow]), 1);
    let options = Options { slow: Duration::from_secs(60), ..options };
    let (report, ()) = tokio::join!(judge(options), async {
        node.reached(1).await;
        node.kill();
    });
    assert_eq!(report.failed, 1);
    assert_eq!(report.failures[0].cause, "connection closed before a full answer");
    assert!(report.failures[0].sent);
}

#[tokio::test]
async fn nobody_there_is_a_failure_of_which_nothing_was_sent() {
    let node = node().await;
    node.kill();
    node.closed().await;
    let report = judge(quick(node.addr(), Mix::only(&[Kind::Get]), 3)).await;
    assert_eq!(report.failed, 3);
    assert_eq!(report.reasons[0].cause, "cannot connect: connection refused");
    assert!(!report.failures[0].sent && report.failures[0].node.is_none());
}

#[tokio::test]
async fn a_target_that_is_late_is_waited_for() {
    let node = node().await;
    let meddler = Meddler::before(node.addr(), Wrong::DropFirst(2)).await;
    let options = quick(meddler.addr, Mix::only(&[Kind::Get]), 5);
    let report = judge(Options { wait_ready: Duration::from_secs(30), ..options }).await;
    assert!(report.passed(), "{:?}", report.failures);
    assert_eq!((report.requests, node.count()), (5, 6));
}

#[tokio::test]
async fn a_target_that_never_comes_is_an_error() {
    let node = node().await;
    node.kill();
    node.closed().await;
    let options = quick(node.addr(), Mix::only(&[Kind::Get]), 5);
    let options = Options { wait_ready: Duration::from_millis(30), ..options };
    let error = run(options, CancellationToken::new()).await.unwrap_err();
    let Error::NotReady { last, .. } = error else { panic!("{error}") };
    assert_eq!(last, Reason::Connect("connection refused".into()));
}
