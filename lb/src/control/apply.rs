//! Putting a configuration in force: whole, or not at all.
//!
//! Everything that can fail comes first and changes nothing: logs are open, and addresses are bound with the descriptors that workers
//! will need, before the first change that a request could see. Frontends, backends and servers that are found again by name keep their
//! living part: counters, health, what is in flight, and orders where the file says nothing new. Changes that only a restart can make are rejected.

mod changes;
mod connections;
mod servers;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};

use super::{Control, Event, Origin, WriterState, tracks};
use crate::config::{self, Config, StatsConfig};
use crate::ids::ServerId;
use crate::log;
use crate::rules::RuleBook;
use crate::server::AdminState;
use crate::stick::StickTable;
use crate::topology::{
    Backend, Frontend, KeyedTable, LiveBackend, LiveFrontend, LiveListener, Resolvers, Tables, Topology,
    WorkerCommand,
};

pub use changes::Changes;
use connections::Made;
use servers::Reordered;

/// The rules of each backend of a configuration, in its order.
type BackendRules = Vec<Option<Arc<RuleBook>>>;

/// Why a configuration was not put in force. Everything is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// An address could not be bound.
    #[error(transparent)]
    Listen(#[from] io::Error),
    /// A section that is read only at the start has changed.
    #[error("`{0}` has changed, which needs a restart: put it back, or restart lb; nothing was applied")]
    NeedsRestart(&'static str),
    /// A rule cannot be compiled; `lb check` says more of it.
    #[error("{0}")]
    Rule(String),
}

// === impl Control ===

impl Control {
    /// Puts `config` in force, with its logs where they are others than before.
    ///
    /// # Errors
    /// `Listen` when an address cannot be bound or descriptors are short, `NeedsRestart` when a section has changed that is read
    /// at the start only. Then nothing has changed.
    pub fn apply(
        &self,
        config: Config,
        logs: Option<log::PreparedLogs>,
        origin: &Origin,
    ) -> Result<Changes, ApplyError> {
        let mut state = self.state();
        let state = &mut *state;
        refuse_restarts(&state.config, &config)?;
        let before = self.shared.topology.load_full();
        let mut next_id = state.next_id;
        let numbers = numbers(&before, &config, &mut next_id);
        let tables = tables(&before, &config);
        let frontends = self.frontends(&before, &config, &numbers, &tables)?;
        let rules =
            config.backends.iter().map(|spec| compiled(&spec.rules)).collect::<Result<Vec<_>, _>>()?;
        let prepared = state.listeners.prepare(&frontends)?;

        // Nothing fails from here on.
        state.next_id = next_id;
        self.resize_frontends(&before, &frontends, &state.config, &config);
        let mut changes = Changes::default();
        if *origin != Origin::Start {
            changes.settings = config::changed_settings(&state.config, &config);
        }
        let made = Made::of(&before);
        let (backends, reordered) =
            self.backends(state, &before, &config, &numbers, (&tables, rules), &mut changes);
        let resolvers = Resolvers::all(&config.resolvers, &before.resolvers);
        let next = tracks::aligned(frontends.clone(), backends, resolvers);
        let stays: HashSet<ServerId> = next.servers().map(|server| server.id).collect();
        let gone: Vec<_> = before.servers().filter(|server| !stays.contains(&server.id)).collect();
        changes.removed = gone.iter().map(|server| server.full_name()).collect();
        self.swap(next);
        if *origin == Origin::Start {
            // At startup no backend can have lost its last server.
            self.lost.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }

        (changes.opened, changes.closed) = state.listeners.install(prepared, &frontends, &self.shared);
        let stays: HashSet<u32> = frontends.iter().map(|frontend| frontend.live.id).collect();
        for frontend in before.frontends.iter().filter(|frontend| !stays.contains(&frontend.live.id)) {
            self.shared.workers.broadcast(|| WorkerCommand::Finish(Some(frontend.live.id)));
            self.say_stopped(&frontend.live);
        }
        for server in gone {
            server.retire();
            self.shared.workers.broadcast(|| WorkerCommand::CloseIdle(server.id));
        }
        self.close_outdated(&made, &self.topology());
        self.resize(&state.config, &config);
        if let Some(logs) = logs {
            changes.logs = true;
            self.log.replace(logs);
            let sinks = self.log.sinks();
            self.shared.workers.broadcast(|| WorkerCommand::Log(sinks.clone()));
        }
        self.shared.workers.broadcast(|| WorkerCommand::Tick(tick(&config)));
        let stays: HashSet<&str> = config.backends.iter().map(|backend| backend.name.as_str()).collect();
        for backend in before.backends.iter().filter(|backend| !stays.contains(&*backend.live.name)) {
            // Requests that wait there find out where they lead now.
            backend.live.queue.look_again();
            self.say_ended(&backend.live);
        }
        state.config = config;
        reordered.iter().for_each(|order| self.say_reordered(order, origin));
        self.emit(&Event::Applied { changes: &changes, origin });
        Ok(changes)
    }

    /// The frontends of a configuration. Nothing that is in force is changed.
    fn frontends(
        &self,
        before: &Topology,
        config: &Config,
        numbers: &HashMap<&str, u32>,
        tables: &HashMap<&str, Arc<StickTable>>,
    ) -> Result<Vec<Arc<Frontend>>, ApplyError> {
        let workers = self.shared.workers.count();
        let all: HashMap<&str, _> =
            before.frontends.iter().map(|frontend| (&*frontend.live.name, frontend)).collect();
        let frontend = |spec: &config::FrontendConfig| {
            let known = all.get(spec.name.as_str());
            let live = known.map_or_else(
                || {
                    let maxconn = spec.maxconn.unwrap_or(config.process.maxconn);
                    LiveFrontend::new(number(numbers, &spec.name), &spec.name, maxconn, workers)
                },
                |frontend| Arc::clone(&frontend.live),
            );
            let listeners = known.map_or(&[][..], |frontend| &frontend.listeners);
            let listeners = LiveListener::all(&spec.bind, listeners, workers);
            let (track, rules) = (keyed(tables, &spec.track), compiled(&spec.rules)?);
            Ok(Arc::new(Frontend { config: spec.clone(), live, listeners, track, rules }))
        };
        config.frontends.iter().map(frontend).collect()
    }

    /// Gives frontends that stay the room that they have now, where the configuration says something new about it.
    fn resize_frontends(
        &self,
        before: &Topology,
        frontends: &[Arc<Frontend>],
        former: &Config,
        config: &Config,
    ) {
        let all: HashMap<u32, _> =
            before.frontends.iter().map(|frontend| (frontend.live.id, frontend)).collect();
        for frontend in frontends {
            let Some(known) = all.get(&frontend.live.id) else { continue };
            let before = known.config.maxconn.unwrap_or(former.process.maxconn);
            let after = frontend.config.maxconn.unwrap_or(config.process.maxconn);
            if before != after {
                frontend.live.room.resize(after);
            }
        }
    }

    /// The backends of a configuration, with their servers, which follow it from here on.
    fn backends(
        &self,
        state: &mut WriterState,
        before: &Topology,
        config: &Config,
        numbers: &HashMap<&str, u32>,
        (tables, rules): (&HashMap<&str, Arc<StickTable>>, BackendRules),
        changes: &mut Changes,
    ) -> (Vec<Arc<Backend>>, Vec<Reordered>) {
        let workers = self.shared.workers.count();
        // A server that another one tracks has to be there.
        let tracked: HashSet<(&str, &str)> = config
            .backends
            .iter()
            .flat_map(|backend| &backend.servers)
            .filter_map(|server| server.track.as_ref())
            .map(|track| (track.backend.as_str(), track.server.as_str()))
            .collect();
        state.deleted.retain(|(backend, gone)| !tracked.contains(&(backend.as_str(), gone.name.as_str())));
        let all: HashMap<&str, _> =
            before.backends.iter().map(|backend| (&*backend.live.name, backend)).collect();
        let mut reordered = Vec::new();
        let backends = config
            .backends
            .iter()
            .zip(rules)
            .map(|(spec, rules)| {
                let known = all.get(spec.name.as_str()).copied();
                let live = known.map_or_else(
                    || LiveBackend::new(number(numbers, &spec.name), &spec.name, workers),
                    |backend| Arc::clone(&backend.live),
                );
                let mut servers =
                    servers::ServerInputs { spec, live: &live, workers, deleted: &mut state.deleted };
                let servers = servers.follow(known, changes, &mut reordered);
                let own = tables.get(spec.name.as_str()).cloned();
                let tables = Tables { own, stick: keyed(tables, &spec.stick) };
                let backend = Backend::new(Arc::new(spec.clone()), live, servers, tables);
                Arc::new(Backend { rules, ..backend })
            })
            .collect();
        for Reordered { server, .. } in reordered.iter().filter(|one| one.server.admin() == AdminState::Maint)
        {
            server.place.retire_connections();
            self.shared.workers.broadcast(|| WorkerCommand::CloseIdle(server.id));
        }
        (backends, reordered)
    }

    fn say_reordered(&self, order: &Reordered, origin: &Origin) {
        let Reordered { server, before, was_up } = order;
        let (after, in_flight) = (server.orders(), server.in_flight());
        self.emit(&Event::Ordered { server, before: *before, after, was_up: *was_up, in_flight, origin });
    }

    fn resize(&self, before: &Config, after: &Config) {
        let process = &self.shared.process;
        process.h2_waiting.store(after.process.h2_waiting, Relaxed);
        // What an operator has set stays, unless the configuration says something else than before.
        if before.process.maxconn != after.process.maxconn {
            process.hard_maxconn.store(after.process.maxconn, Relaxed);
            process.room.resize(after.process.maxconn);
        }
    }
}

/// The stick tables by the names of their backends. One that is configured as before keeps what is in it.
fn tables<'a>(before: &Topology, config: &'a Config) -> HashMap<&'a str, Arc<StickTable>> {
    let specs =
        config.backends.iter().filter_map(|backend| Some((backend.name.as_str(), backend.table.as_ref()?)));
    specs
        .map(|(name, spec)| {
            let known = before.table(name).filter(|known| known.spec == *spec);
            (name, known.map_or_else(|| Arc::new(StickTable::new(name.into(), spec)), Arc::clone))
        })
        .collect()
}

