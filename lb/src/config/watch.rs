//! How it is found out whether a server is well: by checks, by its agent, or by another server that it follows.
//!
//! It refuses to find anything out: `health` in the crate does.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::Protocol;

/// An active health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheckConfig {
    /// Path of the GET; `None` means that a TCP connection is check enough.
    pub path: Option<String>,
    /// What the GET is spoken in; that of the backend if the file says nothing else.
    pub protocol: Protocol,
    /// `Host` of the GET; `None` means the server's own address as configured.
    pub host: Option<String>,
    /// Port to check instead of the server's own.
    pub port: Option<u16>,
    /// Between two checks; the first is spread at random within it.
    pub interval: Duration,
    /// For a whole check.
    pub timeout: Duration,
    /// Passes in a row that bring a server up.
    pub rise: u32,
    /// Failures in a row that take it down.
    pub fall: u32,
    /// Whether status 404 means that the server wants no new traffic, rather than that it failed (HAProxy's `disable-on-404`).
    pub disable_on_404: bool,
}

/// An agent: a program beside a server that says on a line of text how the server is (HAProxy's `agent-check`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentConfig {
    /// The port that it is asked on.
    pub port: u16,
    /// Where it is asked; `None` means at the server's address.
    pub address: Option<IpAddr>,
    /// What it is told when the connection is there; mostly nothing.
    pub send: String,
    /// Between two questions, and for a whole answer.
    pub interval: Duration,
}

/// A server whose state another one follows, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackConfig {
    /// Its backend.
    pub backend: String,
    /// Its name there.
    pub server: String,
}

/// What a checked server is taken for before its first check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthStart {
    /// Up, one failure from down (HAProxy's way).
    Up,
    /// No traffic before the first pass.
    Checked,
}

// === impl TrackConfig ===

/// `backend/server`.
impl fmt::Display for TrackConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.backend, self.server)
    }
}
