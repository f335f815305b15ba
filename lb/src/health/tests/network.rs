//! Checks of small real servers: every way in which a node can be well or unwell.

use crate::config::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use std::net::SocketAddr;

use super::*;

/// A server that reads one request head, says `answer`, closes (or does not), and then tells what it was asked and how the
/// connection ended.
async fn node(
    answer: &'static [u8],
    hang: bool,
) -> (SocketAddr, JoinHandle<(String, std::io::Result<usize>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut asked).await.unwrap() == 0 {
                break;
            }
        }
        stream.write_all(answer).await.unwrap();
        if !hang {
            stream.shutdown().await.unwrap();
        }
        let end = stream.read(&mut [0; 16]).await;
        (String::from_utf8(asked).unwrap(), end)
    });
    (address, served)
}

fn target(address: SocketAddr) -> ProbeTarget {
    ProbeTarget {
        address,
        path: Some("/health".into()),
        protocol: Protocol::Http1,
        host: "api0:4000".into(),
        timeout: SECOND * 5,
        disable_on_404: false,
    }
}

/// The check of a node that says `answer` and closes.
async fn check(answer: &'static [u8]) -> (CheckStatus, Option<u16>, String) {
    let (address, _served) = node(answer, false).await;
    let result = Network.probe(target(address)).await;
    (result.status, result.code, result.detail)
}

#[tokio::test]
async fn answers_are_judged_by_their_status() {
    let table: [(&[u8], CheckStatus, Option<u16>, &str); 9] = [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", CheckStatus::L7Ok, Some(200), ""),
        (b"HTTP/1.0 204 No Content\r\n\r\n", CheckStatus::L7Ok, Some(204), ""),
        (
            b"HTTP/1.1 302 Found\r\nlocation: /else\r\ncontent-length: 0\r\n\r\n",
            CheckStatus::L7Ok,
            Some(302),
            "",
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nbroken off", CheckStatus::L7Ok, Some(200), ""),
        (
            b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 12\r\n\r\nno database\n",
            CheckStatus::L7Sts,
            Some(503),
            "no database",
        ),
        (b"HTTP/1.1 500 Oh No\r\ncontent-length: 0\r\n\r\n", CheckStatus::L7Sts, Some(500), "Oh No"),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", CheckStatus::L7Sts, Some(404), "Not Found"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", CheckStatus::L7Rsp, None, "invalid HTTP version parsed"),
        (b"", CheckStatus::L7Rsp, None, "connection closed before message completed"),
    ];
    for (answer, status, code, detail) in table {
        let found = check(answer).await;
        assert_eq!(found, (status, code, detail.to_owned()), "{}", String::from_utf8_lossy(answer));
    }
}

#[tokio::test]
async fn a_node_sees_a_plain_request_and_an_ordinary_end() {
    let (address, served) = node(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", true).await;
    let result = Network.probe(target(address)).await;
    assert_eq!(result.status, CheckStatus::L7Ok);
    let (asked, end) = served.await.unwrap();
    let mut lines: Vec<_> = asked.trim_end().split("\r\n").map(str::to_ascii_lowercase).collect();
    lines[1..].sort();
    let expected = ["get /health http/1.1", "connection: close", "host: api0:4000", "user-agent: lb-health"];
    assert_eq!(lines, expected);
    assert_eq!(end.unwrap(), 0, "closed, not reset");
}

#[tokio::test]
async fn a_body_is_read_up_to_a_bound_and_only_as_long_as_the_check_may_take() {
    // Ends in spite of more than any bound, and says what it has seen.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_buf(&mut Vec::new()).await.unwrap();
        stream.write_all(b"HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        while stream.write_all(b"5\r\nwrong\r\n").await.is_ok() {}
    });
    let result = Network.probe(target(address)).await;
    assert_eq!((result.status, result.detail.as_str()), (CheckStatus::L7Sts, &*"wrong".repeat(12)));
    served.await.unwrap();

    let (address, _served) = node(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", true).await;
    let hasty = ProbeTarget { timeout: SECOND / 5, ..target(address) };
    assert_eq!(Network.probe(hasty).await.status, CheckStatus::L7Ok);
}

#[tokio::test]
async fn a_node_that_speaks_first_is_no_http_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
        // It sees the end, of whichever kind.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    assert_eq!(Network.probe(target(address)).await.status, CheckStatus::L7Rsp);
    served.await.unwrap();
}

#[tokio::test]
async fn silence_and_refusal_have_their_own_words() {
    let (address, _served) = node(b"", true).await;
    let hasty = ProbeTarget { timeout: SECOND / 5, ..target(address) };
    let result = Network.probe(hasty).await;
    assert_eq!((result.status, result.code), (CheckStatus::L7Tout, None));
    assert!(result.took >= SECOND / 5);

    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let result = Network.probe(target(gone)).await;
    assert_eq!((result.status, result.detail.as_str()), (CheckStatus::L4Con, "Connection refused"));

    // A listener whose queue is full does not answer at all.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    let mut waiting = Vec::new();
    let silent = loop {
        match tokio::time::timeout(SECOND / 5, TcpStream::connect(address)).await {
            Ok(stream) => waiting.push(stream.unwrap()),
            Err(_) => break ProbeTarget { timeout: SECOND / 5, ..target(address) },
        }
    };
    assert_eq!(Network.probe(silent).await.status, CheckStatus::L4Tout);
}

#[tokio::test]
async fn without_a_path_a_connection_is_enough() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = ProbeTarget { path: None, ..target(listener.local_addr().unwrap()) };
    assert_eq!(Network.probe(here).await.status, CheckStatus::L4Ok);
    let (mut stream, _) = listener.accept().await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0, "closed, not reset");
}

#[tokio::test]
async fn a_server_goes_down_and_comes_back_over_real_sockets() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let check = "{ path = \"/\", interval = \"10ms\", timeout = \"1s\", rise = 2, fall = 2 }";
    let fixture = Fixture::new(&format!("health = {check}\n[backend.be.servers]\ns1 = \"{address}\""));
    let stop = CancellationToken::new();
    let checker = tokio::spawn(run(Arc::clone(&fixture.control), stop.clone()));
    let server = fixture.server("s1");

    drop(listener);
    fixture.until(|| !server.is_usable()).await;
    let last = server.health.snapshot().last.unwrap();
    assert_eq!((last.status, server.status().to_string()), (CheckStatus::L4Con, "DOWN".to_owned()));

    let listener = TcpListener::bind(address).await.unwrap();
    let node = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_buf(&mut Vec::new()).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
    });
    fixture.until(|| server.is_usable()).await;
    assert_eq!(server.status().to_string(), "UP");
    stop.cancel();
    checker.await.unwrap();
    node.abort();
}
