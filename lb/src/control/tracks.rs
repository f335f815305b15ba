//! Servers that track others: what becomes of one becomes of those that track it, and of those that track them.
//!
//! Circles are faults of the configuration and cannot be made at run time, so the walk ends. It refuses to decide anything: a tracker's
//! health and inherited orders are copies, made here and nowhere else.

use std::collections::HashSet;
use std::sync::{Arc, MutexGuard};

use super::{Control, Event, Origin, WriterState};
use crate::ids::ServerId;
use crate::server::{AdminState, HealthChange, Orders, Server};
use crate::topology::{Backend, Followers, Frontend, Resolvers, Topology};

/// The topology of such backends, with all servers that track others in their state before requests see them.
pub(super) fn aligned(
    frontends: Vec<Arc<Frontend>>,
    backends: Vec<Arc<Backend>>,
    resolvers: Vec<Arc<Resolvers>>,
) -> Topology {
    let followers = Arc::new(Followers::of(&backends));
    let topology = Topology { frontends, backends, resolvers, followers };
    if topology.followers.is_empty() {
        return topology;
    }
    let known: HashSet<(&str, &str)> =
        topology.servers().map(|server| (&*server.backend, &*server.name)).collect();
    let lost = |server: &&Arc<Server>| {
        server.track().is_some_and(|track| !known.contains(&(track.backend.as_str(), track.server.as_str())))
    };
    // One that was added at run time may have tracked a server that the configuration has no longer.
    topology.followers.all().filter(lost).for_each(|server| server.stop_tracking());
    for leader in topology.servers().filter(|server| server.track().is_none()) {
        align_with(&topology, leader);
    }
    let ids: HashSet<ServerId> = topology.followers.all().map(|server| server.id).collect();
    let follows = |backend: &Arc<Backend>| backend.servers.iter().any(|server| ids.contains(&server.id));
    let backend = |backend: &Arc<Backend>| match follows(backend) {
        // Its rotation was made of what they were before.
        true => Arc::new(backend.refreshed()),
        false => Arc::clone(backend),
    };
    topology.with_servers(topology.backends.iter().map(backend).collect())
}

fn align_with(topology: &Topology, leader: &Arc<Server>) {
    for tracker in topology.followers_of(leader) {
        tracker.set_orders(Orders { tracked: inherited(leader), ..tracker.orders() });
        tracker.health.follow(tracker.admin(), &leader.health.snapshot());
        align_with(topology, tracker);
    }
}

/// What a server that tracks `leader` inherits: one without an address serves nobody.
fn inherited(leader: &Server) -> AdminState {
    if leader.place.address().is_none() { AdminState::Maint } else { leader.admin() }
}

// === impl Control ===

impl Control {
    /// Brings the servers that track `leader` into its state, and tells what became of them.
    pub(super) fn follow(&self, state: &MutexGuard<'_, WriterState>, leader: &Arc<Server>) {
        let topology = self.topology();
        for tracker in topology.followers_of(leader) {
            let tracked = inherited(leader);
            // Who is taken out has not gone down before.
            if tracked == AdminState::Maint {
                self.inherit(state, tracker, tracked);
                self.copy_health(state, tracker, leader);
            } else {
                self.copy_health(state, tracker, leader);
                self.inherit(state, tracker, tracked);
            }
            self.follow(state, tracker);
        }
    }

    fn inherit(&self, state: &MutexGuard<'_, WriterState>, tracker: &Arc<Server>, tracked: AdminState) {
        let orders = tracker.orders();
        if orders.tracked != tracked {
            let orders = Orders { tracked, ..orders };
            self.put_in_force(state, tracker, &Origin::Tracked, |tracker| tracker.set_orders(orders));
        }
    }

    fn copy_health(&self, state: &MutexGuard<'_, WriterState>, tracker: &Arc<Server>, leader: &Server) {
        let was_stopping = tracker.health.snapshot().stopping;
        let verdict = tracker.health.follow(tracker.admin(), &leader.health.snapshot());
        if verdict != HealthChange::Same {
            self.refresh(state, tracker);
            self.emit(&Event::Followed { server: tracker, verdict, was_stopping });
            if verdict == HealthChange::WentDown {
                let last = leader.health.snapshot().last;
                self.leave(tracker, last.is_some_and(|last| last.is_silence()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, TrackConfig};
    use crate::control::fixture::Fixture;

    const CHECKED_FIRST: &str =
        "health = { path = \"/\" }\nhealth_start = \"checked\"\n[backend.be.servers]\n";

    /// Breaks when a tracker is chosen before its state has been taken over.
    #[test]
    fn a_tracker_begins_in_the_state_of_the_other() {
        let servers = "t = { address = \"127.0.0.1:9\", track = \"u\" }\nu = { address = \"127.0.0.1:9\", track = \"a\" }\na = \"127.0.0.1:9\"\n";
        let fixture = Fixture::new(&format!("{CHECKED_FIRST}{servers}"));
        let chosen = || fixture.control.topology().backends[0].rotation.servers().count();
        let states = || ["a", "u", "t"].map(|name| fixture.server(name).status().to_string());
        assert_eq!((chosen(), states()), (0, ["DOWN 1/2", "DOWN 1/2", "DOWN 1/2"].map(str::to_owned)));
        fixture.control.force_health(&fixture.server("a"), true, &Origin::Start);
        assert_eq!((chosen(), states()), (3, ["UP", "UP", "UP"].map(str::to_owned)));
        fixture.control.set_admin(&fixture.server("a"), AdminState::Maint, &Origin::Start);
        let out = ["MAINT", "MAINT (via be/a)", "MAINT (via be/u)"].map(str::to_owned);
        assert_eq!((chosen(), states()), (0, out.clone()));
        fixture
            .apply(&format!("{CHECKED_FIRST}{servers}w = {{ address = \"127.0.0.1:9\", track = \"t\" }}\n"));
        assert_eq!((chosen(), states()), (0, out));
        assert_eq!(fixture.server("w").status().to_string(), "MAINT (via be/t)");
        fixture.apply(&format!("{CHECKED_FIRST}a = \"127.0.0.1:9\"\nt = \"127.0.0.1:9\"\n"));
        assert_eq!(fixture.server("t").status().to_string(), "DOWN 1/2", "it is checked from the beginning");
    }

    #[test]
    fn one_that_was_added_loses_the_server_that_it_tracked_with_the_configuration() {
        let fixture =
            Fixture::new("health = {}\n[backend.be.servers]\na = \"127.0.0.1:9\"\nb = \"127.0.0.1:9\"");
        let (control, by) = (&fixture.control, &Origin::Start);
        let track = Some(TrackConfig { backend: "be".into(), server: "a".into() });
        let spec = config::ServerConfig { track, ..config::ServerConfig::new("t", "127.0.0.1", 9) };
        assert!(control.add_server(&control.topology().backends[0], &spec, by));
        let t = fixture.server("t");
        control.set_admin(&t, AdminState::Ready, by);
        control.set_admin(&fixture.server("a"), AdminState::Maint, by);
        assert_eq!(t.status().to_string(), "MAINT (via be/a)");
        fixture.apply("health = {}\n[backend.be.servers]\nb = \"127.0.0.1:9\"");
        assert_eq!((t.status().to_string().as_str(), t.is_usable()), ("no check", true));
    }
}
