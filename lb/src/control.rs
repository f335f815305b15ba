//! The only writer of state: the runtime socket, signals, checks, discovery and reloads all come through here.
//!
//! Every method changes the servers, makes the rotation anew, swaps the snapshot, tells whom it concerns and logs who asked, in this
//! order. Nothing here waits for the data side, and nothing on the data side waits for this.

mod agents;
mod amount;
mod apply;
pub mod descriptors;
mod event;
#[cfg(test)]
pub(crate) mod fixture;
mod frontends;
mod journal;
mod listeners;
mod members;
mod rebuild;
mod reload;
mod stop;
mod tables;
mod tracks;
mod watches;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::{self, Config};
use crate::ids::BackendId;
use crate::log::Log;
use crate::readers::Readers;
use crate::server::{AdminState, CheckResult, CheckStatus, HealthChange, HealthRecord, Load, Server};
use crate::topology::{LiveBackend, LiveFrontend, Shared, Topology, WorkerCommand};

pub use agents::AgentAnswer;
pub use amount::{limit_from, weight_from};
pub use apply::{ApplyError, Changes};
use event::BackendCounts;
pub use event::{Event, Origin};
pub use frontends::FrontendError;
use journal::Journal;
pub use journal::Record;
use listeners::Listeners;
pub use members::DeleteError;
use rebuild::Rebuilds;
pub use watches::{Watches, jittered, rest_after, spread};

/// The door for writes.
#[derive(Debug)]
pub struct Control {
    me: Weak<Self>,
    shared: Arc<Shared>,
    log: Log,
    /// Backends that have lost their last server since the last event was told.
    lost: Mutex<Vec<Arc<str>>>,
    /// Rises with every change; whoever follows the topology waits on it.
    generation: watch::Sender<u64>,
    state: Mutex<WriterState>,
    journal: Mutex<Journal>,
    /// Held by a reload: the next one waits.
    reloading: tokio::sync::Mutex<()>,
    readers: Readers,
    /// Cancelled when the process begins to stop.
    stop_begun: CancellationToken,
}

/// What only writers need.
#[derive(Debug)]
struct WriterState {
    config: Config,
    listeners: Listeners,
    /// Servers that an operator took away although the configuration has them.
    deleted: Vec<(String, config::ServerConfig)>,
    /// The next `iid`.
    next_id: u32,
    rebuilds: Rebuilds,
}

// === impl Control ===

