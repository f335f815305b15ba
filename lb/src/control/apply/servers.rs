//! The servers of one backend as a new configuration wants them: known ones by name, new ones, and those that an operator added.
//!
//! Each step is a look-up, since a backend may have ten thousand servers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Changes;
use crate::config;
use crate::control::members::Numbers;
use crate::server::{Orders, Server};
use crate::topology::{Backend, LiveBackend};

/// What the servers of a backend are made of.
pub(super) struct ServerInputs<'a> {
    pub(super) spec: &'a config::BackendConfig,
    pub(super) live: &'a Arc<LiveBackend>,
    pub(super) workers: usize,
    /// Servers that an operator took away although the configuration has them, of all backends.
    pub(super) deleted: &'a mut Vec<(String, config::ServerConfig)>,
}

/// A server that the new configuration puts into maintenance or out of it.
#[derive(Debug)]
pub(super) struct Reordered {
    pub(super) server: Arc<Server>,
    /// Its orders until now.
    pub(super) before: Orders,
    pub(super) was_up: bool,
}

// === impl ServerInputs ===

impl ServerInputs<'_> {
    /// The servers in the order of the file. Those of `known` take over what is new about them.
    pub(super) fn follow(
        &mut self,
        known: Option<&Arc<Backend>>,
        changes: &mut Changes,
        reordered: &mut Vec<Reordered>,
    ) -> Vec<Arc<Server>> {
        let before = known.map_or(&[][..], |backend| &backend.servers);
        let running: HashMap<&str, &Arc<Server>> =
            before.iter().map(|server| (&*server.name, server)).collect();
        let former: HashMap<&str, &config::ServerConfig> = known
            .into_iter()
            .flat_map(|backend| &backend.config.servers)
            .map(|spec| (spec.name.as_str(), spec))
            .collect();
        let deleted = self.deleted_names();
        let mut numbers = Numbers::without(before);
        let mut servers: Vec<Arc<Server>> = Vec::with_capacity(self.spec.servers.len());
        for spec in self.spec.servers.iter().filter(|spec| !deleted.contains(&spec.name)) {
            let Some(same) = running.get(spec.name.as_str()) else {
                let (live, start) = (self.live, self.spec.health_start);
                let new = Server::new(&live.name, numbers.take(), spec, start, &live.queue, self.workers);
                changes.added.push(new.full_name());
                servers.push(new);
                continue;
            };
            let former = former.get(spec.name.as_str()).copied();
            if former != Some(spec) {
                let keys = former.map_or_else(Vec::new, |former| config::changed_server(former, spec));
                let keys = if keys.is_empty() { String::new() } else { format!(" ({})", keys.join(", ")) };
                changes.changed.push(format!("{}{keys}", same.full_name()));
            }
            let (before, was_up) = (same.orders(), same.health.snapshot().is_up());
            same.reconfigure(former, spec);
            if former.is_some_and(|former| former.disabled != spec.disabled)
                || (former.is_none() && spec.disabled)
            {
                same.order_by_config(spec.disabled);
                if same.orders() != before {
                    reordered.push(Reordered { server: Arc::clone(same), before, was_up });
                }
            }
            servers.push(Arc::clone(same));
        }
        // The configuration cannot take away a server that an operator added.
        let named: HashSet<&str> = self.spec.servers.iter().map(|spec| spec.name.as_str()).collect();
        let added = before.iter().filter(|server| server.is_added() && !named.contains(&*server.name));
        servers.extend(added.cloned());
        servers
    }

    /// The servers of this backend that an operator deleted. One stays away unless its line says something else now.
    fn deleted_names(&mut self) -> HashSet<String> {
        let spec = self.spec;
        if self.deleted.iter().all(|(backend, _)| *backend != spec.name) {
            return HashSet::new();
        }
        let lines: HashMap<&str, &config::ServerConfig> =
            spec.servers.iter().map(|server| (server.name.as_str(), server)).collect();
        self.deleted
            .retain(|(backend, gone)| *backend != spec.name || lines.get(gone.name.as_str()) == Some(&gone));
        let own = self.deleted.iter().filter(|(backend, _)| *backend == spec.name);
        own.map(|(_, gone)| gone.name.clone()).collect()
    }
}
