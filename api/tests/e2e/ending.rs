//! The start and the two ends of a node: nothing that has been asked is lost by stopping, everything by killing.

use std::time::Duration;

use api::{Node, Options};
use tokio::net::{TcpListener, TcpStream};

use crate::wire::{Wire, node};

#[tokio::test(start_paused = true)]
async fn nothing_listens_during_the_startup_delay() {
    let occupant = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bind = occupant.local_addr().unwrap();
    let options = Options { bind, startup_delay: Duration::from_secs(3600), ..Options::local("api0", "v1") };
    let mut start = std::pin::pin!(Node::start(options));
    // While the port is taken by another, starting goes on: it has not tried to bind yet.
    assert!(futures_util::poll!(start.as_mut()).is_pending());
    drop(occupant);
    assert_eq!(start.await.unwrap().addr(), bind);
}

#[tokio::test]
async fn stopping_closes_idle_and_silent_connections_at_once() {
    let node = node().await;
    let mut idle = Wire::connect(node.addr()).await;
    idle.send("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    idle.until("\"count\":1}").await;
    let mut silent = Wire::connect(node.addr()).await;
    // Were they kept, stopping would take the ten seconds of grace and say that something was cut.
    assert!(node.stop().await);
    assert_eq!(idle.rest().await, "");
    assert_eq!(silent.rest().await, "");
    assert!(TcpStream::connect(node.addr()).await.is_err(), "it still listens");
}

#[tokio::test]
async fn stopping_lets_slow_answers_and_events_finish() {
    let node = node().await;
    let mut slow = Wire::connect(node.addr()).await;
    slow.send("GET /slow?ms=200 HTTP/1.1\r\nhost: t\r\n\r\n").await;
    let mut events = Wire::connect(node.addr()).await;
    events.send("GET /events?n=4&ms=60 HTTP/1.1\r\nhost: t\r\n\r\n").await;
    node.reached(2).await;
    let (finished, slow, events) = tokio::join!(node.stop(), slow.rest(), events.rest());
    assert!(finished);
    assert!(slow.contains("connection: close\r\n") && slow.ends_with("\"slept_ms\":200}"), "{slow}");
    assert!(events.contains("id: 4\n") && events.ends_with("0\r\n\r\n"), "{events}");
}

#[tokio::test]
async fn stopping_serves_what_was_already_sent() {
    // On one thread the node's tasks have not run when it is told to stop: connections and requests are in the kernel.
    let node = node().await;
    let mut wires = Vec::new();
    for _ in 0..5 {
        let stream = std::net::TcpStream::connect(node.addr()).unwrap();
        std::io::Write::write_all(&mut &stream, b"GET / HTTP/1.1\r\nhost: t\r\n\r\n").unwrap();
        wires.push(stream);
    }
    assert!(node.stop().await);
    assert_eq!(node.count(), 5);
    for mut wire in wires {
        let answer = std::io::read_to_string(&mut wire).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test]
async fn stopping_lets_a_websocket_finish() {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;
    let node = node().await;
    let stream = TcpStream::connect(node.addr()).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("ws://test/ws", stream).await.unwrap();
    let talk = async {
        socket.send(Message::text("still there?")).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("still there?"));
        socket.close(None).await.unwrap();
        while socket.next().await.is_some() {}
    };
    let (finished, ()) = tokio::join!(node.stop(), talk);
    assert!(finished);
}

#[tokio::test]
async fn the_grace_has_an_end() {
    let options = Options { grace: Duration::from_millis(50), ..Options::local("api0", "v1") };
    let node = Node::start(options).await.unwrap();
    let mut slow = Wire::connect(node.addr()).await;
    slow.send("GET /slow?ms=60000 HTTP/1.1\r\nhost: t\r\n\r\n").await;
    node.reached(1).await;
    assert!(!node.stop().await);
    assert_eq!(slow.rest().await, "");
}

#[tokio::test]
async fn killing_drops_everything() {
    let node = node().await;
    let mut slow = Wire::connect(node.addr()).await;
    slow.send("GET /slow?ms=60000 HTTP/1.1\r\nhost: t\r\n\r\n").await;
    node.reached(1).await;
    node.kill();
    node.closed().await;
    assert_eq!(slow.rest().await, "");
    assert!(TcpStream::connect(node.addr()).await.is_err(), "it still listens");
}