/// The numbers of all proxies (HAProxy's `iid`): new ones in the order of the file. A name that is known keeps its number, and the two halves
/// of a `listen` section share one.
fn numbers<'a>(before: &'a Topology, config: &'a Config, next: &mut u32) -> HashMap<&'a str, u32> {
    let frontends = before.frontends.iter().map(|frontend| (&*frontend.live.name, frontend.live.id));
    let backends = before.backends.iter().map(|backend| (&*backend.live.name, backend.live.id.get()));
    let mut numbers: HashMap<_, _> = frontends.chain(backends).collect();
    let frontends = config.frontends.iter().map(|spec| (spec.rank, spec.name.as_str()));
    let backends = config.backends.iter().map(|spec| (spec.rank, spec.name.as_str()));
    let mut names: Vec<_> = frontends.chain(backends).collect();
    names.sort_unstable();
    for (_, name) in names {
        numbers.entry(name).or_insert_with(|| {
            *next += 1;
            *next - 1
        });
    }
    numbers
}

/// How often silent connections must be looked for, so that no limit is missed by more than a tenth or a quarter of a second.
fn tick(config: &Config) -> std::time::Duration {
    let frontends = config.frontends.iter().map(|frontend| frontend.timeout);
    let backends = config.backends.iter().map(|backend| backend.timeout);
    let shortest = frontends
        .chain(backends)
        .flat_map(|limits| {
            [limits.client, limits.server, limits.http_request, limits.http_keep_alive, limits.tunnel]
        })
        .min()
        .unwrap_or_default();
    (shortest / 10).clamp(std::time::Duration::from_millis(10), std::time::Duration::from_millis(250))
}

