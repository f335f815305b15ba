//! Idle connections to servers across reloads: those that the new configuration would have made in another way are closed.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::Protocol;
use crate::control::Control;
use crate::ids::ServerId;
use crate::server::Server;
use crate::topology::{Topology, WorkerCommand};

/// How the connections to each server are made, before a configuration is put in force.
pub(super) struct Made(HashMap<ServerId, (Protocol, u32)>);

fn servers(topology: &Topology) -> impl Iterator<Item = (&Arc<Server>, Protocol)> {
    topology.backends.iter().flat_map(|backend| {
        let protocol = backend.config.protocol;
        backend.servers.iter().map(move |server| (server, protocol))
    })
}

// === impl Made ===

impl Made {
    /// The connections as they are made in `topology`, whose servers nobody has changed yet.
    pub(super) fn of(topology: &Topology) -> Self {
        Self(
            servers(topology)
                .map(|(server, spoken)| (server.id, (spoken, server.place.connection_generation())))
                .collect(),
        )
    }
}

// === impl Control ===

impl Control {
    /// Closes idle connections to servers that are somewhere else now, or speak another protocol.
    pub(super) fn close_outdated(&self, made: &Made, topology: &Topology) {
        for (server, protocol) in servers(topology) {
            let Some((former, epoch)) = made.0.get(&server.id) else { continue };
            let moved = server.place.connection_generation() != *epoch;
            if protocol != *former {
                server.place.retire_connections();
            }
            if moved || protocol != *former {
                self.shared.workers.broadcast(|| WorkerCommand::CloseIdle(server.id));
            }
        }
    }
}
