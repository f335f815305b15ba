//! Servers of HTTP/2 that refuse, reset, leave and wait: what is sent again, what is not, and what the client is told.

pub(crate) mod script;

use std::io;

use tests::Lab;

use script::{Asked, Frames, INTERNAL_ERROR, NO_ERROR, Peer, REFUSED_STREAM};

const H2C: &str = "protocol = \"h2c\"";

/// How a server says that it has done nothing with a request.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    Reset,
    Leaving,
}

impl Refusal {
    async fn say(self, peer: &mut Peer, asked: Asked) -> io::Result<()> {
        match self {
            Self::Reset => peer.reset(asked, REFUSED_STREAM).await,
            Self::Leaving => peer.leave(0).await,
        }
    }
}

/// Refuses the first request when `count` bytes of its body have come, and answers others with what was sent.
async fn refusing(refusal: Refusal, count: usize) -> Frames {
    Frames::start(move |mut peer| async move {
        loop {
            let asked = peer.request().await?;
            let body = peer.body(asked, if asked.number == 1 { count } else { usize::MAX }).await?;
            if asked.number == 1 {
                refusal.say(&mut peer, asked).await?;
            } else {
                peer.answer(asked, &body).await?;
            }
        }
    })
    .await
}

/// Resets each request.
async fn resetting(code: u32) -> Frames {
    Frames::start(move |mut peer| async move {
        loop {
            let asked = peer.request().await?;
            peer.reset(asked, code).await?;
        }
    })
    .await
}

/// Breaks when a request that a server has not processed is lost (RFC 9113 section 8.7), whatever its method.
#[tokio::test]
async fn what_a_server_refuses_is_sent_again() {
    for refusal in [Refusal::Reset, Refusal::Leaving] {
        for size in [0, 10] {
            let text: String = ('a'..='z').cycle().take(size).collect();
            for part in [0, size / 2, size] {
                let what = format!("{refusal:?} of {part} of {size}");
                let origin = refusing(refusal, part).await;
                let lab = Lab::new()
                    .server("a", origin.address())
                    .backend(&format!("{H2C}\nretries = 1"))
                    .start()
                    .await;
                assert_eq!(lab.send(&crate::post("/", &text)).await.text(), text, "{what}");
                assert_eq!(
                    (origin.seen(), lab.stat("api_nodes", "a").await.number("wretr")),
                    (2, 1),
                    "{what}"
                );
            }
        }
    }
}

/// Breaks when a request that the application may have worked on is sent again although its method forbids it, or one more time than
/// was asked for.
#[tokio::test]
async fn a_reset_of_another_kind_is_no_refusal() {
    let origin = resetting(INTERNAL_ERROR).await;
    let lab = Lab::new().server("a", origin.address()).backend(&format!("{H2C}\nretries = 2")).start().await;
    assert_eq!(lab.send(&crate::post("/", "")).await.status(), 502);
    assert_eq!(lab.send(&crate::post("/", "body")).await.status(), 502);
    assert_eq!(origin.seen(), 2, "each once");
    assert_eq!(lab.get("/").await.status(), 502);
    assert_eq!(origin.seen(), 5, "two retries");
}

/// Breaks when a server that refuses everything is asked without end.
#[tokio::test]
async fn a_server_that_refuses_everything_is_asked_as_often_as_said() {
    let origin = resetting(REFUSED_STREAM).await;
    let lab = Lab::new().server("a", origin.address()).backend(&format!("{H2C}\nretries = 3")).start().await;
    assert_eq!(lab.send(&crate::post("/", "body")).await.status(), 502);
    assert_eq!(origin.seen(), 4);
}

/// Breaks when a reset with NO_ERROR makes a part of an answer look like the whole (RFC 9113 section 8.1).
#[tokio::test]
async fn a_reset_without_an_error_in_mid_answer_breaks_it() {
    for begun in [&b""[..], b"abc"] {
        let origin = Frames::start(move |mut peer| async move {
            loop {
                let asked = peer.request().await?;
                peer.head(asked, &[], false).await?;
                if !begun.is_empty() {
                    peer.data(asked, begun, false).await?;
                }
                peer.reset(asked, NO_ERROR).await?;
            }
        })
        .await;
        let lab = Lab::new().server("a", origin.address()).backend(H2C).start().await;
        let mut plain = lab.connect().await;
        plain.send(crate::get("/", "")).await;
        match plain.try_answer().await {
            Ok(answer) => assert_eq!(answer.status(), 502),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof),
        }
        lab.drained("a").await;
        assert_eq!(lab.stat("api_nodes", "a").await.number("srv_abrt"), 1);
    }
}

/// The same word after a whole answer says only that the rest of the request is not wanted.
#[tokio::test]
async fn a_reset_without_an_error_after_an_answer_leaves_it_whole() {
    let origin = Frames::start(async |mut peer| {
        loop {
            let asked = peer.request().await?;
            peer.answer(asked, b"enough").await?;
            peer.reset(asked, NO_ERROR).await?;
        }
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).backend(H2C).start().await;
    let mut plain = lab.connect().await;
    plain.send("POST / HTTP/1.1\r\nHost: lab\r\nContent-Length: 1000\r\n\r\nbegun").await;
    assert_eq!(plain.answer().await.text(), "enough");
    assert_eq!(lab.stat("api_nodes", "a").await.number("srv_abrt"), 0);
}

/// Breaks when the bytes of an answer that is said to have none vanish (RFC 9113 section 8.1.1).
#[tokio::test]
async fn an_answer_that_is_longer_than_nothing_is_not_passed_on() {
    let origin = Frames::start(async |mut peer| {
        loop {
            let asked = peer.request().await?;
            peer.head(asked, &[("content-length", "0")], false).await?;
            let bytes = if asked.number == 1 { &b""[..] } else { b"abc" };
            peer.data(asked, bytes, true).await?;
        }
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).backend(H2C).start().await;
    assert_eq!(lab.send(&crate::post("/", "")).await.status(), 200, "an empty frame is nothing");
    assert_eq!(lab.send(&crate::post("/", "")).await.status(), 502);
}

/// Breaks when a client that waits for a word before it sends its body waits in vain.
#[tokio::test]
async fn a_client_that_waits_to_be_asked_is_asked() {
    let origin = Frames::start(async |mut peer| {
        loop {
            let asked = peer.request().await?;
            let body = peer.body(asked, usize::MAX).await?;
            peer.answer(asked, &body).await?;
        }
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).backend(H2C).start().await;
    let mut client = lab.connect().await;
    for framing in ["Content-Length: 4", "Transfer-Encoding: chunked"] {
        client
            .send(format!("POST / HTTP/1.1\r\nHost: lab\r\nExpect: 100-continue\r\n{framing}\r\n\r\n"))
            .await;
        assert_eq!(client.answer().await.status(), 100, "{framing}");
        client.send(if framing.starts_with('C') { "body" } else { "4\r\nbody\r\n0\r\n\r\n" }).await;
        let answer = client.answer().await;
        assert_eq!((answer.status(), answer.text()), (200, "body"));
    }
}
