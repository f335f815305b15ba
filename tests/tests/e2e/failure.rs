//! Servers that fail and clients that leave: the right answer, the right blame, nothing left behind.

use tests::{Lab, Origin, eventually};

use crate::{get, ok, post};

/// Breaks when a refused connection is an error to the client while another server would do.
#[tokio::test]
async fn a_refused_connection_goes_to_another_server_whatever_the_method() {
    let (nobody, origin) = (Origin::nobody().await, Origin::http(|request| ok(request.text())).await);
    let lab = Lab::new().server("a", nobody).server("b", origin.address()).start().await;
    for _ in 0..4 {
        assert_eq!(lab.get("/").await.status(), 200);
        assert_eq!(lab.send(&post("/", "body")).await.text(), "body");
    }
    assert_eq!(origin.count(), 8, "each once");
    let rows = lab.stat_rows().await;
    let (failed, backend) = (rows.row("api_nodes", "a"), rows.row("api_nodes", "BACKEND"));
    assert!(failed.number("econ") >= 4, "half of the requests tried it first");
    assert!(backend.number("wredis") >= 4 && backend.number("wretr") >= 4);
    assert_eq!((failed.number("scur"), rows.row("fe_api", "FRONTEND").number("hrsp_5xx")), (0, 0));
}

#[tokio::test]
async fn nobody_there_gives_503_and_the_connection_stays() {
    let (a, b) = (Origin::nobody().await, Origin::nobody().await);
    let lab = Lab::new().server("a", a).server("b", b).backend("retries = 1").start().await;
    let mut client = lab.connect().await;
    for _ in 0..2 {
        assert_eq!(client.get("/").await.status(), 503);
    }
    client.send(post("/", "body")).await;
    assert_eq!(client.answer().await.status(), 503);
    assert_eq!(client.get("/").await.status(), 503);
}

#[tokio::test]
async fn all_servers_in_maintenance_give_503_at_once() {
    let origin = Origin::named("a").await;
    let lab = Lab::new()
        .server_with("a", origin.address(), "disabled = true")
        .timeout("queue = \"1m\"")
        .start()
        .await;
    assert_eq!(lab.get("/").await.status(), 503);
    lab.order("enable server api_nodes/a").await;
    assert_eq!(lab.get("/").await.status(), 200);
}

/// Breaks when a request that the application may have worked on is sent again although its method forbids it.
#[tokio::test]
async fn a_server_that_closes_without_a_word_gives_502_and_a_post_is_sent_once() {
    let origin = Origin::script(|mut conn| async move { drop(conn.request().await) }).await;
    let lab = Lab::new().server("a", origin.address()).backend("retries = 1").start().await;
    assert_eq!(lab.send(&post("/", "body")).await.status(), 502);
    assert_eq!(origin.count(), 1);
    assert_eq!(lab.get("/").await.status(), 502);
    assert!(origin.count() <= 3, "one retry at most");
    assert!(lab.stat("api_nodes", "a").await.number("eresp") >= 2);
}

