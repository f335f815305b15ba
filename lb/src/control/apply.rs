//! Putting a configuration in force: whole, or not at all.
//!
//! What can fail comes first and changes nothing. Frontends, backends and servers that are found again by name keep their living part:
//! counters, orders, health, what is in flight. It refuses changes that only a restart can make.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};

use super::members::free_number;
use super::{Control, Event, Origin, State, tracks};
use crate::config::{self, Config, Stats};
use crate::log;
use crate::server::Server;
use crate::stick::Table;
use crate::topology::{
    Backend, Frontend, Keyed, LiveBackend, LiveFrontend, LiveListener, Open, Order, Resolvers, Tables,
    Topology,
};

/// Why a configuration was not put in force. Everything is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// An address could not be bound.
    #[error(transparent)]
    Listen(#[from] io::Error),
    /// A section that is read only at the start has changed.
    #[error("`{0}` has changed, which needs a restart: put it back, or restart lb; nothing was applied")]
    NeedsRestart(&'static str),
}

/// What a configuration changed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Servers that are new, as `backend/server`.
    pub added: Vec<String>,
    /// Servers that are gone.
    pub removed: Vec<String>,
    /// Servers whose settings changed.
    pub changed: Vec<String>,
    /// Listening sockets opened.
    pub opened: usize,
    /// Listening sockets closed.
    pub closed: usize,
    /// Whether logs changed.
    pub logs: bool,
}

// === impl Control ===

impl Control {
    /// Puts `config` in force, with its logs where they are others than before.
    ///
    /// # Errors
    /// Why not; then nothing has changed.
    pub fn apply(
        &self,
        config: Config,
        logs: Option<log::Prepared>,
        origin: &Origin,
    ) -> Result<Changes, ApplyError> {
        let mut state = self.state();
        let state = &mut *state;
        refuse_restarts(&state.config, &config)?;
        let before = self.shared.topology.load_full();
        let is_closed = |name: &str| {
            let known = before.frontends.iter().find(|frontend| *frontend.live.name == *name);
            known.is_some_and(|frontend| frontend.live.open() != Open::Yes)
        };
        let prepared = state.listeners.prepare(&config.frontends, is_closed)?;

        let mut changes = Changes::default();
        let next = tracks::aligned(self.build(state, &before, &config, &mut changes));
        let gone: Vec<_> =
            before.servers().filter(|server| !next.servers().any(|new| new.id == server.id)).collect();
        changes.removed = gone.iter().map(|server| server.full_name()).collect();
        let frontends = next.frontends.clone();
        self.swap(next);
        if *origin == Origin::Start {
            // Who has just come has lost nothing.
            self.lost.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }

        let (opened, closed) = state.listeners.install(prepared, &frontends, &self.shared.workers)?;
        (changes.opened, changes.closed) = (opened, closed);
        for frontend in &before.frontends {
            if !frontends.iter().any(|new| new.live.id == frontend.live.id) {
                self.shared.workers.broadcast(|| Order::Finish(Some(frontend.live.id)));
                self.say_stopped(&frontend.live);
            }
        }
        for server in gone {
            server.place.retire_connections();
            self.shared.workers.broadcast(|| Order::CloseIdle(server.id));
        }
        self.resize(&state.config, &config);
        if let Some(logs) = logs {
            changes.logs = true;
            self.log.replace(logs);
            let ways = self.log.ways();
            self.shared.workers.broadcast(|| Order::Log(ways.clone()));
        }
        self.shared.workers.broadcast(|| Order::Tick(tick(&config)));
        let gone =
            |backend: &&Arc<Backend>| !config.backends.iter().any(|new| *new.name == *backend.live.name);
        before.backends.iter().filter(gone).for_each(|backend| self.say_ended(&backend.live));
        state.config = config;
        self.say(&Event::Applied { changes: &changes, origin });
        Ok(changes)
    }

    fn build(
        &self,
        state: &mut State,
        before: &Topology,
        config: &Config,
        changes: &mut Changes,
    ) -> Topology {
        let workers = self.shared.workers.count();
        let numbers = numbers(before, config, &mut state.next_id);
        let number = |name: &str| numbers.get(name).copied().unwrap_or_default();
        let tables = tables(before, config);
        let keyed = |spec: &Option<config::Keyed>| {
            let spec = spec.as_ref()?;
            let table = Arc::clone(tables.get(spec.table.as_str())?);
            Some(Keyed { on: spec.on.clone(), table })
        };
        let frontends = config
            .frontends
            .iter()
            .map(|spec| {
                let known = before.frontends.iter().find(|frontend| *frontend.live.name == *spec.name);
                let maxconn = spec.maxconn.unwrap_or(config.process.maxconn);
                let live = known.map_or_else(
                    || LiveFrontend::new(number(&spec.name), &spec.name, maxconn, workers),
                    |frontend| {
                        let former = frontend.config.maxconn.unwrap_or(state.config.process.maxconn);
                        if former != maxconn {
                            frontend.live.room.resize(maxconn);
                        }
                        Arc::clone(&frontend.live)
                    },
                );
                let listeners = known.map_or(&[][..], |frontend| &frontend.listeners);
                let listeners = LiveListener::all(&spec.bind, listeners, workers);
                Arc::new(Frontend { config: spec.clone(), live, listeners, track: keyed(&spec.track) })
            })
            .collect();
        // Who is tracked now has to be there.
        let tracks =
            || config.backends.iter().flat_map(|of| &of.servers).filter_map(|one| one.track.as_ref());
        state.deleted.retain(|(backend, gone)| {
            !tracks().any(|track| track.backend == *backend && track.server == gone.name)
        });
        let backends = config
            .backends
            .iter()
            .map(|spec| {
                let known = before.backend(&spec.name);
                let live = known.map_or_else(
                    || LiveBackend::new(number(&spec.name), &spec.name, workers),
                    |backend| Arc::clone(&backend.live),
                );
                let servers = servers(spec, known, &live, workers, &mut state.deleted, changes);
                let own = tables.get(spec.name.as_str()).cloned();
                Arc::new(Backend::new(spec.clone(), live, servers, Tables { own, stick: keyed(&spec.stick) }))
            })
            .collect();
        let resolvers = Resolvers::all(&config.resolvers, &before.resolvers);
        Topology { frontends, backends, resolvers }
    }

