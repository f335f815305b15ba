//! Every path of the node, its limits, and the framing of its answers.

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::wire::{Wire, ask, node};

#[tokio::test]
async fn the_root_says_who_answers_and_counts() {
    let node = node().await;
    for count in 1..=3 {
        let answer = ask(node.addr(), "GET /").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("x-node: api1\r\n") && answer.contains("x-version: v2\r\n"), "{answer}");
        let body = format!("\r\n\r\n{{\"node\":\"api1\",\"version\":\"v2\",\"count\":{count}}}");
        assert!(answer.ends_with(&body), "{answer}");
    }
    assert_eq!(node.count(), 3);
}

#[tokio::test]
async fn health_checks_are_counted_apart() {
    let node = node().await;
    assert!(node.last_request_at().is_none());
    ask(node.addr(), "GET /health").await;
    assert_eq!((node.count(), node.health_checks()), (0, 1));
    assert!(node.last_request_at().is_none());
    let before = std::time::Instant::now();
    ask(node.addr(), "GET /").await;
    assert!(node.last_request_at().unwrap() >= before);
    node.reached(1).await;
}

#[tokio::test]
async fn every_answer_is_signed_and_bad_questions_are_told_so() {
    let node = node().await;
    for (request, status) in [
        ("GET /nowhere", "404"),
        ("POST /", "405"),
        ("DELETE /health", "405"),
        ("GET /echo", "405"),
        ("POST /ws", "405"),
        ("GET /ws", "426"),
        ("GET /slow?ms=60001", "400"),
        ("GET /bytes?n=-1", "400"),
        ("GET /bytes?n=+3", "400"),
        ("GET /events?n=many", "400"),
        ("POST /health", "400"),
        ("POST /health?fail=maybe", "400"),
        ("POST /health?fail=true&status=200", "400"),
        ("POST /health?fail=true&status=+503", "400"),
        ("POST /health?fail=true&status=66039", "400"),
        ("HEAD /", "200"),
        ("GET /slow?ms=0", "200"),
    ] {
        let answer = ask(node.addr(), request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        assert!(answer.contains("x-node: api1\r\nx-version: v2\r\n"), "{request}: {answer}");
        assert_eq!(answer.contains("allow: "), status == "405", "{request}: {answer}");
    }
    let refusal = ask(node.addr(), "GET /ws").await;
    assert!(refusal.contains("upgrade: websocket\r\nsec-websocket-version: 13\r\n"), "{refusal}");
    assert!(ask(node.addr(), "PUT /health").await.contains("allow: GET, HEAD, POST\r\n"));
}

#[tokio::test]
async fn health_can_be_switched_from_outside_and_inside() {
    let node = node().await;
    let healthy = "{\"status\":\"ok\",\"node\":\"api1\",\"version\":\"v2\"}";
    assert!(ask(node.addr(), "GET /health").await.ends_with(healthy));
    assert!(ask(node.addr(), "POST /health?fail=true&status=500").await.starts_with("HTTP/1.1 200 "));
    assert!(!node.healthy());
    assert!(ask(node.addr(), "GET /health").await.starts_with("HTTP/1.1 500 "));
    ask(node.addr(), "POST /health?fail=false").await;
    assert!(node.healthy());
    node.set_healthy(false);
    assert!(ask(node.addr(), "GET /health").await.starts_with("HTTP/1.1 503 "));
}

#[tokio::test]
async fn bytes_have_a_length_and_the_pattern() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let node = node().await;
    let length = 300_001_u64;
    let mut stream = TcpStream::connect(node.addr()).await.unwrap();
    let request = format!("GET /bytes?n={length} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert!(String::from_utf8_lossy(&answer[..end]).contains(&format!("content-length: {length}\r\n")));
    let body = &answer[end..];
    assert_eq!(body.len() as u64, length);
    assert!(body.iter().zip(0..).all(|(byte, index)| *byte == api::pattern_byte(index)));
}

#[tokio::test]
async fn echo_keeps_length_and_type() {
    let node = node().await;
    let mut wire = Wire::connect(node.addr()).await;
    wire.send("POST /echo HTTP/1.1\r\nhost: t\r\ncontent-type: text/x\r\ncontent-length: 5\r\n\r\nhello")
        .await;
    let head = wire.until("\r\n\r\n").await;
    assert!(head.contains("content-length: 5\r\n") && head.contains("content-type: text/x\r\n"), "{head}");
    assert_eq!(wire.until("hello").await, "hello");
}

#[tokio::test]
async fn echo_streams_chunks_as_they_come_and_passes_trailers() {
    let node = node().await;
    let mut wire = Wire::connect(node.addr()).await;
    wire.send("POST /echo HTTP/1.1\r\nhost: t\r\nte: trailers\r\nconnection: te\r\ntrailer: x-sum\r\n").await;
    wire.send("transfer-encoding: chunked\r\n\r\n4\r\nfirs\r\n").await;
    // The first piece is back before the second is sent: the node does not store and forward.
    let head = wire.until("\r\n\r\n").await;
    assert!(head.contains("transfer-encoding: chunked\r\n") && head.contains("trailer: x-sum\r\n"), "{head}");
    assert_eq!(wire.until("firs\r\n").await, "4\r\nfirs\r\n");
    wire.send("3\r\nt!!\r\n0\r\nx-sum: 42\r\n\r\n").await;
    assert_eq!(wire.until("\r\n\r\n").await, "3\r\nt!!\r\n0\r\nx-sum: 42\r\n\r\n");
}

#[tokio::test]
async fn events_come_one_by_one() {
    let node = node().await;
    let mut wire = Wire::connect(node.addr()).await;
    // The second event is a minute away: the first must not wait for it.
    wire.send("GET /events?n=2&ms=60000 HTTP/1.1\r\nhost: t\r\n\r\n").await;
    let first = wire.until("\n\n").await;
    assert!(first.contains("content-type: text/event-stream\r\n"), "{first}");
    assert!(first.ends_with("id: 1\ndata: {\"event\":1,\"node\":\"api1\"}\n\n"), "{first}");
}

#[tokio::test]
async fn websocket_echoes_answers_pings_and_closes() {
    let node = node().await;
    let stream = TcpStream::connect(node.addr()).await.unwrap();
    let (mut socket, response) = tokio_tungstenite::client_async("ws://test/ws", stream).await.unwrap();
    assert_eq!(response.headers()["x-node"], "api1");
    for message in [Message::text("grüezi"), Message::binary(vec![0, 255, 7])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    socket.send(Message::Ping("are you there".into())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong("are you there".into()));
    let bye = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    socket.close(Some(bye.clone())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Close(Some(bye)));
    assert!(socket.next().await.is_none());
}
