//! Changes of state in the words of HAProxy's log, which programs match letter by letter (as HAProxy 2.6 was seen to write them).
//!
//! It refuses to say who asked for something: HAProxy does not, and lb says it in a line, or a field, of its own.

use std::fmt::Write as _;

use super::Event;
use crate::log::Level;
use crate::server::{AdminState, CheckResult, HealthChange, Orders, Server};
use crate::topology::ListenState;

/// A line in HAProxy's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::control) struct LogMessage {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// What there is around a server just after a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::control) struct BackendCounts {
    /// Usable servers of its backend that are no backups.
    pub active: usize,
    /// Usable backups.
    pub backup: usize,
    /// Requests that wait.
    pub waiting: u64,
}

/// The line of a backend that has lost its last server.
pub(in crate::control) fn nobody_left(backend: &str) -> LogMessage {
    LogMessage { level: Level::Emergency, text: format!("backend {backend} has no server available!") }
}

impl Event<'_> {
    /// What HAProxy would say; nothing where it says nothing. Where single checks have lines of their own, a change of state needs no reason.
    pub(in crate::control) fn sentences(&self, scene: BackendCounts, checks_logged: bool) -> Vec<LogMessage> {
        match self {
            Self::Ordered { server, before, after, was_up, .. } => {
                ordered(server, *before, *after, *was_up, scene)
            }
            Self::Forced { server, verdict, .. } => {
                let (word, down) = (verdict.word(), *verdict == HealthChange::WentDown);
                let level = if down { Level::Alert } else { Level::Notice };
                let end = scene.end(server, !down);
                vec![said(level, format!("{} is {word}, changed from CLI.{end}", subject(server)))]
            }
            Self::Followed { server, verdict, was_stopping } => {
                turned(server, *verdict, *was_stopping, &via(server), scene)
            }
            Self::Checked { server, verdict, was_stopping, result } => {
                let reason = if checks_logged { String::new() } else { reason(result) };
                turned(server, *verdict, *was_stopping, &reason, scene)
            }
            Self::Probed { server, result, by_agent, level, rise, fall } => {
                let word = if result.status.is_pass() { "succeeded" } else { "failed" };
                let status = match level.checked_sub(*rise) {
                    Some(above) => format!("{}/{fall} UP", above + 1),
                    None => format!("{level}/{rise} DOWN"),
                };
                let kind = if server.is_backup() { "backup server" } else { "server" };
                let (name, reason) = (server.full_name(), reason(result));
                let check = if *by_agent { "Agent" } else { "Health" };
                let text = format!("{check} check for {kind} {name} {word}{reason}, status: {status}.");
                vec![said(Level::Notice, text)]
            }
            Self::Stopped { name, connections, requests } => vec![stopped(name, *connections, *requests)],
            Self::Turned { frontend, open, .. } => vec![match open {
                ListenState::Yes => said(Level::Warning, format!("Resumed frontend {}.", frontend.name)),
                ListenState::Paused => said(Level::Warning, format!("Paused frontend {}.", frontend.name)),
                ListenState::Stopped => stopped(&frontend.name, frontend.tally.totals().connections, 0),
            }],
            _ => Vec::new(),
        }
    }
}