/// Breaks when anything that is no clean HTTP/1.1 answer gets through, or when its connection is used again.
#[tokio::test]
async fn answers_that_are_none_give_502() {
    let table = [
        ("no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        ("a version to come", "HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("a short status", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
        ("a status of letters", "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"),
        ("no colon", "HTTP/1.1 200 OK\r\nX-A\r\nContent-Length: 0\r\n\r\n"),
        ("lengths that differ", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        ("a length with a sign", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na"),
        (
            "length and chunks",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc"),
        ("coded twice", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        ("half a head", "HTTP/1.1 200 OK\r\nContent-Le"),
    ];
    let mut wrong = Vec::new();
    for (name, bytes) in table {
        let origin = Origin::script(move |mut conn| async move {
            conn.request().await;
            let _ = conn.try_send(bytes).await;
        })
        .await;
        let lab = Lab::new().server("a", origin.address()).backend("retries = 0").start().await;
        let mut client = lab.connect().await;
        client.send(get("/", "")).await;
        match client.try_answer().await {
            Ok(answer) if answer.status() == 502 => {}
            other => wrong.push((name, other.map(|answer| answer.line.clone()))),
        }
        lab.drained("a").await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Breaks when a body that the server cut looks whole to the client.
#[tokio::test]
async fn a_cut_body_is_cut_for_the_client_too() {
    let table = [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
    ];
    for bytes in table {
        let origin = Origin::script(move |mut conn| async move {
            conn.request().await;
            conn.send(bytes).await;
        })
        .await;
        let lab = Lab::new().server("a", origin.address()).start().await;
        let mut client = lab.connect().await;
        client.send(get("/", "")).await;
        let answer = client.try_answer().await;
        assert!(
            answer.is_err() || answer.as_ref().is_ok_and(|answer| answer.status() == 502),
            "{bytes:?}: {answer:?}"
        );
        lab.drained("a").await;
        let row = lab.stat("api_nodes", "a").await;
        assert_eq!((row.number("srv_abrt"), row.number("cli_abrt")), (1, 0), "{bytes:?}");
    }
}

/// Breaks when bytes behind one client's answer become the next client's answer.
#[tokio::test]
async fn bytes_behind_an_answer_never_answer_the_next_request() {
    let origin =
        Origin::http(
            |request| {
                if request.target() == "/double" { ok("first") + &ok("stolen") } else { ok("right") }
            },
        )
        .await;
    let lab = Lab::new().section("process", "threads = 1").server("a", origin.address()).start().await;
    for _ in 0..5 {
        let answer = lab.get("/double").await;
        assert!(answer.status() == 502 || answer.text() == "first");
        assert_eq!(lab.get("/").await.text(), "right");
    }
}

/// Breaks when a server goes on working for a client that has left.
#[tokio::test]
async fn a_client_that_leaves_frees_its_server() {
    let origin = Origin::script(|mut conn| async move {
        conn.request().await;
        conn.gone().await;
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send(get("/", "")).await;
    eventually("the request at the server", async || origin.count() == 1).await;
    client.reset();
    eventually("the server's connection closed", async || origin.open() == 0).await;
    lab.drained("a").await;
    let rows = lab.stat_rows().await;
    assert_eq!(rows.row("api_nodes", "a").number("cli_abrt"), 1);
    assert_eq!(rows.row("api_nodes", "a").number("srv_abrt"), 0);
}

/// The same in the middle of an answer's body.
#[tokio::test]
async fn a_client_that_leaves_in_the_body_frees_its_server() {
    let origin = Origin::script(|mut conn| async move {
        conn.request().await;
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
        conn.pour().await;
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send(get("/", "")).await;
    client.take(1_000_000).await.unwrap();
    drop(client);
    eventually("the server's connection closed", async || origin.open() == 0).await;
    lab.drained("a").await;
    assert_eq!(lab.stat("api_nodes", "a").await.number("cli_abrt"), 1);
}

/// The same in the middle of its own body: the server must not take half for the whole.
#[tokio::test]
async fn a_client_that_leaves_in_its_upload_is_never_a_whole_request() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    for body in ["Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
        let mut client = lab.connect().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: lab\r\n{body}")).await;
        client.reset();
        lab.drained("a").await;
        eventually("the server's connection closed", async || origin.open() == 0).await;
    }
    assert_eq!(origin.count(), 0);
}

/// Breaks when one client's broken exchange takes others with it.
#[tokio::test]
async fn many_leave_and_the_rest_are_served() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut faithful = lab.connect().await;
    for round in 0..20 {
        let mut clients = Vec::new();
        for _ in 0..5 {
            let mut client = lab.connect().await;
            client.send(get("/hold", "")).await;
            clients.push(client);
        }
        eventually("all at the server", async || origin.count() >= round * 6 + 5).await;
        drop(clients);
        assert_eq!(faithful.get("/").await.status(), 200);
    }
    lab.drained("a").await;
    assert_eq!(lab.stat("api_nodes", "a").await.number("cli_abrt"), 100);
}
