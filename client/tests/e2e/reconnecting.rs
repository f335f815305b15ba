//! What a standard client recovers from by itself is no failure, and what it may not repeat is one.

use client::{Kind, Options};

use crate::meddler::{Meddler, Wrong};
use crate::{judge, node, quick};

#[tokio::test]
async fn an_idle_connection_that_was_closed_is_replaced() {
    let node = node().await;
    let meddler = Meddler::before(node.addr(), Wrong::CloseAfter("}")).await;
    let report = judge(Options { rate: 100, ..quick(meddler.addr, "get=1".parse().unwrap(), 5) }).await;
    assert!(report.passed(), "{:?}", report.failures);
    assert_eq!(report.reconnected, 4);
}

#[tokio::test]
async fn an_end_that_the_answer_announces_is_no_reconnection() {
    let node = node().await;
    let answer = "HTTP/1.1 200 OK\r\nx-node: api1\r\nx-version: v2\r\ncontent-length: 40\r\nconnection: close\r\n\r\n\
                  {\"node\":\"api1\",\"version\":\"v2\",\"count\":1}";
    let meddler = Meddler::before(node.addr(), Wrong::Instead(answer)).await;
    let report = judge(quick(meddler.addr, "get=1".parse().unwrap(), 5)).await;
    assert!(report.passed(), "{:?}", report.failures);
    assert_eq!((report.reconnected, report.replayed), (0, 0));
}

#[tokio::test]
async fn an_idempotent_request_on_a_dying_connection_is_replayed_once() {
    let node = node().await;
    let meddler = Meddler::before(node.addr(), Wrong::HangUp("GET")).await;
    let report = judge(quick(meddler.addr, "get=1,bytes=1,slow=1,sse=1".parse().unwrap(), 8)).await;
    assert!(report.passed(), "{:?}", report.failures);
    // The first request has a new connection, each other kills the one before it.
    assert_eq!((report.reconnected, report.replayed, node.count()), (7, 7, 8));
}

#[tokio::test]
async fn a_post_on_a_dying_connection_is_not_repeated() {
    for (kind, mix) in [(Kind::Post, "get=1,post=1"), (Kind::Upload, "get=1,upload=1")] {
        let node = node().await;
        let meddler = Meddler::before(node.addr(), Wrong::HangUp("POST")).await;
        let report = judge(Options { body: 64, ..quick(meddler.addr, mix.parse().unwrap(), 2) }).await;
        assert_eq!((report.failed, report.replayed, node.count()), (1, 0, 1), "{kind}");
        let failure = &report.failures[0];
        assert_eq!((failure.kind, failure.sent), (kind, true));
        assert_eq!(failure.cause, "connection closed before a full answer");
    }
}

#[tokio::test]
async fn a_new_connection_that_dies_is_a_failure() {
    let node = node().await;
    let meddler = Meddler::before(node.addr(), Wrong::DropFirst(1)).await;
    let report = judge(quick(meddler.addr, "get=1".parse().unwrap(), 2)).await;
    assert_eq!((report.requests, report.failed, report.reconnected), (2, 1, 0));
}
