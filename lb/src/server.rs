//! One server of a backend: who it is, what the operator and the checker say of it, what is in flight on it.
//!
//! An `Arc<Server>` outlives snapshots of the topology, so that state and counters survive a reload. The two axes, the operator's
//! order ([`AdminState`]) and the checker's finding ([`Health`]), are kept apart: no result of a check can undo an order. Nothing
//! here decides: only the control side calls what changes a server.

mod agent;
mod check;
mod claim;
mod endpoint;
mod gate;
mod health;
mod orders;
mod queue;
mod status;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;

use crate::config;
use crate::counters::{Gauge, Peak, Tally, millis};
use crate::ids::ServerId;

pub use agent::{AgentCheck, AgentMoved};
pub use check::{CheckPlan, HealthCheck};
pub use claim::{Claim, Refusal};
pub use endpoint::Endpoint;
pub use gate::{AdminState, Gate, Load, Word};
pub use health::{AgentRecord, CheckResult, CheckStatus, Health, HealthChange, HealthRecord};
pub use orders::Orders;
pub use queue::{Queue, Waiting};
pub use status::{AdminBits, Status};

/// A server.
#[derive(Debug)]
pub struct Server {
    /// Its identity in this process.
    pub id: ServerId,
    /// Its backend's name.
    pub backend: Arc<str>,
    /// Its name in the backend.
    pub name: Arc<str>,
    /// Its number in the backend, from 1 (HAProxy's `sid`).
    pub number: u32,
    /// Where it is.
    pub place: Endpoint,
    /// How it is checked.
    pub check: HealthCheck,
    /// How its agent is asked.
    pub agent: AgentCheck,
    /// What the checker and the agent found.
    pub health: Health,
    /// What it has done.
    pub stats: ServerStats,
    /// Requests that wait for this server and no other.
    pub bound: Arc<Queue>,
    gate: Gate,
    /// Who wants what of the order that is in the gate; only control changes both.
    orders: Mutex<Orders>,
    /// The server whose state it follows.
    track: ArcSwapOption<config::TrackConfig>,
    queue: Arc<Queue>,
    weight: AtomicU32,
    initial_weight: AtomicU32,
    maxconn: AtomicU32,
    max_queue: AtomicU32,
    /// How long its slow start takes, milliseconds.
    slow_start: AtomicU64,
    backup: AtomicBool,
    /// What stands for it in its backend's cookie. Requests read it in the snapshot.
    cookie: Mutex<Option<Arc<str>>>,
    /// The configuration says `disabled = true` (HAProxy's `CMAINT` bit).
    disabled_in_config: AtomicBool,
    /// An operator added it: the configuration does not know it.
    added: AtomicBool,
}

/// What a server counts.
#[derive(Debug)]
pub struct ServerStats {
    /// Its counters.
    pub tally: Tally,
    /// Most exchanges in flight at once.
    pub in_flight_max: Peak,
    /// Connections kept idle.
    pub idle: Arc<Gauge>,
}

// === impl Server ===

impl Server {
    /// A server as configured, `disabled` or ready, not yet resolved unless its host is an address.
    pub fn new(
        backend: &Arc<str>,
        number: u32,
        spec: &config::ServerConfig,
        start: config::HealthStart,
        queue: &Arc<Queue>,
        workers: usize,
    ) -> Arc<Self> {
        let order = if spec.disabled { AdminState::Maint } else { AdminState::Ready };
        Arc::new(Self {
            id: ServerId::new(),
            backend: Arc::clone(backend),
            name: spec.name.as_str().into(),
            number,
            place: Endpoint::new(&spec.host, spec.port),
            check: HealthCheck::new(spec.health.as_ref()),
            agent: AgentCheck::new(spec.agent.as_ref()),
            health: Health::new(spec, start),
            stats: ServerStats {
                tally: Tally::new(workers),
                in_flight_max: Peak::default(),
                idle: Arc::default(),
            },
            bound: Arc::default(),
            gate: Gate::new(order),
            orders: Mutex::new(Orders::of_operator(order)),
            track: ArcSwapOption::new(spec.track.clone().map(Arc::new)),
            queue: Arc::clone(queue),
            weight: AtomicU32::new(spec.weight),
            initial_weight: AtomicU32::new(spec.weight),
            maxconn: AtomicU32::new(spec.maxconn),
            max_queue: AtomicU32::new(spec.max_queue),
            slow_start: AtomicU64::new(millis(spec.slow_start)),
            backup: AtomicBool::new(spec.backup),
            cookie: Mutex::new(spec.cookie.as_deref().map(Arc::from)),
            disabled_in_config: AtomicBool::new(spec.disabled),
            added: AtomicBool::new(false),
        })
    }

