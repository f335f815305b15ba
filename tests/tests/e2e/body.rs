//! Bodies: whole, in both directions, at the pace of the slower side, with their framing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tests::{Lab, Origin, eventually, settled};

use crate::{get, ok};

const LARGE: usize = 50 << 20;
/// What may be under way in the kernel's buffers and in `lb`: far below [`LARGE`].
const UNDER_WAY: usize = 24 << 20;

/// Bytes whose order matters.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

/// A server that answers with [`LARGE`] patterned bytes and counts what it got rid of.
async fn large_download() -> (Origin, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let (counter, body) = (Arc::clone(&sent), Arc::new(pattern(LARGE)));
    let origin = Origin::script(move |mut conn| {
        let (counter, body) = (Arc::clone(&counter), Arc::clone(&body));
        async move {
            conn.small_buffers();
            conn.request().await;
            conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n")).await;
            let _ = conn.push(&body, &counter).await;
            conn.gone().await;
        }
    })
    .await;
    (origin, sent)
}

/// Breaks when `lb` buffers a body, when it loses the place, or when the reader's pace does not reach the server.
#[tokio::test]
async fn a_slow_reader_stops_the_server_and_still_gets_every_byte() {
    let (origin, sent) = large_download().await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.small_buffers();
    client.send(get("/", "")).await;
    let head = client.head().await.unwrap().unwrap();
    assert_eq!(head.field("content-length"), Some(&*LARGE.to_string()));
    let stuck = settled("a server that cannot go on", || sent.load(SeqCst)).await;
    assert!(stuck > 0 && stuck < UNDER_WAY, "{stuck} bytes are under way");
    let body = client.take(LARGE).await.unwrap();
    assert!(body == pattern(LARGE), "the body is another one");
}

