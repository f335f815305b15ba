//! Full servers: which requests wait, in which order, how long, and what ends the wait.

use tests::{Lab, Origin, Running, Wire, eventually};

use crate::{get, ok};

/// A client that has sent a GET, which has been counted in, in flight or waiting.
async fn ask(lab: &Running, target: &str) -> Wire {
    let before = sessions(lab).await;
    let mut client = lab.connect().await;
    client.send(get(target, "")).await;
    eventually("the request counted", async || sessions(lab).await > before).await;
    client
}

/// Exchanges of the backend, waiting ones included.
async fn sessions(lab: &Running) -> u64 {
    lab.stat("api_nodes", "BACKEND").await.number("scur")
}

async fn waiting(lab: &Running) -> u64 {
    let rows = lab.stat_rows().await;
    let of = |server| rows.find("api_nodes", server).map_or(0, |row| row.number("qcur"));
    of("BACKEND").max(of("a") + of("b"))
}

/// One server that takes one request at a time and holds each until it is released.
async fn narrow() -> (Running, Origin) {
    let origin = Origin::script(|mut conn| async move {
        while let Some(request) = conn.request().await {
            conn.released().await;
            if conn.try_send(ok(request.target())).await.is_err() {
                return;
            }
        }
    })
    .await;
    let lab = Lab::new()
        .section("process", "threads = 1")
        .server_with("a", origin.address(), "maxconn = 1")
        .timeout("queue = \"1m\"")
        .start()
        .await;
    (lab, origin)
}

/// Breaks when the limit is exceeded, when a waiting request is forgotten, or when the last comes first.
#[tokio::test]
async fn a_full_server_is_waited_for_in_order() {
    let (lab, origin) = narrow().await;
    let mut clients = Vec::new();
    for number in 0..6 {
        clients.push(ask(&lab, &format!("/{number}")).await);
    }
    eventually("five waiting", async || waiting(&lab).await == 5).await;
    for (number, client) in clients.iter_mut().enumerate() {
        eventually("the next one at the server", async || origin.count() == number + 1).await;
        assert_eq!(lab.stat("api_nodes", "a").await.number("scur"), 1);
        origin.release(1);
        assert_eq!(client.answer().await.text(), format!("/{number}"));
    }
    assert_eq!(waiting(&lab).await, 0);
    let order: Vec<_> = origin.requests().iter().map(|request| request.target().to_owned()).collect();
    assert_eq!(order, ["/0", "/1", "/2", "/3", "/4", "/5"]);
    assert_eq!(origin.accepted(), 1);
}

#[tokio::test]
async fn waiting_ends_with_503_after_its_time() {
    let origin = Origin::named("a").await;
    let lab = Lab::new()
        .server_with("a", origin.address(), "maxconn = 1")
        .timeout("queue = \"200ms\"")
        .start()
        .await;
    let mut first = ask(&lab, "/hold").await;
    let mut second = ask(&lab, "/").await;
    assert_eq!(second.answer().await.status(), 503);
    assert_eq!(waiting(&lab).await, 0);
    origin.release(1);
    assert_eq!(first.answer().await.status(), 200);
    assert_eq!(second.get("/").await.status(), 200, "the connection is as good as before");
    assert_eq!(origin.count(), 2, "who gave up is never sent");
}

#[tokio::test]
async fn who_leaves_the_queue_is_not_sent() {
    let (lab, origin) = narrow().await;
    let mut first = ask(&lab, "/first").await;
    let second = ask(&lab, "/second").await;
    let mut third = ask(&lab, "/third").await;
    eventually("two waiting", async || waiting(&lab).await == 2).await;
    second.reset();
    eventually("one waiting", async || waiting(&lab).await == 1).await;
    origin.release(2);
    assert_eq!(first.answer().await.text(), "/first");
    assert_eq!(third.answer().await.text(), "/third");
    assert_eq!(origin.count(), 2);
}

/// Breaks when a waiting request is only woken by the server that was full.
#[tokio::test]
async fn a_server_that_comes_back_takes_who_waits() {
    let (a, b) = (Origin::named("a").await, Origin::named("b").await);
    let lab = Lab::new()
        .server_with("a", a.address(), "maxconn = 1")
        .server_with("b", b.address(), "disabled = true")
        .timeout("queue = \"1m\"")
        .start()
        .await;
    let _held = ask(&lab, "/hold").await;
    let mut second = ask(&lab, "/").await;
    eventually("one waiting", async || waiting(&lab).await == 1).await;
    lab.order("enable server api_nodes/b").await;
    assert_eq!(second.answer().await.text(), "b");
}

#[tokio::test]
async fn raising_the_limit_starts_who_waits() {
    let (lab, origin) = narrow().await;
    let _first = ask(&lab, "/first").await;
    let _second = ask(&lab, "/second").await;
    let _third = ask(&lab, "/third").await;
    lab.order("set maxconn server api_nodes/a 2").await;
    eventually("two at the server", async || origin.count() == 2).await;
    assert_eq!(waiting(&lab).await, 1);
    lab.order("set maxconn server api_nodes/a 0").await;
    eventually("all at the server", async || origin.count() == 3).await;
}

/// No server can become free any more: waiting longer would only end in the same response later.
#[tokio::test]
async fn who_waits_gets_503_at_once_when_the_last_server_leaves() {
    let (lab, origin) = narrow().await;
    let mut first = ask(&lab, "/first").await;
    let mut second = ask(&lab, "/second").await;
    eventually("one waiting", async || waiting(&lab).await == 1).await;
    lab.order("disable server api_nodes/a").await;
    assert_eq!(second.answer().await.status(), 503);
    origin.release(1);
    assert_eq!(first.answer().await.text(), "/first", "what is in flight is finished");
}

/// Breaks when a failing exchange keeps its place: then the server stays full.
#[tokio::test]
async fn failing_exchanges_give_their_place_back() {
    let origin = Origin::script(|mut conn| async move { drop(conn.request().await) }).await;
    let lab = Lab::new()
        .server_with("a", origin.address(), "maxconn = 1")
        .backend("retries = 0")
        .timeout("queue = \"1m\"")
        .start()
        .await;
    for _ in 0..10 {
        assert_eq!(lab.get("/").await.status(), 502);
    }
    lab.drained("a").await;
}
