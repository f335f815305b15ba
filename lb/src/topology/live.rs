//! What outlives a snapshot: counters, queues and limits, and the one place that holds them all.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::{ConnectionLimit, LastReload, Pace, RejectedMessage, RejectedMessageSlot, Topology, Workers};
use crate::config;
use crate::counters::{Counter, Gauge, Tally, UptimeStats};
use crate::ids::BackendId;
use crate::net::Descriptors;
use crate::server::{Queue, Server};

/// The living part of a frontend.
#[derive(Debug)]
pub struct LiveFrontend {
    /// A number of its own in this process, HAProxy's `iid`.
    pub id: u32,
    /// Its name.
    pub name: Arc<str>,
    /// Its counters.
    pub tally: Tally,
    /// Client connections.
    pub sessions: Gauge,
    /// How many of them there may be.
    pub room: ConnectionLimit,
    /// The last bad request.
    pub captured: RejectedMessageSlot,
    open: AtomicU8,
}

/// Whether a frontend takes connections: the operator's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ListenState {
    /// It does.
    Yes,
    /// Its addresses refuse connections for now; those that it has go on (HAProxy's `PAUSED`).
    Paused,
    /// It was shut down, for good (HAProxy's `STOP`).
    Stopped,
}

/// The living part of a backend.
#[derive(Debug)]
pub struct LiveBackend {
    /// Its identity in this process, HAProxy's `iid`.
    pub id: BackendId,
    /// Its name.
    pub name: Arc<str>,
    /// Its counters.
    pub tally: Tally,
    /// Exchanges, waiting ones included.
    pub sessions: Gauge,
    /// Requests that wait for a server.
    pub queue: Arc<Queue>,
    /// Whose turn it is.
    pub cursor: AtomicUsize,
    /// The operator has taken it out of every route (HAProxy's `UNPUB`).
    pub unpublished: AtomicBool,
    /// The last bad response.
    pub captured: RejectedMessageSlot,
    dynamic: Mutex<DynamicCookie>,
    standing: Mutex<UptimeStats>,
}

/// What an operator said about cookies that are made of addresses; nothing: what the configuration says.
#[derive(Debug, Clone, Default)]
pub struct DynamicCookie {
    /// Whether they are made.
    pub on: Option<bool>,
    /// The secret that they are made with.
    pub key: Option<String>,
}

/// The process as a whole.
#[derive(Debug)]
pub struct ProcessState {
    /// When it started.
    pub started: Instant,
    /// When it started, for people.
    pub started_at: SystemTime,
    /// From the start until it served; set once.
    pub boot: OnceLock<Duration>,
    /// Client connections now.
    pub connections: Gauge,
    /// Times that a client had to wait because `maxconn` was reached.
    pub full: Counter,
    /// Bad requests and responses that were captured.
    pub captures: AtomicU64,
    /// Look-ups of server names that failed.
    pub failed_lookups: Counter,
    /// Processor time that the data workers have used, in microseconds, as of their last sweeps.
    pub worker_time: Counter,
    /// Set when the process no longer wants traffic: readiness says 503.
    pub stopping: AtomicBool,
    /// Those who let clients in: a client that is about to come in is not forgotten by a process that stops.
    pub doors: TaskTracker,
    /// Client connections allowed at once.
    pub room: ConnectionLimit,
    /// Descriptors for connections to servers, and for pipes.
    pub descriptors: Arc<Descriptors>,
    /// Bytes that may wait for clients of HTTP/2 that do not read.
    pub h2_waiting: AtomicUsize,
    /// What failed because it was short of something.
    pub shortages: Shortages,
    /// The most that may be allowed at run time: what the configuration says.
    pub hard_maxconn: AtomicU32,
    /// Client connections allowed in a second.
    pub connection_pace: Pace,
    /// Sessions allowed in a second: of HTTP, they are connections.
    pub session_pace: Pace,
    /// What came of reading the configuration again.
    pub last_reload: LastReload,
}

/// What failed because this process, or its machine, was short of descriptors, memory or ports.
#[derive(Debug, Default)]
pub struct Shortages {
    /// Clients could not be accepted.
    pub accepts: Counter,
    /// Connections to servers could not be made.
    pub connects: Counter,
    /// Checks could not be made.
    pub checks: Counter,
}

/// Where the data side and the control side meet.
#[derive(Debug)]
pub struct Shared {
    /// The snapshot in force.
    pub topology: ArcSwap<Topology>,
    /// The data workers.
    pub workers: Workers,
    /// The process.
    pub process: ProcessState,
}

// === impl LiveFrontend ===

impl LiveFrontend {
    /// A frontend that has seen nothing yet.
    pub fn new(id: u32, name: &str, maxconn: u32, workers: usize) -> Arc<Self> {
        Arc::new(Self {
            id,
            name: name.into(),
            tally: Tally::new(workers),
            sessions: Gauge::default(),
            room: ConnectionLimit::new(maxconn),
            captured: RejectedMessageSlot::default(),
            open: AtomicU8::new(ListenState::Yes as u8),
        })
    }

