//! Connections that change their protocol: from then on they are pipes, and in flight until they end.

use tests::{Conn, Lab, Origin, Running, Wire, eventually};

use crate::{get, ok};

const WEBSOCKET: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Agrees to the change that was asked for.
async fn agree(conn: &mut Conn) {
    let Some(request) = conn.request().await else { return };
    let protocol = request.field("upgrade").unwrap_or("nothing");
    conn.send(format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\nX-More: 1\r\n\r\n"
    ))
    .await;
}

/// A server that agrees to any change and then sends back what it gets.
async fn echo() -> Origin {
    Origin::script(|mut conn| async move {
        agree(&mut conn).await;
        while let Ok(bytes) = conn.take_some().await {
            if bytes.is_empty() || conn.try_send(bytes).await.is_err() {
                return;
            }
        }
    })
    .await
}

async fn change(lab: &Running, lines: &str) -> Wire {
    let mut client = lab.connect().await;
    client.send(get("/ws", lines)).await;
    assert_eq!(client.answer().await.status(), 101);
    client
}

#[tokio::test]
async fn a_websocket_is_a_pipe_and_in_flight_until_it_ends() {
    let origin = echo().await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send(get("/ws", WEBSOCKET)).await;
    let answer = client.answer().await;
    assert_eq!(
        (answer.status(), answer.field("upgrade"), answer.field("x-more")),
        (101, Some("websocket"), Some("1"))
    );
    assert!(answer.lists("connection", "upgrade"));
    let request = origin.request();
    assert!(request.lists("connection", "upgrade"), "{request:?}");
    assert_eq!(request.field("sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    for round in 0..50_u8 {
        let message = [round; 100];
        client.send(message).await;
        assert_eq!(client.take(100).await.unwrap(), message);
        if round == 25 {
            assert_eq!(lab.stat("api_nodes", "a").await.number("scur"), 1);
        }
    }
    drop(client);
    lab.drained("a").await;
    eventually("the server's side closed", async || origin.open() == 0).await;
    let server = lab.stat("api_nodes", "a").await;
    assert_eq!(server.number("hrsp_1xx"), 1);
    assert!(server.number("bin") >= 5000 && server.number("bout") >= 5000, "piped bytes count");
}

/// Breaks when only WebSocket is known, or when bytes that came with the head are lost.
#[tokio::test]
async fn any_protocol_and_early_bytes_pass() {
    let origin = echo().await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send(get("/", "Connection: upgrade\r\nUpgrade: chat/7\r\n") + "early").await;
    let answer = client.answer().await;
    assert_eq!((answer.status(), answer.field("upgrade")), (101, Some("chat/7")));
    assert_eq!(client.take(5).await.unwrap(), b"early");
}

/// Breaks when bytes that the server sends right behind its 101 are lost.
#[tokio::test]
async fn first_words_of_the_server_pass() {
    let origin = Origin::script(|mut conn| async move {
        conn.request().await;
        conn.send("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\nwelcome").await;
        conn.gone().await;
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = change(&lab, "Connection: upgrade\r\nUpgrade: chat\r\n").await;
    assert_eq!(client.take(7).await.unwrap(), b"welcome");
}

/// Breaks when the end of one direction is taken for the end of both.
#[tokio::test]
async fn each_direction_ends_by_itself() {
    let origin = Origin::script(|mut conn| async move {
        agree(&mut conn).await;
        let all = conn.take_rest().await.unwrap();
        conn.send(format!("got {}", all.len())).await;
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = change(&lab, WEBSOCKET).await;
    client.send([7; 1000]).await;
    client.finish().await;
    assert_eq!(client.take_rest().await.unwrap(), b"got 1000");
    lab.drained("a").await;
}

#[tokio::test]
async fn a_refused_upgrade_is_an_answer_like_any_other() {
    let origin = Origin::http(|_| ok("no")).await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    for _ in 0..3 {
        client.send(get("/ws", WEBSOCKET)).await;
        let answer = client.answer().await;
        assert_eq!((answer.status(), answer.text()), (200, "no"));
    }
    assert_eq!(lab.stat("api_nodes", "a").await.number("scur"), 0);
}

/// Breaks when a server can turn a client's connection into a pipe that the client did not ask for.
#[tokio::test]
async fn an_unasked_or_different_change_is_a_bad_answer() {
    for (lines, protocol) in
        [("", "websocket"), (WEBSOCKET, "other"), ("Upgrade: websocket\r\n", "websocket")]
    {
        let origin = Origin::script(move |mut conn| async move {
            conn.request().await;
            conn.send(format!("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: {protocol}\r\n\r\n")).await;
            conn.gone().await;
        })
        .await;
        let lab = Lab::new().server("a", origin.address()).start().await;
        assert_eq!(lab.send(&get("/", lines)).await.status(), 502, "{protocol} for {lines:?}");
        lab.drained("a").await;
    }
}

/// Breaks when a pipe can begin in the middle of a request, or when its client is left without an answer.
#[tokio::test]
async fn a_change_before_the_request_is_whole_is_a_bad_answer() {
    let origin = Origin::script(|mut conn| async move {
        while let Ok(some) = conn.take_some().await
            && !some.is_empty()
            && !some.ends_with(b"abc")
        {}
        let _ = conn.try_send("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").await;
        conn.gone().await;
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    let head = "POST / HTTP/1.1\r\nHost: lab\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 10\r\n\r\n";
    client.send(format!("{head}abc")).await;
    assert_eq!(client.answer().await.status(), 502);
    lab.drained("a").await;
}

/// A change to HTTP/2 is one of this hop only.
#[tokio::test]
async fn h2c_is_not_passed_on() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let lines = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
    assert_eq!(lab.send(&get("/", lines)).await.status(), 200);
    let request = origin.request();
    assert_eq!((request.field("upgrade"), request.field("http2-settings")), (None, None));
}

#[tokio::test]
async fn a_silent_pipe_ends_after_its_time() {
    let origin = echo().await;
    let lab = Lab::new().server("a", origin.address()).timeout("tunnel = \"200ms\"").start().await;
    let mut client = change(&lab, WEBSOCKET).await;
    client.send("x").await;
    assert_eq!(client.take(1).await.unwrap(), b"x");
    client.closed().await;
    lab.drained("a").await;
}

/// Breaks when other time limits than the pipe's apply to it, and when one direction's silence ends it.
#[tokio::test]
async fn a_pipe_outlives_the_limits_of_requests() {
    let origin = echo().await;
    let limits =
        "client = \"100ms\"\nserver = \"100ms\"\nhttp_request = \"100ms\"\nhttp_keep_alive = \"100ms\"";
    let lab = Lab::new().server("a", origin.address()).timeout(limits).start().await;
    let mut client = change(&lab, WEBSOCKET).await;
    // Twenty sweeps of the shortest limit: whatever would close it has had its chance.
    let mut sweeps = tokio::time::interval(std::time::Duration::from_millis(20));
    for _ in 0..20 {
        sweeps.tick().await;
    }
    client.send("still there").await;
    assert_eq!(client.take(11).await.unwrap(), b"still there");
}
