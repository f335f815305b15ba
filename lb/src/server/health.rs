//! What the checker and the agent found: the health axis of a server.
//!
//! Results come in through [`Health::record`] and [`Health::agent_said`], or from the server that it tracks; an order of the operator only resets the count, as HAProxy does
//! (see [`Health::state_changed`]). This module refuses to run checks.

mod agent;
mod outcome;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::AdminState;
use crate::config::{self, HealthStart};
use crate::counters::UptimeStats;

pub use agent::AgentRecord;

/// The health axis.
#[derive(Debug)]
pub struct Health {
    /// Up, and not stopping.
    takes_traffic: AtomicBool,
    up: AtomicBool,
    record: Mutex<HealthRecord>,
}

/// All that is known about a server's health.
#[derive(Debug, Clone)]
pub struct HealthRecord {
    /// Passes in a row that bring it up; 0 without checks.
    pub rise: u32,
    /// Failures in a row that take it down; 0 without checks.
    pub fall: u32,
    /// 0 to `rise + fall - 1`; up from `rise` on.
    pub level: u32,
    /// The last result.
    pub last: Option<CheckResult>,
    /// When it came.
    pub last_at: Option<Instant>,
    /// The version that it told last.
    pub version: Option<String>,
    /// A check is running now.
    pub checking: bool,
    /// Checks that failed while it was up.
    pub failures: u64,
    /// Whether it runs: neither down nor in maintenance. Maintenance counts as going down, as with HAProxy.
    pub standing: UptimeStats,
    /// Checks are configured and switched off (`disable health`): what was found last stays in force.
    pub paused: bool,
    /// It was put down by hand, where no check is made that would find otherwise.
    pub held: bool,
    /// It is up and wants no new traffic (HAProxy's `NOLB`).
    pub stopping: bool,
    /// What its agent says.
    pub agent: AgentRecord,
    /// When its state last changed: by an order, or because it went up or down (HAProxy's `lastchg`).
    pub changed_at: Instant,
    /// All of this is what another server's checks and agent found, which it tracks.
    pub follows: bool,
    start: HealthStart,
}

/// Outcome of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// Which kind of success or failure.
    pub status: CheckStatus,
    /// The HTTP status seen, if it came so far.
    pub code: Option<u16>,
    /// How long the check took.
    pub took: Duration,
    /// What was seen, in words; empty when the status says it all.
    pub detail: String,
    /// The version that the answer told.
    pub version: Option<String>,
}

/// HAProxy's names of check results (HAProxy manual, management, column `check_status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckStatus {
    /// An agent's answer that says nothing about health.
    Checked,
    /// The check could not be made here.
    SockErr,
    /// TCP connection made.
    L4Ok,
    /// TCP connection timed out.
    L4Tout,
    /// TCP connection refused or unreachable.
    L4Con,
    /// HTTP answer in time and good.
    L7Ok,
    /// HTTP answer that says that the server is well and wants no new traffic.
    L7OkC,
    /// No HTTP answer in time.
    L7Tout,
    /// Not HTTP, or the connection broke.
    L7Rsp,
    /// HTTP answer with a bad status.
    L7Sts,
}

/// What a result changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthChange {
    /// Up or down as before.
    Same,
    /// Came up.
    WentUp,
    /// Went down.
    WentDown,
    /// Still up, and wants no new traffic.
    Stopping,
}

// === impl Health ===

impl Health {
    /// Health of a server before its first check.
    pub fn new(spec: &config::ServerConfig, start: HealthStart) -> Self {
        let (rise, fall) = counts(spec);
        let mut record = HealthRecord {
            rise,
            fall,
            level: 0,
            last: None,
            last_at: None,
            version: None,
            checking: false,
            failures: 0,
            standing: UptimeStats::new(true),
            paused: false,
            held: false,
            stopping: false,
            agent: AgentRecord::new(spec.agent.as_ref()),
            changed_at: Instant::now(),
            follows: spec.track.is_some(),
            start,
        };
        if !spec.disabled {
            record.begin();
        }
        let up = record.is_up();
        record.standing = UptimeStats::new(up && !spec.disabled);
        Self { takes_traffic: AtomicBool::new(up), up: AtomicBool::new(up), record: Mutex::new(record) }
    }

    /// Whether it is taken for able to serve, and wants to.
    #[inline]
    pub fn takes_traffic(&self) -> bool {
        self.takes_traffic.load(Ordering::Relaxed)
    }

    /// Whether it is taken for able to serve: then those who are bound to it still come.
    #[inline]
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// Whether checks are made: configured, and not switched off.
    pub fn is_watched(&self) -> bool {
        self.lock().is_watched()
    }

