//! What control tells the log: who changed what, and what it found.
//!
//! One place for lb's own words; HAProxy's are in `words`, and how both become lines in `line`. Nothing reads them back.

mod line;
mod words;

use std::fmt;
use std::net::SocketAddr;

use super::Changes;
use crate::server::{CheckResult, HealthChange, Orders, Server};
use crate::topology::{ListenState, LiveFrontend};

pub(super) use line::lines;
pub(super) use words::BackendCounts;

/// Who asked for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A command on a runtime socket, with the peer's process and user where the system tells.
    Socket {
        /// Process of the peer.
        pid: Option<i32>,
        /// User of the peer.
        uid: Option<u32>,
    },
    /// A form of the status page.
    Page {
        /// Where it came from.
        peer: SocketAddr,
        /// Who sent it, where the pages have users.
        user: Option<String>,
    },
    /// A command on a runtime socket that is an address, from there.
    Address(SocketAddr),
    /// The agent of the server that is changed.
    Agent,
    /// The server that it tracks.
    Tracked,
    /// A signal.
    Signal,
    /// The program itself, when it starts.
    Start,
}

/// Something worth a line.
#[derive(Debug)]
pub enum Event<'a> {
    /// The orders for a server changed.
    #[expect(missing_docs, reason = "the names say it")]
    Ordered {
        server: &'a Server,
        before: Orders,
        after: Orders,
        was_up: bool,
        in_flight: u32,
        origin: &'a Origin,
    },
    /// A server's weight changed.
    #[expect(missing_docs, reason = "the names say it")]
    Weighed { server: &'a Server, before: u32, weight: u32, origin: &'a Origin },
    /// A server's limit changed.
    #[expect(missing_docs, reason = "the names say it")]
    Limited { server: &'a Server, before: u32, maxconn: u32, origin: &'a Origin },
    /// A server was moved.
    #[expect(missing_docs, reason = "the names say it")]
    Moved { server: &'a Server, before: &'a (String, u16), place: (&'a str, u16), origin: &'a Origin },
    /// A server was taken for up, down or stopping without a check.
    #[expect(missing_docs, reason = "the names say it")]
    Forced { server: &'a Server, verdict: HealthChange, origin: &'a Origin },
    /// A server's checks or its agent were switched on or off, or sent somewhere else.
    #[expect(missing_docs, reason = "the names say it")]
    Watched { server: &'a Server, whose: &'a str, what: &'a str, origin: &'a Origin },
    /// A server's health changed with that of the one that it tracks.
    #[expect(missing_docs, reason = "the names say it")]
    Followed { server: &'a Server, verdict: HealthChange, was_stopping: bool },
    /// A server was added.
    #[expect(missing_docs, reason = "the names say it")]
    Added { server: &'a Server, place: &'a (String, u16), origin: &'a Origin },
    /// A server was taken away.
    #[expect(missing_docs, reason = "the names say it")]
    Deleted { server: &'a Server, origin: &'a Origin },
    /// A check, or the agent, changed a server's health.
    #[expect(missing_docs, reason = "the names say it")]
    Checked { server: &'a Server, verdict: HealthChange, was_stopping: bool, result: &'a CheckResult },
    /// A check, or the agent, found something new; `level` is its health, of `rise` and `fall`.
    #[expect(missing_docs, reason = "the names say it")]
    Probed { server: &'a Server, result: &'a CheckResult, by_agent: bool, level: u32, rise: u32, fall: u32 },
    /// A frontend or a backend takes no more traffic.
    #[expect(missing_docs, reason = "the names say it")]
    Stopped { name: &'a str, connections: u64, requests: u64 },
    /// A frontend was paused, opened again or shut down.
    #[expect(missing_docs, reason = "the names say it")]
    Turned { frontend: &'a LiveFrontend, open: ListenState, origin: &'a Origin },
    /// A server told another version than before.
    #[expect(missing_docs, reason = "the names say it")]
    Deployed { server: &'a Server, before: &'a str, version: &'a str },
    /// A server's name has another address.
    #[expect(missing_docs, reason = "the names say it")]
    Resolved { server: &'a Server, before: Option<SocketAddr>, address: SocketAddr },
    /// All exchanges on a server were ended.
    #[expect(missing_docs, reason = "the names say it")]
    Killed { server: &'a Server, origin: &'a Origin },
    /// A configuration is in force.
    #[expect(missing_docs, reason = "the names say it")]
    Applied { changes: &'a Changes, origin: &'a Origin },
    /// A configuration was not put in force, for the reasons in `text`.
    #[expect(missing_docs, reason = "the names say it")]
    Refused { text: &'a str, origin: &'a Origin },
    /// Anything else that the operator should know.
    #[expect(missing_docs, reason = "the names say it")]
    Notice { text: &'a str },
}

// === impl Event ===

impl Event<'_> {
    /// The server that it is about.
    pub(super) fn subject(&self) -> Option<&Server> {
        match self {
            Self::Ordered { server, .. }
            | Self::Weighed { server, .. }
            | Self::Limited { server, .. }
            | Self::Moved { server, .. }
            | Self::Forced { server, .. }
            | Self::Watched { server, .. }
            | Self::Followed { server, .. }
            | Self::Checked { server, .. }
            | Self::Probed { server, .. }
            | Self::Deployed { server, .. }
            | Self::Resolved { server, .. }
            | Self::Added { server, .. }
            | Self::Deleted { server, .. }
            | Self::Killed { server, .. } => Some(server),
            _ => None,
        }
    }

    /// Its kind, in a word.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ordered { .. } => "admin",
            Self::Weighed { .. } => "weight",
            Self::Limited { .. } => "maxconn",
            Self::Checked { .. } | Self::Forced { .. } | Self::Watched { .. } | Self::Followed { .. } => {
                "health"
            }
            Self::Probed { .. } => "check",
            Self::Stopped { .. } => "stop",
            Self::Turned { .. } => "frontend",
            Self::Deployed { .. } => "version",
            Self::Resolved { .. } | Self::Moved { .. } => "address",
            Self::Added { .. } | Self::Deleted { .. } => "server",
            Self::Killed { .. } => "shutdown-sessions",
            Self::Applied { .. } | Self::Refused { .. } => "configuration",
            Self::Notice { .. } => "notice",
        }
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ordered { server, after, in_flight, origin, .. } => {
                let order = match origin {
                    Origin::Agent => after.agent.word(),
                    Origin::Tracked => after.tracked.word(),
                    _ => after.operator.word(),
                };
                write!(f, "server {} set to {order} by {origin}, {in_flight} in flight", server.full_name())
            }
            Self::Weighed { server, before, weight, origin } => {
                write!(f, "server {} weight {before} -> {weight} by {origin}", server.full_name())
            }
            Self::Limited { server, before, maxconn, origin } => {
                write!(f, "server {} maxconn {before} -> {maxconn} by {origin}", server.full_name())
            }
            Self::Moved { server, before: (old, old_port), place: (host, port), origin } => {
                write!(
                    f,
                    "server {} moved from {old}:{old_port} to {host}:{port} by {origin}",
                    server.full_name()
                )?;
                match server.place.address().filter(|_| server.place.is_former()) {
                    Some(address) => write!(f, "; {address} serves until {host} has an address"),
                    None => Ok(()),
                }
            }
            Self::Forced { server, verdict, origin } => {
                let state = verdict.word();
                write!(f, "server {} is taken for {state} by {origin}", server.full_name())
            }
            Self::Watched { server, whose, what, origin } => {
                write!(f, "{whose} of server {} {what} by {origin}", server.full_name())
            }
            Self::Followed { server, verdict, .. } => {
                write!(f, "server {} is {}", server.full_name(), verdict.word())?;
                server.track().map_or(Ok(()), |track| write!(f, " like {track}, which it tracks"))
            }
            Self::Added { server, place: (host, port), origin } => {
                write!(f, "server {} at {host}:{port} added by {origin}", server.full_name())
            }
            Self::Deleted { server, origin } => {
                write!(f, "server {} deleted by {origin}", server.full_name())
            }
            Self::Checked { server, verdict, result, .. } => {
                let state = verdict.word();
                write!(f, "server {} is {state}: {}", server.full_name(), result.status.meaning())?;
                result.code.map_or(Ok(()), |code| write!(f, ", code {code}"))?;
                if !result.detail.is_empty() {
                    write!(f, " ({})", result.detail)?;
                }
                write!(f, ", check took {} ms", result.took.as_millis())
            }
            Self::Probed { server, result, by_agent, .. } => {
                let whose = if *by_agent { "agent" } else { "check" };
                write!(f, "{whose} of server {}: {}", server.full_name(), result.status.meaning())
            }
            Self::Stopped { name, .. } => write!(f, "proxy {name} stopped"),
            Self::Turned { frontend, open, origin } => {
                let word = match open {
                    ListenState::Yes => "enabled",
                    ListenState::Paused => "disabled",
                    ListenState::Stopped => "shut down",
                };
                write!(f, "frontend {} {word} by {origin}", frontend.name)
            }
            Self::Deployed { server, before, version } => {
                write!(f, "server {} now runs {version} (was {before})", server.full_name())
            }
            Self::Resolved { server, before: Some(before), address } => {
                write!(f, "server {} moved from {before} to {address}", server.full_name())
            }
            Self::Resolved { server, before: None, address } => {
                write!(f, "server {} is at {address}", server.full_name())
            }
            Self::Killed { server, origin } => {
                write!(f, "all sessions on server {} shut down by {origin}", server.full_name())
            }
            Self::Applied { changes, origin } => write!(f, "configuration applied by {origin}: {changes}"),
            Self::Refused { text, origin } => {
                let gap = if text.contains('\n') { '\n' } else { ' ' };
                write!(f, "configuration not applied by {origin}, everything goes on as before:{gap}{text}")
            }
            Self::Notice { text } => f.write_str(text),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket { pid: Some(pid), uid: Some(uid) } => {
                write!(f, "runtime socket (pid {pid}, uid {uid})")
            }
            Self::Socket { .. } => f.write_str("runtime socket"),
            Self::Page { peer, user: None } => write!(f, "status page ({peer})"),
            Self::Page { peer, user: Some(user) } => write!(f, "status page ({user} at {peer})"),
            Self::Address(peer) => write!(f, "runtime socket ({peer})"),
            Self::Agent => f.write_str("its agent"),
            Self::Tracked => f.write_str("the server that it tracks"),
            Self::Signal => f.write_str("signal"),
            Self::Start => f.write_str("start"),
        }
    }
}