    fn resize(&self, before: &Config, after: &Config) {
        let process = &self.shared.process;
        // What an operator has set stays, unless the configuration says something else than before.
        if before.process.maxconn != after.process.maxconn {
            process.hard_maxconn.store(after.process.maxconn, Relaxed);
            process.room.resize(after.process.maxconn);
        }
    }
}

/// The stick tables by the names of their backends. One that is configured as before keeps what is in it.
fn tables<'a>(before: &Topology, config: &'a Config) -> HashMap<&'a str, Arc<Table>> {
    let specs =
        config.backends.iter().filter_map(|backend| Some((backend.name.as_str(), backend.table.as_ref()?)));
    specs
        .map(|(name, spec)| {
            let known = before.table(name).filter(|known| known.spec == *spec);
            (name, known.map_or_else(|| Arc::new(Table::new(name.into(), spec)), Arc::clone))
        })
        .collect()
}

/// The numbers of all proxies (HAProxy's `iid`): new ones in the order of the file. A name that is known keeps its number, and the two halves
/// of a `listen` section share one.
fn numbers<'a>(before: &'a Topology, config: &'a Config, next: &mut u32) -> HashMap<&'a str, u32> {
    let frontends = before.frontends.iter().map(|frontend| (&*frontend.live.name, frontend.live.id));
    let backends = before.backends.iter().map(|backend| (&*backend.live.name, backend.live.id));
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

fn servers(
    spec: &config::Backend,
    known: Option<&Arc<Backend>>,
    live: &Arc<LiveBackend>,
    workers: usize,
    deleted: &mut Vec<(String, config::Server)>,
    changes: &mut Changes,
) -> Vec<Arc<Server>> {
    let before = known.map_or(&[][..], |backend| &backend.servers);
    // One that an operator deleted stays away, unless its line says something else now.
    deleted.retain(|(backend, gone)| *backend != spec.name || spec.servers.contains(gone));
    let mut servers: Vec<Arc<Server>> = Vec::with_capacity(spec.servers.len());
    for server in &spec.servers {
        if deleted.iter().any(|(backend, gone)| *backend == spec.name && gone == server) {
            continue;
        }
        if let Some(same) = before.iter().find(|known| *known.name == *server.name) {
            let former =
                known.and_then(|backend| backend.config.servers.iter().find(|old| old.name == server.name));
            if former != Some(server) {
                changes.changed.push(same.full_name());
            }
            same.reconfigure(former, server);
            servers.push(Arc::clone(same));
            continue;
        }
        let taken: Vec<_> = before.iter().chain(&servers).cloned().collect();
        let number = free_number(&taken);
        let new = Server::new(&live.name, number, server, spec.health_start, &live.queue, workers);
        changes.added.push(new.full_name());
        servers.push(new);
    }
    // One that an operator added is not the configuration's to take away.
    let named = |server: &Arc<Server>| spec.servers.iter().any(|spec| *spec.name == *server.name);
    servers.extend(before.iter().filter(|server| server.is_added() && !named(server)).cloned());
    servers
}

fn refuse_restarts(before: &Config, after: &Config) -> Result<(), ApplyError> {
    let sections = [
        ("process.threads", before.process.threads == after.process.threads),
        ("admin", before.admin == after.admin),
        // Who may look at the pages is asked at each request.
        ("stats", Stats { access: after.stats.access.clone(), ..before.stats.clone() } == after.stats),
    ];
    sections
        .into_iter()
        .find(|(_, same)| !same)
        .map_or(Ok(()), |(section, _)| Err(ApplyError::NeedsRestart(section)))
}

// === impl Changes ===

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (word, servers) in
            [("added", &self.added), ("removed", &self.removed), ("changed", &self.changed)]
        {
            if !servers.is_empty() {
                parts.push(format!("servers {word}: {}", servers.join(" ")));
            }
        }
        for (word, count) in [("opened", self.opened), ("closed", self.closed)] {
            if count > 0 {
                parts.push(format!("{count} listeners {word}"));
            }
        }
        if self.logs {
            parts.push("log changed".to_owned());
        }
        if parts.is_empty() { f.write_str("nothing changed") } else { f.write_str(&parts.join(", ")) }
    }
}
