//! The `client` program: what it prints where, and its exit codes.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::node;

pub(crate) fn program(target: std::net::SocketAddr, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_client"));
    command.args(["--name", "client3", "--target", &format!("http://{target}"), "--slow", "20ms"]).args(args);
    command
}

/// Runs it beside the node, which needs this thread.
pub(crate) async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_clean_run_prints_introductions_tables_and_the_closing_line() {
    let node = node().await;
    let output = output(program(node.addr(), &["--requests", "40", "--connections", "4"])).await;
    assert_eq!(output.status.code(), Some(0));
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(out.ends_with("\n40 requests, 0 failed\n"), "{out}");
    assert!(out.contains("\napi1         v2                   40        0 "), "{out}");
    assert!(err.contains("client3: api1 v2 says {\"node\":\"api1\",\"version\":\"v2\",\"count\":"), "{err}");
}

#[tokio::test]
async fn json_is_all_there_is_on_stdout() {
    let node = node().await;
    let output = output(program(node.addr(), &["--requests", "10", "--json", "--quiet"])).await;
    assert_eq!(output.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["requests"], &report["failed"]), (&10.into(), &0.into()));
    assert_eq!((&report["name"], &report["nodes"][0]["node"]), (&"client3".into(), &"api1".into()));
    assert_eq!(output.stderr, b"");
}

#[tokio::test]
async fn a_term_signal_ends_it_with_a_verdict() {
    let node = node().await;
    let mut command = program(node.addr(), &["--live-interval", "20ms"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    let live = BufReader::new(child.stderr.take().unwrap());
    let output = tokio::task::spawn_blocking(move || {
        let mut signalled = false;
        for line in live.lines().map(Result::unwrap) {
            // The first live line: it is judging.
            if !signalled && line.contains(" requests, 0 failed, ") && line.contains(", longest gap ") {
                kill_process(pid, Signal::TERM).unwrap();
                signalled = true;
            }
        }
        child.wait_with_output().unwrap()
    });
    let output = output.await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with(" requests, 0 failed\n"), "{text}");
}

#[tokio::test]
async fn failures_and_wrong_usage_have_their_codes() {
    let node = node().await;
    node.kill();
    node.closed().await;
    let failing = output(program(node.addr(), &["--requests", "2", "--wait-ready", "0s"])).await;
    assert_eq!(failing.status.code(), Some(1));
    assert!(String::from_utf8(failing.stdout).unwrap().ends_with("\n2 requests, 2 failed\n"));

    let absent = output(program(node.addr(), &["--requests", "2", "--wait-ready", "50ms"])).await;
    assert_eq!(absent.status.code(), Some(1));
    let text = String::from_utf8(absent.stderr).unwrap();
    assert!(text.contains("gave no good answer in 50ms: cannot connect: connection refused"), "{text}");

    let wrong = output(program(node.addr(), &["--mix", "get"])).await;
    assert_eq!(wrong.status.code(), Some(2));
}
