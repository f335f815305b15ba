//! Servers that are away for a moment, or hang: which requests another attempt saves, which go elsewhere, and which end.

use serde_json::Value;
use tests::{Lab, Origin, Running, Wire, eventually};

use crate::{answer, get, ok, post};

/// Checks that begin when a test switches them on, and of which one failure is enough.
const CHECK: &str =
    "health = { path = \"/health\", interval = \"1h\", timeout = \"200ms\", rise = 1, fall = 1 }";

/// A server that answers requests when it is released, and checks with 503, or not at all.
async fn held(name: &'static str, answers_checks: bool) -> Origin {
    Origin::script(move |mut conn| async move {
        while let Some(request) = conn.request().await {
            if request.target() != "/health" {
                conn.released().await;
                if conn.try_send(ok(name)).await.is_err() {
                    return;
                }
            } else if !answers_checks || conn.try_send(answer("503 Sick", "")).await.is_err() {
                conn.gone().await;
                return;
            }
        }
    })
    .await
}

/// A lab of `a`, which is checked when it is told to, and `b`, which is not checked and in maintenance at first.
async fn two(a: &Origin, b: &Origin) -> Running {
    let lab = Lab::new()
        .server_with("a", a.address(), CHECK)
        .server_with("b", b.address(), "disabled = true")
        .start()
        .await;
    lab.order("disable health api_nodes/a").await;
    lab
}

/// A client whose request has been read by `origin`.
async fn ask(lab: &Running, origin: &Origin, request: String) -> Wire {
    let before = origin.count();
    let mut client = lab.connect().await;
    client.send(request).await;
    eventually("the request at its server", async || origin.count() > before).await;
    client
}

/// The log's entry of the request for `target`.
async fn entry(lab: &Running, target: &str) -> Value {
    let mut found = None;
    eventually("the request in the log", async || {
        let log = lab.log();
        let mut entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        found = entries.find(|entry| entry["uri"] == target);
        found.is_some()
    })
    .await;
    found.unwrap()
}

/// Breaks when retries on the only server are all made while it starts again.
#[tokio::test]
async fn a_server_that_refuses_for_a_moment_costs_no_request() {
    let closed = Origin::closed();
    let lab = Lab::new().server("a", closed.address).backend("retries = 50").start().await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        for request in [get("/", ""), post("/", "body")] {
            let mut client = lab.connect().await;
            client.send(request).await;
            clients.push(client);
        }
    }
    eventually("each refused", async || lab.stat("api_nodes", "a").await.number("econ") >= 6).await;
    let origin = closed.open(|mut conn| async move {
        while conn.request().await.is_some() {
            if conn.try_send(ok("back")).await.is_err() {
                return;
            }
        }
    });
    for client in &mut clients {
        assert_eq!(client.answer().await.text(), "back");
    }
    assert_eq!(origin.count(), 6, "each once");
}

/// Breaks when a request that waits for its next attempt holds up a drain, or goes to a server that has been taken out since.
#[tokio::test]
async fn a_pause_between_attempts_ends_with_an_order_for_the_server() {
    let (closed, b) = (Origin::closed(), Origin::named("b").await);
    let lab = Lab::new()
        .server("a", closed.address)
        .server_with("b", b.address(), "disabled = true")
        .backend("retries = 100")
        .start()
        .await;
    let mut client = lab.connect().await;
    client.send(post("/", "body")).await;
    eventually("it refused", async || lab.stat("api_nodes", "a").await.number("econ") > 0).await;
    lab.drained("a").await;
    lab.order("enable server api_nodes/b; disable server api_nodes/a").await;
    assert_eq!(client.answer().await.text(), "b");
    let entry = entry(&lab, "/").await;
    assert_eq!((&entry["redispatched"], &entry["server"]), (&true.into(), &"b".into()));
}

#[tokio::test]
async fn a_client_that_leaves_in_the_pause_is_let_go() {
    let closed = Origin::closed();
    let lab = Lab::new().server("a", closed.address).backend("retries = 100").start().await;
    let mut client = lab.connect().await;
    client.send(get("/", "")).await;
    eventually("it refused", async || lab.stat("api_nodes", "a").await.number("econ") > 0).await;
    client.reset();
    eventually("it gone", async || lab.stat("api_nodes", "BACKEND").await.number("scur") == 0).await;
}