    /// A copy of all that is known.
    pub fn snapshot(&self) -> HealthRecord {
        self.lock().clone()
    }

    /// For how long it has run since it came back; see [`UptimeStats::running_again`].
    pub fn running_again(&self) -> Option<Duration> {
        self.lock().standing.running_again()
    }

    /// A check begins or was given up.
    pub fn set_checking(&self, checking: bool) {
        self.lock().checking = checking;
    }

    /// Takes a result into account.
    pub fn record(&self, admin: AdminState, mut result: CheckResult) -> HealthChange {
        let mut record = self.lock();
        record.checking = false;
        if record.follows || admin == AdminState::Maint || record.paused {
            return HealthChange::Same;
        }
        if result.version.is_some() || result.status.is_pass() {
            record.version.clone_from(&result.version);
        }
        self.turn(record, admin, |record| {
            let (was_up, was_stopping) = (record.is_up(), record.stopping);
            // A server that answers so while it is down fails: it does not begin to serve by saying that it stops.
            if result.status == CheckStatus::L7OkC && !was_up {
                result.status = CheckStatus::L7Sts;
            }
            let stops = result.status == CheckStatus::L7OkC;
            record.apply(result.status.is_pass());
            record.stopping = stops || was_stopping && record.is_up() && !result.status.is_pass();
            record.last = Some(result);
            record.last_at = Some(Instant::now());
        })
    }

    /// Takes over what was found of the server that this one tracks.
    pub fn follow(&self, admin: AdminState, leader: &HealthRecord) -> HealthChange {
        let HealthRecord { rise, fall, level, paused, held, stopping, ref agent, .. } = *leader;
        self.turn(self.lock(), admin, |record| {
            (record.rise, record.fall, record.level) = (rise, fall, level);
            (record.paused, record.held, record.stopping) = (paused, held, stopping);
            record.agent = AgentRecord { last: None, last_at: None, said: String::new(), ..agent.clone() };
        })
    }

    /// The operator's order changed. Maintenance forgets what was known; leaving it makes the server as it was at the start.
    pub fn state_changed(&self, before: AdminState, after: AdminState) {
        let mut record = self.lock();
        record.stopping &= before == after;
        // As with HAProxy, a server that is down stays so since it went down when it enters maintenance.
        if before != after && (after != AdminState::Maint || record.is_up()) {
            record.changed_at = Instant::now();
        }
        if record.follows {
            // Control takes over what the other one comes to.
        } else if after == AdminState::Maint {
            record.level = 0;
        } else if before == AdminState::Maint {
            record.begin();
        }
        self.settle(&mut record, after);
    }

    /// Begins to count failures and times of going down anew.
    pub fn forget_counts(&self) {
        let mut record = self.lock();
        record.failures = 0;
        record.standing.forget();
    }

    /// Switches checks off or on again; returns whether that changed anything. A result that is under way is not taken any more.
    pub fn pause(&self, paused: bool) -> bool {
        std::mem::replace(&mut self.lock().paused, paused) != paused
    }

    /// Puts a finding in force without a check: the next result is counted from it, and where nobody makes checks it stays. One that is put up is up
    /// whatever its agent has said, until that says so again. Nothing happens in maintenance.
    pub fn force(&self, admin: AdminState, up: bool) -> HealthChange {
        let record = self.lock();
        if record.follows || admin == AdminState::Maint {
            return HealthChange::Same;
        }
        self.turn(record, admin, |record| {
            record.put(up);
            record.stopping = false;
        })
    }

    /// Makes a server want no new traffic, whatever was found of it, until the next result.
    pub fn stop(&self, admin: AdminState) -> HealthChange {
        let record = self.lock();
        if record.follows || admin == AdminState::Maint {
            return HealthChange::Same;
        }
        self.turn(record, admin, |record| {
            record.put(true);
            record.stopping = true;
        })
    }

    /// Other checks or another agent are configured, or none, or a server to follow.
    pub fn reconfigure(&self, spec: &config::ServerConfig, admin: AdminState) {
        let mut record = self.lock();
        let followed = std::mem::replace(&mut record.follows, spec.track.is_some());
        if record.follows {
            // What it has of its own is no longer known; control takes over what the other one has.
            record.last = None;
            return;
        }
        if followed || record.agent.configured != spec.agent.is_some() {
            record.agent = AgentRecord::new(spec.agent.as_ref());
        }
        let (rise, fall) = counts(spec);
        if followed || (record.rise, record.fall) != (rise, fall) {
            let was_up = record.checks_up();
            (record.rise, record.fall) = (rise, fall);
            record.level = if was_up { rise + fall.saturating_sub(1) } else { 0 };
            (record.paused, record.stopping) = (record.paused && !followed, record.stopping && !followed);
            record.held &= rise == 0 && !followed;
            if rise == 0 {
                record.last = None;
            }
        }
        self.settle(&mut record, admin);
    }

