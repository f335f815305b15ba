//! `client healthcheck` against the running program: healthy only while traffic flows and nothing has failed.

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use crate::meddler::{Meddler, Wrong};
use crate::node;
use crate::process::{output, program};

/// The longest that something may take that is bound to happen.
const LIMIT: Duration = Duration::from_secs(20);

struct Running {
    child: Child,
    stderr: Option<Lines<BufReader<ChildStderr>>>,
    addr: SocketAddr,
}

// === impl Running ===

impl Running {
    fn start(target: SocketAddr, args: &[&str]) -> Self {
        let mut command = program(target, &["--health", "127.0.0.1:0", "--live-interval", "20ms"]);
        let mut child = command.args(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = stderr.next().unwrap().unwrap();
        let addr = line.strip_prefix("client3: answers health checks at ").unwrap().parse().unwrap();
        Self { child, stderr: Some(stderr), addr }
    }

    /// Returns once the client has printed a line with this in it, while the node has this thread.
    async fn says(&mut self, text: &'static str) {
        let mut stderr = self.stderr.take().unwrap();
        let read = tokio::task::spawn_blocking(move || {
            let said = stderr.any(|line| line.unwrap().contains(text));
            (stderr, said)
        });
        let (stderr, said) = read.await.unwrap();
        assert!(said, "it ended without {text:?}");
        self.stderr = Some(stderr);
    }

    /// The exit code of `client healthcheck`, and what it prints.
    async fn healthcheck(&self) -> (i32, String) {
        healthcheck(self.addr).await
    }

    /// Returns once the health check says unhealthy, and this.
    async fn reports(&self, text: &str) {
        let start = Instant::now();
        loop {
            let (code, line) = self.healthcheck().await;
            assert_eq!(code, i32::from(line.starts_with("unhealthy: ")), "{line}");
            if code == 1 && line.contains(text) {
                return;
            }
            assert!(start.elapsed() < LIMIT, "{line}");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn healthcheck(addr: SocketAddr) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_client"));
    command.args(["healthcheck", "--health", &addr.to_string()]);
    let output = output(command).await;
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn healthy_while_traffic_flows() {
    let node = node().await;
    let mut client = Running::start(node.addr(), &[]);
    client.says("api1 v2 says ").await;
    let (code, line) = client.healthcheck().await;
    assert_eq!(code, 0, "{line}");
    assert!(line.starts_with("healthy: ") && line.contains(" requests, 0 failed, last good"), "{line}");
}

#[tokio::test]
async fn one_failure_is_not_forgotten() {
    let node = node().await;
    let meddler = Meddler::before(node.addr(), Wrong::DropFirst(1)).await;
    let client = Running::start(meddler.addr, &["--wait-ready", "0s"]);
    // All others are good answers.
    client.reports(" 1 failed, last good answer ").await;
}

#[tokio::test]
async fn unhealthy_when_nothing_comes_back_though_nothing_has_failed() {
    let node = node().await;
    let args = ["--mix", "get=1,sse=1", "--pause", "60s", "--timeout", "90s", "--connections", "2"];
    let mut client = Running::start(node.addr(), &[&args[..], &["--stalled-after", "100ms"]].concat());
    // Sooner or later both connections wait for the second event.
    client.says("api1 v2 says ").await;
    client.reports(" 0 failed, last good answer ").await;
}

#[tokio::test]
async fn unhealthy_before_the_target_answers() {
    let node = node().await;
    node.kill();
    node.closed().await;
    let client = Running::start(node.addr(), &["--wait-ready", "60s"]);
    let (code, line) = client.healthcheck().await;
    assert_eq!((code, line.as_str()), (1, "unhealthy: waiting for the target's first good answer\n"));
}

#[tokio::test]
async fn unhealthy_when_nobody_is_there_and_a_taken_address_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let refused = output(program(addr, &["--health", &addr.to_string()])).await;
    assert_eq!(refused.status.code(), Some(1));
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(text.contains(&format!("cannot answer health checks at {addr}: ")), "{text}");

    drop(taken);
    let (code, line) = healthcheck(addr).await;
    assert_eq!(code, 1);
    assert!(line.contains(&format!("cannot ask {addr}: ")), "{line}");
}
