//! A claim: one exchange counted in on one server, until it is dropped.
//!
//! It travels with the exchange to the last byte of the response or the end of an upgraded stream, so no early return can
//! forget to count out.

use std::sync::Arc;

use super::{AdminState, Server};

/// One exchange in flight on a server.
#[derive(Debug)]
pub struct Claim(Arc<Server>);

/// Why a server took no further exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It has `maxconn` in flight.
    Full,
    /// The operator took it out.
    Left,
}

// === impl Server ===

impl Server {
    /// Counts an exchange in, unless the server has left or is full.
    ///
    /// # Errors
    /// Why not.
    #[inline]
    pub fn claim(self: &Arc<Self>) -> Result<Claim, Refusal> {
        // Whoever waits for this very server has come first.
        if self.maxconn() > 0 && self.bound.is_occupied() {
            return if self.admin() == AdminState::Ready { Err(Refusal::Full) } else { Err(Refusal::Left) };
        }
        self.enter(|admin| admin == AdminState::Ready)
    }

    /// The same for an exchange whose client is bound to it: a server that drains takes it, too.
    ///
    /// # Errors
    /// Why not.
    pub fn claim_bound(self: &Arc<Self>) -> Result<Claim, Refusal> {
        if self.takes_its_own() { self.enter(|admin| admin != AdminState::Maint) } else { Err(Refusal::Left) }
    }

    #[inline]
    fn enter(self: &Arc<Self>, takes: impl Fn(AdminState) -> bool) -> Result<Claim, Refusal> {
        let maxconn = self.maxconn();
        let room = |in_flight| maxconn == 0 || in_flight < maxconn;
        match self.gate.enter(|load| takes(load.admin) && room(load.in_flight)) {
            Ok(in_flight) => {
                self.stats.in_flight_max.record(in_flight.into());
                Ok(Claim(Arc::clone(self)))
            }
            Err(load) if takes(load.admin) => Err(Refusal::Full),
            Err(_) => Err(Refusal::Left),
        }
    }
}

// === impl Claim ===

impl Claim {
    /// The claimed server.
    pub fn server(&self) -> &Arc<Server> {
        &self.0
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.gate.leave();
        self.0.room_made();
    }
}
