//! How lb ends a client's streams and connections of HTTP/2: by its own limits, and so that the client knows.

mod frames;

use tests::{Lab, Origin, Running, eventually};

use crate::frames::{ACK, GOAWAY, PING, RESET, frame};
use crate::ok;
use frames::{Frames, get, half_a_get, reset};

const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;
/// The last stream of a connection that is asked for no more.
const ANY: u32 = u32::MAX >> 1;

/// A server that answers with what never ends, with more than a window holds, with nothing at all, or at once.
async fn origin() -> Origin {
    Origin::script(async |mut conn| {
        while let Some(request) = conn.request().await {
            match request.target() {
                "/endless" => {
                    let _ = conn.try_send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
                    conn.pour().await;
                }
                "/large" => conn.send(ok(&"x".repeat(100_000))).await,
                "/never" => conn.gone().await,
                _ => conn.send(ok("fine")).await,
            }
        }
    })
    .await
}

async fn is_let_go(lab: &Running) {
    eventually("no session", async || lab.stat("fe_api", "FRONTEND").await.number("scur") == 0).await;
}

/// Breaks when a client that asks and never makes room keeps what was to be sent to it, whether the server has finished or not; its other
/// streams go on.
#[tokio::test]
async fn an_answer_that_is_not_taken_is_let_go() {
    let origin = origin().await;
    let limits = "client = \"300ms\"\nhttp_keep_alive = \"300ms\"";
    let lab = Lab::new().server("a", origin.address()).timeout(limits).start().await;
    for path in ["/endless", "/large"] {
        let mut client = Frames::connect(&lab).await;
        client.send(&get(1, path)).await;
        let cut = client.find_kind(RESET).await;
        assert_eq!((cut.stream, cut.reason()), (1, CANCEL), "{path}");
        lab.drained("a").await;
        client.send(&get(3, "/")).await;
        client.find("an answer", |frame| frame.stream == 3 && frame.ends_its_stream()).await;
        assert_eq!(client.find_kind(GOAWAY).await.goaway(), (ANY, 0), "{path}");
        client.agree().await;
        is_let_go(&lab).await;
    }
}

/// Breaks when less than the limit ends a connection, or more of it without a word.
#[tokio::test]
async fn resets_in_one_burst_count_as_any_others() {
    let origin = origin().await;
    let lab = Lab::new().server("a", origin.address()).frontend("h2_max_resets = 50").start().await;
    let burst = |count: u32| -> Vec<u8> {
        (0..count).flat_map(|number| [get(2 * number + 1, "/"), reset(2 * number + 1)].concat()).collect()
    };
    let mut client = Frames::connect(&lab).await;
    client.send(&burst(50)).await;
    client.send(&get(201, "/")).await;
    client.find("an answer", |frame| frame.stream == 201 && frame.ends_its_stream()).await;

    let mut client = Frames::connect(&lab).await;
    client.send(&burst(51)).await;
    assert_eq!(client.find_kind(GOAWAY).await.goaway().1, ENHANCE_YOUR_CALM);
    while client.next().await.is_some() {}

    // One after the other: it is not h2 that counts.
    let mut client = Frames::connect(&lab).await;
    for stream in (1..).step_by(2) {
        client.send(&[get(stream, "/never"), frame(PING, 0, 0, &[1; 8]), reset(stream)].concat()).await;
        let next = client.find("an answer", |frame| [PING, GOAWAY].contains(&frame.kind)).await;
        if next.kind == GOAWAY {
            assert_eq!(next.goaway().1, ENHANCE_YOUR_CALM);
            break;
        }
    }
    lab.drained("a").await;
}

/// Breaks when frames that carry no message are served without end, or when a few of them end a connection.
#[tokio::test]
async fn a_flood_of_control_frames_ends_its_connection() {
    let origin = origin().await;
    let lab = Lab::new().server("a", origin.address()).frontend("h2_max_control_frames = 50").start().await;
    let unknown = 99;
    for kind in [PING, unknown] {
        let mut client = Frames::connect(&lab).await;
        client.send(&frame(kind, 0, 0, &[1; 8]).repeat(40)).await;
        client.send(&get(1, "/")).await;
        client.find("an answer", |frame| frame.stream == 1 && frame.ends_its_stream()).await;
        // Whenever the second begins in which they are counted, more than half of them are in one.
        client.send(&frame(kind, 0, 0, &[1; 8]).repeat(300)).await;
        assert_eq!(client.find_kind(GOAWAY).await.goaway().1, ENHANCE_YOUR_CALM);
    }
    is_let_go(&lab).await;
}

/// Breaks when a connection that idles is closed under a request that is on its way, or never.
#[tokio::test]
async fn an_idle_connection_ends_in_two_steps() {
    let origin = origin().await;
    let limits = "http_request = \"300ms\"\nhttp_keep_alive = \"300ms\"";
    let lab = Lab::new().server("a", origin.address()).timeout(limits).start().await;
    let mut client = Frames::connect(&lab).await;
    client.send(&get(1, "/")).await;
    assert_eq!(client.find_kind(GOAWAY).await.goaway(), (ANY, 0));
    client.send(&get(3, "/")).await;
    let ping = client.find_kind(PING).await;
    client.find("an answer", |frame| frame.stream == 3 && frame.ends_its_stream()).await;
    client.send(&frame(PING, ACK, 0, &ping.payload)).await;
    assert_eq!(client.find_kind(GOAWAY).await.goaway(), (3, 0));
    assert!(client.next().await.is_none());

    // Without a request, and without an answer.
    let mut client = Frames::connect(&lab).await;
    assert_eq!(client.find_kind(GOAWAY).await.goaway(), (ANY, 0));
    assert_eq!(client.find_kind(GOAWAY).await.goaway(), (0, 0));
    assert!(client.next().await.is_none());
    is_let_go(&lab).await;
}

/// Breaks when a head has no time limit as long as something else goes on.
#[tokio::test]
async fn a_head_that_is_never_whole_ends_its_connection() {
    let origin = origin().await;
    let lab = Lab::new().server("a", origin.address()).timeout("http_request = \"300ms\"").start().await;
    let mut client = Frames::connect(&lab).await;
    client.send(&get(1, "/")).await;
    client.find("an answer", |frame| frame.stream == 1 && frame.ends_its_stream()).await;
    client.send(&[get(3, "/never"), half_a_get(5, "/")].concat()).await;
    assert_eq!(client.find_kind(GOAWAY).await.goaway(), (3, 0));
    assert!(client.next().await.is_none());
    is_let_go(&lab).await;
    lab.drained("a").await;
}
