//! The process's descriptor limit. It refuses to lower it.

/// Descriptors besides connections: listeners, sockets of the control side, logs, epoll.
const SPARE: u64 = 256;

/// Raises the soft limit of open files so that `maxconn` client connections, each with one to a server, fit.
///
/// Returns the limit in force when it is still too low, with what would be needed.
pub fn raise_open_files(maxconn: u32) -> Result<(), TooFewFiles> {
    let needed = 2 * u64::from(maxconn) + SPARE;
    match open_files() {
        None => Ok(()),
        Some(now) if now >= needed => Ok(()),
        Some(now) => raise_to(needed, now),
    }
}

/// The limit is too low and cannot be raised by this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "maxconn needs {needed} open files but the limit is {limit}: raise it (ulimit -n, LimitNOFILE=, ulimits:) or lower maxconn"
)]
pub struct TooFewFiles {
    /// The limit in force.
    pub limit: u64,
    /// What the configuration needs.
    pub needed: u64,
}

/// The soft limit of open files; `None` means unlimited or unknown.
#[cfg(unix)]
pub fn open_files() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// The soft limit of open files; unknown on this system.
#[cfg(not(unix))]
pub fn open_files() -> Option<u64> {
    None
}

#[cfg(unix)]
fn raise_to(needed: u64, now: u64) -> Result<(), TooFewFiles> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let hard = getrlimit(Resource::Nofile).maximum;
    let reachable = hard.map_or(needed, |hard| hard.min(needed));
    // Root may raise the hard limit as well; whoever may not gets as far as the hard limit allows.
    let attempts = [
        Rlimit { current: Some(needed), maximum: Some(hard.map_or(needed, |hard| hard.max(needed))) },
        Rlimit { current: Some(reachable), maximum: hard },
    ];
    if attempts.into_iter().any(|limit| setrlimit(Resource::Nofile, limit).is_ok()) {
        let limit = open_files().unwrap_or(u64::MAX);
        return if limit >= needed { Ok(()) } else { Err(TooFewFiles { limit, needed }) };
    }
    Err(TooFewFiles { limit: now, needed })
}

#[cfg(not(unix))]
fn raise_to(_needed: u64, _now: u64) -> Result<(), TooFewFiles> {
    Ok(())
}
