//! How a server is checked: as its backend says, but for what an operator changed or gave with the server.
//!
//! It refuses to check anything, and to know what was found.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config;

/// The check of one server.
#[derive(Debug)]
pub struct HealthCheck(Mutex<CheckState>);

/// A check to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckPlan {
    /// What is asked, how often, and how it counts; its port goes before the server's.
    pub spec: config::HealthCheckConfig,
    /// Where it is asked, if not at the server's address.
    pub address: Option<IpAddr>,
}

#[derive(Debug)]
struct CheckState {
    configured: Option<config::HealthCheckConfig>,
    address: Option<IpAddr>,
    port: Option<u16>,
}

// === impl HealthCheck ===

impl HealthCheck {
    /// The check that a configuration asks for, if any.
    pub fn new(configured: Option<&config::HealthCheckConfig>) -> Self {
        Self(Mutex::new(CheckState { configured: configured.cloned(), address: None, port: None }))
    }

    /// The check as it is to be made now; `None` when there is none.
    pub fn plan(&self) -> Option<CheckPlan> {
        let state = self.state();
        let mut spec = state.configured.clone()?;
        spec.port = state.port.or(spec.port).filter(|port| *port > 0);
        Some(CheckPlan { spec, address: state.address })
    }

    /// Another check is configured, or none. What an operator changed stays unless it is another one.
    pub fn reconfigure(&self, configured: Option<&config::HealthCheckConfig>) {
        let mut state = self.state();
        if state.configured.as_ref() != configured {
            *state = CheckState { configured: configured.cloned(), address: None, port: None };
        }
    }

    /// Asks somewhere else from now on; `None` leaves that part as it is, port 0 is the server's own.
    pub fn move_to(&self, address: Option<IpAddr>, port: Option<u16>) {
        let mut state = self.state();
        state.address = address.or(state.address);
        state.port = port.or(state.port);
    }

    /// The port that the configuration gives it.
    pub fn configured_port(&self) -> Option<u16> {
        self.state().configured.as_ref().and_then(|spec| spec.port)
    }

    /// Where the operator or the configuration sends it, if not to the server's own address and port.
    pub fn place(&self) -> (Option<IpAddr>, Option<u16>) {
        let state = self.state();
        let port = state.port.or(state.configured.as_ref().and_then(|spec| spec.port));
        (state.address, port.filter(|port| *port > 0))
    }

    /// What an operator changed of where it is asked.
    pub fn moved(&self) -> (Option<IpAddr>, Option<u16>) {
        let state = self.state();
        (state.address, state.port)
    }

    fn state(&self) -> MutexGuard<'_, CheckState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
