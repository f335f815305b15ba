//! The graceful stop: what is in flight is finished, nothing new begins, and nothing waits longer than allowed.

use std::process::ExitCode;

use tests::{Lab, Origin, Running, Wire, eventually, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::get;

/// Waits until it stops: the address of its pages is given up first.
async fn stopping(lab: &Running) {
    eventually("it is stopping", async || Wire::connect(lab.stats()).await.is_err()).await;
}

/// Breaks when a request in flight is cut, or an idle connection or a listener holds the end up.
#[tokio::test]
async fn what_is_in_flight_is_finished_and_nothing_else() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let (address, mut idle, mut busy) = (lab.frontend(), lab.connect().await, lab.connect().await);
    assert_eq!(idle.get("/").await.status(), 200);
    busy.send(get("/hold", "")).await;
    eventually("the request at the server", async || origin.count() == 2).await;
    let mut page = Wire::connect(lab.stats()).await.unwrap();
    assert_eq!(page.get("/readyz").await.status(), 200);
    lab.stop();
    idle.closed().await;
    eventually("a closed listener", async || Wire::connect(address).await.is_err()).await;
    assert_eq!(page.get("/readyz").await.status(), 503, "connections to the pages go on");
    stopping(&lab).await;
    assert!(lab.is_running());
    origin.release(1);
    let answer = busy.answer().await;
    assert_eq!((answer.status(), answer.text()), (200, "a"));
    assert!(answer.lists("connection", "close"), "the client is told: {answer:?}");
    busy.closed().await;
    assert_eq!(lab.exit().await, ExitCode::SUCCESS);
}

#[tokio::test]
async fn with_nothing_in_flight_it_ends_at_once() {
    let origin = Origin::named("a").await;
    let lab =
        Lab::new().section("process", "shutdown_grace = \"1h\"").server("a", origin.address()).start().await;
    let _idle: Vec<Wire> = {
        let mut clients = Vec::new();
        for _ in 0..10 {
            let mut client = lab.connect().await;
            client.get("/").await;
            clients.push(client);
        }
        clients
    };
    lab.stop();
    assert_eq!(lab.exit().await, ExitCode::SUCCESS);
    eventually("no connection to servers", async || origin.open() == 0).await;
}

/// Breaks when a server that never responds can hold the process without a limit.
#[tokio::test]
async fn the_grace_time_is_the_limit() {
    let origin = Origin::named("a").await;
    let lab = Lab::new()
        .section("process", "shutdown_grace = \"300ms\"")
        .server("a", origin.address())
        .start()
        .await;
    let mut client = lab.connect().await;
    client.send(get("/hold", "")).await;
    eventually("the request at the server", async || origin.count() == 1).await;
    lab.stop();
    // Cut: whatever it gets, it is not a good answer.
    let cut = client.try_answer().await;
    assert!(cut.as_ref().map_or(true, |answer| answer.status() >= 500), "{cut:?}");
    lab.exit().await;
}

#[tokio::test]
async fn a_second_order_stops_at_once() {
    let origin = Origin::named("a").await;
    let lab =
        Lab::new().section("process", "shutdown_grace = \"1h\"").server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send(get("/hold", "")).await;
    eventually("the request at the server", async || origin.count() == 1).await;
    lab.stop();
    stopping(&lab).await;
    assert!(lab.is_running());
    lab.stop();
    lab.exit().await;
    within("the end of the connection", client.take_rest()).await.unwrap_or_default();
}

/// Breaks when a websocket is cut at once, or never.
#[tokio::test]
async fn an_upgraded_stream_gets_the_grace_time() {
    let origin = Origin::script(|mut conn| async move {
        conn.request().await;
        conn.send("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n").await;
        while let Ok(bytes) = conn.take_some().await {
            if bytes.is_empty() || conn.try_send(bytes).await.is_err() {
                return;
            }
        }
    })
    .await;
    let lab =
        Lab::new().section("process", "shutdown_grace = \"1h\"").server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send(get("/", "Connection: upgrade\r\nUpgrade: echo\r\n")).await;
    assert_eq!(client.answer().await.status(), 101);
    lab.stop();
    stopping(&lab).await;
    client.send("still").await;
    assert_eq!(client.take(5).await.unwrap(), b"still");
    drop(client);
    assert_eq!(lab.exit().await, ExitCode::SUCCESS);
}

/// Breaks when a successor cannot have the runtime socket or the pages' address, or an operator who is connected is cut off.
#[tokio::test]
async fn what_a_successor_needs_is_free_while_it_stops() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send(get("/hold", "")).await;
    eventually("the request at the server", async || origin.count() == 1).await;
    let mut operator = UnixStream::connect(lab.socket_path()).await.unwrap();
    operator.write_all(b"prompt\n").await.unwrap();
    let mut prompt = [0; 3];
    operator.read_exact(&mut prompt).await.unwrap();
    lab.stop();
    stopping(&lab).await;
    eventually("no file of the socket", async || !lab.socket_path().exists()).await;
    std::net::TcpListener::bind(lab.stats()).unwrap();
    let successor = tokio::net::UnixListener::bind(lab.socket_path()).unwrap();
    operator.write_all(b"get weight api_nodes/a;quit\n").await.unwrap();
    let mut said = String::new();
    operator.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "1 (initial 1)\n\n");
    origin.release(1);
    assert_eq!(client.answer().await.status(), 200);
    lab.exit().await;
    assert!(lab.socket_path().exists(), "the successor's file is not touched");
    drop(successor);
}
