//! `lb disable`, `lb drain`, `lb enable`: an order for one server, and waiting for what it was meant to bring.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Outcome, PATIENCE, Told, ask_all, client, teach};

/// Lines of what is still in flight that are printed.
const SHOWN: usize = 20;

/// An order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Into maintenance.
    Disable,
    /// Into drain.
    Drain,
    /// Back into service.
    Enable,
}

/// Gives `order` for `server` to every balancer; with `wait`, returns when nothing is in flight on it, or when it is up.
pub fn order(
    sockets: &[PathBuf],
    order: Order,
    server: &str,
    wait: Option<Duration>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Outcome {
    ask_all(sockets, &|socket| order.give(socket, server, wait), out, err)
}

// === impl Order ===

impl Order {
    fn give(self, socket: &Path, server: &str, wait: Option<Duration>) -> Told {
        let given = match self.ask(socket, &self.command(server), PATIENCE, server) {
            Ok(()) => format!("{server} is {}\n", self.given()),
            Err(told) => return told,
        };
        let Some(wait) = wait else { return Told { outcome: Outcome::Done, out: given, err: String::new() } };
        let command = format!("wait {}ms {} {server}", wait.as_millis(), self.condition());
        match self.ask(socket, &command, PATIENCE.saturating_add(wait), server) {
            Ok(()) => Told {
                outcome: Outcome::Done,
                out: format!("{server} is {}\n", self.met()),
                err: String::new(),
            },
            Err(told) => Told { out: given, ..told },
        }
    }

    fn ask(self, socket: &Path, command: &str, patience: Duration, server: &str) -> Result<(), Told> {
        let answers = client::ask(socket, command, patience).map_err(|error| Told::silent(&error))?;
        let Some(refusal) = answers.iter().find(|answer| answer.refused) else { return Ok(()) };
        let backend = server.split_once('/').map(|(backend, _)| backend);
        let mut err = format!("lb: {}: {}", socket.display(), refusal.text.trim_end());
        err.push_str(&teach::hint(socket, &refusal.text, backend));
        if self != Self::Enable && command.starts_with("wait") {
            err.push_str(&in_flight(socket, server));
        }
        Err(Told { outcome: Outcome::Refused, out: String::new(), err })
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

/// What is in flight on a server: `show sess`, without what only describes HAProxy's insides.
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