    /// `backend/server`, as commands and logs name it.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.backend, self.name)
    }

    /// Takes no claim any more, whatever snapshot a request has of it: it is not in the configuration any longer. What is in flight goes on,
    /// and requests that wait for it look again.
    pub fn retire(&self) {
        self.gate.set_admin(AdminState::Maint);
        self.place.retire_connections();
        self.bound.look_again();
    }

    /// The order in force: the strictest of [`Server::orders`].
    pub fn admin(&self) -> AdminState {
        self.gate.load().admin
    }

    /// What the operator and others want of it.
    pub fn orders(&self) -> Orders {
        *self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server whose state it follows.
    pub fn track(&self) -> Option<Arc<config::TrackConfig>> {
        self.track.load_full()
    }

    /// Follows nobody any more, and nobody watches it.
    pub fn stop_tracking(&self) {
        self.track.store(None);
        self.health.reconfigure(&config::ServerConfig::new(&self.name, "", 0), self.admin());
        self.set_orders(Orders { tracked: AdminState::Ready, ..self.orders() });
    }

    /// Whether it follows `other`.
    pub fn tracks(&self, other: &Self) -> bool {
        let track = self.track.load();
        track.as_ref().is_some_and(|track| *track.backend == *other.backend && *track.server == *other.name)
    }

    /// Exchanges in flight (HAProxy's `scur`).
    pub fn in_flight(&self) -> u32 {
        self.gate.load().in_flight
    }

    /// Gives the operator's order; it goes before what the agent has said until now. When this returns, no claim that it forbids can
    /// succeed any more.
    pub fn set_admin(&self, operator: AdminState) -> Load {
        if operator == AdminState::Ready {
            self.disabled_in_config.store(false, Relaxed);
        }
        self.set_orders(Orders { operator, agent: AdminState::Ready, ..self.orders() })
    }

    /// Puts the order of a changed configuration in force: it is newer than the operator's.
    pub fn order_by_config(&self, disabled: bool) {
        self.set_admin(if disabled { AdminState::Maint } else { AdminState::Ready });
        self.disabled_in_config.store(disabled, Relaxed);
    }

    /// Puts orders in force, with the same promise.
    pub fn set_orders(&self, orders: Orders) -> Load {
        *self.orders.lock().unwrap_or_else(PoisonError::into_inner) = orders;
        let admin = orders.in_force();
        let before = self.gate.set_admin(admin);
        self.health.state_changed(before.admin, admin);
        before
    }

    /// Whether the balancer may choose it: ordered ready, found up, weighted, and with a known address.
    pub fn is_usable(&self) -> bool {
        self.admin() == AdminState::Ready
            && self.health.takes_traffic()
            && self.weight() > 0
            && self.place.address().is_some()
    }

    /// Whether it takes clients that are bound to it: it need not be one that the balancer may choose.
    pub fn takes_its_own(&self) -> bool {
        self.admin() != AdminState::Maint && self.health.is_up() && self.place.address().is_some()
    }

    /// What stands for it in its backend's cookie, as configured.
    pub fn cookie(&self) -> Option<Arc<str>> {
        self.cookie.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its share of the traffic now, 0 to 256.
    pub fn weight(&self) -> u32 {
        self.weight.load(Relaxed)
    }

    /// How far it has come in its slow start, per cent; `None` when it is not in one.
    pub fn slow_start_percent(&self) -> Option<u32> {
        let slow_start = Duration::from_millis(self.slow_start.load(Relaxed));
        if slow_start.is_zero() {
            return None;
        }
        let running = self.health.running_again().filter(|running| *running < slow_start)?;
        let percent = running.as_millis() * 100 / slow_start.as_millis().max(1);
        Some(u32::try_from(percent).unwrap_or(100))
    }

    /// Its share of the traffic with its slow start, in units of which `scale` make a weight of 1; at least one unless it is 0.
    pub fn share(&self, scale: u32) -> u32 {
        let whole = self.weight() * scale;
        self.slow_start_percent().map_or(whole, |percent| (whole * percent / 100).max(whole.min(1)))
    }

    /// Its share as configured.
    pub fn initial_weight(&self) -> u32 {
        self.initial_weight.load(Relaxed)
    }

    /// Changes its share.
    pub fn set_weight(&self, weight: u32) {
        self.weight.store(weight, Relaxed);
    }

    /// Most exchanges in flight at once; 0 = no limit.
    pub fn maxconn(&self) -> u32 {
        self.maxconn.load(Relaxed)
    }

    /// Changes the limit.
    pub fn set_maxconn(&self, maxconn: u32) {
        self.maxconn.store(maxconn, Relaxed);
    }

    /// Most requests that may wait for it; 0 = no limit.
    pub fn max_queue(&self) -> u32 {
        self.max_queue.load(Relaxed)
    }

    /// Whether it only serves when no other server can.
    pub fn is_backup(&self) -> bool {
        self.backup.load(Relaxed)
    }

    /// Whether another exchange would fit.
    #[inline]
    pub fn has_room(&self) -> bool {
        let maxconn = self.maxconn();
        maxconn == 0 || self.in_flight() < maxconn
    }

    /// Whether the configuration, not the operator, put it into maintenance, or did so first.
    pub fn is_disabled_in_config(&self) -> bool {
        self.disabled_in_config.load(Relaxed)
    }

    /// Whether an operator added it at run time.
    pub fn is_added(&self) -> bool {
        self.added.load(Relaxed)
    }

    /// Notes that an operator added it.
    pub fn was_added(&self) {
        self.added.store(true, Relaxed);
    }

    /// Takes over what a changed configuration says of it; orders, health and counters stay as they are. A weight, limit or address
    /// that an operator set stays too, unless the configured one differs from what `former` had.
    pub fn reconfigure(&self, former: Option<&config::ServerConfig>, spec: &config::ServerConfig) {
        if self.initial_weight.swap(spec.weight, Relaxed) != spec.weight {
            self.set_weight(spec.weight);
        }
        if former.is_none_or(|former| former.maxconn != spec.maxconn) {
            self.set_maxconn(spec.maxconn);
        }
        self.max_queue.store(spec.max_queue, Relaxed);
        self.slow_start.store(millis(spec.slow_start), Relaxed);
        self.backup.store(spec.backup, Relaxed);
        *self.cookie.lock().unwrap_or_else(PoisonError::into_inner) = spec.cookie.as_deref().map(Arc::from);
        if former.is_none_or(|former| (&former.host, former.port) != (&spec.host, spec.port)) {
            self.place.move_to(&spec.host, spec.port);
        }
        self.added.store(false, Relaxed);
        self.check.reconfigure(spec.health.as_ref());
        self.agent.reconfigure(spec.agent.as_ref());
        self.track.store(spec.track.clone().map(Arc::new));
        // Who says nothing any more wants nothing any more.
        let orders = self.orders();
        let agent = if spec.agent.is_some() { orders.agent } else { AdminState::Ready };
        let tracked = if spec.track.is_some() { orders.tracked } else { AdminState::Ready };
        self.health.reconfigure(spec, self.admin());
        self.set_orders(Orders { operator: orders.operator, agent, tracked });
    }

    /// Waits until nothing is in flight on it, or until it is ordered back; returns the reading that ended the wait.
    pub async fn drained(&self) -> Load {
        loop {
            let changed = self.gate.released();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let load = self.gate.load();
            if load.in_flight == 0 || load.admin == AdminState::Ready {
                return load;
            }
            changed.await;
        }
    }
}
