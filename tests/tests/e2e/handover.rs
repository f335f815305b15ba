//! Connections that meet a stop, or a reload that ends or moves what they came to: those that have not been served yet are served.

use std::net::SocketAddr;
use std::process::ExitCode;

use tests::{Lab, Message, Origin, Plan, Running, Wire, eventually};

use crate::frames::{ACK, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PING, PREFACE, SETTINGS, frame};
use crate::get;

/// An address that is free now.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A lab whose frontend `fe_old` listens on an address that can be passed on.
async fn lab(origin: &Origin, lines: &str) -> (Running, SocketAddr) {
    let address = free_address();
    let lab = Lab::empty()
        .section("frontend.fe_old", &format!("bind = \"{address}\"\nbackend = \"be\"\n{lines}"))
        .section("backend.be.servers", &format!("a = \"{}\"", origin.address()))
        .start()
        .await;
    (lab, address)
}

/// Gives the frontend another name.
fn rename(plan: &mut Plan, address: SocketAddr) {
    plan.remove_section("frontend.fe_old");
    plan.set("frontend.fe_new", &format!("bind = \"{address}\"\nbackend = \"be\""));
}

fn is_last(answer: &Message) -> bool {
    answer.status() == 200 && answer.lists("connection", "close")
}

async fn is_stopping(lab: &Running) {
    // The first thing that a stop does is to free this port for a successor.
    eventually("it is stopping", async || Wire::connect(lab.stats()).await.is_err()).await;
}

/// Breaks when a stop closes a connection that has not been served, or whose request has begun.
#[tokio::test]
async fn a_connection_that_is_new_at_a_stop_is_served_once() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let (mut new, mut begun, mut again) = (lab.connect().await, lab.connect().await, lab.connect().await);
    begun.send("GET / HTTP/1.1\r\nHo").await;
    assert_eq!(again.get("/").await.status(), 200);
    again.send("GET / HTTP/1.1\r\nHo").await;
    again.taken().await;
    lab.stop();
    is_stopping(&lab).await;
    for (client, rest) in [(&mut new, "GET / HTTP/1.1\r\nHo"), (&mut begun, ""), (&mut again, "")] {
        client.send(format!("{rest}st: lab\r\n\r\n")).await;
        let answer = client.answer().await;
        assert!(is_last(&answer), "{answer:?}");
        client.closed().await;
    }
    assert_eq!(lab.exit().await, ExitCode::SUCCESS);
}

/// The same for HTTP/2: the first stream is served, and the client is told that no more are wanted.
#[tokio::test]
async fn a_connection_of_http_2_that_is_new_at_a_stop_is_served_once() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let (mut new, mut begun) = (lab.connect().await, lab.connect().await);
    begun.send(PREFACE).await;
    begun.send(frame(SETTINGS, 0, 0, &[])).await;
    begun.taken().await;
    lab.stop();
    is_stopping(&lab).await;
    new.send(PREFACE).await;
    new.send(frame(SETTINGS, 0, 0, &[])).await;
    for client in [&mut new, &mut begun] {
        // GET, http, / and the authority `lab` (RFC 7541 section 6), the end of its head and of its stream.
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x82\x86\x84\x41\x03lab")).await;
        let (mut answered, mut last) = (false, None);
        while !answered || last.is_none() {
            let told = Frame::read(client).await.unwrap();
            match told.kind {
                // Its first field is `:status: 200`.
                HEADERS => answered = told.stream == 1 && told.payload[0] == 0x88,
                PING if told.flags & ACK == 0 => client.send(frame(PING, ACK, 0, &told.payload)).await,
                // The first one only says that there will be another.
                GOAWAY => last = Some(told.goaway()).filter(|(last, _)| *last != u32::MAX >> 1),
                _ => {}
            }
        }
        assert_eq!(last, Some((1, 0)));
    }
    assert_eq!(lab.exit().await, ExitCode::SUCCESS);
}

