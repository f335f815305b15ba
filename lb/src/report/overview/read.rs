//! From the state of the balancer to the document.

use std::time::{Duration, UNIX_EPOCH};

use tokio::time::Instant;

use super::{
    AgentReport, BackendReport, CheckReport, FrontendReport, Latency, Overview, ProcessReport, Rising,
    ServerView, TrafficReport, UNCHECKED,
};
use crate::config::Balance;
use crate::control::Control;
use crate::counters::{Percentiles, Tally, millis};
use crate::report::VERSION;
use crate::report::collect::algorithm;
use crate::report::process::Facts;
use crate::report::readiness::{problems, used};
use crate::server::{AdminState, HealthRecord, Server, Status};
use crate::topology::{self, Topology};

/// Name of a balancing algorithm, as in the configuration where HAProxy has none.
fn balance(balance: &Balance) -> &'static str {
    match balance {
        Balance::Random => "random",
        named => algorithm(named),
    }
}

/// Turns moments of the monotonic clock into Unix time, each always into the same one.
#[derive(Clone, Copy)]
struct Clock {
    started: Instant,
    /// Unix time of the start.
    began: Duration,
}

// === impl Clock ===

impl Clock {
    fn of(control: &Control) -> Self {
        let process = &control.shared().process;
        let began = process.started_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: process.started, began }
    }

    fn unix(self, moment: Instant) -> u64 {
        (self.began + moment.saturating_duration_since(self.started)).as_secs()
    }
}

// === impl Overview ===

impl Overview {
    /// The state now.
    pub fn of(control: &Control) -> Self {
        let topology = control.topology();
        let addresses = control.addresses();
        let frontend = |of: &std::sync::Arc<topology::Frontend>| {
            let mine = addresses.iter().filter(|(name, _)| *name == of.live.name);
            FrontendReport {
                name: of.live.name.to_string(),
                addresses: mine.map(|(_, address)| address.to_string()).collect(),
                backend: of.config.backend.clone(),
                connections: of.live.sessions.get(),
                connections_max: of.live.sessions.max(),
                unserved_total: of.live.tally.totals().unserved,
                traffic: TrafficReport::of(&of.live.tally),
            }
        };
        let (used, clock) = (used(&topology), Clock::of(control));
        Self {
            process: ProcessReport::of(control, &topology),
            frontends: topology.frontends.iter().map(frontend).collect(),
            backends: topology
                .backends
                .iter()
                .map(|of| BackendReport::of(of, used.contains(&*of.live.name), clock))
                .collect(),
            events: control.journal(),
        }
    }
}

impl ProcessReport {
    fn of(control: &Control, topology: &Topology) -> Self {
        let facts = Facts::of(control);
        let problems = problems(control, topology);
        Self {
            version: VERSION,
            node: facts.node,
            pid: facts.pid,
            threads: facts.threads,
            uptime_seconds: facts.uptime.as_secs(),
            idle_percent: facts.idle,
            ready: problems.is_empty(),
            not_ready: problems.iter().map(|problem| problem.text.clone()).collect(),
            problems,
            stopping: facts.stopping,
            now: Clock::of(control).unix(Instant::now()),
            connections: facts.connections,
            maxconn: facts.maxconn,
            connections_total: facts.connections_total,
            connection_rate: facts.connection_rate,
            requests_total: facts.requests_total,
            request_rate: facts.request_rate,
            bytes_out_total: facts.bytes_out,
            dropped_logs_total: facts.dropped_logs,
        }
    }
}

impl BackendReport {
    fn of(backend: &topology::Backend, used: bool, clock: Clock) -> Self {
        let live = &backend.live;
        Self {
            name: live.name.to_string(),
            status: if backend.is_up() { "UP" } else { "DOWN" },
            since_seconds: live.standing().since().elapsed().as_secs(),
            since: clock.unix(live.standing().since()),
            balance: balance(&backend.config.balance),
            used,
            usable: backend.servers.iter().filter(|server| server.is_usable()).count(),
            in_flight: live.sessions.get(),
            queue: live.queue.waiting().get(),
            queue_max: live.queue.waiting().max(),
            latency: Latency::of(&live.tally),
            traffic: TrafficReport::of(&live.tally),
            servers: backend.servers.iter().map(|server| ServerView::of(server, clock)).collect(),
        }
    }
}

impl ServerView {
    fn of(server: &Server, clock: Clock) -> Self {
        let health = server.health.snapshot();
        let status = server.status_with(&health);
        let (host, port) = server.place.named();
        let maxconn = server.maxconn();
        Self {
            name: server.name.to_string(),
            host: format!("{host}:{port}"),
            address: server.place.address().map(|address| address.to_string()),
            version: health.version.clone(),
            status: status.to_string(),
            state: state(&status),
            order: server.orders().operator.word(),
            tracks: server.track().map(|track| track.to_string()),
            rising: rising(&status),
            reason: reason(server, &status, &health),
            since_seconds: health.changed_at.elapsed().as_secs(),
            since: clock.unix(health.changed_at),
            weight: server.weight(),
            weight_in_force: server.share(1),
            weight_configured: server.initial_weight(),
            backup: server.is_backup(),
            in_flight: server.in_flight(),
            in_flight_max: server.stats.in_flight_max.get(),
            maxconn: (maxconn > 0).then_some(maxconn),
            idle_connections: server.stats.idle.get(),
            check: CheckReport::of(&health, clock),
            agent: AgentReport::of(server, &health, clock),
            latency: Latency::of(&server.stats.tally),
            traffic: TrafficReport::of(&server.stats.tally),
        }
    }
}

