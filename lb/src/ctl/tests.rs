//! The client against real runtime sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::admin::tests::lab;
use crate::report::VERSION;
use crate::server::{Admin, CheckStatus};

/// Runs a client as a process of its own would, off the threads that serve.
async fn client(
    run: impl FnOnce(&mut dyn Write, &mut dyn Write) -> Outcome + Send + 'static,
) -> (Outcome, String, String) {
    let client = tokio::task::spawn_blocking(|| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let outcome = run(&mut out, &mut err);
        (outcome, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    });
    client.await.unwrap()
}

async fn ctl(sockets: Vec<PathBuf>, command: &'static str) -> (Outcome, String, String) {
    client(move |out, err| run(&sockets, command, out, err)).await
}

async fn give(
    sockets: Vec<PathBuf>,
    what: Order,
    server: &'static str,
    wait: Option<Duration>,
) -> (Outcome, String, String) {
    client(move |out, err| order(&sockets, what, server, wait, out, err)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn answers_are_printed_as_they_came_and_refusals_teach() {
    let lab = lab::open();
    let admin = vec![lab.socket("admin")];
    let done = |out: &str| (Outcome::Done, out.to_owned(), String::new());
    assert_eq!(ctl(admin.clone(), "show version").await, done(&format!("{VERSION}\n\n")));
    assert_eq!(ctl(admin.clone(), "disable server api_nodes/api0").await, done("\n"));
    assert_eq!(ctl(admin.clone(), "wait 10;echo x").await, done("Done.\n\nx\n\n"));
    let (outcome, out, err) = ctl(admin.clone(), "disable server api_nodes/apix;get weight plain/p0").await;
    assert_eq!((outcome, out.as_str()), (Outcome::Refused, "1 (initial 1)\n\n"));
    assert!(err.starts_with("No such server.\n  = there are api_nodes/api0, api_nodes/api1, "), "{err}");
    let (outcome, _, err) = ctl(vec![lab.socket("user")], "disable server api_nodes/api0").await;
    assert_eq!(outcome, Outcome::Refused);
    assert!(err.starts_with("Permission denied\n  = the level of "), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn several_balancers_are_all_asked_and_one_that_is_away_is_named() {
    let (here, there) = (lab::open(), lab::open());
    let both = vec![here.socket("admin"), there.socket("admin")];
    let (outcome, out, _) = ctl(both.clone(), "show cli level").await;
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(out.matches("admin\n\n").count(), 2);
    assert!(out.starts_with(&format!("==> {} <==\n", both[0].display())), "{out}");

    let away = there.socket("nobody");
    let (outcome, _, err) =
        give(vec![both[0].clone(), away.clone()], Order::Disable, "api_nodes/api1", None).await;
    assert_eq!(outcome, Outcome::Silent);
    assert!(err.contains(&away.display().to_string()) && err.contains("start lb"), "{err}");
    assert_eq!(here.server("api_nodes", "api1").admin(), Admin::Maint);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn disable_waits_for_the_last_exchange_and_says_what_is_in_flight_when_it_does_not_end() {
    let lab = lab::open();
    let socket = vec![lab.socket("admin")];
    let server = lab.server("api_nodes", "api1");
    let claim = server.claim().unwrap();
    *lab.sessions.lock().unwrap() = vec![crate::topology::SessionInfo {
        id: 7,
        peer: "127.0.0.1:5".parse().unwrap(),
        frontend: "fe_api".into(),
        backend: Some("api_nodes".into()),
        server: Some("api1".into()),
        age: Duration::from_secs(3),
        requests: 1,
    }];
    let short = Some(Duration::from_millis(20));
    let (outcome, out, err) = give(socket.clone(), Order::Disable, "api_nodes/api1", short).await;
    assert_eq!((outcome, out.as_str()), (Outcome::Refused, "api_nodes/api1 is in maintenance\n"));
    assert!(err.contains("Wait delay expired. api_nodes/api1 still has 1 in flight."), "{err}");
    assert!(err.contains("\n  0x7: src=127.0.0.1:5 age=3s"), "{err}");

    let long = Some(Duration::from_secs(60));
    let waiting = tokio::spawn(give(socket.clone(), Order::Drain, "api_nodes/api1", long));
    let mut changes = lab.control.changes();
    while server.admin() != Admin::Drain {
        changes.changed().await.unwrap();
    }
    assert!(!waiting.is_finished());
    drop(claim);
    let (outcome, out, err) = waiting.await.unwrap();
    assert_eq!(
        (outcome, out.as_str()),
        (Outcome::Done, "api_nodes/api1 is in drain, nothing in flight\n"),
        "{err}"
    );

    let waiting = tokio::spawn(give(socket, Order::Enable, "api_nodes/api1", long));
    while server.admin() != Admin::Ready {
        changes.changed().await.unwrap();
    }
    // A server that was only drained may never have been less than up.
    lab.checked(&server, CheckStatus::L7Ok);
    let (outcome, out, err) = waiting.await.unwrap();
    assert_eq!((outcome, out.as_str()), (Outcome::Done, "api_nodes/api1 is up\n"), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_unknown_server_lists_those_of_its_backend() {
    let lab = lab::open();
    let socket = vec![lab.socket("admin")];
    let (outcome, _, err) = give(socket.clone(), Order::Enable, "api_nodes/x", None).await;
    assert_eq!(outcome, Outcome::Refused);
    assert!(
        err.ends_with("No such server.\n  = there are api_nodes/api0, api_nodes/api1, api_nodes/api2\n"),
        "{err}"
    );
    let (_, _, err) = give(socket, Order::Enable, "x/api0", None).await;
    assert!(err.ends_with("api_nodes/api2, plain/p0\n"), "{err}");
}

#[test]
fn a_socket_that_only_listens_is_told_from_one_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lb.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    assert_eq!(run(std::slice::from_ref(&path), "show info", &mut out, &mut err), Outcome::Silent);
    assert!(String::from_utf8(err).unwrap().contains("nobody listens there any more"));
}

#[test]
fn a_wait_adds_to_patience() {
    assert_eq!(waits("show info"), Duration::ZERO);
    assert_eq!(waits("wait 2s;show info; wait 500 srv-up a/b"), Duration::from_millis(2500));
}

#[test]
fn readiness_is_the_status_of_readyz() {
    let answer = |status: &'static str| {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let bind = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 1024];
            let read = stream.read(&mut head).unwrap();
            stream.write_all(status.as_bytes()).unwrap();
            String::from_utf8_lossy(&head[..read]).into_owned()
        });
        let mut err = Vec::new();
        let outcome = healthcheck(bind, &mut err);
        assert!(server.join().unwrap().starts_with("GET /readyz HTTP/1.1\r\n"));
        (outcome, String::from_utf8(err).unwrap())
    };
    assert_eq!(answer("HTTP/1.1 200 OK\r\n\r\n"), (Outcome::Done, String::new()));
    let (outcome, err) = answer("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    assert_eq!(outcome, Outcome::Refused);
    assert!(err.contains("not ready (status 503)"), "{err}");
    assert_eq!(answer("SSH-2.0\r\n").0, Outcome::Silent);

    let gone: SocketAddr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(healthcheck(gone, &mut Vec::new()), Outcome::Silent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_address_is_asked_like_a_path() {
    let lab = lab::open();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let socket = crate::config::Socket::Tcp(address);
    let config = crate::config::Admin { socket, mode: 0, level: crate::config::Level::Operator };
    tokio::spawn(crate::admin::serve(
        crate::admin::bind(&config).unwrap(),
        std::sync::Arc::clone(&lab.control),
    ));
    for written in [address.to_string(), format!("tcp://{address}"), format!("ipv4@{address}")] {
        let (outcome, out, err) = ctl(vec![written.clone().into()], "show cli level").await;
        assert_eq!((outcome, out.as_str()), (Outcome::Done, "operator\n\n"), "{written}: {err}");
    }
}