    /// Makes a change, and tells what became of the server by it.
    fn turn(
        &self,
        mut record: MutexGuard<'_, HealthRecord>,
        admin: AdminState,
        change: impl FnOnce(&mut HealthRecord),
    ) -> HealthChange {
        let (was_up, was_stopping) = (record.is_up(), record.stopping);
        change(&mut record);
        let verdict = match (was_up, record.is_up()) {
            (true, false) => HealthChange::WentDown,
            (false, true) if record.stopping => HealthChange::Stopping,
            (false, true) => HealthChange::WentUp,
            _ => match (was_stopping, record.stopping) {
                (false, true) => HealthChange::Stopping,
                (true, false) => HealthChange::WentUp,
                _ => HealthChange::Same,
            },
        };
        // Who is out goes neither up nor down.
        let verdict = if admin == AdminState::Maint { HealthChange::Same } else { verdict };
        if verdict != HealthChange::Same {
            record.changed_at = Instant::now();
        }
        self.settle(&mut record, admin);
        verdict
    }

    fn settle(&self, record: &mut HealthRecord, admin: AdminState) {
        self.takes_traffic.store(record.is_up() && !record.stopping, Ordering::Relaxed);
        self.up.store(record.is_up(), Ordering::Relaxed);
        let since = record.standing.since();
        record.standing.turn(record.is_up() && admin != AdminState::Maint);
        if record.standing.since() != since {
            record.changed_at = record.standing.since();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HealthRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl HealthRecord ===

impl HealthRecord {
    /// Whether checks are configured.
    pub fn is_checked(&self) -> bool {
        self.rise > 0
    }

    /// Whether checks are made: configured, and not switched off.
    pub fn is_watched(&self) -> bool {
        self.is_checked() && !self.paused
    }

    /// Whether checks and the agent say up; a server without either always is.
    pub fn is_up(&self) -> bool {
        self.checks_up() && self.agent.is_up()
    }

    fn checks_up(&self) -> bool {
        if self.is_checked() { self.level >= self.rise } else { !self.held }
    }

    /// Whether nothing is missing from full health.
    pub fn is_full(&self) -> bool {
        !self.is_checked() || self.level + 1 >= self.rise + self.fall
    }

    /// Takes it to have been found up, by its checks and its agent, or down.
    fn put(&mut self, up: bool) {
        self.level = if up { (self.rise + self.fall).saturating_sub(1) } else { 0 };
        self.held = !up && !self.is_checked();
        self.agent.up |= up;
    }

    fn begin(&mut self) {
        self.held = false;
        self.level = match self.start {
            HealthStart::Up => self.rise,
            // One pass is enough.
            HealthStart::Checked => self.rise.saturating_sub(1),
        };
    }

    fn apply(&mut self, pass: bool) {
        let full = (self.rise + self.fall).saturating_sub(1);
        if pass {
            self.level = if self.level + 1 >= self.rise { full } else { self.level + 1 };
        } else if self.level > self.rise {
            self.level -= 1;
            self.failures += 1;
        } else {
            self.failures += u64::from(self.checks_up());
            self.level = 0;
        }
    }
}

/// How many passes and failures turn a server that is configured so; 0 without checks.
fn counts(spec: &config::ServerConfig) -> (u32, u32) {
    spec.health.as_ref().map_or((0, 0), |check| (check.rise, check.fall))
}

// === impl HealthChange ===

impl HealthChange {
    /// What a server is after it, in HAProxy's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::WentDown => "DOWN",
            Self::Stopping => "stopping",
            Self::WentUp | Self::Same => "UP",
        }
    }
}

// === impl CheckResult ===

impl CheckResult {
    /// What was seen; what the status means where it says all.
    pub fn explained(&self) -> &str {
        if self.detail.is_empty() { self.status.meaning() } else { &self.detail }
    }
}

impl CheckResult {
    /// Whether nothing was heard of the server: neither an answer of any kind nor that its port refuses connections, as that of one does
    /// that finishes what it has before it ends.
    pub fn is_silence(&self) -> bool {
        match self.status {
            CheckStatus::L4Tout | CheckStatus::L7Tout => true,
            CheckStatus::L4Con => !self.detail.eq_ignore_ascii_case("connection refused"),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
