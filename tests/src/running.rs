//! An `lb` that runs in this process: real sockets, its own threads, and everything that an operator can do to it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};

use api::{Node, Options};
use lb::app::{App, Signal};
use lb::config::Config;
use lb::control::Control;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::{Message, PATIENCE, Plan, Row, Rows, Wire, eventually, socket};

/// A running `lb`. Dropping it stops it and fails the test when it does not stop.
#[derive(Debug)]
pub struct Running {
    /// The real nodes, if the lab has some.
    pub nodes: Vec<Node>,
    plan: Plan,
    control: Arc<Control>,
    stats: Option<SocketAddr>,
    signals: UnboundedSender<Signal>,
    exit: Mutex<Receiver<ExitCode>>,
    folder: TempDir,
}

// === impl Running ===

impl Running {
    pub(crate) async fn start(mut plan: Plan, nodes: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut running = Vec::new();
        for number in 0..nodes {
            let name = format!("api{number}");
            let node = node(Options::local(&name, "v1")).await;
            plan.set_server("api_nodes", &name, node.addr(), "");
            running.push(node);
        }
        let file = folder.path().join("lb.toml");
        std::fs::write(&file, plan.to_string()).expect("a writable folder");
        let config = Config::load(&file).unwrap_or_else(|faults| panic!("{faults}\n{plan}"));
        let (signals, ordered) = unbounded_channel();
        let (started, start) = mpsc::channel();
        let (ended, exit) = mpsc::channel();
        let run = move || {
            let app = App::bind(config).expect("everything can be bound");
            started.send((app.control(), app.stats())).expect("the test waits");
            // The receiver is gone when the test has failed.
            let _ = ended.send(app.run(ordered));
        };
        std::thread::Builder::new().name("lb".into()).spawn(run).expect("a thread");
        let (control, stats) = start.recv_timeout(PATIENCE).expect("lb starts");
        Self {
            nodes: running,
            plan,
            control,
            stats: stats.first().copied(),
            signals,
            exit: Mutex::new(exit),
            folder,
        }
    }

    /// Where clients connect.
    pub fn frontend(&self) -> SocketAddr {
        self.frontend_named("fe_api")
    }

    /// Where clients of that frontend connect.
    ///
    /// # Panics
    /// When it does not listen.
    pub fn frontend_named(&self, name: &str) -> SocketAddr {
        let addresses = self.control.addresses();
        addresses.iter().find(|(known, _)| **known == *name).expect("the frontend listens").1
    }

    /// Where pages and metrics are.
    ///
    /// # Panics
    /// When the lab has none.
    pub fn stats(&self) -> SocketAddr {
        self.stats.expect("the lab has pages")
    }

    /// Where the runtime socket is.
    pub fn socket_path(&self) -> PathBuf {
        self.path("lb.sock")
    }

