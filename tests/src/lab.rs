//! Building an `lb` with its servers, in a few words.

use std::fmt::Display;
use std::net::SocketAddr;

use crate::{Plan, Running};

/// An `lb` in the making: one frontend `fe_api`, one backend `api_nodes`, everything else as the manual says.
#[derive(Debug)]
pub struct Lab {
    plan: Plan,
    nodes: usize,
}

/// The frontend of every lab.
const FRONTEND: &str = "frontend.fe_api";
/// The backend of every lab.
const BACKEND: &str = "backend.api_nodes";

// === impl Lab ===

impl Lab {
    /// A lab with no servers yet.
    pub fn new() -> Self {
        Self::empty()
            .frontend("bind = \"127.0.0.1:0\"\nbackend = \"api_nodes\"")
            .backend("balance = \"roundrobin\"")
            .section("backend.api_nodes.servers", "")
    }

    /// A lab without a frontend and a backend, for those that are all the test's own.
    pub fn empty() -> Self {
        let mut plan = Plan::default();
        plan.set("process", "threads = 2");
        plan.set("admin", "socket = \"lb.sock\"");
        plan.set("stats", "bind = \"127.0.0.1:0\"");
        plan.set("log", "format = \"json\"\ntarget = \"access.log\"");
        Self { plan, nodes: 0 }
    }

    /// `count` real nodes, `api0` and on, with their version label `v1`.
    #[must_use]
    pub fn nodes(mut self, count: usize) -> Self {
        self.nodes = count;
        self
    }

    /// A server of the test's own.
    #[must_use]
    pub fn server(self, name: &str, address: SocketAddr) -> Self {
        self.server_with(name, address, "")
    }

    /// A server of the test's own; `more` is what else its table holds: `weight = 3, maxconn = 1`.
    #[must_use]
    pub fn server_with(mut self, name: &str, address: impl Display, more: &str) -> Self {
        self.plan.set_server("api_nodes", name, address, more);
        self
    }

    /// Lines of the frontend.
    #[must_use]
    pub fn frontend(self, lines: &str) -> Self {
        self.section(FRONTEND, lines)
    }

    /// Lines of the backend.
    #[must_use]
    pub fn backend(self, lines: &str) -> Self {
        self.section(BACKEND, lines)
    }

    /// Lines of `[timeout]`.
    #[must_use]
    pub fn timeout(self, lines: &str) -> Self {
        self.section("timeout", lines)
    }

    /// Lines of any section.
    #[must_use]
    pub fn section(mut self, path: &str, lines: &str) -> Self {
        self.plan.set(path, lines);
        self
    }

    /// Starts nodes and `lb`; returns when it listens.
    ///
    /// # Panics
    /// When the configuration has faults or something does not start.
    pub async fn start(self) -> Running {
        Running::start(self.plan, self.nodes).await
    }
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}
