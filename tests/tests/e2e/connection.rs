//! Client and server connections: kept, closed, reused, in order.

use tests::{Lab, Origin, Wire, eventually};

use crate::{answer, get, ok, post};

/// Breaks when a connection is opened for each request on either side.
#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    for _ in 0..10 {
        assert_eq!(client.get("/").await.text(), "a");
    }
    assert_eq!((origin.count(), origin.accepted()), (10, 1));
    let server = lab.stat("api_nodes", "a").await;
    assert_eq!((server.number("connect"), server.number("reuse")), (1, 9));
}

/// Breaks when an idle server connection belongs to the client that opened it.
#[tokio::test]
async fn clients_share_the_idle_connections_of_their_worker() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().section("process", "threads = 1").server("a", origin.address()).start().await;
    for _ in 0..5 {
        assert_eq!(lab.get("/").await.status(), 200);
    }
    assert_eq!((origin.count(), origin.accepted()), (5, 1));
}

/// Breaks when idle connections of a worker are not bounded, or the bound is not counted per server.
#[tokio::test]
async fn idle_connections_are_bounded_and_let_go_after_their_time() {
    let origin = Origin::named("a").await;
    let lab = Lab::new()
        .section("process", "threads = 1")
        .server("a", origin.address())
        .backend("max_idle = 2\nidle_timeout = \"300ms\"")
        .start()
        .await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = lab.connect().await;
        client.send(get("/hold", "")).await;
        clients.push(client);
    }
    eventually("five requests at the server", async || origin.count() == 5).await;
    origin.release(5);
    for client in &mut clients {
        assert_eq!(client.answer().await.status(), 200);
    }
    eventually("three of five closed", async || origin.open() <= 2).await;
    eventually("the idle ones let go", async || origin.open() == 0).await;
    assert_eq!(clients[0].get("/").await.status(), 200);
}

/// Breaks when answers overtake each other or a pipelined body is taken for a request.
#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::http(|request| ok(&format!("{} {}", request.target(), request.text()))).await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    let burst: String = (0..20)
        .map(|n| {
            if n % 3 == 0 {
                post(&format!("/{n}"), "GET / HTTP/1.1\r\n\r\n")
            } else {
                get(&format!("/{n}"), "")
            }
        })
        .collect();
    client.send(burst).await;
    for n in 0..20 {
        let body = if n % 3 == 0 { "GET / HTTP/1.1\r\n\r\n" } else { "" };
        assert_eq!(client.answer().await.text(), format!("/{n} {body}"));
    }
    assert_eq!(client.get("/last").await.text(), "/last ");
}

#[tokio::test]
async fn a_client_that_asks_for_close_gets_it() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send(get("/", "Connection: close\r\n")).await;
    let answer = client.answer().await;
    assert!(answer.status() == 200 && answer.lists("connection", "close"), "{answer:?}");
    client.closed().await;
    // What the client wants of its connection is nothing to the server's.
    assert_eq!(lab.get("/").await.status(), 200);
    assert!(!origin.requests()[0].lists("connection", "close"));
}

/// Breaks when a server's `Connection: close` closes the client's connection, or the dead one is used again.
#[tokio::test]
async fn a_server_that_closes_costs_the_client_nothing() {
    let origin = Origin::script(|mut conn| async move {
        if conn.request().await.is_some() {
            conn.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na").await;
        }
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    for _ in 0..3 {
        let answer = client.get("/").await;
        assert!(answer.status() == 200 && !answer.lists("connection", "close"), "{answer:?}");
    }
    assert_eq!(origin.accepted(), 3);
}

/// A client of HTTP/1.0 knows neither chunks nor kept connections; servers are spoken to in HTTP/1.1 all the same (RFC 9112 §2.3).
#[tokio::test]
async fn an_old_client_gets_plain_bytes_and_the_end_of_the_connection() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let origin = Origin::http(move |_| chunked.to_owned()).await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send("GET / HTTP/1.0\r\nHost: lab\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.status(), answer.text()), (200, "abcde"));
    assert_eq!(answer.field("transfer-encoding"), None);
    client.closed().await;
    assert!(origin.request().line.ends_with(" HTTP/1.1"), "{:?}", origin.request());
}

#[tokio::test]
async fn an_old_client_may_ask_to_keep_its_connection() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    for _ in 0..3 {
        client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        let answer = client.answer().await;
        assert!(answer.status() == 200 && answer.lists("connection", "keep-alive"), "{answer:?}");
    }
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "a");
    client.closed().await;
}

/// The end of the connection is the only end that such a body has, whatever the client asked for.
#[tokio::test]
async fn an_old_client_cannot_keep_its_connection_after_a_body_without_length() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let origin = Origin::http(move |_| chunked.to_owned()).await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.text(), answer.field("transfer-encoding")), ("abc", None));
    client.closed().await;
}

/// An old server answers without a length; the client's connection is none the worse.
#[tokio::test]
async fn a_body_until_close_reaches_a_new_client_whole() {
    let origin = Origin::script(|mut conn| async move {
        if conn.request().await.is_some() {
            conn.send("HTTP/1.0 200 OK\r\n\r\nuntil the end").await;
        }
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    assert_eq!(client.get("/").await.text(), "until the end");
}

/// Breaks when an idle client gets an answer that it did not ask for (a 408 would be taken for the next request's).
#[tokio::test]
async fn an_idle_client_is_closed_silently() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).timeout("http_keep_alive = \"100ms\"").start().await;
    let mut client = lab.connect().await;
    assert_eq!(client.get("/").await.status(), 200);
    client.closed().await;
}

/// Breaks when the limit on connections is not kept, or a slot is lost: then the last clients never get in.
#[tokio::test]
async fn no_more_connections_are_served_than_allowed() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().section("process", "maxconn = 2").server("a", origin.address()).start().await;
    let mut first = lab.connect().await;
    let mut second = lab.connect().await;
    assert_eq!(first.get("/").await.status(), 200);
    assert_eq!(second.get("/").await.status(), 200);
    let mut third: Wire = lab.connect().await;
    third.send(get("/third", "")).await;
    assert_eq!(second.get("/").await.status(), 200);
    assert_eq!(origin.count(), 3, "the third waits");
    drop(first);
    assert_eq!(third.answer().await.status(), 200);
    for _ in 0..10 {
        drop(third);
        third = lab.connect().await;
        assert_eq!(third.get("/").await.status(), 200);
    }
}

/// Statuses and reasons of servers are theirs.
#[tokio::test]
async fn every_status_passes() {
    let origin = Origin::http(|request| answer(&request.target()[1..].replace('_', " "), "body")).await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    for status in [
        "200_OK",
        "201_Created",
        "302_Found",
        "404_Not_Found",
        "418_Teapot",
        "500_Oops",
        "503_Later",
        "599_Odd",
    ] {
        let answer = client.get(&format!("/{status}")).await;
        assert_eq!(
            (answer.status().to_string(), answer.text()),
            (status[..3].to_owned(), "body"),
            "{status}"
        );
    }
    assert_eq!(origin.accepted(), 1, "an error of the application is no reason to close");
}
