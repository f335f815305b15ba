//! What runs where: the sample's `lb.toml` with the addresses of this machine, and the folder that everything lives in.
//!
//! Only addresses are replaced. Names, order, checks and limits are the file's, so both ways to run the sample are one
//! configuration. Nothing is started here.

use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::TempDir;
use toml_edit::{DocumentMut, Item, TableLike, value};

use crate::ports::Ports;

/// The configuration of the sample, the same file that Docker mounts.
const LB_TOML: &str = include_str!("../lb.toml");
const FRONTEND: &str = "fe_api";
/// The backend whose servers are the nodes.
pub(crate) const BACKEND: &str = "api_nodes";

const FRONTEND_PORT: u16 = 5000;
const STATS_PORT: u16 = 8404;
const FIRST_NODE_PORT: u16 = 4000;

/// Where the socket lies when the program runs in the root of the repository: the same place as with Docker.
const REPOSITORY_RUN: &str = "compose/run";
/// The longest path that a Unix socket may have is 104 bytes on macOS and 108 on Linux, the closing zero included.
const LONGEST_SOCKET_PATH: usize = 103;

/// The addresses, and the files that belong to this run.
pub(crate) struct Topology {
    pub(crate) frontend: SocketAddr,
    pub(crate) stats: SocketAddr,
    /// The nodes by name, in the order of the file.
    pub(crate) nodes: Vec<(String, SocketAddr)>,
    pub(crate) socket: PathBuf,
    /// The configuration as `lb` gets it.
    pub(crate) config: PathBuf,
    /// Where an address is not the usual one.
    pub(crate) notices: Vec<String>,
    /// Configuration and logs; removed with this value.
    folder: TempDir,
}

/// What is put into `lb.toml`.
struct Addresses<'a> {
    frontend: SocketAddr,
    stats: SocketAddr,
    nodes: &'a [(String, SocketAddr)],
    socket: &'a Path,
}

// === impl Topology ===

impl Topology {
    /// Finds free addresses and writes the configuration.
    ///
    /// # Errors
    /// When no port is free or the folder cannot be written.
    pub(crate) fn plan() -> anyhow::Result<Self> {
        let mut document: DocumentMut = LB_TOML.parse().context("compose/lb.toml")?;
        let mut ports = Ports::default();
        let frontend = ports.free(FRONTEND_PORT)?;
        let stats = ports.free(STATS_PORT)?;
        let nodes = server_names(&mut document)?
            .into_iter()
            .map(|name| Ok((name, ports.free(FIRST_NODE_PORT)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;

        let folder =
            tempfile::Builder::new().prefix("lb-sample-").tempdir().context("no folder for the run")?;
        let socket = socket_path(Path::new(REPOSITORY_RUN), folder.path());
        rewrite(&mut document, &Addresses { frontend, stats, nodes: &nodes, socket: &socket })?;
        let config = folder.path().join("lb.toml");
        std::fs::write(&config, document.to_string())
            .with_context(|| format!("cannot write {}", config.display()))?;

        let notices = [("the frontend", FRONTEND_PORT, frontend), ("the statistics", STATS_PORT, stats)]
            .into_iter()
            .filter(|(_, usual, address)| address.port() != *usual)
            .map(|(what, usual, address)| {
                format!("port {usual} is taken: {what} listens on {address} instead")
            })
            .collect();
        Ok(Self { frontend, stats, nodes, socket, config, notices, folder })
    }

    /// The names of the nodes, in the order of the file.
    pub(crate) fn names(&self) -> Vec<String> {
        self.nodes.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The folder of configuration and logs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Keeps the folder after the run, for its logs, and returns its path.
    pub(crate) fn keep_folder(&mut self) -> &Path {
        self.folder.disable_cleanup(true);
        self.folder.path()
    }
}

/// `run/lb.sock` of the repository when that folder is here and no process listens there; else one in the run's own folder.
fn socket_path(repository_run: &Path, own: &Path) -> PathBuf {
    let in_own = own.join("lb.sock");
    let Ok(run) = repository_run.canonicalize() else { return in_own };
    let socket = run.join("lb.sock");
    let taken = UnixStream::connect(&socket).is_ok();
    let writable = tempfile::tempfile_in(&run).is_ok();
    let fits = socket.as_os_str().len() <= LONGEST_SOCKET_PATH;
    if writable && fits && !taken { socket } else { in_own }
}

fn server_names(document: &mut DocumentMut) -> anyhow::Result<Vec<String>> {
    Ok(table(document, &["backend", BACKEND, "servers"])?.iter().map(|(name, _)| name.to_owned()).collect())
}

/// Puts the addresses into the document; everything else, comments too, stays as it is.
fn rewrite(document: &mut DocumentMut, addresses: &Addresses<'_>) -> anyhow::Result<()> {
    let socket = addresses.socket.to_str().context("the socket's path is not UTF-8")?;
    put(table(document, &["admin"])?, "socket", socket)?;
    put(table(document, &["stats"])?, "bind", &addresses.stats.to_string())?;
    put(table(document, &["frontend", FRONTEND])?, "bind", &addresses.frontend.to_string())?;
    let servers = table(document, &["backend", BACKEND, "servers"])?;
    for (name, address) in addresses.nodes {
        let address = address.to_string();
        match servers.get_mut(name).and_then(Item::as_table_like_mut) {
            Some(server) => put(server, "address", &address)?,
            None => put(servers, name, &address)?,
        }
    }
    Ok(())
}

fn table<'a>(document: &'a mut DocumentMut, path: &[&str]) -> anyhow::Result<&'a mut dyn TableLike> {
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for key in path {
        table = table
            .get_mut(key)
            .and_then(Item::as_table_like_mut)
            .with_context(|| format!("compose/lb.toml has no [{}]", path.join(".")))?;
    }
    Ok(table)
}

/// Replaces a value that is there: a key that the file does not have is a fault, not an addition.
fn put(table: &mut dyn TableLike, key: &str, text: &str) -> anyhow::Result<()> {
    let item =
        table.get_mut(key).with_context(|| format!("compose/lb.toml has no `{key}` where it is expected"))?;
    let decor = item.as_value().map(|old| old.decor().clone());
    *item = value(text);
    if let (Some(new), Some(decor)) = (item.as_value_mut(), decor) {
        *new.decor_mut() = decor;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
