//! What this machine has: programs, cores, and how many files may be open.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::process::Command;

/// Where daemons are installed; not on everybody's PATH.
const DAEMONS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// Which process runs on which core.
#[derive(Debug)]
pub(super) struct Machine {
    pins: Option<Pins>,
}

#[derive(Debug)]
struct Pins {
    taskset: PathBuf,
    proxies: usize,
    load: usize,
}

// === impl Machine ===

impl Machine {
    pub(super) fn find() -> Self {
        let cores =
            fs::read_to_string("/proc/self/status").map(|status| allowed(&status)).unwrap_or_default();
        let pins = match (find("taskset"), cores.as_slice()) {
            (Some(taskset), [proxies, load, ..]) => Some(Pins { taskset, proxies: *proxies, load: *load }),
            _ => None,
        };
        Self { pins }
    }

    /// A command on the proxies' core, behind the words of `wrapper`.
    pub(super) fn proxy(&self, wrapper: &[OsString], program: &Path) -> Command {
        self.command(self.pins.as_ref().map(|pins| pins.proxies), wrapper, program)
    }

    /// A command on the core of the load and the servers.
    pub(super) fn load(&self, program: &Path) -> Command {
        self.command(self.pins.as_ref().map(|pins| pins.load), &[], program)
    }

    fn command(&self, core: Option<usize>, wrapper: &[OsString], program: &Path) -> Command {
        let mut words = Vec::new();
        if let (Some(pins), Some(core)) = (&self.pins, core) {
            words = vec![pins.taskset.clone().into(), "-c".into(), core.to_string().into()];
        }
        words.extend_from_slice(wrapper);
        words.push(program.into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pins {
            Some(pins) => {
                write!(f, "proxies on core {}, load and servers on core {}", pins.proxies, pins.load)
            }
            None => write!(f, "nothing pinned (no taskset, or one core only)"),
        }
    }
}

/// Where a program is.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(DAEMONS.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// The cores that a process may run on, from its `/proc/PID/status`.
fn allowed(status: &str) -> Vec<usize> {
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or_default();
    list.trim()
        .split(',')
        .filter_map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some(first.parse().ok()?..=last.parse().ok()?)
        })
        .flatten()
        .collect()
}

/// Lets this process and those it starts open as many files as they may.
pub(super) fn raise_descriptors(needed: u64) -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    ensure!(
        limit.maximum.is_none_or(|maximum| maximum >= needed),
        "{needed} open files are needed, and this machine allows {} (ulimit -Hn)",
        limit.maximum.unwrap_or_default()
    );
    let current = limit.maximum.or(Some(needed));
    setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum }).context("the limit of open files")
}

/// Two free ports of 127.0.0.1. Another process may take one before it is used, which is then reported.
pub(super) fn free_addresses() -> anyhow::Result<[SocketAddr; 2]> {
    // Both are held until both are known, or they could be the same.
    let [one, other] = [(); 2].map(|()| TcpListener::bind(("127.0.0.1", 0)));
    let (one, other) = (one?, other?);
    Ok([one.local_addr()?, other.local_addr()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_read_from_ranges() {
        assert_eq!(
            allowed("Name:\tx\nCpus_allowed_list:\t0-2,5,7-8\nMems_allowed_list:\t0\n"),
            [0, 1, 2, 5, 7, 8]
        );
        assert_eq!(allowed("Cpus_allowed_list:\t3\n"), [3]);
        assert_eq!(allowed(""), [0; 0]);
    }
}
