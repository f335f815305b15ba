//! What the agent of a server says of its health, beside what checks found.
//!
//! A server is up when both say so. An agent that cannot be reached, or that says something else, changes nothing.

use tokio::time::Instant;

use super::{CheckResult, Health, HealthChange};
use crate::config;
use crate::server::AdminState;

/// What is known from an agent.
#[derive(Debug, Clone)]
pub struct AgentRecord {
    /// There is one.
    pub configured: bool,
    /// It is not asked any more (`disable agent`), and what it said does not count.
    pub paused: bool,
    /// It has not said that the server is down.
    pub up: bool,
    /// The last answer.
    pub last: Option<CheckResult>,
    /// Its words.
    pub said: String,
    /// When it came.
    pub last_at: Option<Instant>,
    /// It is being asked now.
    pub asking: bool,
}

// === impl AgentRecord ===

impl AgentRecord {
    pub(super) fn new(agent: Option<&config::AgentConfig>) -> Self {
        let configured = agent.is_some();
        Self {
            configured,
            paused: false,
            up: true,
            last: None,
            said: String::new(),
            last_at: None,
            asking: false,
        }
    }

    /// Whether it is asked.
    pub fn is_watched(&self) -> bool {
        self.configured && !self.paused
    }

    /// Whether it has nothing against the server's being up.
    pub fn is_up(&self) -> bool {
        !self.is_watched() || self.up
    }
}

// === impl Health ===

impl Health {
    /// The agent is asked, or was given up.
    pub fn set_asking(&self, asking: bool) {
        self.lock().agent.asking = asking;
    }

    /// Takes an answer into account; `said` are its words, `up` is what it says of the server's health, if anything. One that comes after it was switched off is
    /// not taken.
    pub fn agent_said(
        &self,
        admin: AdminState,
        result: CheckResult,
        said: String,
        up: Option<bool>,
    ) -> HealthChange {
        let mut record = self.lock();
        record.agent.asking = false;
        if !record.agent.is_watched() {
            return HealthChange::Same;
        }
        (record.agent.last, record.agent.said) = (Some(result), said);
        record.agent.last_at = Some(Instant::now());
        self.turn(record, admin, |record| {
            record.agent.up = up.unwrap_or(record.agent.up);
            // It says otherwise than whoever put the server down.
            record.held &= up != Some(true);
        })
    }

    /// Takes the agent to have said that; nothing happens without one.
    pub fn force_agent(&self, admin: AdminState, up: bool) -> HealthChange {
        let record = self.lock();
        if !record.agent.is_watched() {
            return HealthChange::Same;
        }
        self.turn(record, admin, |record| record.agent.up = up)
    }

    /// Switches the agent off or on again; returns whether that changed anything. What comes of it for the server is no finding.
    pub fn pause_agent(&self, admin: AdminState, paused: bool) -> bool {
        let record = self.lock();
        let changes = record.agent.configured && record.agent.paused != paused;
        self.turn(record, admin, |record| record.agent.paused = paused && record.agent.configured);
        changes
    }
}
