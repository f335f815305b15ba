//! How the agent of a server is asked: as configured, but for what an operator changed.
//!
//! It refuses to ask anything, and to know what was answered.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config;

/// The agent of one server.
#[derive(Debug)]
pub struct AgentCheck(Mutex<AgentState>);

/// What an operator changed of an agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentMoved {
    /// Where it is asked.
    pub address: Option<IpAddr>,
    /// On which port; 0 is the server's own.
    pub port: Option<u16>,
    /// What it is told.
    pub send: Option<String>,
}

#[derive(Debug)]
struct AgentState {
    configured: Option<config::AgentConfig>,
    moved: AgentMoved,
}

// === impl AgentCheck ===

impl AgentCheck {
    /// The agent that a configuration asks for, if any.
    pub fn new(configured: Option<&config::AgentConfig>) -> Self {
        Self(Mutex::new(AgentState { configured: configured.cloned(), moved: AgentMoved::default() }))
    }

    /// The agent as it is to be asked now; `None` when there is none.
    pub fn plan(&self) -> Option<config::AgentConfig> {
        let AgentState { configured, moved } = &*self.state();
        let configured = configured.clone()?;
        Some(config::AgentConfig {
            port: moved.port.unwrap_or(configured.port),
            address: moved.address.or(configured.address),
            send: moved.send.clone().unwrap_or(configured.send),
            ..configured
        })
    }

    /// Another agent is configured, or none. What an operator changed stays unless it is another one.
    pub fn reconfigure(&self, configured: Option<&config::AgentConfig>) {
        let mut state = self.state();
        if state.configured.as_ref() != configured {
            *state = AgentState { configured: configured.cloned(), moved: AgentMoved::default() };
        }
    }

    /// Asks elsewhere or otherwise from now on; what is `None` stays as it is.
    pub fn change(&self, change: AgentMoved) {
        let mut state = self.state();
        let AgentMoved { address, port, send } = change;
        let moved = &mut state.moved;
        moved.address = address.or(moved.address);
        moved.port = port.or(moved.port);
        moved.send = send.or(moved.send.take());
    }

    /// What an operator changed.
    pub fn moved(&self) -> AgentMoved {
        self.state().moved.clone()
    }

    fn state(&self) -> MutexGuard<'_, AgentState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_changed_stays_until_another_agent_is_configured() {
        let configured = config::AgentConfig {
            port: 1,
            address: None,
            send: "a".into(),
            interval: Duration::from_secs(1),
        };
        let agent = AgentCheck::new(Some(&configured));
        agent.change(AgentMoved { port: Some(2), ..AgentMoved::default() });
        agent.change(AgentMoved { send: Some(String::new()), ..AgentMoved::default() });
        let plan = config::AgentConfig { port: 2, send: String::new(), ..configured.clone() };
        assert_eq!(agent.plan(), Some(plan.clone()));
        agent.reconfigure(Some(&configured));
        assert_eq!(agent.plan(), Some(plan), "the same one was configured");
        let other = config::AgentConfig { port: 3, ..configured };
        agent.reconfigure(Some(&other));
        assert_eq!(agent.plan(), Some(other));
        agent.reconfigure(None);
        assert_eq!(agent.plan(), None);
    }
}