/// The same upwards.
#[tokio::test]
async fn a_slow_server_stops_the_client_and_still_gets_every_byte() {
    let origin = Origin::script(|mut conn| async move {
        conn.small_buffers();
        let head = conn.head().await.unwrap().unwrap();
        assert_eq!(head.field("content-length"), Some(&*LARGE.to_string()));
        conn.released().await;
        let same = conn.take(LARGE).await.unwrap() == pattern(LARGE);
        conn.send(ok(if same { "same" } else { "altered" })).await;
        conn.gone().await;
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.small_buffers();
    client.send(format!("POST / HTTP/1.1\r\nHost: lab\r\nContent-Length: {LARGE}\r\n\r\n")).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let sending = tokio::spawn(async move {
        client.push(&pattern(LARGE), &counter).await.unwrap();
        client.answer().await
    });
    eventually("a body on its way", async || sent.load(SeqCst) > 0).await;
    let stuck = settled("a client that cannot go on", || sent.load(SeqCst)).await;
    assert!(stuck < UNDER_WAY, "{stuck} bytes are under way");
    origin.release(1);
    assert_eq!(sending.await.unwrap().text(), "same");
}

#[tokio::test]
async fn chunks_pass_both_ways_and_the_connections_stay() {
    let origin = Origin::http(|request| {
        let framing = (request.field("transfer-encoding"), request.field("content-length"));
        assert_eq!(framing, (Some("chunked"), None));
        let body = request.text();
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        )
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    for _ in 0..3 {
        // Extensions and capitals are the sender's business only.
        let body =
            "5\r\nhello\r\nA;name=value\r\n, dear lab!\r\n000\r\n\r\n".replace("dear lab!", "dearlab!");
        client
            .send(format!("POST / HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n{body}"))
            .await;
        let answer = client.answer().await;
        assert_eq!((answer.field("transfer-encoding"), answer.text()), (Some("chunked"), "hello, dearlab!"));
    }
    assert_eq!(origin.accepted(), 1);
}

/// Breaks when trailers are dropped or become part of the body.
#[tokio::test]
async fn trailers_pass_both_ways() {
    let origin = Origin::http(|request| {
        let sum = request.trailers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-sum"));
        let sum = sum.map_or("none", |(_, value)| value);
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Back\r\n\r\n1\r\na\r\n0\r\nX-Back: {sum}\r\n\r\n")
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    let head = "POST / HTTP/1.1\r\nHost: lab\r\nTE: trailers\r\nConnection: TE\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.send(format!("{head}3\r\nabc\r\n0\r\nX-Sum: 42\r\n\r\n")).await;
    let answer = client.answer().await;
    let trailers: Vec<_> =
        answer.trailers.iter().map(|(name, value)| (name.to_lowercase(), value.as_str())).collect();
    assert_eq!((answer.text(), &trailers[..]), ("a", &[("x-back".to_owned(), "42")][..]));
}

/// Breaks when a client that waits for 100 never gets it, or gets the final answer's place taken.
#[tokio::test]
async fn a_client_that_expects_100_gets_it_before_it_sends() {
    let origin = Origin::script(|mut conn| async move {
        let head = conn.head().await.unwrap().unwrap();
        if head.lists("expect", "100-continue") {
            conn.send("HTTP/1.1 100 Continue\r\n\r\n").await;
        }
        let body = conn.take(4).await.unwrap();
        conn.send(ok(std::str::from_utf8(&body).unwrap())).await;
        conn.gone().await;
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: lab\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").await;
    assert_eq!(client.answer().await.status(), 100);
    client.send("body").await;
    let answer = client.answer().await;
    assert_eq!((answer.status(), answer.text()), (200, "body"));
}

/// A server may answer before it has read the body; the client hears it at once and not only after its last byte.
#[tokio::test]
async fn an_early_answer_overtakes_the_upload() {
    let origin = Origin::script(|mut conn| async move {
        conn.head().await.unwrap();
        conn.send("HTTP/1.1 413 Too Much\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno!").await;
        conn.gone().await;
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: lab\r\nContent-Length: 1000000\r\n\r\npart").await;
    let answer = client.answer().await;
    assert_eq!((answer.status(), answer.text()), (413, "no!"));
}

#[tokio::test]
async fn answers_without_a_body_have_none_and_keep_their_fields() {
    let origin = Origin::http(|request| match (request.method(), request.target()) {
        ("HEAD", _) => "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_owned(),
        (_, "/204") => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        (_, "/304") => "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n".to_owned(),
        _ => ok(""),
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    for _ in 0..2 {
        client.send("HEAD / HTTP/1.1\r\nHost: lab\r\n\r\n").await;
        let answer = client.try_answer_to("HEAD").await.unwrap();
        assert_eq!((answer.status(), answer.field("content-length")), (200, Some("1000")));
        let answer = client.get("/204").await;
        assert_eq!((answer.status(), answer.field("transfer-encoding")), (204, None));
        let answer = client.get("/304").await;
        assert_eq!((answer.status(), answer.field("etag")), (304, Some("\"x\"")));
        assert_eq!(client.get("/").await.text(), "");
    }
    // Had a body been made up or waited for, this connection would be out of step by now.
    assert_eq!(origin.accepted(), 1);
}

/// Breaks when an empty body loses its length: servers ask for it (RFC 9110 §8.6).
#[tokio::test]
async fn an_empty_post_says_so() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    assert_eq!(lab.send("POST / HTTP/1.1\r\nHost: lab\r\nContent-Length: 0\r\n\r\n").await.status(), 200);
    assert_eq!(origin.request().field("content-length"), Some("0"));
}

/// Lock-step: each event is read before the next one exists, so a proxy that holds one back to send it with the next never continues.
#[tokio::test]
async fn events_are_passed_on_at_once() {
    let origin = Origin::script(|mut conn| async move {
        conn.request().await;
        conn.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        for number in 0..20 {
            conn.send(format!("9\r\ndata: {number:02}\n\r\n")).await;
            conn.released().await;
        }
        conn.send("0\r\n\r\n").await;
        conn.gone().await;
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send(get("/events", "")).await;
    assert_eq!(client.head().await.unwrap().unwrap().status(), 200);
    for number in 0..20 {
        let event = client.chunk().await.unwrap().unwrap();
        assert_eq!(event, format!("data: {number:02}\n").as_bytes());
        origin.release(1);
    }
    assert_eq!(client.chunk().await.unwrap(), None);
}

/// The same upwards: each piece reaches the server before the next one exists.
#[tokio::test]
async fn pieces_of_an_upload_are_passed_on_at_once() {
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let origin = Origin::script(move |mut conn| {
        let arrived = arrived.clone();
        async move {
            conn.head().await.unwrap();
            while let Some(chunk) = conn.chunk().await.unwrap() {
                arrived.send(chunk).unwrap();
            }
            conn.send(ok("done")).await;
            conn.gone().await;
        }
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for number in 0..10 {
        let piece = format!("piece {number}");
        client.send(format!("{:x}\r\n{piece}\r\n", piece.len())).await;
        let mut seen = Vec::new();
        while seen.len() < piece.len() {
            seen.extend(tests::within("a piece", arrivals.recv()).await.unwrap());
        }
        assert_eq!(seen, piece.as_bytes());
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "done");
}

/// Breaks when a request that will never be whole keeps its server's place because the answer has begun.
#[tokio::test]
async fn an_upload_that_breaks_off_after_an_early_answer_frees_its_server() {
    let origin = Origin::script(|mut conn| async move {
        conn.head().await.unwrap();
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nearly").await;
        conn.gone().await;
    })
    .await;
    let lab = Lab::new().server_with("a", origin.address(), "maxconn = 1").start().await;
    let chunked = "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    for (number, framing) in ["Content-Length: 1000\r\n\r\nabc", chunked].into_iter().enumerate() {
        for (round, how) in ["end", "reset", "fault"].into_iter().enumerate() {
            let mut client = lab.connect().await;
            client.send(format!("POST / HTTP/1.1\r\nHost: lab\r\n{framing}")).await;
            assert_eq!(client.head().await.unwrap().unwrap().status(), 200, "{how} {framing:?}");
            assert_eq!(client.take(5).await.unwrap(), b"early");
            // Some are still there, as far as they are concerned.
            let _still_there = match how {
                "reset" => {
                    client.reset();
                    None
                }
                "fault" if framing == chunked => {
                    client.send("nonsense\r\n").await;
                    Some(client)
                }
                _ => {
                    client.finish().await;
                    Some(client)
                }
            };
            // Before `timeout.server`, which is longer than any test waits.
            lab.drained("a").await;
            eventually("the connection to the server", async || origin.open() == 0).await;
            assert_eq!(origin.accepted(), 3 * number + round + 1);
        }
    }
}
