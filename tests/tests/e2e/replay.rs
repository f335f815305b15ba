//! Idle connections that die: what is sent again, what is not, and how often servers see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use tests::{Lab, Origin};
use tokio::sync::Notify;

use crate::{get, ok, post};

/// A server whose first connection answers one request and dies over the next one without a word.
async fn forgetful(reset: bool) -> Origin {
    Origin::script(move |mut conn| async move {
        while let Some(request) = conn.request().await {
            if conn.number == 0 && request.target() != "/first" {
                if reset {
                    conn.reset_on_close();
                }
                return;
            }
            if conn.try_send(ok(request.text())).await.is_err() {
                return;
            }
        }
    })
    .await
}

/// Breaks when the race between "idle too long" and "next request" is lost by the client.
#[tokio::test]
async fn a_get_on_a_connection_that_just_died_is_sent_again() {
    for reset in [false, true] {
        let origin = forgetful(reset).await;
        let lab = Lab::new().server("a", origin.address()).backend("retries = 1").start().await;
        let mut client = lab.connect().await;
        assert_eq!(client.get("/first").await.status(), 200);
        assert_eq!(client.get("/second").await.status(), 200, "reset: {reset}");
        let seen: Vec<_> = origin.requests().iter().map(|request| request.target().to_owned()).collect();
        assert_eq!(seen, ["/first", "/second", "/second"]);
        assert_eq!(lab.stat("api_nodes", "BACKEND").await.number("hrsp_5xx"), 0);
    }
}

/// The server had the request and may have acted on it: the client has to decide.
#[tokio::test]
async fn a_post_on_a_connection_that_just_died_is_not_sent_twice() {
    for reset in [false, true] {
        let origin = forgetful(reset).await;
        let lab = Lab::new().server("a", origin.address()).start().await;
        let mut client = lab.connect().await;
        assert_eq!(client.get("/first").await.status(), 200);
        client.send(post("/second", "body")).await;
        assert_eq!(client.answer().await.status(), 502, "reset: {reset}");
        assert_eq!(origin.count(), 2);
        assert_eq!(client.get("/first").await.status(), 200);
    }
}

/// A connection that has visibly ended is not used, so that not even a POST is lost. Breaks when only the event loop's word counts.
#[tokio::test]
async fn a_post_never_goes_onto_a_connection_that_has_ended() {
    let (close, closed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (order, done) = (Arc::clone(&close), Arc::clone(&closed));
    let origin = Origin::script(move |mut conn| {
        let (order, done) = (Arc::clone(&order), Arc::clone(&done));
        async move {
            conn.request().await;
            conn.send(ok("")).await;
            order.notified().await;
            drop(conn);
            done.notify_one();
        }
    })
    .await;
    let lab = Lab::new().section("process", "threads = 1").server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    for round in 0..50 {
        client.send(post("/", "body")).await;
        assert_eq!(client.answer().await.status(), 200, "round {round}");
        close.notify_one();
        closed.notified().await;
    }
    assert_eq!(origin.count(), 50);
}

/// Once a byte of the answer has reached the client there is nothing to send again.
#[tokio::test]
async fn an_answer_that_has_begun_is_not_begun_again() {
    let origin = Origin::script(|mut conn| async move {
        conn.request().await;
        let _ = conn.try_send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").await;
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send(get("/", "")).await;
    assert!(client.try_answer().await.is_err());
    assert_eq!(origin.count(), 1);
}

/// Breaks when all idle connections to a server that restarted have to fail one by one, each costing a retry.
#[tokio::test]
async fn a_server_that_restarted_costs_no_get() {
    let restarted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&restarted);
    let origin = Origin::script(move |mut conn| {
        let flag = Arc::clone(&flag);
        async move {
            let old = !flag.load(SeqCst);
            while let Some(request) = conn.request().await {
                if old && flag.load(SeqCst) {
                    return;
                }
                if request.target() == "/hold" {
                    conn.released().await;
                }
                if conn.try_send(ok("")).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let lab = Lab::new().section("process", "threads = 1").server("a", origin.address()).start().await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        let mut client = lab.connect().await;
        client.send(get("/hold", "")).await;
        clients.push(client);
    }
    tests::eventually("ten connections", async || origin.count() == 10).await;
    origin.release(10);
    for client in &mut clients {
        assert_eq!(client.answer().await.status(), 200);
    }
    restarted.store(true, SeqCst);
    for client in &mut clients {
        assert_eq!(client.get("/").await.status(), 200);
    }
}
