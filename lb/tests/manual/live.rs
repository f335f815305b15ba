//! A running `lb`, asked for everything that the manual lists.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A balancer that is ended with the test.
pub(crate) struct Balancer {
    child: Child,
    folder: tempfile::TempDir,
    pages: SocketAddr,
    traffic: SocketAddr,
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn eventually<T>(what: &str, mut there: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = there() {
            return found;
        }
        assert!(Instant::now() < end, "no {what}");
        std::thread::yield_now();
    }
}

fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

// === impl Balancer ===

impl Balancer {
    /// Starts one that has something of everything: a table, name servers, checks, captures, a listener of its own row.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (pages, traffic) = (free_address(), free_address());
        let config = format!(
            "[process]\ndescription = \"d\"\n[admin]\nsocket = \"lb.sock\"\n[stats]\nbind = \"{pages}\"\n\
             [log]\nformat = \"json\"\ntarget = \"log\"\n[resolvers.r]\nnameservers = [\"127.0.0.1:9\"]\n\
             [frontend.fe]\nbind = \"{traffic}\"\nbackend = \"be\"\nsocket_stats = true\ncapture_request = \"Host\"\n\
             [backend.be]\nhealth = {{ path = \"/\" }}\ntable = {{ type = \"ip\", size = 9 }}\n[backend.be.servers]\ns = \"127.0.0.1:9\"\n"
        );
        std::fs::write(folder.path().join("lb.toml"), config).unwrap();
        let child = Command::new(super::PROGRAM).args(["run", "lb.toml"]).current_dir(folder.path()).spawn();
        let running = Self { child: child.unwrap(), folder, pages, traffic };
        eventually("page", || get(pages, "/healthz"));
        eventually("runtime socket", || running.path().join("lb.sock").exists().then_some(()));
        running
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The answer to a runtime command.
    fn ctl(&self, command: &str) -> String {
        let done = Command::new(super::PROGRAM)
            .args(["ctl", "-s", "lb.sock", command])
            .current_dir(self.path())
            .output()
            .unwrap();
        assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// Every family of `/metrics`.
    pub(crate) fn metric_families(&self) -> Vec<String> {
        let text = get(self.pages, "/metrics?scope=*&extra-counters").unwrap();
        let families = text.lines().filter_map(|line| line.strip_prefix("# HELP "));
        families.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    }

    /// Every column of `show stat`.
    pub(crate) fn columns(&self) -> Vec<String> {
        let text = self.ctl("show stat");
        let head = text.lines().next().unwrap().trim_start_matches("# ");
        head.split(',').filter(|name| !matches!(*name, "" | "-")).map(str::to_owned).collect()
    }

    /// The name of every line of `show info`.
    pub(crate) fn info_lines(&self) -> Vec<String> {
        let text = self.ctl("show info");
        text.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.to_owned()).collect()
    }

    /// Every command that `help` lists.
    pub(crate) fn commands(&self) -> Vec<String> {
        let text = self.ctl("help");
        let lines = text.lines().filter(|line| line.starts_with("  "));
        let commands: Vec<_> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(command, _)| command.trim().to_owned())
            .collect();
        assert!(commands.len() > 60, "{text}");
        commands
    }

    /// Every key of an access log record.
    pub(crate) fn log_keys(&self) -> Vec<String> {
        let answer = eventually("answer", || get(self.traffic, "/"));
        assert!(answer.contains("503"), "{answer}");
        eventually("log line", || {
            let log = std::fs::read_to_string(self.path().join("log")).ok()?;
            let line = log.lines().find(|line| line.contains("\"method\""))?;
            let record: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
            Some(record.keys().cloned().collect())
        })
    }
}
