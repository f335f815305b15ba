//! Where a comparison is played: the servers, and proxies started in front of them.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::args::Args;
use super::machine::{Machine, free_addresses, raise_descriptors};
use super::process::Process;
use super::proxy::{Kind, Orders, Proxy, beside};
use crate::client::{Buffer, Client};

/// Servers behind each proxy.
pub(super) const SERVERS: usize = 3;
/// How long a proxy may take until it answers, also under a tool that slows it.
const START: Duration = Duration::from_secs(60);
/// Between two tries.
const LOOK: Duration = Duration::from_millis(20);
/// Connections and files beside those of the load: health checks, listeners, logs.
const SPARE: usize = 200;

/// The servers, and what every proxy on it has in common.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) machine: Machine,
    /// It serves as long as this is held.
    _origin: Process,
    servers: Vec<SocketAddr>,
    /// Client connections of a load.
    pub(super) clients: usize,
    /// Connections that a proxy must have room for.
    connections: usize,
    folder: TempDir,
}

/// A proxy that answers.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) address: SocketAddr,
    pub(super) process: Process,
    /// Where its pages are, if it is observed.
    pub(super) pages: Option<SocketAddr>,
    _folder: TempDir,
}

/// How a proxy is started.
#[derive(Debug, Default)]
pub(super) struct Under {
    /// The words of a tool before the program.
    pub(super) wrapper: Vec<OsString>,
    /// Health checks at the start only, so that time costs nothing.
    pub(super) timeless: bool,
}

// === impl Stage ===

impl Stage {
    pub(super) async fn set(args: &Args, machine: Machine) -> anyhow::Result<Self> {
        let connections = args.connections.max(args.idle.unwrap_or_default()) + SPARE;
        // A proxy has two for each client.
        raise_descriptors(connections as u64 * 2 + SPARE as u64)?;
        let folder = tempfile::Builder::new().prefix("versus").tempdir()?;
        let sizes: Vec<_> = args.sizes().iter().map(ToString::to_string).collect();
        let mut command = machine.load(&beside("origin")?);
        command.arg(sizes.join(",")).arg(SERVERS.to_string());
        let mut origin =
            Process::start("origin", &mut command, Stdio::piped(), folder.path().join("origin.said"))?;
        let mut servers = Vec::new();
        let mut lines = BufReader::new(origin.output().context("no output of the origin")?).lines();
        while servers.len() < SERVERS {
            match lines.next_line().await? {
                Some(line) => servers.push(line.parse()?),
                None => {
                    origin.alive()?;
                    anyhow::bail!("the origin does not say where it listens");
                }
            }
        }
        Ok(Self { machine, _origin: origin, servers, clients: args.connections, connections, folder })
    }

    /// Starts a proxy and waits until it answers.
    pub(super) async fn start(&self, proxy: &Proxy) -> anyhow::Result<Started> {
        self.start_under(proxy, Under::default()).await
    }

    /// The same, behind a tool.
    pub(super) async fn start_under(&self, proxy: &Proxy, under: Under) -> anyhow::Result<Started> {
        let folder = tempfile::tempdir_in(self.folder.path())?;
        let [address, pages] = free_addresses()?;
        let pages = proxy.observed.then_some(pages);
        let mut command = self.machine.proxy(&under.wrapper, &proxy.program);
        let checks = if under.timeless { 3600 } else { 2 };
        let orders = Orders {
            folder: folder.path(),
            listen: address,
            servers: &self.servers,
            connections: self.connections,
            checks,
            pages,
        };
        proxy.order(&mut command, &orders)?;
        let process = Process::start(&proxy.name, &mut command, Stdio::null(), folder.path().join("said"))?;
        let (name, kind) = (proxy.name.clone(), proxy.kind);
        let mut started = Started { name, kind, address, process, pages, _folder: folder };
        started.answers().await?;
        Ok(started)
    }

    /// How many connections have brought the servers a request for a page so far.
    pub(super) async fn opened(&self) -> anyhow::Result<u64> {
        let address = self.servers[0];
        let text = blocking(move || {
            let mut text = Vec::new();
            Client::connect(address)?
                .get("/opened", &mut Buffer::default(), |piece| text.extend_from_slice(piece))?;
            Ok(String::from_utf8(text)?)
        });
        Ok(text.await.context("the origin")?.parse()?)
    }
}

// === impl Started ===

impl Started {
    async fn answers(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START;
        loop {
            self.process.alive()?;
            let address = self.address;
            let tried = blocking(move || {
                let answer = Client::connect(address)?.get("/health", &mut Buffer::default(), |_| ())?;
                ensure!(answer.status == 200, "it answers with {}", answer.status);
                Ok(())
            });
            match tried.await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    return Err(error.context(format!("{} does not answer", self.name)));
                }
                Err(_) => sleep(LOOK).await,
            }
        }
    }
}

/// Runs what waits for sockets on a thread of its own, so that an interrupt is heard meanwhile.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    spawn_blocking(work).await?
}
