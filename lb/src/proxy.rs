//! One exchange, from a request's head to the last byte of its response.
//!
//! Routing, claims, retries, accounting and the log are in files of their own that know no version of HTTP (`route`, `attempts`,
//! `exchange`, `error`, `access`), and so is the decision where a message ends (`framing`); HTTP/1.1 is `h1`, HTTP/2 `h2`. Nothing here writes to
//! the topology, and nothing is shared between workers but the snapshot and counters.

pub mod access;
mod address;
mod attempts;
mod client;
mod error;
mod exchange;
pub mod h1;
pub mod h2;
mod route;
mod ruled;

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::{ArcSwap, Cache};
use slab::Slab;

use crate::counters::Gauge;
use crate::log::{LineBuffer, LogSinks};
use crate::net::{Unit, Watchdog, lane, limits};
use crate::topology::{Shared, Topology, WorkerCommand};
use crate::upstream::IdleStore;

use client::Rest;

pub use client::{Client, Registered};
pub use error::ProxyError;
pub use exchange::Exchange;

/// What a data worker has for itself: it lives on one thread.
#[derive(Debug)]
pub struct DataWorker {
    /// What all share.
    pub shared: Arc<Shared>,
    /// The snapshot, which is asked for at every request.
    present: RefCell<Cache<Snapshot, Arc<Topology>>>,
    /// Silent connections are found here.
    pub watchdog: Rc<Watchdog>,
    /// Idle connections to servers.
    pub idle: RefCell<IdleStore>,
    /// Connections to servers that exchanges share.
    pub servers: h2::H2Connections,
    /// Buffers for busy connections.
    pool: h1::BufferPool,
    /// Connections that are ready for their next request.
    resting: Cell<usize>,
    /// How many client connections it has or is about to get.
    pub connections: Arc<Gauge>,
    /// Client connections, by place.
    pub clients: RefCell<Slab<Rc<Client>>>,
    /// Lines of the access log.
    lines: Rc<LineBuffer>,
    /// Unix time in seconds, as of the last sweep.
    wall: Cell<u64>,
    /// Processor time that its thread had used at the last sweep.
    used: Cell<Duration>,
    /// Sweeps until idle connections are looked through again.
    until_prune: Cell<u32>,
}

/// Where the snapshot is.
#[derive(Debug)]
struct Snapshot(Arc<Shared>);

// === impl Snapshot ===

impl Deref for Snapshot {
    type Target = ArcSwap<Topology>;

    fn deref(&self) -> &Self::Target {
        &self.0.topology
    }
}

// === impl DataWorker ===

impl DataWorker {
    /// A worker with nothing to do yet.
    pub fn new(shared: Arc<Shared>, connections: Arc<Gauge>, ways: &LogSinks) -> Rc<Self> {
        let pool = h1::BufferPool::new(&shared.process.descriptors);
        let worker = Self {
            present: RefCell::new(Cache::new(Snapshot(Arc::clone(&shared)))),
            shared,
            watchdog: Watchdog::new(Duration::from_millis(100)),
            idle: RefCell::default(),
            servers: h2::H2Connections::default(),
            pool,
            resting: Cell::new(0),
            connections,
            clients: RefCell::default(),
            lines: LineBuffer::new(ways),
            wall: Cell::new(0),
            used: Cell::new(Duration::ZERO),
            until_prune: Cell::new(0),
        };
        worker.read_wall();
        Rc::new(worker)
    }

    /// What a worker does after every sweep: reads the wall clock, hands over lines of the log, and now and then drops idle connections
    /// whose time has come.
    pub fn tick(&self) {
        const SWEEPS: u32 = 8;
        self.read_wall();
        self.count_time();
        self.lines.hand_over();
        if self.resting.get() > 0 {
            self.clients.borrow().iter().for_each(|(_, client)| client.age());
        }
        lane::set_bound(self.shared.process.h2_waiting.load(Relaxed) / self.shared.workers.count().max(1));
        let descriptors = &self.shared.process.descriptors;
        if descriptors.all.is_used_up() || descriptors.spare.is_used_up() {
            // What has become idle meanwhile makes room for requests that wait.
            let _ = (0..32).all(|_| self.make_room());
        }
        let left = self.until_prune.get();
        self.until_prune.set(if left == 0 { SWEEPS } else { left - 1 });
        if left == 0 {
            self.prune();
        }
    }

    /// A descriptor for a connection to a server, within `limit`. When none is left, connections that nobody uses make room: here at
    /// once, on other workers when they hear of it.
    ///
    /// # Errors
    /// The same as the system's when none became free.
    pub(crate) async fn descriptor(&self, limit: Duration) -> io::Result<Unit> {
        let all = &self.shared.process.descriptors.all;
        if let Some(unit) = all.one() {
            return Ok(unit);
        }
        if !self.make_room() {
            self.shared.workers.broadcast(|| WorkerCommand::MakeRoom);
        }
        all.wait(limit).await.ok_or_else(limits::no_descriptor)
    }

    /// Closes pipes that are not in use.
    fn make_pipes_go(&self) {
        self.pool.close_pipes();
    }

    /// Closes pipes, and a connection to a server, that are not in use; says whether there was such a connection.
    pub fn make_room(&self) -> bool {
        self.pool.close_pipes();
        self.idle.borrow_mut().close_one() || self.servers.close_one()
    }

    /// A connection waits for its next request; whether it may keep what it needs for that.
    fn begin_rest(&self, client: &Client) -> bool {
        // More of them would leave holes in the heap when they let go.
        const MOST: usize = 64;
        let may = self.resting.get() < MOST;
        if may {
            self.resting.set(self.resting.get() + 1);
            client.rest.set(Rest::Fresh);
        }
        may
    }

    /// It waits no longer.
    fn end_rest(&self, client: &Client) {
        if client.rest.replace(Rest::None) != Rest::None {
            self.resting.set(self.resting.get() - 1);
        }
    }

    /// Whether exchanges are logged.
    fn logs(&self) -> bool {
        self.lines.are_wanted()
    }

    /// Exchanges are logged these ways from now on: those that end, if their request was noted.
    pub fn log_to(&self, ways: &LogSinks) {
        self.lines.turn_to(ways);
    }

    /// Unix time in seconds, as of the last sweep.
    fn wall(&self) -> u64 {
        self.wall.get()
    }

    fn prune(&self) {
        let topology = self.shared.topology.load();
        let limit = |key| {
            let owner = topology
                .backends
                .iter()
                .find(|backend| backend.servers.iter().any(|server| server.id == key));
            // A server that is gone needs no connections.
            owner
                .map_or((Duration::ZERO, 0), |backend| (backend.config.idle_timeout, backend.config.max_idle))
        };
        self.idle.borrow_mut().prune(limit);
        self.servers.prune(|key| limit(key).0);
    }

    /// Adds the processor time that this thread has used since the last sweep.
    fn count_time(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let now = Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default());
        let used = now.saturating_sub(self.used.replace(now));
        self.shared.process.worker_time.add_shared(u64::try_from(used.as_micros()).unwrap_or(u64::MAX));
    }

    fn read_wall(&self) {
        self.wall.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
    }
}
