//! The whole state in lb's own words, for the status page and for whoever wants plain JSON (`/stats.json`).
//!
//! The field names here are the document's: they are added to, never renamed. Times are milliseconds or seconds, as the names
//! say. It refuses to say the same thing in two fields, and to leave out why a server does not take traffic.

mod read;

use std::sync::Arc;

use serde::Serialize;

use super::readiness::Problem;
use crate::control::{Control, Record};

/// The reason of a server that is not taken for up because none of its checks has ended.
pub const UNCHECKED: &str = "waiting for its first successful check";

/// The document.
#[derive(Debug, Serialize)]
pub struct Overview {
    /// The process.
    pub process: ProcessReport,
    /// Frontends, in file order.
    pub frontends: Vec<FrontendReport>,
    /// Backends, in file order.
    pub backends: Vec<BackendReport>,
    /// What happened last, newest first.
    pub events: Vec<Arc<Record>>,
}

/// The process as a whole.
#[derive(Debug, Serialize)]
pub struct ProcessReport {
    /// The version of lb.
    pub version: &'static str,
    /// Name of this machine.
    pub node: String,
    /// Number of this process.
    pub pid: u32,
    /// Data workers.
    pub threads: usize,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Share of the workers' time spent waiting since the start, percent.
    pub idle_percent: u64,
    /// Whether it takes traffic.
    pub ready: bool,
    /// Why not, in words.
    pub not_ready: Vec<String>,
    /// The same, each with the name of what it is about.
    #[serde(skip)]
    pub problems: Vec<Problem>,
    /// Whether it is stopping.
    pub stopping: bool,
    /// Unix time of this document.
    pub now: u64,
    /// Client connections now.
    pub connections: u64,
    /// Client connections allowed.
    pub maxconn: u32,
    /// Client connections accepted.
    pub connections_total: u64,
    /// Client connections accepted in the last second.
    pub connection_rate: u64,
    /// Requests.
    pub requests_total: u64,
    /// Requests in the last second.
    pub request_rate: u64,
    /// Bytes to clients.
    pub bytes_out_total: u64,
    /// Log lines lost.
    pub dropped_logs_total: u64,
}

/// A frontend.
#[derive(Debug, Serialize)]
pub struct FrontendReport {
    /// Its name.
    pub name: String,
    /// The addresses it really listens on.
    pub addresses: Vec<String>,
    /// The backend that takes its requests.
    pub backend: String,
    /// Client connections now.
    pub connections: u64,
    /// Most client connections at once.
    pub connections_max: u64,
    /// Requests that lb itself answered with 5xx: no server, no room in time, or no response.
    pub unserved_total: u64,
    /// What it counts.
    #[serde(flatten)]
    pub traffic: TrafficReport,
}

/// A backend.
#[derive(Debug, Serialize)]
pub struct BackendReport {
    /// Its name.
    pub name: String,
    /// `UP` or `DOWN`.
    pub status: &'static str,
    /// Seconds in this status.
    pub since_seconds: u64,
    /// Unix time of its beginning.
    #[serde(skip)]
    pub since: u64,
    /// How it picks servers, as HAProxy names it.
    pub balance: &'static str,
    /// Whether a frontend leads to it.
    pub used: bool,
    /// Servers that can take traffic.
    pub usable: usize,
    /// Exchanges now, waiting ones included.
    pub in_flight: u64,
    /// Requests that wait for a server.
    pub queue: u64,
    /// Most that waited at once.
    pub queue_max: u64,
    /// How long its responses take to begin, `null` when none did in the last minute.
    pub latency: Option<Latency>,
    /// What it counts.
    #[serde(flatten)]
    pub traffic: TrafficReport,
    /// Its servers, in file order.
    pub servers: Vec<ServerView>,
}

