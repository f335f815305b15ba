//! Requests that must not be passed on: each is refused, nothing of it reaches a server, and nothing behind it is served.
//!
//! Two parsers that read the same bytes differently are how requests are smuggled (RFC 9112 §11.2); whatever could be read twice is refused.

use tests::{Lab, Origin, PATIENCE, Running, eventually};
use tokio::time::timeout;

use crate::{get, ok};

/// Sends `bytes` with a good request behind them; returns the status, and asserts that it is the last thing said.
async fn refuse(lab: &Running, name: &str, bytes: &[u8]) -> u16 {
    let mut client = lab.connect().await;
    // The connection may be gone before the last byte is sent: that is an answer, too.
    let _ = client.try_send(bytes).await;
    let _ = client.try_send(get("/smuggled", "")).await;
    let answer = match timeout(PATIENCE / 2, client.try_answer()).await {
        Ok(Ok(answer)) => answer,
        other => panic!("{name}: no answer: {other:?}"),
    };
    let rest = match timeout(PATIENCE / 2, client.take_rest()).await {
        Ok(rest) => rest.unwrap_or_default(),
        Err(_) => panic!("{name}: the connection stays after {}", answer.line),
    };
    assert!(rest.is_empty(), "{name}: after {} came {:?}", answer.line, String::from_utf8_lossy(&rest));
    answer.status()
}

/// Holds a table of bad requests against a running lab.
async fn refuse_all(table: &[(&str, &str, &[u16])]) {
    let origin = Origin::http(|_| ok("")).await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut wrong = Vec::new();
    for (name, bytes, statuses) in table {
        let status = refuse(&lab, name, bytes.as_bytes()).await;
        if !statuses.contains(&status) {
            wrong.push(format!("{name}: {status}"));
        }
    }
    assert!(wrong.is_empty(), "not refused as they should be: {wrong:#?}");
    let seen: Vec<_> = origin.requests().iter().map(|request| request.line.clone()).collect();
    assert!(seen.is_empty(), "servers saw {seen:?}");
    let refused = async || lab.stat("fe_api", "FRONTEND").await.number("ereq");
    eventually("refusals in the statistics", async || refused().await == table.len() as u64).await;
    assert_eq!(lab.get("/").await.status(), 200, "the good are served all the same");
}

#[tokio::test]
async fn hosts() {
    refuse_all(&[
        ("no Host", "GET / HTTP/1.1\r\n\r\n", &[400]),
        ("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", &[400]),
        ("the same Host twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", &[400]),
        ("a list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", &[400]),
        ("a blank inside", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", &[400]),
        ("a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", &[400]),
        ("user info", "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", &[400]),
        ("no port number", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", &[400]),
        ("an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", &[400]),
        ("user info in the target", "GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    ])
    .await;
}

#[tokio::test]
async fn methods_and_versions() {
    refuse_all(&[
        ("CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", &[400, 405, 501]),
        ("TRACE with a body", "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", &[400]),
        ("no version", "GET /\r\n\r\n", &[400]),
        ("a version to come", "GET / HTTP/3.7\r\nHost: a\r\n\r\n", &[400, 505]),
        ("no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", &[400]),
        ("no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
        ("an odd method", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
        ("a blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
        ("a relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    ])
    .await;
}

#[tokio::test]
async fn transfer_encodings() {
    refuse_all(&[
        ("gzip", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", &[400, 501]),
        ("gzip, chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", &[400, 501]),
        ("identity, chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", &[400, 501]),
        ("chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", &[400, 501]),
        (
            "chunked in two lines",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            &[400, 501],
        ),
        ("xchunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", &[400, 501]),
        ("with HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400, 501]),
    ])
    .await;
}

#[tokio::test]
async fn content_lengths() {
    refuse_all(&[
        (
            "two that differ",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            &[400],
        ),
        ("a list that differs", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 4\r\n\r\nabcd", &[400]),
        ("a sign", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", &[400]),
        ("a negative one", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", &[400]),
        ("a hexadecimal one", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", &[400]),
        (
            "too large a number",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
            &[400],
        ),
        ("none at all", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", &[400]),
        ("a blank inside", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\nabcdefghijk", &[400]),
    ])
    .await;
}

#[tokio::test]
async fn field_lines() {
    refuse_all(&[
        ("a blank before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX-A : 1\r\n\r\n", &[400]),
        ("no name", "GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n", &[400]),
        ("no colon", "GET / HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n", &[400]),
        ("an odd name", "GET / HTTP/1.1\r\nHost: a\r\nX(A: 1\r\n\r\n", &[400]),
        ("a zero byte", "GET / HTTP/1.1\r\nHost: a\r\nX-A: \0\r\n\r\n", &[400]),
        ("a bare CR", "GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\rX-B: 2\r\n\r\n", &[400]),
        ("a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n 2\r\n\r\n", &[400]),
        ("a blank first line of fields", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", &[400]),
    ])
    .await;
}

#[tokio::test]
async fn heads_beyond_the_limits() {
    let large = get("/", &format!("X-Large: {}\r\n", "x".repeat(17 << 10)));
    let long = get(&format!("/{}", "x".repeat(17 << 10)), "");
    let many = get("/", &(0..120).map(|n| format!("X-{n}: {n}\r\n")).collect::<String>());
    refuse_all(&[
        ("a large head", &large, &[431]),
        ("a long target", &long, &[414, 431]),
        ("many fields", &many, &[431]),
    ])
    .await;
}

/// Breaks when a head without an end is collected without a limit.
#[tokio::test]
async fn a_head_without_an_end_is_refused_at_the_limit() {
    let lab = Lab::new().frontend("max_head = \"8KiB\"").start().await;
    let mut client = lab.connect().await;
    client.send("GET / HTTP/1.1\r\nX-Large: ").await;
    let answer = loop {
        if client.try_send("x".repeat(1024)).await.is_err() || !client.is_quiet() {
            break client.answer().await;
        }
    };
    assert_eq!(answer.status(), 431);
}

/// A faulty chunk is the client's fault: no retry, no blame for the server, and it never looks like a whole request there.
#[tokio::test]
async fn faulty_chunks() {
    let origin = Origin::http(|_| ok("")).await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let table = [
        ("no number", "zz\r\nabc\r\n0\r\n\r\n"),
        ("a sign", "+3\r\nabc\r\n0\r\n\r\n"),
        ("a prefix", "0x3\r\nabc\r\n0\r\n\r\n"),
        ("too large", "FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n"),
        ("longer than it says", "3\r\nabcd\r\n0\r\n\r\n"),
        ("no size", "\r\nabc\r\n0\r\n\r\n"),
        ("an odd trailer", "3\r\nabc\r\n0\r\nX A\r\n\r\n"),
    ];
    for (name, chunks) in table {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(refuse(&lab, name, format!("{head}{chunks}").as_bytes()).await, 400, "{name}");
    }
    assert_eq!(origin.count(), 0, "none is whole");
    let server = lab.stat("api_nodes", "a").await;
    assert_eq!((server.number("eresp"), server.number("wretr")), (0, 0), "the server is not to blame");
    assert_eq!(lab.get("/").await.status(), 200);
}
