//! HTTP/2 with prior knowledge, towards clients and towards servers, in every combination with HTTP/1.1.

mod peer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming};
use tests::{Lab, Origin, eventually};

use crate::frames::{PREFACE, SETTINGS, frame};
use crate::ok;
use peer::{H2Origin, channel, connect, empty, full, get, post, send, whole};

const H2C: &str = "protocol = \"h2c\"";

/// Breaks when a body loses a byte in any combination of versions, large or small.
#[tokio::test]
async fn bodies_pass_in_every_combination() {
    let new = H2Origin::echo().await;
    let old = Origin::http(|request| ok(request.text())).await;
    for (backend, address) in [(H2C, new.address()), ("", old.address())] {
        let lab = Lab::new().server("a", address).backend(backend).start().await;
        let client = connect(lab.frontend()).await;
        let mut plain = lab.connect().await;
        for size in [0, 1, 5000, 300_000] {
            let text: String = ('a'..='z').cycle().take(size).collect();
            let response = send(&client, post("/echo", full(text.clone()))).await.unwrap();
            assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_2));
            assert_eq!(whole(response.into_body()).await.unwrap(), text, "{backend:?} {size}");
            plain.send(crate::post("/echo", &text)).await;
            assert_eq!(plain.answer().await.text(), text, "{backend:?} {size} HTTP/1.1");
        }
        lab.drained("a").await;
    }
}

/// What gRPC needs: pieces pass at once both ways, and the end is told in trailers.
#[tokio::test]
async fn a_conversation_passes_piece_by_piece() {
    let origin = H2Origin::echo().await;
    let lab = Lab::new().server("a", origin.address()).backend(H2C).start().await;
    let client = connect(lab.frontend()).await;
    let (mut sender, body) = channel();
    let mut request = post("/chat", body);
    request.headers_mut().insert("te", HeaderValue::from_static("trailers"));
    let mut response = send(&client, request).await.unwrap().into_body();
    for piece in ["one", "two", "three"] {
        sender.send_data(Bytes::from(piece)).await.unwrap();
        let frame = response.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), piece);
    }
    let trailers: HeaderMap = [("grpc-status".parse().unwrap(), "0".parse().unwrap())].into_iter().collect();
    sender.send(Frame::trailers(trailers.clone())).await.unwrap();
    drop(sender);
    assert_eq!(response.frame().await.unwrap().unwrap().into_trailers().unwrap(), trailers);
    assert!(response.frame().await.is_none());
    lab.drained("a").await;
    let row = lab.stat("api_nodes", "a").await;
    assert_eq!((row.number("hrsp_2xx"), row.number("cli_abrt"), row.number("srv_abrt")), (1, 0, 0));
}

/// An answer that is only a head is how gRPC says no.
#[tokio::test]
async fn an_answer_without_a_body_keeps_its_fields() {
    let origin = H2Origin::start(async |_: Request<Incoming>| {
        Response::builder().header("grpc-status", "5").body(empty()).unwrap()
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).backend(H2C).start().await;
    let client = connect(lab.frontend()).await;
    let response = send(&client, post("/", full("x"))).await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()["grpc-status"]),
        (StatusCode::OK, &"5".parse().unwrap())
    );
    assert!(whole(response.into_body()).await.unwrap().is_empty());
}

/// Breaks when what HTTP/2 says differently reaches an HTTP/1.1 server as it is.
#[tokio::test]
async fn a_server_of_http_1_sees_http_1() {
    let origin = Origin::http(|_| ok("")).await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let client = connect(lab.frontend()).await;
    let mut request = get("/path?query");
    for crumb in ["a=1", "b=2"] {
        request.headers_mut().append("cookie", HeaderValue::from_static(crumb));
    }
    assert_eq!(send(&client, request).await.unwrap().status(), StatusCode::OK);
    let seen = origin.request();
    assert_eq!(seen.line, "GET /path?query HTTP/1.1");
    assert_eq!((seen.field("host"), seen.field("cookie")), (Some("lab"), Some("a=1; b=2")));
    assert_eq!(
        (seen.field("x-forwarded-for"), seen.field("x-forwarded-host")),
        (Some("127.0.0.1"), Some("lab"))
    );
    eventually("the log", async || lab.log().contains("\"version\":\"HTTP/2.0\"")).await;
}

