//! Time limits: a peer that is silent for too long gets an error or is disconnected, and no other is affected.

use std::time::{Duration, Instant};

use tests::{Lab, Origin, eventually};

use crate::{get, ok};

/// Breaks when a client can hold a connection by sending a head slowly: the limit is for the whole head.
#[tokio::test]
async fn a_head_that_does_not_end_gets_408() {
    let lab = Lab::new().timeout("http_request = \"300ms\"").start().await;
    let mut client = lab.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: lab\r\n").await;
    let mut drips = tokio::time::interval(Duration::from_millis(50));
    while client.is_quiet() {
        drips.tick().await;
        let _ = client.try_send("X-Drip: 1\r\n").await;
    }
    assert_eq!(client.answer().await.status(), 408);
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go() {
    let lab = Lab::new().timeout("http_request = \"200ms\"").start().await;
    let mut client = lab.connect().await;
    let said = client.take_rest().await.unwrap_or_default();
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 408 "), "{said:?}");
    eventually("nobody connected", async || lab.connections().iter().sum::<u64>() == 0).await;
}

/// Breaks when the second head of a connection has no limit, or the keep-alive one.
#[tokio::test]
async fn the_second_head_has_the_same_limit() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).timeout("http_request = \"200ms\"").start().await;
    let mut client = lab.connect().await;
    assert_eq!(client.get("/").await.status(), 200);
    client.send("GET / HT").await;
    assert_eq!(client.answer().await.status(), 408);
    client.closed().await;
}

/// Breaks when a head has no limit whose beginning came together with the request before it.
#[tokio::test]
async fn a_head_that_begins_behind_another_request_has_the_same_limit() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).timeout("http_request = \"200ms\"").start().await;
    for rest in ["G", "GET / HT", "GET / HTTP/1.1\r\nHost: lab\r\n", "\r\nGET", "PRI * HT"] {
        let mut client = lab.connect().await;
        client.send(format!("GET / HTTP/1.1\r\nHost: lab\r\n\r\n{rest}")).await;
        assert_eq!(client.answer().await.status(), 200);
        assert_eq!(client.answer().await.status(), 408, "{rest:?}");
        client.closed().await;
    }
}

/// Breaks when an empty line behind a request, as some clients send it, is taken for the beginning of the next.
#[tokio::test]
async fn an_empty_line_behind_a_request_begins_none() {
    let origin = Origin::named("a").await;
    let limits = "http_request = \"100ms\"\nhttp_keep_alive = \"300ms\"";
    let lab = Lab::new().server("a", origin.address()).timeout(limits).start().await;
    let mut client = lab.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: lab\r\nContent-Length: 2\r\n\r\nhi\r\n").await;
    assert_eq!(client.answer().await.status(), 200);
    assert!(client.take_rest().await.unwrap().is_empty(), "it is closed as one that idles, without a word");
}

#[tokio::test]
async fn a_client_that_stalls_in_its_body_gets_408_and_the_server_is_let_go() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).timeout("client = \"300ms\"").start().await;
    let mut client = lab.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: lab\r\nContent-Length: 10\r\n\r\nhalf").await;
    assert_eq!(client.answer().await.status(), 408);
    client.closed().await;
    lab.drained("a").await;
    eventually("the server's connection closed", async || origin.open() == 0).await;
    let server = lab.stat("api_nodes", "a").await;
    assert_eq!((server.number("eresp"), server.number("wretr")), (0, 0), "the server is not to blame");
}

/// Breaks when waiting for the server counts as the client's silence.
#[tokio::test]
async fn a_client_that_waits_for_its_answer_is_not_silent() {
    let origin = Origin::named("a").await;
    let limits = "client = \"100ms\"\nhttp_request = \"100ms\"\nhttp_keep_alive = \"100ms\"";
    let lab = Lab::new().server("a", origin.address()).timeout(limits).start().await;
    let mut client = lab.connect().await;
    client.send(get("/hold", "")).await;
    eventually("the request at the server", async || origin.count() == 1).await;
    let started = Instant::now();
    eventually("several times the limit", async || started.elapsed() > Duration::from_millis(500)).await;
    assert!(client.is_quiet(), "it still waits");
    origin.release(1);
    assert_eq!(client.answer().await.status(), 200);
}

