//! Servers that track others: what becomes of one becomes of those that track it, and of those that track them.
//!
//! Circles are faults of the configuration and cannot be made at run time, so the walk ends. It refuses to decide anything: a tracker's
//! health and inherited orders are copies, made here and nowhere else.

use std::sync::{Arc, MutexGuard};

use super::{Control, Event, Origin, State};
use crate::server::{Admin, Orders, Server, Verdict};
use crate::topology::Topology;

/// The servers that track `leader`.
pub(super) fn trackers<'a>(
    topology: &'a Topology,
    leader: &'a Server,
) -> impl Iterator<Item = &'a Arc<Server>> {
    topology.servers().filter(|server| server.tracks(leader))
}

/// Brings all that track others into their state, before anybody sees them.
pub(super) fn align(topology: &Topology) {
    for leader in topology.servers().filter(|server| server.track().is_none()) {
        align_with(topology, leader);
    }
}

fn align_with(topology: &Topology, leader: &Arc<Server>) {
    for tracker in trackers(topology, leader) {
        tracker.set_orders(Orders { tracked: inherited(leader), ..tracker.orders() });
        tracker.health.follow(tracker.admin(), &leader.health.snapshot());
        align_with(topology, tracker);
    }
}

/// What a server that tracks `leader` inherits: one without an address serves nobody.
fn inherited(leader: &Server) -> Admin {
    if leader.place.address().is_none() { Admin::Maint } else { leader.admin() }
}

// === impl Control ===

impl Control {
    /// Brings the servers that track `leader` into its state, and tells what became of them.
    pub(super) fn follow(&self, state: &MutexGuard<'_, State>, leader: &Arc<Server>) {
        let topology = self.topology();
        for tracker in trackers(&topology, leader) {
            let tracked = inherited(leader);
            // Who is taken out has not gone down before.
            if tracked == Admin::Maint {
                self.inherit(state, tracker, tracked);
                self.copy_health(state, tracker, leader);
            } else {
                self.copy_health(state, tracker, leader);
                self.inherit(state, tracker, tracked);
            }
            self.follow(state, tracker);
        }
    }

    fn inherit(&self, state: &MutexGuard<'_, State>, tracker: &Arc<Server>, tracked: Admin) {
        let orders = tracker.orders();
        if orders.tracked != tracked {
            let orders = Orders { tracked, ..orders };
            self.put_in_force(state, tracker, &Origin::Tracked, |tracker| tracker.set_orders(orders));
        }
    }

    fn copy_health(&self, state: &MutexGuard<'_, State>, tracker: &Arc<Server>, leader: &Server) {
        let was_stopping = tracker.health.snapshot().stopping;
        let verdict = tracker.health.follow(tracker.admin(), &leader.health.snapshot());
        if verdict != Verdict::Same {
            self.refresh(state, tracker);
            self.say(&Event::Followed { server: tracker, verdict, was_stopping });
        }
    }
}
