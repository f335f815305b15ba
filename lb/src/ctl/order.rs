//! `lb disable`, `lb drain`, `lb enable`: changes one server on every balancer, and can wait until the change has
//! taken effect.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::stat::{self, RemainingServers};
use super::{BalancerResult, CommandOutcome, PATIENCE, ask_all, client, hints};

/// Maximum number of printed lines about requests in flight.
const SHOWN: usize = 20;

/// What to do with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerCommand {
    /// Into maintenance.
    Disable,
    /// Into drain.
    Drain,
    /// Back into service.
    Enable,
}

/// Options of a command.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms {
    /// Wait until nothing is in flight on the server, or until it is up; at most this long.
    pub wait: Option<Duration>,
    /// Take out even the last usable server of a backend.
    pub force: bool,
}

/// Sends `order` for `server` to every balancer. Each one is checked first: the last usable server of a backend
/// is not taken out without `force`.
pub fn order(
    sockets: &[PathBuf],
    order: ServerCommand,
    server: &str,
    terms: Terms,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> CommandOutcome {
    ask_all(sockets, &|socket| order.give(socket, server, terms), out, err)
}

// === impl ServerCommand ===

impl ServerCommand {
    fn give(self, socket: &Path, server: &str, Terms { wait, force }: Terms) -> BalancerResult {
        if self != Self::Enable && !force {
            // Not atomic: the runtime API has no command that checks and changes in one step.
            match left(socket, server).map(|left| left.and_then(|left| left.objection())) {
                Ok(None) => {}
                Ok(Some(objection)) => {
                    let err = format!(
                        "lb: {}: {objection}\n  = --force takes it out all the same",
                        socket.display()
                    );
                    return BalancerResult { outcome: CommandOutcome::Refused, out: String::new(), err };
                }
                Err(told) => return told,
            }
        }
        if let Err(told) = self.ask(socket, &self.command(server), PATIENCE, server) {
            return told;
        }
        let given = self.said(socket, server, self.given());
        let Some(wait) = wait else {
            return BalancerResult { outcome: CommandOutcome::Done, out: given, err: String::new() };
        };
        let command = format!("wait {}ms {} {server}", wait.as_millis(), self.condition());
        match self.ask(socket, &command, PATIENCE.saturating_add(wait), server) {
            Ok(()) => BalancerResult {
                outcome: CommandOutcome::Done,
                out: self.said(socket, server, self.met()),
                err: String::new(),
            },
            Err(told) => BalancerResult { out: given, ..told },
        }
    }

    /// The resulting state of the server and its backend; without the backend where lb no longer answers.
    fn said(self, socket: &Path, server: &str, state: &str) -> String {
        let left = if self == Self::Enable { None } else { left(socket, server).ok().flatten() };
        match left {
            None => format!("{server} is {state}\n"),
            Some(left) if state == self.met() => format!("{server} is {state}; {}\n", left.rest()),
            Some(left) => format!("{server} is {state}, {}; {}\n", left.busy(), left.rest()),
        }
    }

    fn ask(
        self,
        socket: &Path,
        command: &str,
        patience: Duration,
        server: &str,
    ) -> Result<(), BalancerResult> {
        let waits = command.starts_with("wait");
        let answers = client::ask(socket, command, patience).map_err(|error| match error.gone && waits {
            // Whatever interrupted the wait: the change itself had been confirmed.
            true => BalancerResult {
                outcome: CommandOutcome::Silent,
                out: String::new(),
                err: format!("lb: {}: {}", socket.display(), hints::WENT_AWAY),
            },
            false => BalancerResult::silent(&error),
        })?;
        let Some(refusal) = answers.iter().find(|answer| answer.refused) else { return Ok(()) };
        let backend = server.split_once('/').map(|(backend, _)| backend);
        let mut err = format!("lb: {}: {}", socket.display(), refusal.text.trim_end());
        err.push_str(&hints::hint(socket, &refusal.text, backend));
        if self != Self::Enable && waits {
            err.push_str(&in_flight(socket, server));
        }
        if waits && refusal.text.starts_with("Wait delay expired") {
            err.push_str(&self.after_wait(socket, server));
        }
        Err(BalancerResult { outcome: CommandOutcome::Refused, out: String::new(), err })
    }

    /// The situation after a wait ran out, and what can be done.
    fn after_wait(self, socket: &Path, server: &str) -> String {
        let stays = match self {
            Self::Disable => "in maintenance and gets nothing new",
            Self::Drain => "in drain and gets nothing new but what sticks to it",
            Self::Enable => {
                return format!("\n  = {server} stays enabled: it takes traffic as soon as it is up");
            }
        };
        let socket = socket.display();
        format!(
            "\n  = {server} stays {stays}: wait again, end what holds it with `lb ctl -s {socket} \"shutdown sessions server {server}\"`, \
             or put it back with `lb enable -s {socket} {server}`"
        )
    }

    fn command(self, server: &str) -> String {
        match self {
            Self::Disable => format!("disable server {server}"),
            Self::Drain => format!("set server {server} state drain"),
            Self::Enable => format!("enable server {server}"),
        }
    }

    fn condition(self) -> &'static str {
        match self {
            Self::Disable | Self::Drain => "srv-drained",
            Self::Enable => "srv-up",
        }
    }

    fn given(self) -> &'static str {
        match self {
            Self::Disable => "in maintenance",
            Self::Drain => "in drain",
            Self::Enable => "enabled",
        }
    }

    fn met(self) -> &'static str {
        match self {
            Self::Disable => "in maintenance, nothing in flight",
            Self::Drain => "in drain, nothing in flight",
            Self::Enable => "up",
        }
    }
}

/// What remains without a server; `None` when there is no such server, which the command itself will report.
fn left(socket: &Path, server: &str) -> Result<Option<RemainingServers>, BalancerResult> {
    let answers =
        client::ask(socket, "show stat", PATIENCE).map_err(|error| BalancerResult::silent(&error))?;
    let text: String = answers.iter().map(|answer| answer.text.as_str()).collect();
    Ok(stat::left_without(&stat::rows(&text), server))
}

/// Requests in flight on a server: `show sess`, without HAProxy's internal fields.
fn in_flight(socket: &Path, server: &str) -> String {
    let answers = client::ask(socket, &format!("show sess server {server}"), PATIENCE).unwrap_or_default();
    let mut text = String::new();
    let lines = answers.iter().filter(|answer| !answer.refused).flat_map(|answer| answer.text.lines());
    for line in lines.filter(|line| !line.is_empty()).take(SHOWN) {
        let told =
            |word: &&str| word.starts_with("0x") || word.starts_with("src=") || word.starts_with("age=");
        let words: Vec<_> = line.split(' ').filter(told).collect();
        let _ = write!(text, "\n  {}", words.join(" "));
    }
    text
}