#[tokio::test]
async fn a_server_that_does_not_answer_gives_504_and_is_let_go() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).timeout("server = \"200ms\"").start().await;
    let mut client = lab.connect().await;
    client.send(get("/hold", "")).await;
    assert_eq!(client.answer().await.status(), 504);
    assert_eq!(client.get("/").await.status(), 200, "the client keeps its connection");
    lab.drained("a").await;
    assert_eq!(origin.count(), 2, "what may have been done is not done again");
    assert_eq!(origin.accepted(), 2, "who owes an answer is not asked again");
}

/// Breaks when a body that stops in the middle looks whole to the client.
#[tokio::test]
async fn a_server_that_stalls_in_its_body_is_cut() {
    let origin = Origin::script(|mut conn| async move {
        conn.request().await;
        conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
        conn.gone().await;
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).timeout("server = \"200ms\"").start().await;
    let mut client = lab.connect().await;
    client.send(get("/", "")).await;
    client.head().await.unwrap();
    assert_eq!(client.chunk().await.unwrap().unwrap(), b"abc");
    assert!(client.chunk().await.is_err(), "no last chunk for a body that has no end");
    eventually("the server's connection closed", async || origin.open() == 0).await;
}

/// Breaks when a limit on silence is taken for one on the whole transfer.
#[tokio::test]
async fn a_slow_and_steady_answer_is_not_cut() {
    let origin = Origin::script(|mut conn| async move {
        conn.request().await;
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n").await;
        let mut pace = tokio::time::interval(Duration::from_millis(150));
        for _ in 0..12 {
            pace.tick().await;
            conn.send("x").await;
        }
        conn.gone().await;
    })
    .await;
    let limits = "server = \"900ms\"\nclient = \"900ms\"\nhttp_request = \"900ms\"";
    let lab = Lab::new().server("a", origin.address()).timeout(limits).start().await;
    assert_eq!(lab.get("/").await.text(), "x".repeat(12));
}

/// Breaks when a client that reads nothing can hold a server without a limit.
#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let origin = Origin::script(|mut conn| async move {
        conn.request().await;
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n").await;
        conn.pour().await;
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).timeout("client = \"300ms\"").start().await;
    let mut client = lab.connect().await;
    client.small_buffers();
    client.send(get("/", "")).await;
    eventually("the request at the server", async || origin.count() == 1).await;
    lab.drained("a").await;
    eventually("the server's connection closed", async || origin.open() == 0).await;
    assert_eq!(lab.stat("api_nodes", "a").await.number("srv_abrt"), 0, "the server is not to blame");
}

/// A vanished machine neither takes nor refuses: the short connect limit sends the request elsewhere.
#[tokio::test]
async fn a_server_that_cannot_be_reached_costs_the_connect_limit_once() {
    let (deaf, origin) = (Origin::deaf().await, Origin::http(|_| ok("b")).await);
    let lab = Lab::new()
        .server("a", deaf.address)
        .server("b", origin.address())
        .backend("balance = \"first\"")
        .timeout("connect = \"200ms\"")
        .start()
        .await;
    let answer = lab.get("/").await;
    assert_eq!((answer.status(), answer.text()), (200, "b"));
    let row = lab.stat("api_nodes", "BACKEND").await;
    assert_eq!(row.number("wredis"), 1);
    let server = lab.stat("api_nodes", "a").await;
    assert!(server.number("econ") >= 1 && server.number("scur") == 0);
}

#[tokio::test]
async fn only_servers_that_cannot_be_reached_give_503() {
    let deaf = Origin::deaf().await;
    let lab = Lab::new()
        .server("a", deaf.address)
        .backend("retries = 1")
        .timeout("connect = \"150ms\"")
        .start()
        .await;
    assert_eq!(lab.get("/").await.status(), 503);
}
