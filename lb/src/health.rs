//! Active checks and agents: one task for each server that has them, and the findings handed to control.
//!
//! A server in maintenance is not checked, a drained one is. This module refuses to draw conclusions: how many failures make a server
//! down, and that no finding undoes an order, is the server's business. It asks for `path` with HTTP/1.1, or only connects.

mod agent;
mod answer;
mod late;
mod probe;
mod version;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::control::{Control, Watches, jittered, rest_after, spread};
use crate::server::{AdminState, CheckPlan, CheckResult, CheckStatus, Server};
use agent::{AgentTask, ask_for_ever};

pub use probe::{Network, ProbeTarget};

/// Maximum number of concurrent checks and agent queries, over all servers. Each holds a descriptor. With a
/// thousand unreachable servers and HAProxy's usual times, about half of them are waited for at any moment.
const AT_ONCE: usize = 512;

/// How often a check is repeated that ran out of time on a late thread. A bound, so that a server that hangs is
/// found even on a machine that never keeps up.
const REPEATS: u32 = 8;

/// A server that returns is checked within this share of its interval, and within this time however long the
/// interval is, so that `wait` does not take a whole interval.
const PROMPT: (u32, Duration) = (10, Duration::from_secs(1));

/// Makes checks.
pub trait Probe: Send + Sync + 'static {
    /// Makes one check; completes within the target's time limit.
    fn probe(&self, target: ProbeTarget) -> impl Future<Output = CheckResult> + Send;
}

/// The settings that a task was started with; when they change, a new task replaces it.
struct CheckTask {
    server: Arc<Server>,
    check: CheckPlan,
    /// Incremented when the server goes into maintenance, moves or is removed.
    epoch: u32,
    /// Whether it can be checked: not in maintenance, with an address, with checks enabled.
    awake: bool,
}

/// Marks a check as in progress until it is dropped.
struct Checking<'a>(&'a Server);

/// Checks servers according to the current configuration, until `stop` is cancelled.
pub async fn run(control: Arc<Control>, stop: CancellationToken) {
    run_with(control, Arc::new(Network), stop).await;
}

/// Like [`run`], with another `probe`.
pub async fn run_with(control: Arc<Control>, probe: Arc<impl Probe>, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut changes = control.changes();
    let (mut watches, mut agents) = (Watches::default(), Watches::default());
    loop {
        changes.mark_unchanged();
        let begun = Instant::now();
        let topology = control.topology();
        let wanted = topology.backends.iter().flat_map(|backend| {
            backend.servers.iter().filter_map(|server| Some(CheckTask::new(server, server.check.plan()?)))
        });
        watches.follow(wanted.map(|watched| (watched.server.id, watched)), |watched, before| {
            let first = watched.first_delay(before);
            watched.awake.then(|| {
                let (control, probe, slots) = (Arc::clone(&control), Arc::clone(&probe), Arc::clone(&slots));
                let (server, check) = (Arc::clone(&watched.server), watched.check.clone());
                check_for_ever(control, server, check, first, probe, slots)
            })
        });
        let asked = topology.servers().filter_map(AgentTask::new);
        agents.follow(asked.map(|asked| (asked.server.id, asked)), |asked, _| {
            let (control, slots) = (Arc::clone(&control), Arc::clone(&slots));
            asked.awake.then(|| ask_for_ever(control, asked.clone(), slots))
        });
        tokio::select! {
            () = stop.cancelled() => return,
            () = rest_after(begun.elapsed()) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            // The sender is part of `control`, which is held here.
            _ = changes.changed() => {}
        }
    }
}

async fn check_for_ever(
    control: Arc<Control>,
    server: Arc<Server>,
    check: CheckPlan,
    first: Duration,
    probe: Arc<impl Probe>,
    slots: Arc<Semaphore>,
) {
    let mut next = Instant::now() + first;
    loop {
        sleep_until(next).await;
        let Ok(_slot) = slots.acquire().await else { return };
        next = Instant::now() + jittered(check.spec.interval);
        let epoch = server.place.connection_generation();
        let Some(target) = ProbeTarget::new(&server, &check) else { continue };
        let checking = Checking::new(&server);
        let result = found(&*probe, &target).await;
        drop(checking);
        if result.status == CheckStatus::SockErr {
            // It failed for lack of our own resources, which says nothing about the server.
            control.shared().process.shortages.checks.add_shared(1);
            continue;
        }
        if matches!(result.status, CheckStatus::L4Con | CheckStatus::L4Tout) {
            server.place.request_lookup();
        }
        // Otherwise the server has been in maintenance, or has moved, in the meantime.
        if server.place.connection_generation() == epoch {
            control.checked(&server, result);
        }
    }
}

/// Makes one check. Repeats it when it ran out of time because this thread was late, which says nothing about the
/// server.
async fn found(probe: &impl Probe, target: &ProbeTarget) -> CheckResult {
    let mut repeats = REPEATS;
    loop {
        let (result, was_late) = late::measured(target.timeout, probe.probe(target.clone())).await;
        let timed_out = matches!(result.status, CheckStatus::L4Tout | CheckStatus::L7Tout);
        if !(timed_out && was_late && repeats > 0) {
            return result;
        }
        repeats -= 1;
    }
}

// === impl CheckTask ===

impl CheckTask {
    fn new(server: &Arc<Server>, check: CheckPlan) -> Self {
        Self {
            server: Arc::clone(server),
            check,
            epoch: server.place.connection_generation(),
            awake: server.admin() != AdminState::Maint
                && server.place.address().is_some()
                && server.health.is_watched(),
        }
    }

    /// Delay of the first check, because new servers often come in crowds.
    fn first_delay(&self, before: Option<&Self>) -> Duration {
        let interval = self.check.spec.interval;
        match before {
            Some(before) if before.check == self.check => {
                let (share, most) = PROMPT;
                spread((interval / share).min(most))
            }
            _ => spread(interval),
        }
    }
}

impl PartialEq for CheckTask {
    fn eq(&self, other: &Self) -> bool {
        (self.epoch, self.awake) == (other.epoch, other.awake) && self.check == other.check
    }
}

// === impl Checking ===

impl<'a> Checking<'a> {
    fn new(server: &'a Server) -> Self {
        server.health.set_checking(true);
        Self(server)
    }
}

impl Drop for Checking<'_> {
    fn drop(&mut self) {
        self.0.health.set_checking(false);
    }
}
