//! A control with three sockets (admin, operator, user) and workers that only record what they are sent.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::config::{Config, LogTarget};
use crate::control::{Control, Origin};
use crate::server::{CheckResult, CheckStatus, Server};
use crate::topology::{ProcessState, SessionInfo, Shared, Topology, WorkerCommand, Workers};

const CONFIG: &str = r#"
[[admin]]
socket = "admin.sock"
[[admin]]
socket = "operator.sock"
level = "operator"
[[admin]]
socket = "user.sock"
level = "user"

[frontend.fe_api]
bind = "127.0.0.1:0"
backend = "api_nodes"

[backend.api_nodes]
health = { path = "/health", rise = 2, fall = 3 }
[backend.api_nodes.servers]
api0 = "127.0.0.1:4000"
api1 = "127.0.0.1:4001"
api2 = { address = "127.0.0.1:4002", weight = 2 }

[backend.plain.servers]
p0 = "127.0.0.1:4003"
"#;

/// See the module.
#[derive(Debug)]
pub(crate) struct Lab {
    folder: TempDir,
    pub(crate) control: Arc<Control>,
    /// What the workers reply to a query for sessions.
    pub(crate) sessions: Arc<Mutex<Vec<SessionInfo>>>,
    /// Client connections and servers whose sessions were to be killed.
    pub(crate) killed: Arc<Mutex<Vec<String>>>,
}

/// A running lab.
pub(crate) fn open() -> Lab {
    open_with("")
}

/// A lab with more configuration, TOML.
pub(crate) fn open_with(more: &str) -> Lab {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::parse(&format!("{CONFIG}{more}"), &folder.path().join("lb.toml")).unwrap();
    let (workers, inboxes) = Workers::new(1);
    let topology = ArcSwap::from_pointee(Topology::empty());
    let shared = Arc::new(Shared { topology, workers, process: ProcessState::new(20_000) });
    config.logs[0].target = LogTarget::File(folder.path().join("log"));
    let log = crate::log::start(&config.logs).unwrap();
    let control = Control::new(shared, &config, log);
    let sockets = config.admin.clone();
    control.apply(config, None, &Origin::Start).unwrap();
    let lab = Lab { folder, control, sessions: Arc::default(), killed: Arc::default() };
    for mut inbox in inboxes {
        let (sessions, killed) = (Arc::clone(&lab.sessions), Arc::clone(&lab.killed));
        tokio::spawn(async move {
            while let Some(order) = inbox.orders.recv().await {
                match order {
                    WorkerCommand::Sessions(asked) => asked.send(sessions.lock().unwrap().clone()).unwrap(),
                    WorkerCommand::KillSession(id) => killed.lock().unwrap().push(format!("session {id}")),
                    WorkerCommand::KillServer(id) => {
                        killed.lock().unwrap().push(format!("server {}", id.get()));
                    }
                    _ => {}
                }
            }
        });
    }
    for socket in sockets {
        tokio::spawn(super::super::serve(super::super::bind(&socket).unwrap(), Arc::clone(&lab.control)));
    }
    lab
}

// === impl Lab ===

impl Lab {
    /// The path of a socket: `admin`, `operator` or `user`.
    pub(crate) fn socket(&self, level: &str) -> PathBuf {
        self.folder.path().join(format!("{level}.sock"))
    }

    pub(super) async fn connect(&self, level: &str) -> UnixStream {
        UnixStream::connect(self.socket(level)).await.unwrap()
    }

    /// Sends as it is, leaves the write side open, and reads to the end.
    pub(super) async fn send(&self, level: &str, bytes: &str) -> String {
        let mut stream = self.connect(level).await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        rest(&mut stream).await
    }

    /// Sends a line to the admin socket.
    pub(super) async fn ask(&self, line: &str) -> String {
        self.send("admin", &format!("{line}\n")).await
    }

    pub(crate) fn server(&self, backend: &str, name: &str) -> Arc<Server> {
        Arc::clone(self.control.topology().backend(backend).unwrap().server(name).unwrap())
    }

    /// Records the result of a server's check.
    pub(crate) fn checked(&self, server: &Arc<Server>, status: CheckStatus) {
        let took = std::time::Duration::from_millis(1);
        self.control
            .checked(server, CheckResult { status, code: None, took, detail: String::new(), version: None });
    }
}

/// Everything that is still sent.
pub(super) async fn rest(stream: &mut UnixStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}