impl Control {
    /// A control over `shared`, which has no topology yet: [`Control::apply`] gives it one.
    pub fn new(shared: Arc<Shared>, config: &Config, log: Log) -> Arc<Self> {
        let nothing = Config { frontends: Vec::new(), backends: Vec::new(), ..config.clone() };
        // HAProxy's first configured proxy is number 2: 1 is its own socket.
        let state = WriterState {
            config: nothing,
            listeners: Listeners::default(),
            deleted: Vec::new(),
            next_id: 2,
            rebuilds: Rebuilds::default(),
        };
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            shared,
            log,
            lost: Mutex::default(),
            generation: watch::Sender::new(0),
            state: Mutex::new(state),
            journal: Mutex::default(),
            reloading: tokio::sync::Mutex::default(),
            readers: Readers::default(),
            stop_begun: CancellationToken::new(),
        })
    }

    /// What the data side and the control side share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The snapshot in force.
    pub fn topology(&self) -> Arc<Topology> {
        self.shared.topology.load_full()
    }

    /// The configuration in force.
    pub fn config(&self) -> Config {
        self.state().config.clone()
    }

    /// Who may see the pages.
    pub fn access(&self) -> config::Access {
        self.state().config.stats.access.clone()
    }

    /// Its `[process]`.
    pub fn process_config(&self) -> config::ProcessLimits {
        self.state().config.process.clone()
    }

    /// The log, for its state.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The readers of reports, over all pages and runtime sockets.
    pub fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Frontends and the addresses they really listen on.
    pub fn addresses(&self) -> Vec<(Arc<str>, SocketAddr)> {
        self.state().listeners.addresses()
    }

    /// A receiver that sees every change of state from now on.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Gives the operator's order for a server. When this returns, no request that the order forbids can reach it any more.
    pub fn set_admin(&self, server: &Arc<Server>, admin: AdminState, origin: &Origin) -> Load {
        let state = self.state();
        let load = self.put_in_force(&state, server, origin, |server| server.set_admin(admin));
        self.follow(&state, server);
        load
    }

    /// Changes a server's orders, with all that follows from the one in force but for those that track it.
    fn put_in_force(
        &self,
        state: &MutexGuard<'_, WriterState>,
        server: &Arc<Server>,
        origin: &Origin,
        change: impl FnOnce(&Server) -> Load,
    ) -> Load {
        let (before, was_up) = (server.orders(), server.health.snapshot().is_up());
        let load = change(server);
        let after = server.orders();
        if after.in_force() == AdminState::Maint {
            server.place.retire_connections();
            self.shared.workers.broadcast(|| WorkerCommand::CloseIdle(server.id));
        }
        self.refresh(state, server);
        if before != after {
            self.emit(&Event::Ordered { server, before, after, was_up, in_flight: load.in_flight, origin });
        }
        load
    }

    /// Changes a server's share of the traffic, 0 to 256.
    pub fn set_weight(&self, server: &Arc<Server>, weight: u32, origin: &Origin) {
        let state = self.state();
        let before = server.weight();
        server.set_weight(weight);
        self.refresh(&state, server);
        if before != weight {
            self.emit(&Event::Weighed { server, before, weight, origin });
        }
    }

    /// Changes how many exchanges may be in flight on a server; 0 = no limit.
    pub fn set_maxconn(&self, server: &Arc<Server>, maxconn: u32, origin: &Origin) {
        let state = self.state();
        let before = server.maxconn();
        server.set_maxconn(maxconn);
        self.refresh(&state, server);
        if before != maxconn {
            self.emit(&Event::Limited { server, before, maxconn, origin });
        }
    }

    /// Moves a server to another host and port; returns whether it was elsewhere. One that gets another name stays at its address until that
    /// name has been looked up.
    pub fn set_place(&self, server: &Arc<Server>, host: &str, port: u16, origin: &Origin) -> bool {
        let state = self.state();
        let (before, epoch) = (server.place.named(), server.place.connection_generation());
        let moved = server.place.move_to(host, port);
        if moved {
            if server.place.connection_generation() != epoch {
                self.shared.workers.broadcast(|| WorkerCommand::CloseIdle(server.id));
            }
            self.refresh(&state, server);
            self.emit(&Event::Moved { server, before: &before, place: (host, port), origin });
            self.follow(&state, server);
        }
        moved
    }

    /// Switches a server's checks on or off; what they found last stays in force. A server in maintenance is not checked either way.
    pub fn set_checks(&self, server: &Arc<Server>, on: bool, origin: &Origin) {
        let state = self.state();
        if server.health.pause(!on) {
            self.switched(&state, server, "checks", on, origin);
        }
    }

    /// What watches a server, `whose`, has been switched on or off.
    fn switched(
        &self,
        state: &MutexGuard<'_, WriterState>,
        server: &Arc<Server>,
        whose: &'static str,
        on: bool,
        origin: &Origin,
    ) {
        self.refresh(state, server);
        let what = if on { "switched on" } else { "switched off" };
        self.emit(&Event::Watched { server, whose, what, origin });
        self.follow(state, server);
    }

    /// Takes a server for up or down until its checks find otherwise, if there are any; one in maintenance stays as it is.
    pub fn force_health(&self, server: &Arc<Server>, up: bool, origin: &Origin) {
        let state = self.state();
        let verdict = server.health.force(server.admin(), up);
        self.forced(&state, server, verdict, origin);
    }

    fn forced(
        &self,
        state: &MutexGuard<'_, WriterState>,
        server: &Arc<Server>,
        verdict: HealthChange,
        origin: &Origin,
    ) {
        if verdict != HealthChange::Same {
            self.refresh(state, server);
            self.emit(&Event::Forced { server, verdict, origin });
        }
        self.follow(state, server);
    }

    /// Takes the result of a check into account. The operator's order stays whatever the result.
    pub fn checked(&self, server: &Arc<Server>, result: CheckResult) {
        let (text, former) = (result.clone(), server.health.snapshot().version);
        self.found(server, &text, false, |server| server.health.record(server.admin(), result));
        if let (Some(before), Some(version)) = (former, &text.version)
            && before != *version
            && server.admin() != AdminState::Maint
        {
            self.emit(&Event::Deployed { server, before: &before, version });
        }
    }

    /// Takes a finding of a server's checks, or of its agent, into account, with all that follows from it.
    fn found(
        &self,
        server: &Arc<Server>,
        result: &CheckResult,
        by_agent: bool,
        take: impl FnOnce(&Server) -> HealthChange,
    ) {
        let (before, known) = (server.status(), server.health.snapshot());
        let verdict = take(server);
        if self.log.sinks().any(|log| log.health_checks) {
            self.say_probed(server, &known, result, by_agent);
        }
        if verdict != HealthChange::Same {
            let mut state = self.state();
            self.refresh_soon(&mut state, server);
            self.emit(&Event::Checked { server, verdict, was_stopping: known.stopping, result });
            if verdict == HealthChange::WentDown {
                self.leave(server, !by_agent && result.is_silence());
            }
            self.follow(&state, server);
        } else if server.status() != before {
            let state = self.state();
            // Nothing for the balancer, but somebody may wait for full health.
            self.generation.send_modify(|generation| *generation += 1);
            self.follow(&state, server);
        }
    }

    /// Has requests that wait for a server that has gone down leave it, if nothing is lost by that; with `silent`, the others end. It comes
    /// after the rotation without the server is in force, so that none of them comes back to it.
    fn leave(&self, server: &Server, silent: bool) {
        self.shared.workers.broadcast(|| WorkerCommand::Down { server: server.id, silent });
    }

    /// Says what a check found, if that is another finding or another health than before.
    fn say_probed(&self, server: &Server, before: &HealthRecord, result: &CheckResult, by_agent: bool) {
        let health = server.health.snapshot();
        let status = |last: &Option<CheckResult>| last.as_ref().map(|last| last.status);
        // An agent's word counts at once.
        let (level, rise, fall, changed) = if by_agent {
            let changed = status(&health.agent.last) != status(&before.agent.last);
            (u32::from(health.agent.up), 1, 1, changed || health.agent.up != before.agent.up)
        } else {
            let changed = status(&health.last) != status(&before.last);
            (health.level, health.rise, health.fall, changed || health.level != before.level)
        };
        if changed && !matches!(result.status, CheckStatus::Checked) {
            self.emit(&Event::Probed { server, result, by_agent, level, rise, fall });
        }
    }

    /// Notes that a look-up failed: last good addresses stay.
    pub fn unresolved(&self) {
        self.shared.process.failed_lookups.add_shared(1);
    }

    /// Gives a server an address that its name `host` has; returns whether it was elsewhere. Nothing happens when the server has got another
    /// name while this one was being looked up.
    pub fn resolved(&self, server: &Arc<Server>, host: &str, address: SocketAddr) -> bool {
        let state = self.state();
        if server.place.named().0 != host {
            return false;
        }
        let before = server.place.address();
        let moved = server.place.set_address(Some(address));
        if moved {
            self.shared.workers.broadcast(|| WorkerCommand::CloseIdle(server.id));
            self.refresh(&state, server);
            self.emit(&Event::Resolved { server, before, address });
            self.follow(&state, server);
        }
        moved
    }

    /// Ends every exchange on a server at once; its clients' connections are closed without an answer.
    pub fn kill_sessions(&self, server: &Arc<Server>, origin: &Origin) {
        self.shared.workers.broadcast(|| WorkerCommand::KillServer(server.id));
        self.emit(&Event::Killed { server, origin });
    }

    /// Ends one client connection, by the number that [`SessionInfo`](crate::topology::SessionInfo) tells.
    pub fn kill_session(&self, id: u64) {
        self.shared.workers.broadcast(|| WorkerCommand::KillSession(id));
    }

    /// Makes the largest values begin again; with `all`, the sums too. Gauges and states stay.
    pub fn clear_counters(&self, all: bool) {
        let topology = self.topology();
        let frontends =
            topology.frontends.iter().map(|frontend| (&frontend.live.tally, Some(&frontend.live.sessions)));
        let backends =
            topology.backends.iter().map(|backend| (&backend.live.tally, Some(&backend.live.sessions)));
        let servers = topology.servers().map(|server| (&server.stats.tally, None));
        let listeners = topology.frontends.iter().flat_map(|frontend| &frontend.listeners);
        let listeners = listeners.map(|listener| (&listener.tally, Some(&listener.sessions)));
        for (tally, sessions) in frontends.chain(listeners).chain(backends).chain(servers) {
            if all {
                tally.clear();
            } else {
                tally.clear_maxima();
            }
            sessions.inspect(|gauge| gauge.clear_max());
        }
        topology.backends.iter().for_each(|backend| {
            backend.live.queue.waiting().clear_max();
            if all {
                backend.live.forget_downs();
            }
        });
        topology.servers().for_each(|server| {
            server.stats.in_flight_max.clear();
            server.bound.waiting().clear_max();
            if all {
                server.health.forget_counts();
            }
        });
    }

    fn say_stopped(&self, frontend: &LiveFrontend) {
        let connections = frontend.tally.totals().connections;
        self.emit(&Event::Stopped { name: &frontend.name, connections, requests: 0 });
    }

    fn say_ended(&self, backend: &LiveBackend) {
        let requests = backend.tally.totals().requests;
        self.emit(&Event::Stopped { name: &backend.name, connections: 0, requests });
    }

    /// The last events, newest first.
    pub fn journal(&self) -> Vec<Arc<Record>> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).newest_first()
    }

    /// Logs an event, and keeps it for a while.
    pub fn emit(&self, event: &Event<'_>) {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).add(event);
        let lost = std::mem::take(&mut *self.lost.lock().unwrap_or_else(PoisonError::into_inner));
        let scene = self.scene(event);
        self.log.sinks().tell(|log| event::lines(event, scene, &lost, log));
    }

    /// Tells that logs fail, or work again.
    pub fn tell_of_logs(&self) {
        self.log.news().iter().for_each(|text| self.notice(text));
    }

    /// What there is around the server of an event.
    fn scene(&self, event: &Event<'_>) -> BackendCounts {
        let topology = self.topology();
        let backend = event.subject().and_then(|server| topology.backend(&server.backend));
        let Some(backend) = backend else { return BackendCounts::default() };
        let usable = |backup: bool| {
            let counts = |server: &&Arc<Server>| server.is_backup() == backup && server.is_usable();
            backend.servers.iter().filter(counts).count()
        };
        let waiting = backend.live.queue.waiting().get();
        BackendCounts { active: usable(false), backup: usable(true), waiting }
    }

    /// Gives servers in their slow start what is due to them by now. `warming` is what this returned last: backends to look at once more,
    /// since one that has just finished gets its whole share.
    pub fn warm(&self, warming: &[BackendId]) -> Vec<BackendId> {
        let topology = self.topology();
        let now: Vec<_> = topology
            .backends
            .iter()
            .filter(|backend| backend.is_warming())
            .map(|backend| backend.live.id)
            .collect();
        let concerned = |id: BackendId| now.contains(&id) || warming.contains(&id);
        for backend in topology.backends.iter().filter(|backend| concerned(backend.live.id)) {
            let state = self.state();
            self.refresh_backend(&state, &backend.live.name);
        }
        now
    }

    /// Makes the rotation of a server's backend anew and lets everybody know.
    fn refresh(&self, only_writer: &MutexGuard<'_, WriterState>, server: &Server) {
        self.refresh_backend(only_writer, &server.backend);
    }

    fn refresh_backend(&self, _only_writer: &MutexGuard<'_, WriterState>, name: &str) {
        let topology = self.shared.topology.load();
        let backends = topology
            .backends
            .iter()
            .map(|backend| {
                let concerned = *backend.live.name == *name;
                if concerned { Arc::new(backend.refreshed()) } else { Arc::clone(backend) }
            })
            .collect();
        self.swap(topology.with_backends(backends));
    }

    fn swap(&self, topology: Topology) {
        let topology = Arc::new(topology);
        self.shared.topology.store(Arc::clone(&topology));
        for backend in &topology.backends {
            if backend.live.turn(backend.is_up()) {
                let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
                lost.push(Arc::clone(&backend.live.name));
            }
            backend.live.queue.look_again();
            backend.servers.iter().for_each(|server| server.bound.look_again());
        }
        self.generation.send_modify(|generation| *generation += 1);
    }

    fn state(&self) -> MutexGuard<'_, WriterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
