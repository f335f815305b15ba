//! `/stats.json`: the report for pages and scripts of our own, in words and plain numbers.
//!
//! Times are milliseconds, ages seconds, rates per second. Fields are only ever added.

use serde::Serialize;

use super::VERSION;
use crate::control::Control;
use crate::counters::{Means, Totals};
use crate::server::{Server, Status};
use crate::topology::Backend;

/// The whole report.
#[derive(Debug, Serialize)]
pub struct Report {
    version: &'static str,
    uptime: u64,
    stopping: bool,
    connections: u64,
    maxconn: u32,
    dropped_logs: u64,
    frontends: Vec<FrontendReport>,
    backends: Vec<BackendReport>,
}

#[derive(Debug, Serialize)]
struct FrontendReport {
    name: String,
    addresses: Vec<String>,
    connections: u64,
    request_rate: u64,
    requests: u64,
    request_errors: u64,
    responses: [u64; 6],
}

#[derive(Debug, Serialize)]
struct BackendReport {
    name: String,
    balance: String,
    up: bool,
    in_flight: u64,
    queued: u64,
    request_rate: u64,
    requests: u64,
    responses: [u64; 6],
    retries: u64,
    redispatches: u64,
    errors: u64,
    mean: MeanReport,
    servers: Vec<ServerReport>,
}

#[derive(Debug, Serialize)]
struct ServerReport {
    name: String,
    address: Option<String>,
    status: String,
    state: &'static str,
    since: u64,
    backup: bool,
    weight: u32,
    in_flight: u32,
    maxconn: u32,
    idle: u64,
    request_rate: u64,
    requests: u64,
    responses: [u64; 6],
    errors: u64,
    mean: MeanReport,
    check: Option<CheckReport>,
}

#[derive(Debug, Serialize)]
struct CheckReport {
    status: String,
    meaning: &'static str,
    code: Option<u16>,
    took: u64,
    detail: String,
}

#[derive(Debug, Serialize)]
struct MeanReport {
    queue: u64,
    connect: u64,
    response: u64,
    total: u64,
}

/// The report at this moment.
pub fn report(control: &Control) -> Report {
    let shared = control.shared();
    let (process, topology, addresses) = (&shared.process, control.topology(), control.addresses());
    let frontends = topology.frontends.iter().map(|frontend| {
        let (live, totals) = (&frontend.live, frontend.live.tally.totals());
        let mine = addresses.iter().filter(|(name, _)| **name == *live.name);
        FrontendReport {
            name: live.name.to_string(),
            addresses: mine.map(|(_, address)| address.to_string()).collect(),
            connections: live.sessions.get(),
            request_rate: live.tally.request_rate().0,
            requests: totals.requests,
            request_errors: totals.request_errors,
            responses: totals.responses,
        }
    });
    Report {
        version: VERSION,
        uptime: process.started.elapsed().as_secs(),
        stopping: process.is_stopping(),
        connections: process.connections.get(),
        maxconn: process.maxconn.load(std::sync::atomic::Ordering::Relaxed),
        dropped_logs: control.log().dropped(),
        frontends: frontends.collect(),
        backends: topology.backends.iter().map(|backend| self::backend(backend)).collect(),
    }
}

fn backend(backend: &Backend) -> BackendReport {
    let (live, totals) = (&backend.live, backend.live.tally.totals());
    BackendReport {
        name: live.name.to_string(),
        balance: super::rows::algorithm(&backend.config.balance),
        up: backend.is_up(),
        in_flight: live.sessions.get(),
        queued: live.queue.waiting().get(),
        request_rate: live.tally.request_rate().0,
        requests: totals.requests,
        responses: totals.responses,
        retries: totals.retries,
        redispatches: totals.redispatches,
        errors: errors(&totals),
        mean: live.tally.means().into(),
        servers: backend.servers.iter().map(|server| self::server(server)).collect(),
    }
}

fn server(server: &Server) -> ServerReport {
    let (totals, health) = (server.stats.tally.totals(), server.health.snapshot());
    let status = server.status_with(&health);
    ServerReport {
        name: server.name.to_string(),
        address: server.place.address().map(|address| address.to_string()),
        status: status.to_string(),
        state: state(status),
        since: health.standing.since().elapsed().as_secs(),
        backup: server.is_backup(),
        weight: server.weight(),
        in_flight: server.in_flight(),
        maxconn: server.maxconn(),
        idle: server.stats.idle.get(),
        request_rate: server.stats.tally.request_rate().0,
        requests: totals.requests,
        responses: totals.responses,
        errors: errors(&totals),
        mean: server.stats.tally.means().into(),
        check: health.last.map(|last| CheckReport {
            status: last.status.to_string(),
            meaning: last.status.meaning(),
            code: last.code,
            took: u64::try_from(last.took.as_millis()).unwrap_or(u64::MAX),
            detail: last.detail,
        }),
    }
}

/// One word, without numbers, for colours and filters.
fn state(status: Status) -> &'static str {
    match status {
        Status::Up { failing: None } | Status::NoCheck => "up",
        Status::Up { failing: Some(_) } => "failing",
        Status::Down { .. } => "down",
        Status::Drain { .. } => "drain",
        Status::Maint => "maint",
        Status::Unresolved => "unresolved",
    }
}

fn errors(totals: &Totals) -> u64 {
    totals.connect_errors + totals.response_errors
}

impl From<Means> for MeanReport {
    fn from(means: Means) -> Self {
        let Means { queue_time, connect_time, response_time, total_time } = means;
        Self { queue: queue_time, connect: connect_time, response: response_time, total: total_time }
    }
}
