//! `/stats.json`: the report for pages and scripts of our own, in words and plain numbers.
//!
//! Times are milliseconds, ages seconds, rates per second. Fields are only ever added.

use serde::Serialize;

use super::VERSION;
use crate::control::Control;
use crate::counters::{Means, Totals};
use crate::server::{HealthRecord, Server, Status};
use crate::topology::Backend;

/// The whole report.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) version: &'static str,
    pub(crate) uptime: u64,
    pub(crate) stopping: bool,
    pub(crate) connections: u64,
    pub(crate) maxconn: u32,
    pub(crate) dropped_logs: u64,
    pub(crate) frontends: Vec<FrontendReport>,
    pub(crate) backends: Vec<BackendReport>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FrontendReport {
    pub(crate) name: String,
    pub(crate) addresses: Vec<String>,
    pub(crate) connections: u64,
    pub(crate) request_rate: u64,
    pub(crate) requests: u64,
    pub(crate) request_errors: u64,
    pub(crate) responses: [u64; 6],
}

#[derive(Debug, Serialize)]
pub(crate) struct BackendReport {
    pub(crate) name: String,
    pub(crate) balance: String,
    pub(crate) up: bool,
    pub(crate) in_flight: u64,
    pub(crate) queued: u64,
    pub(crate) request_rate: u64,
    pub(crate) requests: u64,
    pub(crate) responses: [u64; 6],
    pub(crate) retries: u64,
    pub(crate) redispatches: u64,
    pub(crate) errors: u64,
    pub(crate) mean: MeanReport,
    pub(crate) servers: Vec<ServerReport>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ServerReport {
    pub(crate) name: String,
    pub(crate) address: Option<String>,
    pub(crate) status: String,
    pub(crate) state: &'static str,
    /// Why it is in this state, for people.
    pub(crate) why: String,
    pub(crate) since: u64,
    pub(crate) backup: bool,
    pub(crate) weight: u32,
    pub(crate) in_flight: u32,
    pub(crate) maxconn: u32,
    pub(crate) idle: u64,
    pub(crate) request_rate: u64,
    pub(crate) requests: u64,
    pub(crate) responses: [u64; 6],
    pub(crate) errors: u64,
    pub(crate) mean: MeanReport,
    pub(crate) check: Option<CheckReport>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CheckReport {
    pub(crate) status: String,
    pub(crate) meaning: &'static str,
    pub(crate) code: Option<u16>,
    pub(crate) took: u64,
    pub(crate) detail: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct MeanReport {
    pub(crate) queue: u64,
    pub(crate) connect: u64,
    pub(crate) response: u64,
    pub(crate) total: u64,
}

/// The report at this moment.
pub(crate) fn report(control: &Control) -> Report {
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
        why: why(server, &health, status),
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

fn why(server: &Server, health: &HealthRecord, status: Status) -> String {
    let checked = health.last.as_ref().map(|last| {
        let code = last.code.map(|code| format!(", code {code}")).unwrap_or_default();
        let detail = if last.detail.is_empty() { String::new() } else { format!(": {}", last.detail) };
        format!("{}{code} in {} ms{detail}", last.status.meaning(), last.took.as_millis())
    });
    let reason = match status {
        Status::Maint if server.is_disabled_in_config() => "disabled in the configuration".to_owned(),
        Status::Maint => "taken out by the operator".to_owned(),
        Status::Unresolved => format!("{} has no address yet", server.place.named().0),
        Status::NoCheck => "no checks are configured".to_owned(),
        Status::Drain { .. } => {
            format!("drained by the operator; {}", checked.as_deref().unwrap_or("not checked yet"))
        }
        _ => checked.unwrap_or_else(|| "not checked yet".to_owned()),
    };
    format!("{reason}, for {} s", health.standing.since().elapsed().as_secs())
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
