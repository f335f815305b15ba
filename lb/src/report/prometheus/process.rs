//! Families of the process. What lb does not have is a true zero; what it does not measure is `NaN`.

use super::query::ScrapeQuery;
use super::text::{FamilyHead, MetricKind, MetricValue, MetricsText, label};
use crate::report::VERSION;
use crate::report::process::Facts;

/// The families of the process in the making.
struct ProcessFamilies<'a, 'q> {
    out: &'a mut MetricsText<'q>,
    /// What every series says of the process, where the scrape asks for it.
    description: String,
}

/// What lb does not have.
const NONE: u64 = 0;

/// Writes all of them.
pub(super) fn write(facts: &Facts, query: &ScrapeQuery, out: &mut MetricsText<'_>) {
    let describe = |description: &String| label("desc", description);
    let description = facts.description.as_ref().map(describe).unwrap_or_default();
    let mut out = ProcessFamilies { out, description: String::new() };
    if query.describe {
        out.description.clone_from(&description);
    }
    let files = facts.open_files;
    let (rate, most) = (facts.connection_rate, facts.connection_rate_max);
    out.add("nbthread", facts.threads, "Data workers");
    out.add("nbproc", 1u32, "Processes, always 1");
    out.add("relative_process_id", 1u32, "Number of this process among them, always 1");
    out.add("uptime_seconds", facts.uptime.as_secs(), "Seconds since the start");
    out.add("pool_failures_total", NONE, "Allocations that failed");
    out.add("max_fds", files, "Limit of open files");
    out.add("max_sockets", files, "Limit of sockets");
    out.add("max_connections", facts.maxconn, "Limit of client connections");
    out.add("hard_max_connections", facts.hard_maxconn, "Upper bound of max_connections");
    out.add("current_connections", facts.connections, "Client connections now");
    out.add("connections_total", facts.connections_total, "Client connections so far");
    out.add("requests_total", facts.requests_total, "Requests so far");
    out.add("max_ssl_connections", NONE, "Limit of TLS connections, 0 for none");
    out.add("current_ssl_connections", NONE, "TLS connections now");
    out.add("ssl_connections_total", NONE, "TLS connections so far");
    out.add("max_pipes", NONE, "Limit of pipes");
    out.add("pipes_used_total", NONE, "Pipes in use");
    out.add("pipes_free_total", NONE, "Pipes kept");
    out.add("current_connection_rate", rate, "Client connections in the last second");
    out.add(
        "limit_connection_rate",
        facts.connection_limit,
        "Limit of client connections a second, 0 for none",
    );
    out.add("max_connection_rate", most, "Most client connections in a second");
    out.add("current_session_rate", rate, "Sessions in the last second");
    out.add("limit_session_rate", facts.session_limit, "Limit of sessions a second, 0 for none");
    out.add("max_session_rate", most, "Most sessions in a second");
    out.add("current_ssl_rate", NONE, "TLS connections in the last second");
    out.add("limit_ssl_rate", NONE, "Limit of TLS connections a second, 0 for none");
    out.add("max_ssl_rate", NONE, "Most TLS connections in a second");
    out.add("current_frontend_ssl_key_rate", NONE, "TLS keys computed for clients in the last second");
    out.add("max_frontend_ssl_key_rate", NONE, "Most TLS keys computed for clients in a second");
    out.add("frontend_ssl_reuse", NONE, "Share of TLS sessions of clients that were resumed, percent");
    out.add("current_backend_ssl_key_rate", NONE, "TLS keys computed for servers in the last second");
    out.add("max_backend_ssl_key_rate", NONE, "Most TLS keys computed for servers in a second");
    out.add("ssl_cache_lookups_total", NONE, "Look-ups of TLS sessions");
    out.add("ssl_cache_misses_total", NONE, "Look-ups of TLS sessions that found none");
    out.add("http_comp_bytes_in_total", NONE, "Bytes given to the compressor");
    out.add("http_comp_bytes_out_total", NONE, "Bytes that the compressor made");
    out.add("limit_http_comp", NONE, "Limit of the compressor's input a second, 0 for none");
    out.add("current_zlib_memory", MetricValue::Unknown, "Memory of the compressor");
    out.add("max_zlib_memory", MetricValue::Unknown, "Limit of the compressor's memory");
    out.add("current_tasks", facts.tasks, "Tasks of the control side, and one for each client connection");
    out.add("current_run_queue", facts.run_queue, "Tasks of the control side that wait to run");
    out.add("idle_time_percent", facts.idle, "Share of the workers' time spent waiting since the start");
    out.one("node", &label("node", &facts.node), "Always 1; the label is the balancer's name");
    if !description.is_empty() {
        out.description.clear();
        out.one("description", &description, "Always 1; the label is what it is for");
        if query.describe {
            out.description = description;
        }
    }
    out.add("stopping", facts.stopping, "1 while stopping");
    out.add("jobs", facts.connections + facts.listeners, "Client connections and listening sockets");
    out.add("unstoppable_jobs", NONE, "Jobs that outlive a stop");
    out.add("listeners", facts.listeners, "Listening sockets");
    out.add("active_peers", NONE, "Peers");
    out.add("connected_peers", NONE, "Peers connected");
    out.add("dropped_logs_total", facts.dropped_logs, "Log lines lost");
    out.add("busy_polling_enabled", NONE, "1 when workers poll without waiting");
    out.add("failed_resolutions", facts.failed_lookups, "Look-ups of server names that failed");
    out.add("bytes_out_total", facts.bytes_out, "Bytes sent to clients");
    out.add("spliced_bytes_out_total", NONE, "Bytes sent to clients by the kernel alone");
    out.add("bytes_out_rate", facts.bytes_out_rate, "Bytes sent to clients in the last second");
    out.add("recv_logs_total", NONE, "Log lines received");
    out.one("build_info", &label("version", VERSION), "Always 1; the label is the version");
    out.add("max_memory_bytes", NONE, "Limit of memory, 0 for none");
    out.add("pool_allocated_bytes", NONE, "Memory held by pools: lb has none");
    out.add("pool_used_bytes", NONE, "Memory used in pools: lb has none");
    out.add("start_time_seconds", facts.started, "Unix time of the start");
    out.add("total_warnings", NONE, "Warnings issued");
    out.add("patterns_added_total", NONE, "Patterns added");
    out.add("patterns_freed_total", NONE, "Patterns freed");
    out.add("nb_thread_groups", 1u32, "Groups of threads");
}

// === impl ProcessFamilies ===

impl ProcessFamilies<'_, '_> {
    fn add(&mut self, name: &str, value: impl Into<MetricValue>, help: &str) {
        self.write(name, "", value.into(), help);
    }

    /// What is told in a label.
    fn one(&mut self, name: &str, label: &str, help: &str) {
        self.write(name, label, MetricValue::Whole(1), help);
    }

    fn write(&mut self, name: &str, label: &str, value: MetricValue, help: &str) {
        // Two gauges of HAProxy's have a counter's name, and two counters a gauge's.
        let is_counter = matches!(name, "failed_resolutions" | "total_warnings")
            || (name.ends_with("_total") && !name.starts_with("patterns_"));
        let kind = if is_counter { MetricKind::Counter } else { MetricKind::Gauge };
        if let Some(mut family) =
            self.out.family(FamilyHead { name: &format!("haproxy_process_{name}"), kind, help })
        {
            family.series([&self.description, label], value);
        }
    }
}