fn ordered(
    server: &Server,
    before: Orders,
    after: Orders,
    was_up: bool,
    scene: BackendCounts,
) -> Vec<LogMessage> {
    let who = subject(server);
    let is_up = server.health.snapshot().is_up();
    let state = if is_up { "UP" } else { "DOWN" };
    let notice = |text: String| said(Level::Notice, text);
    // What was, or is, the server's own is called forced; the rest comes by way of the server that it tracks.
    let via = |orders: Orders, order: AdminState| {
        if orders.forced() == order { String::new() } else { via(server) }
    };
    let remains = || {
        let forced = after.forced() == AdminState::Drain;
        forced.then(|| notice(format!("{who} remains in forced drain mode.")))
    };
    match (before.in_force(), after.in_force()) {
        (AdminState::Maint, AdminState::Maint) => match (before.forced(), after.forced()) {
            (AdminState::Maint, AdminState::Ready | AdminState::Drain) => {
                let way = via(after, AdminState::Maint);
                vec![notice(format!("{who} is leaving forced maintenance but remains in maintenance{way}."))]
            }
            (AdminState::Maint, AdminState::Maint) if before.tracked == AdminState::Maint => {
                vec![notice(format!("{who} remains in forced maintenance."))]
            }
            _ => Vec::new(),
        },
        (AdminState::Maint, _) => {
            let order = if after.in_force() == AdminState::Drain { "DRAIN" } else { "READY" };
            let left = if before.forced() == AdminState::Maint {
                notice(format!("{who} is {state}/{order} (leaving forced maintenance)."))
            } else {
                let (way, end) = (via(before, AdminState::Maint), scene.end(server, is_up));
                notice(format!("{who} is {state}/{order} (leaving maintenance){way}.{end}"))
            };
            [Some(left), remains().filter(|_| order == "DRAIN")].into_iter().flatten().collect()
        }
        (_, AdminState::Maint) if was_up => {
            // A server that had been drained is missed by nobody.
            let level = if before.in_force() == AdminState::Drain { Level::Notice } else { Level::Alert };
            let (way, end) = (via(after, AdminState::Maint), scene.end(server, false));
            vec![said(level, format!("{who} is going DOWN for maintenance{way}.{end}"))]
        }
        (_, AdminState::Maint) => {
            let way = via(after, AdminState::Maint);
            vec![notice(format!("{who} was DOWN and now enters maintenance{way}."))]
        }
        (AdminState::Drain, AdminState::Drain) => match (before.forced(), after.forced()) {
            (AdminState::Drain, AdminState::Ready) => {
                let way = via(after, AdminState::Drain);
                vec![notice(format!("{who} is leaving forced drain but remains in drain mode{way}."))]
            }
            (AdminState::Drain, AdminState::Drain) if before.tracked > after.tracked => {
                remains().into_iter().collect()
            }
            _ => Vec::new(),
        },
        (_, AdminState::Drain) => {
            let (way, end) = (via(after, AdminState::Drain), scene.end(server, is_up));
            vec![notice(format!("{who} enters drain state{way}.{end}"))]
        }
        (AdminState::Drain, AdminState::Ready) if before.forced() == AdminState::Drain => {
            vec![notice(format!("{who} is {state} (leaving forced drain)."))]
        }
        (AdminState::Drain, AdminState::Ready) => {
            let way = via(before, AdminState::Drain);
            vec![notice(format!("{who} is {state} (leaving drain){way}."))]
        }
        (AdminState::Ready, AdminState::Ready) => Vec::new(),
    }
}

/// A server that went up or down, or stops; `why` follows at once.
fn turned(
    server: &Server,
    verdict: HealthChange,
    was_stopping: bool,
    why: &str,
    scene: BackendCounts,
) -> Vec<LogMessage> {
    let who = subject(server);
    let orders = server.orders();
    let drained = orders.in_force() == AdminState::Drain;
    let state = verdict.word();
    let down = verdict == HealthChange::WentDown;
    // A server that took nothing new anyway is missed by nobody.
    let level = if down && !drained && !was_stopping { Level::Alert } else { Level::Notice };
    let mut lines = vec![said(level, format!("{who} is {state}{why}.{}", scene.end(server, !down)))];
    if orders.forced() == AdminState::Drain {
        lines.push(said(Level::Notice, format!("{who} remains in forced drain mode.")));
    }
    lines
}

/// The server that this one tracks.
fn via(server: &Server) -> String {
    server.track().map(|track| format!(" via {track}")).unwrap_or_default()
}

fn stopped(name: &str, connections: u64, requests: u64) -> LogMessage {
    let text = format!("Proxy {name} stopped (cumulated conns: FE: {connections}, BE: {requests}).");
    said(Level::Warning, text)
}

/// What a check found, behind a comma.
fn reason(result: &CheckResult) -> String {
    let mut text = format!(", reason: {}", result.status.meaning());
    if let Some(code) = result.code {
        // Writing to a string does not fail.
        let _ = write!(text, ", code: {code}");
    }
    if !result.detail.is_empty() {
        let _ = write!(text, ", info: \"{}\"", result.detail.replace('"', "'"));
    }
    let _ = write!(text, ", check duration: {}ms", result.took.as_millis());
    text
}

fn subject(server: &Server) -> String {
    let kind = if server.is_backup() { "Backup Server" } else { "Server" };
    format!("{kind} {}", server.full_name())
}

fn said(level: Level, text: String) -> LogMessage {
    LogMessage { level, text }
}

// === impl BackendCounts ===

impl BackendCounts {
    /// What is left behind a change, and what became of the requests.
    fn end(self, server: &Server, up: bool) -> String {
        let Self { active, backup, waiting, .. } = self;
        let word = if up { "online" } else { "left" };
        let backups = if active == 0 && backup > 0 { " Running on backup." } else { "" };
        let sessions = match (up, server.in_flight()) {
            (true, _) => format!("0 sessions requeued, {waiting} total in queue."),
            (false, count) => format!("{count} sessions active, 0 requeued, {waiting} remaining in queue."),
        };
        format!(" {active} active and {backup} backup servers {word}.{backups} {sessions}")
    }
}

#[cfg(test)]
mod tests;
