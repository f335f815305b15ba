//! One API node: a process at an address and a version.
//!
//! Whether the balancer uses it is the balancer's business: a node only starts, answers and stops.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::process::{Lines, Process};
use crate::role::Role;

/// How long a node may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long one look at its health may take.
const PROBE_LIMIT: Duration = Duration::from_secs(1);
/// How often it is looked at.
const PROBE_EVERY: Duration = Duration::from_millis(20);

/// A running node.
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
}

// === impl Node ===

impl Node {
    /// Starts a node; it may not answer yet.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub(crate) fn spawn(
        name: &str,
        version: &str,
        address: SocketAddr,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let bind = address.to_string();
        let arguments = ["--name", name, "--version-label", version, "--bind", &bind];
        let process =
            Process::spawn(name, Role::Api, arguments.map(Into::into).to_vec(), Lines::Logged, folder)?;
        Ok(Self { address, process })
    }

    /// Returns when the node says that it is healthy, with the time that took.
    ///
    /// # Errors
    /// When it ends instead, or says nothing of the kind in 20 seconds.
    pub(crate) async fn wait_until_healthy(&mut self) -> anyhow::Result<Duration> {
        let started = Instant::now();
        loop {
            self.process.check_alive()?;
            if self.answers().await {
                return Ok(started.elapsed());
            }
            if started.elapsed() > START_LIMIT {
                bail!("{} is not healthy after {} s", self.process.name(), START_LIMIT.as_secs());
            }
            tokio::time::sleep(PROBE_EVERY).await;
        }
    }

    /// Whether a healthy node answers at its address: this one or another process.
    pub(crate) async fn answers(&self) -> bool {
        let health = tokio::time::timeout(PROBE_LIMIT, is_healthy(self.address)).await;
        matches!(health, Ok(Ok(true)))
    }

    /// Stops the node (SIGTERM: it finishes what it has) and returns how long that took.
    ///
    /// # Errors
    /// When it does not end, or ends otherwise than cleanly.
    pub(crate) async fn stop(self) -> anyhow::Result<Duration> {
        let started = Instant::now();
        let name = self.process.name().to_owned();
        let ended = self.process.stop().await?;
        if !ended.status.success() {
            bail!("{name} did not end cleanly: {}", ended.status);
        }
        Ok(started.elapsed())
    }
}

async fn is_healthy(address: SocketAddr) -> anyhow::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut start = [0; b"HTTP/1.1 200".len()];
    stream.read_exact(&mut start).await.context("no whole status line")?;
    Ok(&start == b"HTTP/1.1 200")
}