/// Breaks when requests hang with their server until their time runs out, or when one that the server may have worked on is sent again.
#[tokio::test]
async fn requests_on_a_server_that_hangs_go_elsewhere_or_end() {
    let (a, b) = (held("a", false).await, Origin::named("b").await);
    let lab = two(&a, &b).await;
    let put = "PUT /put HTTP/1.1\r\nHost: lab\r\nContent-Length: 4\r\n\r\nbody".to_owned();
    let mut moved = ask(&lab, &a, get("/get", "")).await;
    let mut moved_too = ask(&lab, &a, put).await;
    let mut ended = ask(&lab, &a, post("/post", "body")).await;
    lab.order("enable server api_nodes/b; enable health api_nodes/a").await;
    assert_eq!(moved.answer().await.text(), "b");
    assert_eq!(moved_too.answer().await.text(), "b");
    assert_eq!(ended.answer().await.status(), 502);
    assert!(b.requests().iter().any(|request| request.text() == "body"), "the whole of it");
    assert_eq!(ended.get("/again").await.text(), "b", "its connection is as good as before");
    let (get, post) = (entry(&lab, "/get").await, entry(&lab, "/post").await);
    assert_eq!((&get["server"], &get["termination"]), (&"b".into(), &"--".into()));
    assert_eq!((&post["server"], &post["termination"]), (&"a".into(), &"DH".into()));
    assert_eq!(lab.stat("api_nodes", "a").await.text("status"), "DOWN");
    lab.drained("a").await;
}

/// Breaks when what a server is about to finish is cut because it says that it is unwell, as one does that is being stopped.
#[tokio::test]
async fn what_cannot_be_sent_again_stays_on_a_server_that_is_unwell_but_alive() {
    let (a, b) = (held("a", true).await, Origin::named("b").await);
    let lab = two(&a, &b).await;
    let mut moved = ask(&lab, &a, get("/get", "")).await;
    let mut stays = ask(&lab, &a, post("/post", "body")).await;
    lab.order("enable server api_nodes/b; enable health api_nodes/a").await;
    assert_eq!(moved.answer().await.text(), "b");
    a.release(2);
    assert_eq!(stays.answer().await.text(), "a");
}

/// Breaks when a request is given up that no other server can take, while its server may still respond.
#[tokio::test]
async fn nobody_leaves_a_server_for_none() {
    let a = held("a", false).await;
    let lab = Lab::new().server_with("a", a.address(), CHECK).start().await;
    lab.order("disable health api_nodes/a").await;
    let mut stays = ask(&lab, &a, get("/get", "")).await;
    lab.order("enable health api_nodes/a").await;
    lab.status_of("a", "DOWN").await;
    a.release(1);
    assert_eq!(stays.answer().await.text(), "a");
}

/// Breaks when an answer that has begun is cut because its server went down.
#[tokio::test]
async fn an_answer_that_has_begun_goes_on() {
    let a = Origin::script(|mut conn| async move {
        if conn.request().await.is_some_and(|request| request.target() != "/health") {
            conn.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha").await;
            conn.released().await;
            conn.send("lf").await;
        }
        conn.gone().await;
    })
    .await;
    let b = Origin::named("b").await;
    let lab = two(&a, &b).await;
    let mut client = ask(&lab, &a, get("/get", "")).await;
    client.take(40).await.unwrap();
    lab.order("enable server api_nodes/b; enable health api_nodes/a").await;
    lab.status_of("a", "DOWN").await;
    assert_eq!(lab.get("/").await.text(), "b");
    a.release(1);
    let rest = client.take(2).await.unwrap();
    assert!(rest.ends_with(b"lf"), "{rest:?}");
}

/// Breaks when a request waits for a connection to a server that has been found down.
#[tokio::test]
async fn a_request_that_waits_for_a_connection_goes_elsewhere() {
    let (deaf, b) = (Origin::deaf().await, Origin::named("b").await);
    let lab = Lab::new()
        .server_with("a", deaf.address, CHECK)
        .server_with("b", b.address(), "disabled = true")
        .timeout("connect = \"1m\"")
        .start()
        .await;
    lab.order("disable health api_nodes/a").await;
    let mut client = lab.connect().await;
    client.send(post("/", "body")).await;
    eventually("it on its way", async || lab.stat("api_nodes", "a").await.number("scur") == 1).await;
    lab.order("enable server api_nodes/b; enable health api_nodes/a").await;
    assert_eq!(client.answer().await.text(), "b");
}