    /// A file of the lab's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A client connection.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn connect(&self) -> Wire {
        Wire::connect(self.frontend()).await.expect("lb listens")
    }

    /// The answer to a GET on a connection of its own.
    pub async fn get(&self, target: &str) -> Message {
        self.connect().await.get(target).await
    }

    /// The answer to a request, given as its bytes, on a connection of its own.
    pub async fn send(&self, request: &str) -> Message {
        let mut wire = self.connect().await;
        wire.send(request).await;
        wire.answer().await
    }

    /// The answer to a GET on the pages' address.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn page(&self, target: &str) -> Message {
        Wire::connect(self.stats()).await.expect("the pages are there").get(target).await
    }

    /// Sends one line to the runtime socket and returns the answer, to the byte.
    pub async fn socket(&self, command: &str) -> String {
        self.socket_bytes(format!("{command}\n").as_bytes()).await
    }

    /// The same for another runtime socket of the lab, by its file.
    ///
    /// # Panics
    /// When nothing listens there.
    pub async fn socket_of(&self, file: &str, command: &str) -> String {
        let answer = socket::ask(&self.path(file), format!("{command}\n").as_bytes()).await;
        answer.expect("the runtime socket answers")
    }

    /// Sends bytes to the runtime socket and returns the answer, to the byte.
    ///
    /// # Panics
    /// When nothing listens there.
    pub async fn socket_bytes(&self, bytes: &[u8]) -> String {
        self.socket_raw(bytes).await.expect("the runtime socket answers")
    }

    /// The same for bytes that may be refused in any way.
    ///
    /// # Errors
    /// The system's, and `InvalidData` for an answer that is no text.
    pub async fn socket_raw(&self, bytes: &[u8]) -> std::io::Result<String> {
        socket::ask(&self.socket_path(), bytes).await
    }

    /// Sends bytes to the runtime socket of that file and returns the answer, to the byte.
    ///
    /// # Panics
    /// When nothing listens there.
    pub async fn socket_bytes_of(&self, file: &str, bytes: &[u8]) -> String {
        socket::ask(&self.path(file), bytes).await.expect("the runtime socket answers")
    }

    /// Sends commands that say nothing when they succeed.
    ///
    /// # Panics
    /// When one says something.
    pub async fn order(&self, command: &str) {
        let answer = self.socket(command).await;
        assert!(answer.bytes().all(|byte| byte == b'\n'), "{command}: {answer}");
    }

    /// `show stat`.
    pub async fn stat_rows(&self) -> Rows {
        Rows::parse(&self.socket("show stat").await)
    }

    /// One row of `show stat`.
    pub async fn stat(&self, proxy: &str, server: &str) -> Row {
        self.stat_rows().await.row(proxy, server).clone()
    }

    /// Waits until a server has nothing in flight and nothing waiting, as a deployment does.
    pub async fn drained(&self, server: &str) {
        eventually("a drained server", async || self.stat("api_nodes", server).await.is_drained()).await;
    }

    /// Waits until a server's status is exactly this.
    pub async fn status_of(&self, server: &str, status: &str) {
        eventually(status, async || self.stat("api_nodes", server).await.text("status") == status).await;
    }

    /// Client connections that `lb` holds, by worker.
    pub fn connections(&self) -> Vec<u64> {
        self.control.shared().workers.connections()
    }

    /// The log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("access.log")).unwrap_or_default()
    }

    /// Changes the configuration file and asks `lb` to read it again; returns at once.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn ask_reload(&mut self, edit: impl FnOnce(&mut Plan)) {
        edit(&mut self.plan);
        std::fs::write(self.path("lb.toml"), self.plan.to_string()).expect("a writable folder");
        self.signal(Signal::Reload);
    }

    /// Changes the configuration file, asks `lb` to read it again and waits until it is in force.
    ///
    /// # Panics
    /// When the new configuration has faults or does not come into force.
    pub async fn reload(&mut self, edit: impl FnOnce(&mut Plan)) {
        self.ask_reload(edit);
        let mut wanted = Config::load(&self.path("lb.toml")).unwrap_or_else(|faults| panic!("{faults}"));
        // Where the system allows few open files, the default is lowered.
        lb::control::descriptors::share(&mut wanted).expect("enough open files");
        eventually("the new configuration", async || self.control.config() == wanted).await;
    }

    /// Asks it to stop.
    pub fn stop(&self) {
        self.signal(Signal::Stop);
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn exit(&self) -> ExitCode {
        let mut code = None;
        eventually("the end of lb", async || {
            code = self.exit.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok();
            code.is_some()
        })
        .await;
        code.expect("it has just been seen")
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        !self.signals.is_closed()
    }

    /// Stops node `number` as a deployment does, letting it finish, and starts another version at the same address.
    pub async fn replace_node(&mut self, number: usize, version: &str) {
        let old = &self.nodes[number];
        let options = Options { bind: old.addr(), ..Options::local(old.name(), version) };
        assert!(old.stop().await, "{} had something in flight that did not end", old.name());
        self.nodes[number] = node(options).await;
    }

    fn signal(&self, signal: Signal) {
        // Fails only when it has ended, and then there is nothing to ask.
        let _ = self.signals.send(signal);
    }
}

async fn node(options: Options) -> Node {
    Node::start(options).await.expect("the node's address is free")
}

impl Drop for Running {
    fn drop(&mut self) {
        // The second one does not wait for what is in flight.
        self.stop();
        self.stop();
        let exit = self.exit.get_mut().unwrap_or_else(PoisonError::into_inner);
        let ended = !matches!(exit.recv_timeout(PATIENCE), Err(mpsc::RecvTimeoutError::Timeout));
        assert!(ended || std::thread::panicking(), "lb does not stop");
    }
}
