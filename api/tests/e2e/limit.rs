//! The limit of connections: those beyond it wait and are served when one before them is closed.

use api::{Node, Options};
use futures_util::StreamExt;
use tokio::net::TcpStream;

use crate::wire::Wire;

const REQUEST: &str = "GET / HTTP/1.1\r\nhost: t\r\n\r\n";

async fn node(maxconn: u32) -> Node {
    Node::start(Options { maxconn, ..Options::local("api1", "v2") }).await.unwrap()
}

/// A connection on which one request was answered.
async fn idle(node: &Node) -> Wire {
    let mut wire = Wire::connect(node.addr()).await;
    wire.send(REQUEST).await;
    wire.until("}").await;
    wire
}

/// That the node reads nothing of a connection beyond the limit: it has had every chance to, as it answers another one.
async fn waits(node: &Node, served: &mut Wire) -> Wire {
    let mut beyond = Wire::connect(node.addr()).await;
    beyond.send(REQUEST).await;
    for _ in 0..20 {
        let count = node.count();
        served.send(REQUEST).await;
        served.until("}").await;
        assert_eq!(node.count(), count + 1);
    }
    beyond
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_for_one_to_close() {
    let node = node(2).await;
    let (first, mut second) = (idle(&node).await, idle(&node).await);
    let mut third = waits(&node, &mut second).await;
    drop(first);
    assert!(third.until("}").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_websocket_counts_as_a_connection_until_it_ends() {
    let node = node(2).await;
    let stream = TcpStream::connect(node.addr()).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("ws://test/ws", stream).await.unwrap();
    let mut second = idle(&node).await;
    let mut third = waits(&node, &mut second).await;
    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}
    assert!(third.until("}").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn stopping_serves_those_that_wait() {
    let node = node(1).await;
    let mut first = idle(&node).await;
    let mut second = waits(&node, &mut first).await;
    let (finished, answer) = tokio::join!(node.stop(), second.rest());
    assert!(finished && answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
