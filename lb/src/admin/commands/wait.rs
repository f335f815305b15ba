//! `wait`: for a time, or until a server has reached a state.
//!
//! HAProxy 3.4's command with its texts, and two conditions of lb's own for its client. Waits are woken by
//! events; only the closing of idle connections is polled.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::admin::answer::CommandOutput;
use crate::admin::{names, time};
use crate::control::{Control, DeleteError};
use crate::server::{AdminState, Server, Status};
use crate::topology::Topology;

const HELP: &str = "Usage: wait {-h|<duration>} [condition [args...]]
  - '-h' shows this
  - <duration> is how long to wait at most, with a unit among
    us, ms, s, m, h and d; milliseconds without one
  - <condition> ends the wait when it is met:
    - none: the whole duration
    - srv-removable <px>/<sv>: in maintenance, and no connection is left
    - srv-drained <px>/<sv>: in maintenance or drain, and nothing is in flight
    - srv-up <px>/<sv>: ready, and all of its checks pass
";
/// Interval of polling for idle connections of a server.
const IDLE_AGAIN: Duration = Duration::from_millis(50);

/// A parsed `wait`.
#[derive(Debug)]
pub(in crate::admin) struct WaitCommand {
    longest: Duration,
    condition: Option<WaitCondition>,
}

#[derive(Debug)]
struct WaitCondition {
    kind: ConditionKind,
    /// The words that name the server.
    name: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConditionKind {
    Removable,
    Drained,
    Up,
}

/// The result of evaluating the condition.
enum ConditionState {
    Met,
    /// It can never be met.
    Failed(String),
    /// Not yet, and why.
    Not(Arc<Server>, String),
}

/// Reads the words after `wait`.
pub(super) fn parse(words: &[String]) -> Result<WaitCommand, CommandOutput> {
    let Some(longest) = words.first() else {
        return Err(CommandOutput::error("Expects a duration in milliseconds."));
    };
    if longest == "-h" {
        return Err(CommandOutput::info(HELP));
    }
    let longest = time::parse(longest, "ms").ok_or_else(|| CommandOutput::error("Invalid duration."))?;
    let kind = match words.get(1).map(String::as_str) {
        None => return Ok(WaitCommand { longest, condition: None }),
        Some("srv-removable") => ConditionKind::Removable,
        Some("srv-drained") => ConditionKind::Drained,
        Some("srv-up") => ConditionKind::Up,
        Some(_) => return Err(CommandOutput::error(HELP)),
    };
    Ok(WaitCommand { longest, condition: Some(WaitCondition { kind, name: words[2..].to_vec() }) })
}

// === impl WaitCommand ===

impl WaitCommand {
    /// Waits. `interrupted` completes when the client is gone.
    pub(in crate::admin) async fn run(
        self,
        control: &Control,
        interrupted: impl Future<Output = ()>,
    ) -> CommandOutput {
        let Self { longest, condition } = self;
        let expired = sleep_until(Instant::now() + longest);
        tokio::pin!(expired, interrupted);
        let mut changes = control.changes();
        loop {
            changes.mark_unchanged();
            let not_yet = match condition.as_ref().map(|condition| condition.look(&control.topology())) {
                None => None,
                Some(ConditionState::Met) => return CommandOutput::info("Done."),
                Some(ConditionState::Failed(reason)) => {
                    return CommandOutput::error(format!("Failed. {reason}"));
                }
                Some(ConditionState::Not(server, reason)) => Some((server, reason)),
            };
            let reason = not_yet.as_ref().map(|(_, reason)| reason.as_str());
            let server = not_yet.as_ref().map(|(server, _)| &**server);
            tokio::select! {
                biased;
                () = &mut expired => return match reason {
                    None => CommandOutput::info("Done."),
                    Some(reason) => CommandOutput::error(format!("Wait delay expired. {reason}")),
                },
                () = &mut interrupted => {
                    return CommandOutput::error(format!("Interrupted. {}", reason.unwrap_or("(null)")));
                }
                () = emptier(server, condition.as_ref()) => {}
                _ = changes.changed() => {}
            }
        }
    }
}

/// Completes when there is less on `server` than when the condition was evaluated.
async fn emptier(server: Option<&Server>, condition: Option<&WaitCondition>) {
    match (server, condition.map(|condition| condition.kind)) {
        (Some(server), Some(ConditionKind::Removable | ConditionKind::Drained)) if server.in_flight() > 0 => {
            server.drained().await;
        }
        (Some(_), Some(ConditionKind::Removable | ConditionKind::Drained)) => sleep(IDLE_AGAIN).await,
        _ => std::future::pending().await,
    }
}

// === impl WaitCondition ===

impl WaitCondition {
    fn look(&self, topology: &Topology) -> ConditionState {
        let server = match names::server(topology, &self.name) {
            Ok(server) => server,
            Err(text) => return ConditionState::Failed(text.to_owned()),
        };
        let (admin, in_flight) = (server.admin(), server.in_flight());
        let name = server.full_name();
        match self.kind {
            ConditionKind::Removable if admin != AdminState::Maint => {
                ConditionState::Failed(DeleteError::NotInMaintenance.to_string())
            }
            ConditionKind::Removable if in_flight > 0 || server.stats.idle.get() > 0 => {
                ConditionState::Not(server, DeleteError::Busy.to_string())
            }
            ConditionKind::Drained if admin == AdminState::Ready => {
                ConditionState::Failed(format!("{name} is neither in maintenance nor in drain."))
            }
            ConditionKind::Drained if in_flight > 0 => {
                ConditionState::Not(server, format!("{name} still has {in_flight} in flight."))
            }
            ConditionKind::Up if admin != AdminState::Ready => {
                ConditionState::Failed(format!("{name} is {}.", server.status()))
            }
            ConditionKind::Up => match server.status() {
                Status::Up { failing: None } | Status::NoCheck => ConditionState::Met,
                status => ConditionState::Not(server, format!("{name} is {status}.")),
            },
            ConditionKind::Removable | ConditionKind::Drained => ConditionState::Met,
        }
    }
}