/// The compiled rules of a frontend or backend.
fn compiled(rules: &config::RuleSet) -> Result<Option<Arc<RuleBook>>, ApplyError> {
    match RuleBook::compile(rules) {
        Ok(book) => Ok(book.map(Arc::new)),
        Err(faults) => {
            Err(ApplyError::Rule(faults.into_iter().next().map(|fault| fault.message).unwrap_or_default()))
        }
    }
}

fn number(numbers: &HashMap<&str, u32>, name: &str) -> u32 {
    numbers.get(name).copied().unwrap_or_default()
}

fn keyed(tables: &HashMap<&str, Arc<StickTable>>, spec: &Option<config::KeyedBy>) -> Option<KeyedTable> {
    let spec = spec.as_ref()?;
    let table = Arc::clone(tables.get(spec.table.as_str())?);
    Some(KeyedTable { on: spec.on.clone(), table })
}

fn refuse_restarts(before: &Config, after: &Config) -> Result<(), ApplyError> {
    let sections = [
        ("process.threads", before.process.threads == after.process.threads),
        ("admin", before.admin == after.admin),
        // Who may look at the pages is asked at each request.
        ("stats", StatsConfig { access: after.stats.access.clone(), ..before.stats.clone() } == after.stats),
    ];
    sections
        .into_iter()
        .find(|(_, same)| !same)
        .map_or(Ok(()), |(section, _)| Err(ApplyError::NeedsRestart(section)))
}
