//! The client against real runtime sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::admin::tests::lab;
use crate::report::VERSION;
use crate::server::{AdminState, CheckStatus};

/// Runs the client on a thread outside the runtime, like a process of its own.
async fn client(
    run: impl FnOnce(&mut dyn Write, &mut dyn Write) -> CommandOutcome + Send + 'static,
) -> (CommandOutcome, String, String) {
    let client = tokio::task::spawn_blocking(|| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let outcome = run(&mut out, &mut err);
        (outcome, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    });
    client.await.unwrap()
}

async fn ctl(sockets: Vec<PathBuf>, command: &'static str) -> (CommandOutcome, String, String) {
    client(move |out, err| run(&sockets, command, out, err)).await
}

async fn give(
    sockets: Vec<PathBuf>,
    what: ServerCommand,
    server: &'static str,
    wait: Option<Duration>,
) -> (CommandOutcome, String, String) {
    let terms = Terms { wait, force: false };
    client(move |out, err| order(&sockets, what, server, terms, out, err)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn answers_are_printed_as_they_came_and_refusals_teach() {
    let lab = lab::open();
    let admin = vec![lab.socket("admin")];
    let done = |out: &str| (CommandOutcome::Done, out.to_owned(), String::new());
    assert_eq!(ctl(admin.clone(), "show version").await, done(&format!("{VERSION}\n\n")));
    assert_eq!(ctl(admin.clone(), "disable server api_nodes/api0").await, done("\n"));
    assert_eq!(ctl(admin.clone(), "wait 10;echo x").await, done("Done.\n\nx\n\n"));
    let (outcome, out, err) = ctl(admin.clone(), "disable server api_nodes/apix;get weight plain/p0").await;
    assert_eq!((outcome, out.as_str()), (CommandOutcome::Refused, "1 (initial 1)\n\n"));
    assert!(err.starts_with("No such server.\n  = there are api_nodes/api0, api_nodes/api1, "), "{err}");
    let (outcome, _, err) = ctl(vec![lab.socket("user")], "disable server api_nodes/api0").await;
    assert_eq!(outcome, CommandOutcome::Refused);
    assert!(err.starts_with("Permission denied\n  = the level of "), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn several_balancers_are_all_asked_and_one_that_is_away_is_named() {
    let (here, there) = (lab::open(), lab::open());
    let both = vec![here.socket("admin"), there.socket("admin")];
    let (outcome, out, _) = ctl(both.clone(), "show cli level").await;
    assert_eq!(outcome, CommandOutcome::Done);
    assert_eq!(out.matches("admin\n\n").count(), 2);
    assert!(out.starts_with(&format!("==> {} <==\n", both[0].display())), "{out}");

    let away = there.socket("nobody");
    let (outcome, _, err) =
        give(vec![both[0].clone(), away.clone()], ServerCommand::Disable, "api_nodes/api1", None).await;
    assert_eq!(outcome, CommandOutcome::Silent);
    assert!(err.contains(&away.display().to_string()) && err.contains("start lb"), "{err}");
    assert_eq!(here.server("api_nodes", "api1").admin(), AdminState::Maint);
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
    let (outcome, out, err) = give(socket.clone(), ServerCommand::Disable, "api_nodes/api1", short).await;
    let said = "api_nodes/api1 is in maintenance, 1 in flight; 2 of 3 servers of api_nodes left\n";
    assert_eq!((outcome, out.as_str()), (CommandOutcome::Refused, said));
    assert!(err.contains("Wait delay expired. api_nodes/api1 still has 1 in flight."), "{err}");
    assert!(err.contains("\n  0x7: src=127.0.0.1:5 age=3s"), "{err}");
    assert!(err.contains("api_nodes/api1 stays in maintenance and gets nothing new"), "{err}");
    assert!(err.contains("\"shutdown sessions server api_nodes/api1\""), "{err}");

    let long = Some(Duration::from_secs(60));
    let waiting = tokio::spawn(give(socket.clone(), ServerCommand::Drain, "api_nodes/api1", long));
    let mut changes = lab.control.changes();
    while server.admin() != AdminState::Drain {
        changes.changed().await.unwrap();
    }
    assert!(!waiting.is_finished());
    drop(claim);
    let (outcome, out, err) = waiting.await.unwrap();
    assert_eq!(
        (outcome, out.as_str()),
        (
            CommandOutcome::Done,
            "api_nodes/api1 is in drain, nothing in flight; 2 of 3 servers of api_nodes left\n"
        ),
        "{err}"
    );

    let waiting = tokio::spawn(give(socket, ServerCommand::Enable, "api_nodes/api1", long));
    while server.admin() != AdminState::Ready {
        changes.changed().await.unwrap();
    }
    // A server that was only drained may have been up throughout.
    lab.checked(&server, CheckStatus::L7Ok);
    let (outcome, out, err) = waiting.await.unwrap();
    assert_eq!((outcome, out.as_str()), (CommandOutcome::Done, "api_nodes/api1 is up\n"), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_unknown_server_lists_those_of_its_backend() {
    let lab = lab::open();
    let socket = vec![lab.socket("admin")];
    let (outcome, _, err) = give(socket.clone(), ServerCommand::Enable, "api_nodes/x", None).await;
    assert_eq!(outcome, CommandOutcome::Refused);
    assert!(
        err.ends_with("No such server.\n  = there are api_nodes/api0, api_nodes/api1, api_nodes/api2\n"),
        "{err}"
    );
    let (_, _, err) = give(socket, ServerCommand::Enable, "x/api0", None).await;
    assert!(err.ends_with("api_nodes/api2, plain/p0\n"), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_last_usable_server_is_taken_out_by_force_only() {
    let lab = lab::open();
    let socket = vec![lab.socket("admin")];
    for server in ["api_nodes/api0", "api_nodes/api1"] {
        let (outcome, _, err) = give(socket.clone(), ServerCommand::Disable, server, None).await;
        assert_eq!((outcome, err.as_str()), (CommandOutcome::Done, ""));
    }
    let _claim = lab.server("api_nodes", "api2").claim().unwrap();
    for order in [ServerCommand::Disable, ServerCommand::Drain] {
        let (outcome, out, err) = give(socket.clone(), order, "api_nodes/api2", None).await;
        assert_eq!((outcome, out.as_str()), (CommandOutcome::Refused, ""));
        let refusal = "api_nodes/api2 is the last usable server of api_nodes: without it clients get 503 there (1 in flight)";
        assert!(err.contains(refusal) && err.contains("--force"), "{err}");
    }
    assert_eq!(lab.server("api_nodes", "api2").admin(), AdminState::Ready);
    // A server that gets no requests is not missed.
    assert_eq!(
        give(socket.clone(), ServerCommand::Drain, "api_nodes/api1", None).await.0,
        CommandOutcome::Done
    );

    let terms = Terms { wait: None, force: true };
    let sockets = socket.clone();
    let forced =
        client(move |out, err| order(&sockets, ServerCommand::Disable, "api_nodes/api2", terms, out, err))
            .await;
    let said = "api_nodes/api2 is in maintenance, 1 in flight; no usable server left in api_nodes\n";
    assert_eq!(forced, (CommandOutcome::Done, said.to_owned(), String::new()));
    // The socket itself behaves like HAProxy's.
    assert_eq!(ctl(socket, "disable server plain/p0").await.0, CommandOutcome::Done);
}

/// Answers the first connections with the texts of `before`, then closes one without an answer, like a killed
/// process.
fn dying(path: &Path, before: Vec<&'static str>, last: &'static str) -> std::thread::JoinHandle<Vec<String>> {
    let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        let mut heard = Vec::new();
        for reply in before.into_iter().chain([last]) {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = Vec::new();
            while !line.ends_with(b"\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                line.push(byte[0]);
            }
            heard.push(String::from_utf8(line).unwrap());
            stream.write_all(reply.as_bytes()).unwrap();
        }
        heard
    })
}

#[test]
fn what_was_not_answered_is_not_done() {
    const MARKED: &str = "\n\nlb-ctl-end\n\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lb.sock");
    // The command was replied to; of the wait only the beginning arrived.
    let table: &[(ServerCommand, Vec<&str>, &str)] = &[
        (ServerCommand::Enable, vec![MARKED], "b/s is enabled\n"),
        (ServerCommand::Disable, vec![MARKED; 3], "b/s is in maintenance\n"),
        (ServerCommand::Drain, vec![MARKED; 3], "b/s is in drain\n"),
    ];
    for (what, before, given) in table {
        for last in ["\n", ""] {
            let lb = dying(&path, before.clone(), last);
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let terms = Terms { wait: Some(Duration::from_secs(60)), force: false };
            let outcome = order(std::slice::from_ref(&path), *what, "b/s", terms, &mut out, &mut err);
            let err = String::from_utf8(err).unwrap();
            assert_eq!((outcome, &*String::from_utf8_lossy(&out)), (CommandOutcome::Silent, *given), "{err}");
            assert!(err.ends_with("lb went away while waiting: look at the server's state again\n"), "{err}");
            assert!(
                lb.join().unwrap().pop().unwrap().contains("wait 60000ms"),
                "the last thing it was asked"
            );
            std::fs::remove_file(&path).unwrap();
        }
    }
    let table = [
        ("wait 30s", "\n", "", "went away while waiting"),
        ("show info;wait 30s", "\nName: lb\n\n", "Name: lb\n\n", "went away while waiting"),
        ("disable server b/s", "\n", "", "before everything was answered"),
        ("show stat", "\n# pxname,svname,\nb,s", "", "before everything was answered"),
        ("show stat", "\n# pxname,\nb,\n\n", "# pxname,\nb,\n\n", "before everything was answered"),
        ("show stat", "", "", "closed without an answer"),
    ];
    for (command, reply, said, problem) in table {
        let lb = dying(&path, Vec::new(), reply);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let outcome = run(std::slice::from_ref(&path), command, &mut out, &mut err);
        let err = String::from_utf8(err).unwrap();
        assert_eq!(
            (outcome, &*String::from_utf8_lossy(&out)),
            (CommandOutcome::Silent, said),
            "{command}: {err}"
        );
        assert!(err.contains(problem), "{command}: {err}");
        lb.join().unwrap();
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn what_is_no_socket_is_called_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lb.sock");
    let problem = |path: &Path| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert_eq!(run(&[path.to_owned()], "show info", &mut out, &mut err), CommandOutcome::Silent);
        String::from_utf8(err).unwrap()
    };
    assert!(problem(&path).contains("there is no such socket"));
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(problem(&path).contains("lb is not running (stale socket)"));
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "show info\n").unwrap();
    let said = problem(&path);
    assert!(said.contains("a plain file, not a socket") && said.contains("UNIX-CONNECT:"), "{said}");
    assert!(problem(folder.path()).contains("a folder, not a socket"));
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
    assert_eq!(answer("HTTP/1.1 200 OK\r\n\r\n"), (CommandOutcome::Done, String::new()));
    let (outcome, err) = answer("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    assert_eq!(outcome, CommandOutcome::Refused);
    assert!(err.contains("not ready (status 503)"), "{err}");
    assert_eq!(answer("SSH-2.0\r\n").0, CommandOutcome::Silent);

    let gone: SocketAddr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(healthcheck(gone, &mut Vec::new()), CommandOutcome::Silent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_address_is_asked_like_a_path() {
    let lab = lab::open();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let socket = crate::config::RuntimeSocketAddress::Tcp(address);
    let config = crate::config::RuntimeSocket { socket, mode: 0, level: crate::config::Level::Operator };
    tokio::spawn(crate::admin::serve(
        crate::admin::bind(&config).unwrap(),
        std::sync::Arc::clone(&lab.control),
    ));
    for written in [address.to_string(), format!("tcp://{address}"), format!("ipv4@{address}")] {
        let (outcome, out, err) = ctl(vec![written.clone().into()], "show cli level").await;
        assert_eq!((outcome, out.as_str()), (CommandOutcome::Done, "operator\n\n"), "{written}: {err}");
    }
}

/// Breaks when a number without a unit means milliseconds to `lb ctl` and seconds to `--wait`.
#[test]
fn a_wait_without_a_unit_is_not_sent() {
    for command in ["wait 30", "show info; wait 30 srv-drained b/s"] {
        let problem = ambiguous(command).unwrap();
        assert!(problem.contains("`wait 30s`") && problem.contains("`wait 30ms`"), "{problem}");
    }
    for command in ["wait 30s", "wait 500ms srv-up b/s; show info", "wait", "show info 30", "wait x"] {
        assert_eq!(ambiguous(command), None, "{command}");
    }
}
