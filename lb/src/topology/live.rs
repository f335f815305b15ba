//! What outlives a snapshot: counters, queues and limits, and the one place that holds them all.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::{Topology, Workers};
use crate::counters::{Counter, Gauge, Standing, Tally};
use crate::server::Queue;

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
}

/// The living part of a backend.
#[derive(Debug)]
pub struct LiveBackend {
    /// A number of its own in this process, HAProxy's `iid`.
    pub id: u32,
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
    standing: Mutex<Standing>,
}

/// The process as a whole.
#[derive(Debug)]
pub struct Process {
    /// When it started.
    pub started: Instant,
    /// When it started, for people.
    pub started_at: SystemTime,
    /// Client connections now.
    pub connections: Gauge,
    /// Look-ups of server names that failed.
    pub failed_lookups: Counter,
    /// Set when the process no longer wants traffic: readiness says 503.
    pub stopping: AtomicBool,
    /// One permit a client connection.
    pub slots: Arc<Semaphore>,
    /// Client connections allowed at once.
    pub maxconn: AtomicU32,
}

/// Where the data side and the control side meet.
#[derive(Debug)]
pub struct Shared {
    /// The snapshot in force.
    pub topology: ArcSwap<Topology>,
    /// The data workers.
    pub workers: Workers,
    /// The process.
    pub process: Process,
}

// === impl LiveFrontend ===

impl LiveFrontend {
    /// A frontend that has seen nothing yet.
    pub fn new(id: u32, name: &str, workers: usize) -> Arc<Self> {
        Arc::new(Self { id, name: name.into(), tally: Tally::new(workers), sessions: Gauge::default() })
    }
}

// === impl LiveBackend ===

impl LiveBackend {
    /// A backend that has seen nothing yet.
    pub fn new(id: u32, name: &str, workers: usize) -> Arc<Self> {
        Arc::new(Self {
            id,
            name: name.into(),
            tally: Tally::new(workers),
            sessions: Gauge::default(),
            queue: Arc::default(),
            cursor: AtomicUsize::new(0),
            standing: Mutex::new(Standing::new(true)),
        })
    }
}

impl LiveBackend {
    /// Says whether the backend can take traffic now.
    pub fn turn(&self, running: bool) {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).turn(running);
    }

    /// Whether it could take traffic over time.
    pub fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

// === impl Process ===

impl Process {
    /// A process that starts now and may hold `maxconn` client connections.
    pub fn new(maxconn: usize) -> Self {
        Self {
            started: Instant::now(),
            started_at: SystemTime::now(),
            connections: Gauge::default(),
            failed_lookups: Counter::default(),
            stopping: AtomicBool::new(false),
            slots: Arc::new(Semaphore::new(maxconn.min(Semaphore::MAX_PERMITS))),
            maxconn: AtomicU32::new(u32::try_from(maxconn).unwrap_or(u32::MAX)),
        }
    }

    /// Client connections allowed at once.
    pub fn maxconn(&self) -> u32 {
        self.maxconn.load(Relaxed)
    }

    /// Whether it no longer wants traffic.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }
}
