//! The client side of the runtime socket: `lb ctl`, `lb disable`, `lb drain`, `lb enable`, `lb reload`, `lb
//! healthcheck`.
//!
//! All balancers are asked at the same time, and a command succeeds when all of them have confirmed it. This
//! module knows only what the socket tells.

mod answers;
mod client;
mod healthcheck;
mod hints;
mod order;
mod reload;
pub(crate) mod stat;

#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::admin::time;
use answers::CommandReply;

pub use healthcheck::healthcheck;
pub use order::{ServerCommand, Terms, order};
pub use reload::reload;

/// How long a balancer may take to reply: as long as it lets a client be silent.
const PATIENCE: Duration = Duration::from_secs(10);

/// The result of a command; with several balancers, the worst one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommandOutcome {
    /// Done.
    Done,
    /// A balancer did not reply.
    Silent,
    /// A balancer rejected the command, or a wait ran out.
    Refused,
}

/// The result of one balancer.
#[derive(Debug)]
struct BalancerResult {
    outcome: CommandOutcome,
    out: String,
    err: String,
}

/// Sends `command` to every socket and prints the replies unchanged: successes to `out`, rejections to `err`.
pub fn run(sockets: &[PathBuf], command: &str, out: &mut dyn Write, err: &mut dyn Write) -> CommandOutcome {
    let patience = PATIENCE.saturating_add(waits(command));
    let ask_one = |socket: &Path| match client::ask(socket, command, patience) {
        Ok(answers) => BalancerResult::answered(socket, &answers),
        Err(error) => {
            let BalancerResult { out, err, .. } = BalancerResult::answered(socket, &error.answered);
            let between = if err.is_empty() { "" } else { "\n" };
            BalancerResult { outcome: CommandOutcome::Silent, out, err: format!("{err}{between}{error}") }
        }
    };
    ask_all(sockets, &ask_one, out, err)
}

/// The reply of one socket to one command.
///
/// # Errors
/// A text: why it was rejected, or why there was no reply.
pub(crate) fn ask(socket: &Path, command: &str) -> Result<String, String> {
    let answers = client::ask(socket, command, PATIENCE).map_err(|error| error.to_string())?;
    match answers.iter().find(|answer| answer.refused) {
        Some(refusal) => Err(refusal.text.trim_end().to_owned()),
        None => Ok(answers.into_iter().map(|answer| answer.text).collect()),
    }
}

/// Asks all sockets at the same time and prints in their order, with a name before each if there are several.
fn ask_all(
    sockets: &[PathBuf],
    ask_one: &(dyn Fn(&Path) -> BalancerResult + Sync),
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> CommandOutcome {
    let told: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = sockets.iter().map(|socket| scope.spawn(|| ask_one(socket))).collect();
        asked.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let mut worst = CommandOutcome::Done;
    for (socket, told) in sockets.iter().zip(&told) {
        let name = if sockets.len() > 1 { format!("==> {} <==\n", socket.display()) } else { String::new() };
        // A closed pipe means that the reader has seen enough.
        let _ = if told.out.is_empty() { Ok(()) } else { write!(out, "{name}{}", told.out) };
        let _ = if told.err.is_empty() { Ok(()) } else { writeln!(err, "{name}{}", told.err.trim_end()) };
        worst = worst.max(told.outcome);
    }
    let _ = out.flush();
    worst
}

/// Why a command is not sent: a `wait` without a unit means milliseconds to HAProxy and seconds to `--wait`.
pub fn ambiguous(command: &str) -> Option<String> {
    command.split([';', '\n']).find_map(|command| {
        let mut words = command.split_whitespace();
        let delay = words.next().filter(|word| *word == "wait").and_then(|_| words.next())?;
        let bare = delay.bytes().all(|byte| byte.is_ascii_digit());
        bare.then(|| {
            format!(
                "`wait {delay}` has no unit: write `wait {delay}s`, or `wait {delay}ms` as HAProxy means it"
            )
        })
    })
}

/// Total time that the `wait`s of a command may take.
fn waits(command: &str) -> Duration {
    let commands = command.split([';', '\n']);
    let waits = commands.filter_map(|command| {
        let mut words = command.split_whitespace();
        words.next().filter(|word| *word == "wait").and_then(|_| time::parse(words.next()?, "ms"))
    });
    waits.fold(Duration::ZERO, Duration::saturating_add)
}

// === impl BalancerResult ===

impl BalancerResult {
    fn answered(socket: &Path, answers: &[CommandReply]) -> Self {
        let (refused, fine): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.refused);
        let text =
            |answers: &[&CommandReply]| answers.iter().map(|answer| answer.text.as_str()).collect::<String>();
        let outcome = if refused.is_empty() { CommandOutcome::Done } else { CommandOutcome::Refused };
        let mut err = text(&refused);
        if let [first, ..] = &*refused {
            err = format!("{}{}", err.trim_end(), hints::hint(socket, &first.text, None));
        }
        Self { outcome, out: text(&fine), err }
    }

    fn silent(error: &client::NoAnswer) -> Self {
        Self { outcome: CommandOutcome::Silent, out: String::new(), err: error.to_string() }
    }
}