/// Breaks when a frontend that gets another name, with its backend or without, loses connections that it has accepted.
#[tokio::test]
async fn a_renamed_frontend_loses_nobody() {
    let origin = Origin::named("a").await;
    for backend in ["be", "other"] {
        let (mut lab, address) = lab(&origin, "").await;
        let (mut new, mut begun) =
            (Wire::connect(address).await.unwrap(), Wire::connect(address).await.unwrap());
        let (mut idle, mut busy) =
            (Wire::connect(address).await.unwrap(), Wire::connect(address).await.unwrap());
        assert_eq!(idle.get("/").await.status(), 200);
        begun.send("GET / HTTP/1.1\r\nHo").await;
        begun.taken().await;
        let before = origin.count();
        busy.send(get("/hold", "")).await;
        eventually("the request at the server", async || origin.count() == before + 1).await;
        lab.reload(|plan| {
            rename(plan, address);
            plan.remove_section("backend.be");
            plan.set(&format!("backend.{backend}.servers"), &format!("a = \"{}\"", origin.address()));
            plan.set("frontend.fe_new", &format!("backend = \"{backend}\""));
        })
        .await;
        let fresh = Wire::connect(address).await.unwrap().get("/").await;
        assert!(fresh.status() == 200 && !is_last(&fresh), "{fresh:?}");
        new.send(get("/", "")).await;
        begun.send("st: lab\r\n\r\n").await;
        origin.release(1);
        for client in [&mut new, &mut begun, &mut busy] {
            let answer = client.answer().await;
            assert!(is_last(&answer), "{backend}: {answer:?}");
            client.closed().await;
        }
        idle.closed().await;
    }
}

/// Breaks when a connection that waits for room is dropped, or waits in a room that is not its own any more.
#[tokio::test]
async fn who_waits_for_room_is_passed_on() {
    let origin = Origin::named("a").await;
    let (mut lab, address) = lab(&origin, "maxconn = 1").await;
    let (mut first, mut second) =
        (Wire::connect(address).await.unwrap(), Wire::connect(address).await.unwrap());
    first.send(get("/hold", "")).await;
    eventually("the request at the server", async || origin.count() == 1).await;
    second.send(get("/hold", "")).await;
    lab.reload(|plan| rename(plan, address)).await;
    eventually("the second request at the server", async || origin.count() == 2).await;
    origin.release(2);
    assert!(is_last(&first.answer().await));
    assert_eq!(second.answer().await.status(), 200);
}

/// The same at a stop, for one that has been accepted and one that waits in the kernel.
#[tokio::test]
async fn who_waits_for_room_at_a_stop_is_served() {
    let origin = Origin::named("a").await;
    let (lab, address) = lab(&origin, "maxconn = 1").await;
    let mut clients = Vec::new();
    for number in 0..3 {
        let mut client = Wire::connect(address).await.unwrap();
        client.send(get("/hold", "")).await;
        clients.push(client);
        if number == 0 {
            eventually("the request at the server", async || origin.count() == 1).await;
        }
    }
    lab.stop();
    eventually("a closed listener", async || Wire::connect(address).await.is_err()).await;
    for number in 1..=3 {
        eventually("the next request", async || origin.count() == number).await;
        origin.release(1);
    }
    for client in &mut clients {
        let answer = client.answer().await;
        assert!(is_last(&answer), "{answer:?}");
    }
    assert_eq!(lab.exit().await, ExitCode::SUCCESS);
}

/// Breaks when a listener cannot be widened or narrowed in place, or loses a connection by it.
#[tokio::test]
async fn a_listener_can_be_widened_and_narrowed() {
    let origin = Origin::named("a").await;
    let (mut lab, narrow) = lab(&origin, "").await;
    let port = narrow.port();
    for bind in [
        format!("\"0.0.0.0:{port}\""),
        format!("\"127.0.0.1:{port}\""),
        format!("[\"127.0.0.2:{port}\", \"0.0.0.0:{port}\"]"),
        format!("[\"127.0.0.2:{port}\", \"127.0.0.1:{port}\"]"),
    ] {
        let mut waiting = Vec::new();
        for _ in 0..5 {
            waiting.push(Wire::connect(narrow).await.unwrap());
        }
        lab.reload(|plan| plan.set("frontend.fe_old", &format!("bind = {bind}"))).await;
        waiting.push(Wire::connect(narrow).await.unwrap());
        for client in &mut waiting {
            assert_eq!(client.get("/").await.status(), 200, "{bind}");
        }
    }
}

/// Breaks when an address that cannot be had takes another one along.
#[tokio::test]
async fn a_listener_that_cannot_be_widened_stays() {
    let origin = Origin::named("a").await;
    let (mut lab, narrow) = lab(&origin, "").await;
    let port = narrow.port();
    let taken = std::net::TcpListener::bind(("127.0.0.2", port)).unwrap();
    let mut waiting = Wire::connect(narrow).await.unwrap();
    let said = lab.log().len();
    let wide = format!("bind = \"0.0.0.0:{port}\"");
    lab.ask_reload(|plan| plan.set("frontend.fe_old", &wide));
    eventually("the fault in the log", async || lab.log().len() > said).await;
    assert_eq!(waiting.get("/").await.status(), 200);
    assert_eq!(Wire::connect(narrow).await.unwrap().get("/").await.status(), 200);
    drop(taken);
    lab.reload(|plan| plan.set("frontend.fe_old", &wide)).await;
    assert_eq!(Wire::connect(narrow).await.unwrap().get("/").await.status(), 200);
}