/// A server.
#[derive(Debug, Serialize)]
pub struct ServerView {
    /// Its name.
    pub name: String,
    /// Host and port as configured or ordered.
    pub host: String,
    /// Its address, when it is known.
    pub address: Option<String>,
    /// The version that its check told.
    pub version: Option<String>,
    /// HAProxy's word for its state.
    pub status: String,
    /// `up`, `partial`, `down`, `drain` or `maint`.
    pub state: &'static str,
    /// The operator's order: `ready`, `drain` or `maint`.
    pub order: &'static str,
    /// The server whose state it shares, as `backend/server`.
    pub tracks: Option<String>,
    /// How far a server that is down has come: checks that have passed, of those that it needs.
    pub rising: Option<Rising>,
    /// Why it is not simply up.
    pub reason: Option<String>,
    /// Seconds since it last began or ceased to run.
    pub since_seconds: u64,
    /// Unix time of that.
    #[serde(skip)]
    pub since: u64,
    /// Its share of the traffic, without its slow start.
    pub weight: u32,
    /// Its share of the traffic now, with its slow start.
    pub weight_in_force: u32,
    /// Its share of the traffic as configured.
    pub weight_configured: u32,
    /// Whether it only serves when no other can.
    pub backup: bool,
    /// Exchanges in flight.
    pub in_flight: u32,
    /// Most at once.
    pub in_flight_max: u64,
    /// How many are allowed, `null` for any number.
    pub maxconn: Option<u32>,
    /// Idle connections kept to it.
    pub idle_connections: u64,
    /// The last check, `null` without checks or before the first.
    pub check: Option<CheckReport>,
    /// The last answer of its agent, `null` without one or before the first.
    pub agent: Option<AgentReport>,
    /// How long its responses take to begin, `null` when none did in the last minute.
    pub latency: Option<Latency>,
    /// What it counts.
    #[serde(flatten)]
    pub traffic: TrafficReport,
}

/// How many checks of a server that is down have passed.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Rising {
    /// Passed one after the other.
    pub passed: u32,
    /// Needed to be up.
    pub needed: u32,
}

/// The last answer of an agent.
#[derive(Debug, Serialize)]
pub struct AgentReport {
    /// HAProxy's name for the result.
    pub status: String,
    /// Its order: `ready`, `drain` or `maint`.
    pub order: &'static str,
    /// Whether it has nothing against the server's being up.
    pub up: bool,
    /// What it said, or why it could not be asked.
    pub text: String,
    /// How long that took.
    pub duration_ms: u64,
    /// How long ago that was.
    pub age_seconds: u64,
    /// Unix time of that.
    #[serde(skip)]
    pub at: u64,
}

/// The last check of a server.
#[derive(Debug, Serialize)]
pub struct CheckReport {
    /// HAProxy's name for the result.
    pub status: String,
    /// What that means.
    pub meaning: &'static str,
    /// Whether it passed.
    pub passed: bool,
    /// The HTTP status seen.
    pub code: Option<u16>,
    /// What was seen besides.
    pub text: String,
    /// How long it took.
    pub duration_ms: u64,
    /// How long ago that was.
    pub age_seconds: u64,
    /// Unix time of that.
    #[serde(skip)]
    pub at: u64,
    /// Checks that failed while the server was up.
    pub failures_total: u64,
    /// Times that the server went down.
    pub downs_total: u64,
}

/// From a request's arrival to its response's head, over the last minute or since `clear counters all`. What got no response counts
/// with the time until its end. Percentiles are within a seventh.
#[derive(Debug, Serialize)]
pub struct Latency {
    /// Exchanges that ended in that time.
    pub count: u64,
    /// Half of them took at most this long.
    pub p50_ms: f64,
    /// Nine of ten.
    pub p90_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// 999 of 1,000.
    pub p999_ms: f64,
}

/// What frontends, backends and servers count.
#[derive(Debug, Serialize)]
pub struct TrafficReport {
    /// Requests.
    pub requests_total: u64,
    /// Requests in the last second.
    pub request_rate: u64,
    /// Most in a second.
    pub request_rate_max: u64,
    /// Responses by class: 1xx to 5xx, then others.
    pub responses: [u64; 6],
    /// Bad requests, failed connections, bad responses and transfers that a server broke.
    pub errors_total: u64,
    /// Attempts after the first.
    pub retries_total: u64,
    /// Transfers that the client gave up.
    pub client_aborts_total: u64,
    /// Bytes from clients.
    pub bytes_in_total: u64,
    /// Bytes to clients.
    pub bytes_out_total: u64,
    /// Mean wait in the queue.
    pub queue_ms: u64,
    /// Mean time to connect.
    pub connect_ms: u64,
    /// Mean time to the response's head.
    pub response_ms: u64,
    /// Mean time of a whole exchange.
    pub total_ms: u64,
}

/// The document as JSON.
pub fn json(control: &Control) -> String {
    serde_json::to_string(&Overview::of(control)).unwrap_or_default()
}
