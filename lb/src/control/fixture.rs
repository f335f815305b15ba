//! A control for tests: with a log that can be read, and workers that only have mailboxes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::{ApplyError, Changes, Control, Origin};
use crate::config::{Config, LogConfig, LogTarget};
use crate::log;
use crate::server::Server;
use crate::topology::{Inbox, ProcessState, Shared, Topology, Workers};

/// A control, and what it needs to live.
pub(crate) struct Fixture {
    pub(crate) control: Arc<Control>,
    _inboxes: Vec<Inbox>,
    logs: Vec<LogConfig>,
    folder: tempfile::TempDir,
}

/// A configuration with one frontend and this backend `be`.
fn config(head: &str, backend: &str) -> Config {
    let text =
        format!("{head}[frontend.fe]\nbind = \"127.0.0.1:0\"\nbackend = \"be\"\n[backend.be]\n{backend}");
    Config::parse(&text, Path::new("lb.toml")).unwrap_or_else(|faults| panic!("{faults}"))
}

// === impl Fixture ===

impl Fixture {
    /// A control with `backend`, TOML, in force.
    pub(crate) fn new(backend: &str) -> Self {
        Self::with("", backend)
    }

    /// The same with other sections, TOML, before it.
    pub(crate) fn with(head: &str, backend: &str) -> Self {
        let mut config = config(head, backend);
        let folder = tempfile::tempdir().unwrap();
        config.logs[0].target = LogTarget::File(folder.path().join("log"));
        let logs = config.logs.clone();
        let log = log::start(&logs).unwrap();
        let (workers, inboxes) = Workers::new(1);
        let (topology, process) =
            (ArcSwap::from_pointee(Topology::empty()), ProcessState::new(config.process.maxconn));
        let shared = Shared { topology, workers, process };
        let control = Control::new(Arc::new(shared), &config, log);
        control.apply(config, None, &Origin::Start).unwrap();
        Self { control, _inboxes: inboxes, logs, folder }
    }

    /// Puts another form of the backend in force.
    pub(crate) fn apply(&self, backend: &str) {
        self.try_apply("", backend).unwrap();
    }

    /// The same with other sections before it, which may be refused.
    pub(crate) fn try_apply(&self, head: &str, backend: &str) -> Result<Changes, ApplyError> {
        let config = Config { logs: self.logs.clone(), ..config(head, backend) };
        self.control.apply(config, None, &Origin::Signal)
    }

    /// The server of that name.
    pub(crate) fn server(&self, name: &str) -> Arc<Server> {
        let topology = self.control.topology();
        Arc::clone(topology.backend("be").and_then(|backend| backend.server(name)).unwrap())
    }

    /// Waits until `done`: for changes that control tells.
    pub(crate) async fn until(&self, done: impl Fn() -> bool) {
        let mut changes = self.control.changes();
        while !done() {
            let changed = tokio::time::timeout(Duration::from_secs(60), changes.changed()).await;
            changed.expect("a change within a minute").unwrap();
        }
    }

    /// Ends it; returns all that was logged.
    pub(crate) fn logged(self) -> String {
        self.control.log().end();
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}