impl CheckReport {
    fn of(health: &HealthRecord, clock: Clock) -> Option<Self> {
        let last = health.last.as_ref()?;
        Some(Self {
            status: last.status.to_string(),
            meaning: last.status.meaning(),
            passed: last.status.is_pass(),
            code: last.code,
            text: last.detail.clone(),
            duration_ms: millis(last.took),
            age_seconds: health.last_at.map_or(0, |at| at.elapsed().as_secs()),
            at: health.last_at.map_or(0, |at| clock.unix(at)),
            failures_total: health.failures,
            downs_total: health.standing.downs(),
        })
    }

    /// What it found, on one line, without its age.
    pub fn summary(&self) -> String {
        let code = self.code.map(|code| format!(" {code}")).unwrap_or_default();
        let text = if self.text.is_empty() { self.meaning } else { &self.text };
        format!("{text} ({}{code} in {} ms)", self.status, self.duration_ms)
    }
}

impl AgentReport {
    fn of(server: &Server, health: &HealthRecord, clock: Clock) -> Option<Self> {
        let agent = &health.agent;
        let last = agent.last.as_ref().filter(|_| agent.is_watched())?;
        let text = if agent.said.is_empty() { last.explained() } else { &agent.said };
        Some(Self {
            status: last.status.to_string(),
            order: server.orders().agent.word(),
            up: agent.up,
            text: text.to_owned(),
            duration_ms: millis(last.took),
            age_seconds: agent.last_at.map_or(0, |at| at.elapsed().as_secs()),
            at: agent.last_at.map_or(0, |at| clock.unix(at)),
        })
    }

    /// What it said, on one line, without its age.
    pub fn summary(&self) -> String {
        format!("agent said: {}", self.text)
    }
}

impl Latency {
    fn of(tally: &Tally) -> Option<Self> {
        let Percentiles { count, p50, p90, p99, p999 } = tally.percentiles()?;
        // Whole microseconds: more would only look exact.
        let millis = |took: Duration| (took.as_secs_f64() * 1e6).round() / 1e3;
        Some(Self {
            count,
            p50_ms: millis(p50),
            p90_ms: millis(p90),
            p99_ms: millis(p99),
            p999_ms: millis(p999),
        })
    }
}

impl TrafficReport {
    fn of(tally: &Tally) -> Self {
        let (totals, means, (rate, rate_max)) = (tally.totals(), tally.means(), tally.request_rate());
        Self {
            requests_total: totals.requests,
            request_rate: rate,
            request_rate_max: rate_max,
            responses: totals.responses,
            errors_total: totals.request_errors
                + totals.connect_errors
                + totals.response_errors
                + totals.server_aborts,
            retries_total: totals.retries,
            client_aborts_total: totals.client_aborts,
            bytes_in_total: totals.bytes_in,
            bytes_out_total: totals.bytes_out,
            queue_ms: means.queue_time,
            connect_ms: means.connect_time,
            response_ms: means.response_time,
            total_ms: means.total_time,
        }
    }
}

fn state(status: &Status) -> &'static str {
    match status {
        Status::Up { failing: None } | Status::NoCheck => "up",
        Status::Up { failing: Some(_) } => "partial",
        Status::Down { .. } | Status::DownByAgent => "down",
        Status::Drain { .. } | Status::DrainWithAgent | Status::Stopping { .. } => "drain",
        Status::Maint | Status::MaintVia(_) | Status::Unresolved => "maint",
    }
}

fn rising(status: &Status) -> Option<Rising> {
    match *status {
        Status::Down { rising: Some((passed, needed)) } => Some(Rising { passed, needed }),
        _ => None,
    }
}

fn reason(server: &Server, status: &Status, health: &HealthRecord) -> Option<String> {
    let orders = server.orders();
    let track = server.track().filter(|_| !matches!(status, Status::Maint | Status::Unresolved));
    if let Some(track) = track.filter(|_| orders.forced() == AdminState::Ready) {
        return Some(format!("in the state of {track}, which it tracks"));
    }
    let by_agent = orders.agent > orders.operator;
    let text = match status {
        Status::Maint | Status::MaintVia(_) if by_agent => "taken out by its agent",
        Status::Drain { .. } | Status::DrainWithAgent if by_agent => {
            "drained by its agent: finishing current requests"
        }
        Status::DownByAgent => "reported down by its agent",
        Status::Maint if server.is_disabled_in_config() => "disabled in the configuration",
        Status::Maint | Status::MaintVia(_) => "taken out by the operator",
        Status::Unresolved => "its name has never resolved",
        Status::Down { rising: Some(_) } => "checks have begun to pass",
        Status::Down { .. } if health.held => "marked down by the operator; checks are off",
        Status::Down { rising: None } if health.last.is_none() => UNCHECKED,
        Status::Down { rising: None } => "checks fail",
        Status::Stopping { .. } => "finishing current requests: check answered 404, or ordered",
        Status::Drain { .. } | Status::DrainWithAgent => {
            "drained by the operator: finishing current requests"
        }
        _ if server.weight() == 0 => "weight 0: no new requests",
        Status::Up { failing: Some(_) } if health.last.as_ref().is_none_or(|last| last.status.is_pass()) => {
            UNCHECKED
        }
        Status::Up { failing: Some(_) } => "checks have begun to fail",
        Status::NoCheck => "not checked",
        Status::Up { failing: None } => return None,
    };
    Some(text.to_owned())
}
