//! The `api` program: signals, exit codes, and the container's health check.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::wire::{Wire, ask};

struct Program {
    child: Child,
    stderr: BufReader<ChildStderr>,
    addr: SocketAddr,
}

impl Program {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_api"))
            .args(["--name", "api7", "--version-label", "v3", "--bind", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("api7: version v3 listens on ").unwrap().parse().unwrap();
        Self { child, stderr, addr }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn healthcheck(addr: SocketAddr) -> Option<i32> {
    let mut check = Command::new(env!("CARGO_BIN_EXE_api"));
    check.args(["healthcheck", "--bind", &addr.to_string()]).stderr(Stdio::null());
    check.status().unwrap().code()
}

#[tokio::test]
async fn a_usr2_signal_toggles_health_and_the_check_sees_it() {
    let mut program = Program::start();
    assert_eq!(healthcheck(program.addr), Some(0));
    program.signal(Signal::USR2);
    assert_eq!(program.line(), "api7: SIGUSR2, health is now failing\n");
    assert_eq!(healthcheck(program.addr), Some(1));
    assert!(ask(program.addr, "GET /health").await.starts_with("HTTP/1.1 503 "));
    program.signal(Signal::USR2);
    assert_eq!(program.line(), "api7: SIGUSR2, health is now ok\n");
    assert_eq!(healthcheck(program.addr), Some(0));
}

#[tokio::test]
async fn a_term_signal_finishes_what_is_in_flight_and_exits_0() {
    let mut program = Program::start();
    let mut slow = Wire::connect(program.addr).await;
    // Head and first event are here: the request is in flight.
    slow.send("GET /events?n=3&ms=100 HTTP/1.1\r\nhost: t\r\n\r\n").await;
    slow.until("id: 1\n").await;
    program.signal(Signal::TERM);
    let rest = slow.rest().await;
    assert!(rest.contains("id: 3\n") && rest.ends_with("0\r\n\r\n"), "{rest}");
    assert_eq!(program.child.wait().unwrap().code(), Some(0));
    assert_eq!(program.line(), "api7: stopping, requests in flight may finish\n");
    assert_eq!(program.line(), "api7: stopped after 1 requests\n");
    assert_eq!(healthcheck(program.addr), Some(1));
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let mut program = Program::start();
    let mut slow = Wire::connect(program.addr).await;
    slow.send("GET /events?n=2&ms=60000 HTTP/1.1\r\nhost: t\r\n\r\n").await;
    slow.until("id: 1\n").await;
    program.signal(Signal::TERM);
    assert_eq!(program.line(), "api7: stopping, requests in flight may finish\n");
    program.signal(Signal::INT);
    assert_eq!(program.child.wait().unwrap().code(), Some(1));
}

#[test]
fn an_address_in_use_is_a_clear_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_api")).args(["--bind", &addr]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(&format!("cannot listen on {addr}")) && text.contains("--bind"), "{text}");
}
