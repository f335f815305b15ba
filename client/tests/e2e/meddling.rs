//! Every wrong that can be done to an answer is found, for every kind, and called by its name.

use std::time::Duration;

use client::{Kind, Mix, Options, Report};

use crate::meddler::{Meddler, Wrong};
use crate::{judge, node, quick};

/// One request of this kind through a meddler.
async fn judged(kind: Kind, wrong: Wrong) -> Report {
    let node = node().await;
    let meddler = Meddler::before(node.addr(), wrong).await;
    // Bodies of one byte: each offset means the same in every run.
    let options = Options { body: 1, bytes: 1, ..quick(meddler.addr, Mix::only(&[kind]), 1) };
    let report = judge(Options { timeout: patience(wrong), ..options }).await;
    assert_eq!((report.requests, report.reconnected), (1, 0), "{kind} {wrong:?}");
    report
}

/// Long enough that only a stall is a timeout.
fn patience(wrong: Wrong) -> Duration {
    if matches!(wrong, Wrong::Stall) { Duration::from_millis(250) } else { Duration::from_secs(15) }
}

/// Holds the one failure against what is expected: one of these causes, and its node.
async fn finds(kind: Kind, wrong: Wrong, causes: &[&str], node: Option<&str>) {
    let report = judged(kind, wrong).await;
    assert_eq!(report.failed, 1, "{kind} {wrong:?} was not found");
    let failure = &report.failures[0];
    assert!(causes.contains(&failure.cause.as_str()), "{kind} {wrong:?}: {}", failure.reason);
    assert_eq!((failure.kind, failure.node.as_deref(), failure.sent), (kind, node, true), "{wrong:?}");
    assert_eq!((report.reasons.len(), report.reasons[0].count), (1, 1));
    assert!(!report.passed());
}

#[tokio::test]
async fn the_balancers_own_errors() {
    let cause = ["answered by the balancer itself with 503"];
    let answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    for kind in Kind::ALL {
        finds(kind, Wrong::Instead(answer), &cause, None).await;
    }
}

#[tokio::test]
async fn a_nodes_errors() {
    let answer = "HTTP/1.1 500 Oops\r\nx-node: api1\r\nx-version: v2\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    for kind in Kind::ALL {
        finds(kind, Wrong::Instead(answer), &["the node answered 500"], Some("api1")).await;
    }
}

#[tokio::test]
async fn an_unexpected_status() {
    let answer = "HTTP/1.1 204 No Content\r\nx-node: api1\r\nx-version: v2\r\nconnection: close\r\n\r\n";
    for kind in Kind::ALL {
        finds(kind, Wrong::Instead(answer), &["altered: status"], Some("api1")).await;
    }
}

#[tokio::test]
async fn no_http_at_all() {
    for kind in Kind::ALL {
        finds(kind, Wrong::Instead("SSH-2.0-OpenSSH_9.2\r\n\r\n"), &["malformed answer"], None).await;
    }
}

#[tokio::test]
async fn a_head_that_is_cut() {
    for kind in Kind::ALL {
        finds(kind, Wrong::CutHead, &["connection closed before a full answer"], None).await;
    }
}

#[tokio::test]
async fn a_body_that_is_cut() {
    for kind in Kind::ALL {
        let cause = match kind {
            Kind::Ws => "connection closed before a full answer",
            _ => "truncated",
        };
        finds(kind, Wrong::Cut(0), &[cause], Some("api1")).await;
    }
}

#[tokio::test]
async fn events_that_are_missing() {
    // The second of five events is cut in its middle.
    let report = judged(Kind::Sse, Wrong::Cut(60)).await;
    assert_eq!(report.failures[0].reason, "truncated: 1 of 5");
}

#[tokio::test]
async fn a_bit_that_is_flipped() {
    for (kind, at, causes) in [
        (Kind::Get, 0, &["altered: JSON"][..]),
        (Kind::Post, 0, &["altered: body"]),
        (Kind::Slow, 0, &["altered: JSON"]),
        // Behind the size of the chunk.
        (Kind::Upload, 3, &["altered: body"]),
        (Kind::Bytes, 0, &["altered: body"]),
        (Kind::Sse, 4, &["altered: event"]),
        // Within the first message; when that has two characters, the kind of the next, and when it has one, its length.
        (Kind::Ws, 4, &["altered: websocket message", "malformed answer", "timeout"]),
    ] {
        finds(kind, Wrong::Flip(at), causes, Some("api1")).await;
    }
}

#[tokio::test]
async fn an_answer_that_never_ends() {
    for kind in Kind::ALL {
        finds(kind, Wrong::Stall, &["timeout"], Some("api1")).await;
    }
}

#[tokio::test]
async fn a_signature_that_is_missing() {
    for kind in Kind::ALL {
        finds(kind, Wrong::Unsign, &["altered: x-node and x-version"], None).await;
    }
}

#[tokio::test]
async fn a_signature_that_is_anothers() {
    // The kinds whose bodies name their node.
    for (kind, cause) in
        [(Kind::Get, "altered: identity"), (Kind::Slow, "altered: identity"), (Kind::Sse, "altered: event")]
    {
        finds(kind, Wrong::Forge, &[cause], Some("api9")).await;
    }
}

#[tokio::test]
async fn a_slow_answer_that_came_too_soon() {
    let answer = "HTTP/1.1 200 OK\r\nx-node: api1\r\nx-version: v2\r\nconnection: close\r\n\r\n\
        {\"node\":\"api1\",\"version\":\"v2\",\"slept_ms\":5000}";
    let node = node().await;
    let meddler = Meddler::before(node.addr(), Wrong::Instead(answer)).await;
    let options = quick(meddler.addr, Mix::only(&[Kind::Slow]), 1);
    let report = judge(Options { slow: Duration::from_secs(5), ..options }).await;
    assert_eq!(report.failures[0].cause, "altered: time taken");
}
