//! Servers that come and go at run time, and how they are checked.
//!
//! Like everything else that an operator changes, it survives a reload: a server that was added stays, one that was deleted stays away,
//! until the configuration says something new about it.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Control, Event, Origin};
use crate::config;
use crate::server::{AdminState, Server};
use crate::topology::{Backend, Topology, WorkerCommand};

/// Why a server could not be taken away (HAProxy's texts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeleteError {
    /// It takes traffic, or may.
    #[error("Only servers in maintenance mode can be deleted.")]
    NotInMaintenance,
    /// Something is still on it.
    #[error("Server still has connections attached to it, cannot remove it.")]
    Busy,
    /// Another server tracks it.
    #[error("This server cannot be removed at runtime due to other configuration elements pointing to it.")]
    Tracked,
}

// === impl Control ===

impl Control {
    /// Adds a server to a backend, in maintenance and unchecked. Returns whether the name was free.
    pub fn add_server(&self, backend: &Arc<Backend>, spec: &config::ServerConfig, origin: &Origin) -> bool {
        let mut state = self.state();
        let topology = self.shared.topology.load_full();
        let Some(backend) = topology.backend(&backend.live.name) else { return false };
        if backend.server(&spec.name).is_some() {
            return false;
        }
        let (live, start) = (&backend.live, backend.config.health_start);
        let number = Numbers::without(&backend.servers).take();
        let workers = self.shared.workers.count();
        let server = Server::new(&live.name, number, spec, start, &live.queue, workers);
        server.set_admin(AdminState::Maint);
        server.health.pause(true);
        server.health.pause_agent(AdminState::Maint, true);
        server.was_added();
        state.deleted.retain(|(of, deleted)| (&**of, &*deleted.name) != (&*live.name, &*spec.name));
        let mut servers = backend.servers.clone();
        servers.push(Arc::clone(&server));
        self.replace_servers(&topology, backend, servers);
        let place = server.place.named();
        self.emit(&Event::Added { server: &server, place: &place, origin });
        if let Some(leader) = server.track().and_then(|track| topology.tracked(&track).cloned()) {
            self.follow(&state, &leader);
        }
        true
    }

    /// Takes a server away.
    ///
    /// # Errors
    /// Another server tracks it, it is not in maintenance, or something is in flight on it.
    pub fn delete_server(&self, server: &Arc<Server>, origin: &Origin) -> Result<(), DeleteError> {
        let mut state = self.state();
        let topology = self.shared.topology.load_full();
        if !topology.followers_of(server).is_empty() {
            return Err(DeleteError::Tracked);
        }
        removable(server)?;
        let Some(backend) = topology.backend(&server.backend) else { return Ok(()) };
        let configured = backend.config.servers.iter().find(|spec| *spec.name == *server.name);
        if let Some(spec) = configured.filter(|_| !server.is_added()) {
            state.deleted.push((server.backend.to_string(), spec.clone()));
        }
        let servers = backend.servers.iter().filter(|other| other.id != server.id).cloned().collect();
        self.replace_servers(&topology, backend, servers);
        server.place.retire_connections();
        self.shared.workers.broadcast(|| WorkerCommand::CloseIdle(server.id));
        self.emit(&Event::Deleted { server, origin });
        Ok(())
    }

    /// Servers that an operator took away although the configuration has them, as `backend/server`.
    pub fn deleted_servers(&self) -> Vec<String> {
        self.state().deleted.iter().map(|(backend, spec)| format!("{backend}/{}", spec.name)).collect()
    }

    /// Sends a server's checks somewhere else; `None` leaves that part as it is.
    pub fn set_check_place(
        &self,
        server: &Arc<Server>,
        address: Option<IpAddr>,
        port: Option<u16>,
        origin: &Origin,
    ) {
        let state = self.state();
        let before = server.check.place();
        server.check.move_to(address, port);
        if server.check.place() != before {
            self.refresh(&state, server);
            self.emit(&Event::Watched { server, whose: "checks", what: "moved", origin });
        }
    }

    /// Makes a server that is up take no new traffic until its checks pass again (HAProxy's `NOLB`); one that is down, without checks or in
    /// maintenance stays as it is.
    pub fn force_stopping(&self, server: &Arc<Server>, origin: &Origin) {
        let state = self.state();
        let verdict = server.health.stop(server.admin());
        self.forced(&state, server, verdict, origin);
    }

    fn replace_servers(&self, topology: &Topology, backend: &Backend, servers: Vec<Arc<Server>>) {
        let new = Arc::new(backend.with(servers));
        let backends = topology
            .backends
            .iter()
            .map(|old| if old.live.id == new.live.id { Arc::clone(&new) } else { Arc::clone(old) })
            .collect();
        self.swap(topology.with_servers(backends));
    }
}

/// Whether a server could be taken away now.
///
/// # Errors
/// Why not.
fn removable(server: &Server) -> Result<(), DeleteError> {
    if server.admin() != AdminState::Maint {
        Err(DeleteError::NotInMaintenance)
    } else if server.in_flight() > 0 {
        Err(DeleteError::Busy)
    } else {
        Ok(())
    }
}

/// The numbers that servers of a backend have, from 1 (HAProxy's `sid`): a new one gets the lowest that is free.
pub(super) struct Numbers {
    taken: HashSet<u32>,
    next: u32,
}

// === impl Numbers ===

impl Numbers {
    /// All but those of `servers`.
    pub(super) fn without(servers: &[Arc<Server>]) -> Self {
        Self { taken: servers.iter().map(|server| server.number).collect(), next: 1 }
    }

    /// Takes the lowest that is free.
    pub(super) fn take(&mut self) -> u32 {
        while !self.taken.insert(self.next) && self.next < u32::MAX {
            self.next += 1;
        }
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::fixture::Fixture;

    #[test]
    fn a_new_server_gets_the_lowest_number_that_is_free() {
        let line = |names: &[&str]| {
            let lines = names.iter().map(|name| format!("{name} = \"127.0.0.1:9\"\n"));
            format!("[backend.be.servers]\n{}", lines.collect::<String>())
        };
        let fixture = Fixture::new(&line(&["a", "b", "c"]));
        fixture.apply(&line(&["a", "c"]));
        let mut numbers = Numbers::without(&fixture.control.topology().backends[0].servers);
        assert_eq!([numbers.take(), numbers.take(), numbers.take()], [2, 4, 5]);
        fixture.apply(&line(&["x", "a", "c", "y"]));
        assert_eq!(["x", "a", "c", "y"].map(|name| fixture.server(name).number), [2, 1, 3, 4]);
    }
}
