//! One check over the network, on its own connection.
//!
//! A successful connection is closed in the ordinary way, not reset, so that servers do not log errors. Redirects
//! are not followed, as in HAProxy: 3xx passes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::{Probe, answer};
use crate::config::{Protocol, host_and_port};
use crate::net::limits::is_shortage;
use crate::server::{CheckPlan, CheckResult, CheckStatus, Server};

/// Checks over the network.
#[derive(Debug, Clone, Copy)]
pub struct Network;

/// What to check, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeTarget {
    /// Where to connect.
    pub address: SocketAddr,
    /// Path of the GET; `None`: connecting is enough.
    pub path: Option<String>,
    /// The protocol of the request.
    pub protocol: Protocol,
    /// Its `Host`.
    pub host: String,
    /// Limit for the whole check.
    pub timeout: Duration,
    /// Whether status 404 means that the server wants no new traffic.
    pub disable_on_404: bool,
}

/// The result of a check, without its duration.
pub(super) struct ProbeResult {
    pub(super) status: CheckStatus,
    pub(super) code: Option<u16>,
    pub(super) detail: String,
    /// The version that the response reported.
    pub(super) version: Option<String>,
}

// === impl ProbeTarget ===

impl ProbeTarget {
    /// How to check `server` now; `None` while it has no address.
    pub fn new(server: &Server, plan: &CheckPlan) -> Option<Self> {
        let check = &plan.spec;
        let mut address = server.place.address()?;
        address.set_port(check.port.unwrap_or(address.port()));
        if let Some(other) = plan.address {
            address.set_ip(other);
        }
        let host = check.host.clone().unwrap_or_else(|| {
            let (host, port) = server.place.named_in_force();
            host_and_port(&host, port)
        });
        let (path, protocol) = (check.path.clone(), check.protocol);
        let (timeout, disable_on_404) = (check.timeout, check.disable_on_404);
        Some(Self { address, path, protocol, host, timeout, disable_on_404 })
    }
}

// === impl Network ===

impl Probe for Network {
    async fn probe(&self, target: ProbeTarget) -> CheckResult {
        let begun = Instant::now();
        let deadline = begun + target.timeout;
        let ProbeResult { status, code, detail, version } =
            match timeout_at(deadline, TcpStream::connect(target.address)).await {
                Err(_) => ProbeResult::new(CheckStatus::L4Tout, ""),
                Ok(Err(error)) => ProbeResult::not_connected(&error),
                Ok(Ok(stream)) => match &target.path {
                    None => ProbeResult::new(CheckStatus::L4Ok, ""),
                    Some(path) => answer::ask(stream, path, &target, deadline).await,
                },
            };
        CheckResult { status, code, took: begun.elapsed(), detail, version }
    }
}

// === impl ProbeResult ===

impl ProbeResult {
    pub(super) fn new(status: CheckStatus, detail: impl Into<String>) -> Self {
        Self { status, code: None, detail: detail.into(), version: None }
    }

    /// Distinguishes the server's fault from ours: a missing descriptor or port says nothing about the
    /// server.
    pub(super) fn not_connected(error: &io::Error) -> Self {
        let status = match error.kind() {
            _ if is_shortage(error) => CheckStatus::SockErr,
            io::ErrorKind::TimedOut => CheckStatus::L4Tout,
            _ => CheckStatus::L4Con,
        };
        Self::new(status, words(error))
    }
}

/// The text of an error, without the system's number.
pub(super) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
