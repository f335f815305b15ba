//! Facts about the process as a whole, read at one moment.
//!
//! Rates are sums over frontends. It refuses to measure: what needs a sampler of its own is not here.

use std::time::{Duration, UNIX_EPOCH};

use crate::control::Control;
use crate::net::limits;

/// The facts.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Name of this balancer: `process.node`, else of this machine.
    pub node: String,
    /// `process.description`.
    pub description: Option<String>,
    /// Number of this process.
    pub pid: u32,
    /// Data workers.
    pub threads: usize,
    /// Since the start.
    pub uptime: Duration,
    /// Unix time of the start, seconds.
    pub started: u64,
    /// The same with its fraction.
    pub began: Duration,
    /// From the start until it served.
    pub boot: Duration,
    /// Share of the workers' time spent waiting since the start, percent.
    pub idle: u64,
    /// Open files allowed; `None` means unlimited or unknown.
    pub open_files: Option<u64>,
    /// Client connections allowed at once.
    pub maxconn: u32,
    /// The same as the configuration says it.
    pub hard_maxconn: u64,
    /// Times that a client had to wait for it.
    pub full: u64,
    /// Client connections now.
    pub connections: u64,
    /// Client connections accepted.
    pub connections_total: u64,
    /// Requests.
    pub requests_total: u64,
    /// Exchanges in flight.
    pub exchanges: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
    /// Those of the last second.
    pub bytes_out_rate: u64,
    /// Connections accepted in the last second.
    pub connection_rate: u64,
    /// The most there were in a second. With several frontends a lower bound: their busiest seconds may differ.
    pub connection_rate_max: u64,
    /// Limit of client connections a second, 0 for none.
    pub connection_limit: u64,
    /// Limit of sessions a second, 0 for none.
    pub session_limit: u64,
    /// Requests in the last second.
    pub request_rate: u64,
    /// Tasks of the control side, and one for each client connection.
    pub tasks: u64,
    /// Tasks of the control side that wait to run.
    pub run_queue: u64,
    /// Listening sockets.
    pub listeners: u64,
    /// Log lines lost.
    pub dropped_logs: u64,
    /// Look-ups of server names that failed.
    pub failed_lookups: u64,
    /// Whether it no longer wants traffic.
    pub stopping: bool,
}

// === impl Facts ===

impl Facts {
    /// Reads them.
    pub fn of(control: &Control) -> Self {
        let (process, workers) = (&control.shared().process, &control.shared().workers);
        let topology = control.topology();
        let config = control.process_config();
        let tallies = || topology.frontends.iter().map(|frontend| &frontend.live.tally);
        let totals: Vec<_> = tallies().map(crate::counters::Tally::totals).collect();
        let rates: Vec<_> = tallies().map(crate::counters::Tally::connection_rate).collect();
        let connection_rate = rates.iter().map(|(now, _)| now).sum();
        let connections = process.connections.get();
        let (tasks, run_queue) = runtime();
        let uptime = process.started.elapsed();
        let began = process.started_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            node: config.node.unwrap_or_else(machine),
            description: config.description,
            pid: std::process::id(),
            threads: workers.count(),
            uptime,
            started: began.as_secs(),
            began,
            boot: process.boot.get().copied().unwrap_or_default(),
            idle: idle(uptime, workers.count(), process.worker_time.get()),
            open_files: limits::open_files(),
            maxconn: process.maxconn(),
            hard_maxconn: config.maxconn as u64,
            full: process.full.get(),
            connections,
            connections_total: totals.iter().map(|totals| totals.connections).sum(),
            requests_total: totals.iter().map(|totals| totals.requests).sum(),
            exchanges: topology.backends.iter().map(|backend| backend.live.sessions.get()).sum(),
            bytes_out: totals.iter().map(|totals| totals.bytes_out).sum(),
            bytes_out_rate: tallies().map(crate::counters::Tally::byte_rate).sum(),
            connection_rate,
            connection_limit: process.connection_pace.limit().into(),
            session_limit: process.session_pace.limit().into(),
            connection_rate_max: rates.iter().map(|(_, most)| *most).fold(connection_rate, u64::max),
            request_rate: tallies().map(|tally| tally.request_rate().0).sum(),
            tasks: tasks + connections,
            run_queue,
            listeners: control.addresses().len() as u64,
            dropped_logs: control.log().dropped(),
            failed_lookups: process.failed_lookups.get(),
            stopping: process.is_stopping(),
        }
    }
}

fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Tasks of the runtime that this is called on, and those of them that wait to run.
fn runtime() -> (u64, u64) {
    tokio::runtime::Handle::try_current().map_or((0, 0), |runtime| {
        let metrics = runtime.metrics();
        (metrics.num_alive_tasks() as u64, metrics.global_queue_depth() as u64)
    })
}

/// Percentage of `uptime` that each of `threads` workers has spent waiting, when all of them have used `used` microseconds.
fn idle(uptime: Duration, threads: usize, used: u64) -> u64 {
    let available = uptime.as_micros() * threads as u128;
    let percent = (u128::from(used) * 100).checked_div(available).unwrap_or(0).min(100);
    100 - u64::try_from(percent).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_what_the_workers_have_not_used() {
        let second = Duration::from_secs(1);
        let cases = [
            (1, 0, 100),
            (1, 250_000, 75),
            (2, 250_000, 88),
            (2, 2_000_000, 0),
            (1, 9_000_000, 0),
            (0, 0, 100),
        ];
        for (threads, used, expected) in cases {
            assert_eq!(idle(second, threads, used), expected, "{threads} threads, {used} µs");
        }
    }
}