/// Breaks when a stream that its client has given up goes on at the server, or takes others with it.
#[tokio::test]
async fn a_cancelled_stream_frees_its_server() {
    let origin = H2Origin::start(async |request: Request<Incoming>| {
        if request.uri().path() == "/hang" {
            std::future::pending::<()>().await;
        }
        Response::new(full("fine"))
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).backend(H2C).start().await;
    let client = connect(lab.frontend()).await;
    let hanging = tokio::spawn({
        let client = client.clone();
        async move { send(&client, get("/hang")).await.map(|_| ()) }
    });
    eventually("the request at the server", async || origin.open.load(SeqCst) == 1).await;
    hanging.abort();
    eventually("the stream reset", async || origin.open.load(SeqCst) == 0).await;
    lab.drained("a").await;
    assert_eq!(send(&client, get("/")).await.unwrap().status(), StatusCode::OK);
    assert_eq!(lab.stat("api_nodes", "a").await.number("cli_abrt"), 1);
}

/// Breaks when the streams of one connection are balanced as one.
#[tokio::test]
async fn streams_are_spread_over_servers() {
    let first = H2Origin::echo().await;
    let second = H2Origin::echo().await;
    let lab =
        Lab::new().server("a", first.address()).server("b", second.address()).backend(H2C).start().await;
    let client = connect(lab.frontend()).await;
    let calls: Vec<_> = (0..40)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move {
                let response = send(&client, post("/", full(number.to_string()))).await.unwrap();
                assert_eq!(whole(response.into_body()).await.unwrap(), number.to_string());
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!((first.seen.load(SeqCst), second.seen.load(SeqCst)), (20, 20));
}

/// A server that cannot be reached costs nothing, whatever is spoken to it.
#[tokio::test]
async fn a_refused_connection_goes_to_another_server() {
    let good = H2Origin::echo().await;
    let lab = Lab::new()
        .server("gone", Origin::nobody().await)
        .server("good", good.address())
        .backend(H2C)
        .start()
        .await;
    let client = connect(lab.frontend()).await;
    for _ in 0..6 {
        let response = send(&client, post("/", full("body"))).await.unwrap();
        assert_eq!(whole(response.into_body()).await.unwrap(), "body");
    }
    assert!(lab.stat("api_nodes", "gone").await.number("econ") > 0);
}

/// Breaks when HTTP/2 is told from HTTP/1.1 by how much of its preface comes at once (RFC 9113 section 3.4).
#[tokio::test]
async fn the_preface_may_come_in_any_pieces() {
    let lab = Lab::new().server("a", Origin::nobody().await).start().await;
    for size in 1..PREFACE.len() {
        let mut client = lab.connect().await;
        for piece in PREFACE.chunks(size) {
            client.send(piece).await;
            client.taken().await;
        }
        client.send(frame(SETTINGS, 0, 0, &[])).await;
        let first = client.take(9).await.unwrap();
        assert_eq!(first[3], SETTINGS, "not {:?}, for pieces of {size}", String::from_utf8_lossy(&first));
    }
}

/// Breaks when a head of HTTP/2 escapes the limits of the frontend.
#[tokio::test]
async fn too_large_a_head_is_refused() {
    let origin = H2Origin::echo().await;
    let lab = Lab::new().server("a", origin.address()).backend(H2C).start().await;
    let client = connect(lab.frontend()).await;
    let mut request = get("/");
    request.headers_mut().insert("x-large", "x".repeat(20_000).parse().unwrap());
    match send(&client, request).await {
        Ok(response) => assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Err(error) => assert!(!error.is_timeout(), "{error}"),
    }
    assert_eq!(origin.seen.load(SeqCst), 0);
    let other = connect(lab.frontend()).await;
    assert_eq!(send(&other, get("/")).await.unwrap().status(), StatusCode::OK);
}

/// Breaks when a client can make work without end by breaking off what it begins (CVE-2023-44487), or when others suffer for it.
#[tokio::test]
async fn a_client_that_breaks_off_everything_is_let_go() {
    let origin = H2Origin::start(async |request: Request<Incoming>| {
        if request.uri().path() == "/hang" {
            std::future::pending::<()>().await;
        }
        Response::new(full("fine"))
    })
    .await;
    let lab =
        Lab::new().server("a", origin.address()).backend(H2C).frontend("h2_max_resets = 20").start().await;
    let faithful = connect(lab.frontend()).await;
    let client = connect(lab.frontend()).await;
    eventually("the end of the connection", async || {
        for _ in 0..10 {
            let call = tokio::spawn({
                let client = client.clone();
                async move { send(&client, get("/hang")).await.map(|_| ()) }
            });
            tokio::task::yield_now().await;
            call.abort();
        }
        client.is_closed()
    })
    .await;
    assert_eq!(send(&faithful, get("/")).await.unwrap().status(), StatusCode::OK);
    lab.drained("a").await;
}

/// Breaks when a stop cuts a stream that is in flight.
#[tokio::test]
async fn a_stop_lets_streams_finish() {
    let origin = H2Origin::echo().await;
    let lab = Lab::new().server("a", origin.address()).backend(H2C).start().await;
    let client = connect(lab.frontend()).await;
    let (mut sender, body) = channel();
    let mut response = send(&client, post("/", body)).await.unwrap().into_body();
    sender.send_data(Bytes::from("before")).await.unwrap();
    assert_eq!(response.frame().await.unwrap().unwrap().into_data().unwrap(), "before");
    lab.stop();
    eventually("the word that no more streams are wanted", async || send(&client, get("/")).await.is_err())
        .await;
    sender.send_data(Bytes::from("after")).await.unwrap();
    assert_eq!(response.frame().await.unwrap().unwrap().into_data().unwrap(), "after");
    drop(sender);
    assert!(whole(response).await.unwrap().is_empty());
    assert_eq!(lab.exit().await, std::process::ExitCode::SUCCESS);
}

/// The headline for gRPC: servers leave and come back under conversations, and none fails.
#[tokio::test]
async fn a_rolling_deployment_loses_no_call() {
    let origins = [H2Origin::echo().await, H2Origin::echo().await, H2Origin::echo().await];
    let lab = origins
        .iter()
        .zip(["a", "b", "c"])
        .fold(Lab::new().backend(H2C), |lab, (origin, name)| lab.server(name, origin.address()))
        .start()
        .await;
    let stop = tokio_util::sync::CancellationToken::new();
    let calls: Vec<_> = (0..5)
        .map(|number| {
            let (stop, address) = (stop.clone(), lab.frontend());
            tokio::spawn(async move {
                let client = connect(address).await;
                let mut count = 0;
                while !stop.is_cancelled() {
                    let text = format!("{number} {count}");
                    let response = send(&client, post("/", full(text.clone()))).await.unwrap();
                    assert_eq!(response.status(), StatusCode::OK);
                    assert_eq!(whole(response.into_body()).await.unwrap(), text);
                    count += 1;
                }
                count
            })
        })
        .collect();
    for (origin, name) in origins.iter().zip(["a", "b", "c"]) {
        lab.order(&format!("disable server api_nodes/{name}")).await;
        lab.drained(name).await;
        let seen = origin.seen.load(SeqCst);
        let all = || origins.iter().map(|origin| origin.seen.load(SeqCst)).sum::<usize>();
        let before = all();
        eventually("traffic on the others", async || all() > before + 100).await;
        assert_eq!(origin.seen.load(SeqCst), seen, "a request after scur was 0");
        lab.order(&format!("enable server api_nodes/{name}")).await;
        eventually("traffic on it again", async || origin.seen.load(SeqCst) > seen + 20).await;
    }
    stop.cancel();
    for call in calls {
        assert!(call.await.unwrap() > 0);
    }
}

/// A check of a server that speaks HTTP/2 only is spoken in HTTP/2.
#[tokio::test]
async fn health_checks_speak_what_the_servers_speak() {
    let origin = H2Origin::start(async |request: Request<Incoming>| {
        let status = if request.uri().path() == "/health" { 200 } else { 404 };
        Response::builder().status(status).body(empty()).unwrap()
    })
    .await;
    let check = "health = { path = \"/health\", interval = \"50ms\" }\nhealth_start = \"checked\"";
    let lab = Lab::new().server("a", origin.address()).backend(&format!("{H2C}\n{check}")).start().await;
    lab.status_of("a", "UP").await;
    assert_eq!(lab.stat("api_nodes", "a").await.number("check_code"), 200);
}

/// Breaks when a client is not watched after the end of its request while its response is on the way: the server would be busy for nothing.
#[tokio::test]
async fn a_client_that_leaves_an_early_answer_is_noticed() {
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    let origin = H2Origin::start(move |request: Request<Incoming>| {
        let seen = Arc::clone(&seen);
        async move {
            let (mut sender, body) = channel();
            sender.send_data(Bytes::from("early")).await.unwrap();
            tokio::spawn(async move {
                whole(request.into_body()).await.unwrap();
                seen.store(true, SeqCst);
                let _answering = sender;
                std::future::pending::<()>().await;
            });
            Response::new(body)
        }
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).backend(H2C).start().await;
    let client = connect(lab.frontend()).await;
    let (sender, body) = channel();
    let mut answer = send(&client, post("/", body)).await.unwrap().into_body();
    assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), "early");
    drop(sender);
    eventually("the request has ended", async || ended.load(SeqCst)).await;
    assert_eq!(lab.stat("api_nodes", "a").await.number("scur"), 1);
    drop(answer);
    lab.drained("a").await;
}

/// Breaks when a stream of HTTP/2 is not bound, in crumbs or in one piece, towards servers of either version.
#[tokio::test]
async fn a_cookie_binds_streams_too() {
    let cookie = "cookie = { name = \"SRV\", indirect = true }";
    let new = H2Origin::echo().await;
    let old = Origin::http(|request| ok(request.field("cookie").unwrap_or("none"))).await;
    for (backend, address) in [(H2C, new.address()), ("", old.address())] {
        let lab = Lab::new()
            .backend(&format!("{backend}\n{cookie}"))
            .server_with("a", address, "cookie = \"ca\"")
            .server_with("b", address, "cookie = \"cb\"")
            .start()
            .await;
        let client = connect(lab.frontend()).await;
        let first = send(&client, post("/", full("x"))).await.unwrap();
        assert!(first.headers()["set-cookie"].to_str().unwrap().starts_with("SRV=c"));
        for _ in 0..3 {
            let mut request = post("/", full("x"));
            for crumb in ["k=v", "SRV=cb"] {
                request.headers_mut().append("cookie", HeaderValue::from_static(crumb));
            }
            let answer = send(&client, request).await.unwrap();
            assert!(!answer.headers().contains_key("set-cookie"));
            if backend.is_empty() {
                assert_eq!(whole(answer.into_body()).await.unwrap(), "k=v");
            }
        }
        let chosen = lab.stat("api_nodes", "b").await.number("lbtot");
        assert!(chosen >= 3, "{backend:?}: {chosen}");
    }
}
