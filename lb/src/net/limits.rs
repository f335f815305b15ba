//! The limit of open files, and how the descriptors that it allows are divided. The limit is never lowered.

/// Descriptors of an idle process: standard streams, logs, signals, an event loop.
const BASE: u64 = 32;

/// Minimum number of connections of the control side at once: checks, agents, name lookups, commands, pages.
const CONTROL: u64 = 32;

/// What the control side gets when there is no shortage.
const CONTROL_WISH: u64 = 1024;

/// How descriptors are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Client connections.
    pub maxconn: u32,
    /// Connections to servers, and pipes.
    pub servers: usize,
    /// The part beyond one for each client.
    pub spare: usize,
    /// The limit of open files, if the default `maxconn` was lowered because of it.
    pub limit: Option<u64>,
}

/// What descriptors are needed for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Client connections, each with one server connection.
    pub maxconn: u32,
    /// Whether `maxconn` is configured; then it is never lowered.
    pub is_explicit: bool,
    /// Data workers.
    pub threads: usize,
    /// Addresses to listen on.
    pub listeners: usize,
}

/// The limit of open files is too low, and this process may not raise it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "process.maxconn = {maxconn} needs {needed} open files but the limit is {limit}: raise it (ulimit -n, LimitNOFILE=, ulimits:) or \
     lower maxconn to {possible}"
)]
pub struct TooFewFiles {
    /// `maxconn` as configured.
    pub maxconn: u32,
    /// The largest `maxconn` that fits.
    pub possible: u32,
    /// The limit in force.
    pub limit: u64,
    /// The limit that the configuration needs.
    pub needed: u64,
}

/// Raises the soft limit of open files as far as useful and allowed, and divides the descriptors.
///
/// # Errors
/// [`TooFewFiles`] when the limit is too low for a configured `maxconn`.
pub fn share_open_files(wanted: &Wanted) -> Result<Shares, TooFewFiles> {
    let limit = open_files().map(|now| if now < wanted.wish() { raise(wanted, now) } else { now });
    share(wanted, limit)
}

/// Whether an operation failed because this process or machine has run out of descriptors, memory, buffers or
/// ports. Such an error says nothing about the peer.
pub fn is_shortage(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let short = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::ADDRNOTAVAIL];
    error.raw_os_error().is_some_and(|number| short.iter().any(|errno| errno.raw_os_error() == number))
}