    /// Whether it takes connections.
    pub fn open(&self) -> ListenState {
        match self.open.load(Relaxed) {
            0 => ListenState::Yes,
            1 => ListenState::Paused,
            _ => ListenState::Stopped,
        }
    }

    /// Notes whether it takes connections; opening and closing is the business of who calls this.
    pub fn set_open(&self, open: ListenState) {
        self.open.store(open as u8, Relaxed);
    }
}

// === impl LiveBackend ===

impl LiveBackend {
    /// A backend that has seen nothing yet.
    pub fn new(id: u32, name: &str, workers: usize) -> Arc<Self> {
        Arc::new(Self {
            id: BackendId::new(id),
            name: name.into(),
            tally: Tally::new(workers),
            sessions: Gauge::default(),
            queue: Arc::default(),
            cursor: AtomicUsize::new(0),
            unpublished: AtomicBool::new(false),
            captured: RejectedMessageSlot::default(),
            dynamic: Mutex::default(),
            standing: Mutex::new(UptimeStats::new(true)),
        })
    }
}

impl LiveBackend {
    /// Says whether the backend can take traffic now; returns whether it could until now, and no longer can.
    pub fn turn(&self, running: bool) -> bool {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let downs = standing.downs();
        standing.turn(running);
        standing.downs() > downs
    }

    /// The secret with which cookies are made of addresses now, if they are.
    pub fn dynamic_cookie(&self, spec: &config::Cookie) -> Option<String> {
        let DynamicCookie { on, key } = self.dynamic.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let key = key.or_else(|| spec.dynamic_key.clone());
        key.filter(|_| on.unwrap_or(spec.dynamic))
    }

    /// Changes what an operator said about them.
    pub fn set_dynamic_cookie(&self, change: impl FnOnce(&mut DynamicCookie)) {
        change(&mut self.dynamic.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Counts anew how often it could take no more traffic.
    pub fn forget_downs(&self) {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).forget();
    }

    /// Whether it could take traffic over time.
    pub fn standing(&self) -> UptimeStats {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

// === impl Shared ===

impl Shared {
    /// Keeps a request that was refused.
    pub fn capture_request(&self, frontend: &LiveFrontend, peer: SocketAddr, bytes: &[u8]) {
        let (event, whose) = (self.process.next_capture(), (Arc::clone(&frontend.name), frontend.id));
        frontend.captured.put(RejectedMessage::new(event, peer, whose, None, bytes));
    }

    /// Keeps a response that was refused.
    pub fn capture_response(&self, server: &Server, frontend: &LiveFrontend, peer: SocketAddr, bytes: &[u8]) {
        let topology = self.topology.load();
        let Some(backend) = topology.backend(&server.backend) else { return };
        let known = backend.servers.iter().find(|known| known.id == server.id).cloned();
        let (event, whose) = (self.process.next_capture(), (Arc::clone(&frontend.name), frontend.id));
        backend.live.captured.put(RejectedMessage::new(event, peer, whose, known, bytes));
    }
}

// === impl ProcessState ===

impl ProcessState {
    /// A process that starts now and may hold `maxconn` client connections.
    pub fn new(maxconn: u32) -> Self {
        Self {
            started: Instant::now(),
            started_at: SystemTime::now(),
            boot: OnceLock::new(),
            connections: Gauge::default(),
            full: Counter::default(),
            captures: AtomicU64::new(0),
            failed_lookups: Counter::default(),
            worker_time: Counter::default(),
            stopping: AtomicBool::new(false),
            doors: TaskTracker::new(),
            room: ConnectionLimit::new(maxconn),
            descriptors: Arc::default(),
            h2_waiting: AtomicUsize::new(usize::MAX),
            shortages: Shortages::default(),
            hard_maxconn: AtomicU32::new(maxconn),
            connection_pace: Pace::unlimited(),
            session_pace: Pace::unlimited(),
            last_reload: LastReload::start(),
        }
    }

    /// Client connections allowed at once.
    pub fn maxconn(&self) -> u32 {
        self.room.size()
    }

    /// The most client connections that may be allowed at run time.
    pub fn hard_maxconn(&self) -> u32 {
        self.hard_maxconn.load(Relaxed)
    }

    /// Completes when nobody comes in any more and everybody has left; the listeners have been told to close.
    pub async fn emptied(&self) {
        self.doors.close();
        self.doors.wait().await;
        // Every client connection holds a permit.
        self.room.emptied().await;
    }

    fn next_capture(&self) -> u64 {
        self.captures.fetch_add(1, Relaxed)
    }

    /// Whether it no longer wants traffic.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }
}
