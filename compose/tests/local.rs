//! The local sample goes on when the operator replaces a node by hand, and ends when a node dies in service.

#![expect(clippy::unwrap_used, reason = "in tests the place of a panic says what went wrong")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process};

/// A process that is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The sample, and what it prints to try.
struct LocalSample {
    process: Running,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    socket: PathBuf,
    /// The process of `api1`, and the words behind `--` that start another one.
    node: i32,
    start: Vec<String>,
}

/// Two samples that start at once may find the same port free: here one starts after the other, and what other programs take is tried again.
static STARTING: Mutex<()> = Mutex::new(());
const ATTEMPTS: usize = 5;

impl LocalSample {
    fn start() -> Self {
        let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        (0..ATTEMPTS).find_map(|_| Self::try_start()).unwrap()
    }

    fn try_start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_compose"))
            .args(["up", "--clients", "1"])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn();
        let mut process = Running(child.unwrap());
        let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
        let (mut node, mut start) = (0, Vec::new());
        loop {
            let line = lines.next()?.unwrap();
            if let Some(kill) = line.trim_start().strip_prefix("kill ") {
                node = kill.split(' ').next().unwrap().parse().unwrap();
            } else if let Some((_, arguments)) = line.split_once(" -p api -- ") {
                start = arguments.split(' ').map(str::to_owned).collect();
            } else if let Some((_, socket)) =
                line.split_once("UNIX-CONNECT:").filter(|_| line.contains("enable"))
            {
                return Some(Self { process, lines, socket: socket.into(), node, start });
            }
        }
    }

    fn command(&self, command: &str) -> String {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        writeln!(stream, "{command}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn kill_node(&self) {
        kill_process(Pid::from_raw(self.node).unwrap(), Signal::TERM).unwrap();
    }

    /// Reads on to a line with this text.
    fn line(&mut self, text: &str) -> String {
        self.lines.by_ref().map_while(Result::ok).find(|line| line.contains(text)).unwrap()
    }
}

#[test]
fn a_node_in_maintenance_may_be_replaced_by_hand() {
    let mut sample = LocalSample::start();
    assert_eq!(sample.command("disable server api_nodes/api1"), "\n");
    sample.command("wait 30s srv-drained api_nodes/api1");
    sample.kill_node();
    sample.line("api1 has ended while it was out of service");
    assert!(sample.line(" -p api -- ").contains("--name api1"));

    let node = Command::new(env!("CARGO_BIN_EXE_compose"))
        .arg("__api")
        .args(&sample.start)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _node = Running(node.unwrap());
    assert_eq!(sample.command("enable server api_nodes/api1"), "\n");
    sample.command("wait 30s srv-up api_nodes/api1");
    assert!(sample.command("show stat").contains("api_nodes,api1"));
    assert!(sample.process.0.try_wait().unwrap().is_none(), "the sample goes on");

    kill_process(Pid::from_child(&sample.process.0), Signal::TERM).unwrap();
    let verdict = sample.line("requests, 0 failed");
    assert!(!verdict.is_empty());
    assert!(sample.process.0.wait().unwrap().success());
}

#[test]
fn a_node_that_dies_in_service_ends_the_sample_with_its_name() {
    let mut sample = LocalSample::start();
    sample.kill_node();
    sample.line("api1 has ended");
    assert!(!sample.process.0.wait().unwrap().success());
}