/// The error for an exhausted budget.
pub fn no_descriptor() -> std::io::Error {
    rustix::io::Errno::MFILE.into()
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

/// Raises the limit; returns the limit in force afterwards.
#[cfg(unix)]
fn raise(wanted: &Wanted, now: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let hard = getrlimit(Resource::Nofile).maximum;
    let within = |wish: u64| hard.map_or(wish, |hard| hard.min(wish));
    let (needed, wish) = (wanted.needed(), wanted.wish());
    // Root may raise the hard limit, too; do so only when it is needed.
    let attempts = [
        (hard.is_some_and(|hard| hard < needed))
            .then_some(Rlimit { current: Some(needed), maximum: Some(needed) }),
        Some(Rlimit { current: Some(within(wish).max(now)), maximum: hard }),
    ];
    for attempt in attempts.into_iter().flatten() {
        if setrlimit(Resource::Nofile, attempt).is_ok() {
            break;
        }
    }
    open_files().unwrap_or(u64::MAX)
}

#[cfg(not(unix))]
fn raise(_wanted: &Wanted, now: u64) -> u64 {
    now
}

fn share(wanted: &Wanted, limit: Option<u64>) -> Result<Shares, TooFewFiles> {
    let maxconn = wanted.maxconn;
    let Some(limit) = limit else {
        return Ok(Shares { maxconn, servers: usize::MAX, spare: usize::MAX, limit: None });
    };
    let fixed = wanted.fixed();
    if limit >= wanted.needed() {
        return Ok(divide(maxconn, limit, fixed, None));
    }
    if wanted.is_explicit {
        let possible = limit.saturating_sub(fixed + CONTROL) / 2;
        let possible = u32::try_from(possible).unwrap_or(u32::MAX);
        return Err(TooFewFiles { maxconn, possible, limit, needed: wanted.needed() });
    }
    // A quarter is reserved for the control side, pipes and HTTP/2 streams.
    let fits = limit.saturating_sub(fixed) * 3 / 8;
    let lowered = u32::try_from(fits).unwrap_or(u32::MAX).clamp(1, maxconn);
    Ok(divide(lowered, limit, fixed, Some(limit)))
}

/// Gives the control side half of what exceeds one server connection for each client.
fn divide(maxconn: u32, limit: u64, fixed: u64, lowered: Option<u64>) -> Shares {
    let rest = limit.saturating_sub(2 * u64::from(maxconn) + fixed);
    let control = (rest / 2).clamp(CONTROL, CONTROL_WISH).min(rest);
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let spare = rest - control;
    Shares { maxconn, servers: count(u64::from(maxconn) + spare), spare: count(spare), limit: lowered }
}

// === impl Wanted ===

impl Wanted {
    /// Descriptors that are needed without any client: the process, three for each worker's event loop, and
    /// for each listener its socket, each worker's duplicate, and a connection that waits for a slot.
    fn fixed(&self) -> u64 {
        BASE + 4 * self.threads as u64 + 3 * self.listeners as u64
    }

    /// The minimum for `maxconn`.
    fn needed(&self) -> u64 {
        2 * u64::from(self.maxconn) + self.fixed() + CONTROL
    }

    /// What allows every client a pipe, too.
    fn wish(&self) -> u64 {
        4 * u64::from(self.maxconn) + self.fixed() + CONTROL_WISH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_short_here_is_a_shortage() {
        use rustix::io::Errno;
        let is_short = |errno: Errno| is_shortage(&errno.into());
        assert!(
            [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::ADDRNOTAVAIL]
                .into_iter()
                .all(is_short)
        );
        assert!(is_shortage(&no_descriptor()));
        assert!(
            ![Errno::CONNREFUSED, Errno::TIMEDOUT, Errno::HOSTUNREACH, Errno::PERM].into_iter().any(is_short)
        );
        assert!(!is_shortage(&std::io::ErrorKind::TimedOut.into()));
    }

    fn wanted(maxconn: u32, is_explicit: bool) -> Wanted {
        Wanted { maxconn, is_explicit, threads: 2, listeners: 4 }
    }

    #[test]
    fn a_default_is_lowered_and_what_was_asked_for_is_kept_or_refused() {
        let table = [
            // limit, `maxconn`, whether it is configured; the resulting `maxconn` and spare
            // descriptors
            (1024, 20_000, false, Some((364, 122))),
            (1024, 200, true, Some((200, 286))),
            (1024, 400, true, Some((400, 86))),
            (1024, 470, true, Some((470, 0))),
            (1024, 471, true, None),
            (60, 20_000, false, Some((3, 0))),
            (1_000_000, 20_000, false, Some((20_000, 958_924))),
        ];
        for (limit, maxconn, explicit, expected) in table {
            let shares = share(&wanted(maxconn, explicit), Some(limit)).ok();
            let seen = shares.map(|shares| (shares.maxconn, shares.spare));
            assert_eq!(seen, expected, "{maxconn} within {limit}");
            if let Some(shares) = shares {
                assert_eq!(shares.servers, shares.maxconn as usize + shares.spare);
                assert_eq!(shares.limit.is_some(), shares.maxconn != maxconn);
            }
        }
        let refused = share(&wanted(471, true), Some(1024)).unwrap_err();
        assert!(share(&wanted(refused.possible, true), Some(1024)).is_ok());
        assert!(share(&wanted(refused.possible + 1, true), Some(1024)).is_err());
        assert_eq!(share(&wanted(5, true), None).map(|shares| shares.spare), Ok(usize::MAX));
    }
}
