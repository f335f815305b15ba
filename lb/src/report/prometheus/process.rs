//! Families of the process. What lb does not have is a true zero; what it does not measure is `NaN`.

use prometheus::proto::MetricType;

use super::{Family, Series};
use crate::report::VERSION;
use crate::report::process::Facts;

/// All of them.
pub(super) fn families(facts: &Facts) -> Vec<Family> {
    let mut out = Vec::new();
    let mut add = |name: &str, label: Option<(&'static str, &str)>, value: f64, help: &'static str| {
        // Two gauges of HAProxy's have a counter's name.
        let is_counter = name == "failed_resolutions"
            || name == "total_warnings"
            || (name.ends_with("_total") && !name.starts_with("patterns_"));
        let labels = label.map(|(name, value)| (name, value.to_owned())).into_iter().collect();
        out.push(Family {
            name: format!("haproxy_process_{name}"),
            kind: if is_counter { MetricType::COUNTER } else { MetricType::GAUGE },
            help,
            series: vec![Series { labels, value }],
        });
    };
    let files = facts.open_files.map_or(f64::NAN, float);
    let (rate, most) = (float(facts.connection_rate), float(facts.connection_rate_max));
    add("nbthread", None, float(facts.threads as u64), "Data workers");
    add("nbproc", None, 1.0, "Processes, always 1");
    add("relative_process_id", None, 1.0, "Number of this process among them, always 1");
    add("uptime_seconds", None, float(facts.uptime.as_secs()), "Seconds since the start");
    add("pool_failures_total", None, 0.0, "Allocations that failed");
    add("max_fds", None, files, "Limit of open files");
    add("max_sockets", None, files, "Limit of sockets");
    add("max_connections", None, facts.maxconn.into(), "Limit of client connections");
    add("hard_max_connections", None, facts.maxconn.into(), "Upper bound of max_connections");
    add("current_connections", None, float(facts.connections), "Client connections now");
    add("connections_total", None, float(facts.connections_total), "Client connections so far");
    add("requests_total", None, float(facts.requests_total), "Requests so far");
    add("max_ssl_connections", None, 0.0, "Limit of TLS connections, 0 for none");
    add("current_ssl_connections", None, 0.0, "TLS connections now");
    add("ssl_connections_total", None, 0.0, "TLS connections so far");
    add("max_pipes", None, 0.0, "Limit of pipes");
    add("pipes_used_total", None, 0.0, "Pipes in use");
    add("pipes_free_total", None, 0.0, "Pipes kept");
    add("current_connection_rate", None, rate, "Client connections in the last second");
    add("limit_connection_rate", None, 0.0, "Limit of client connections a second, 0 for none");
    add("max_connection_rate", None, most, "Most client connections in a second");
    add("current_session_rate", None, rate, "Sessions in the last second");
    add("limit_session_rate", None, 0.0, "Limit of sessions a second, 0 for none");
    add("max_session_rate", None, most, "Most sessions in a second");
    add("current_ssl_rate", None, 0.0, "TLS connections in the last second");
    add("limit_ssl_rate", None, 0.0, "Limit of TLS connections a second, 0 for none");
    add("max_ssl_rate", None, 0.0, "Most TLS connections in a second");
    add("current_frontend_ssl_key_rate", None, 0.0, "TLS keys computed for clients in the last second");
    add("max_frontend_ssl_key_rate", None, 0.0, "Most TLS keys computed for clients in a second");
    add("frontend_ssl_reuse", None, 0.0, "Share of TLS sessions of clients that were resumed, percent");
    add("current_backend_ssl_key_rate", None, 0.0, "TLS keys computed for servers in the last second");
    add("max_backend_ssl_key_rate", None, 0.0, "Most TLS keys computed for servers in a second");
    add("ssl_cache_lookups_total", None, 0.0, "Look-ups of TLS sessions");
    add("ssl_cache_misses_total", None, 0.0, "Look-ups of TLS sessions that found none");
    add("http_comp_bytes_in_total", None, 0.0, "Bytes given to the compressor");
    add("http_comp_bytes_out_total", None, 0.0, "Bytes that the compressor made");
    add("limit_http_comp", None, 0.0, "Limit of the compressor's input a second, 0 for none");
    add("current_zlib_memory", None, f64::NAN, "Memory of the compressor");
    add("max_zlib_memory", None, f64::NAN, "Limit of the compressor's memory");
    add(
        "current_tasks",
        None,
        float(facts.tasks),
        "Tasks of the control side, and one for each client connection",
    );
    add("current_run_queue", None, float(facts.run_queue), "Tasks of the control side that wait to run");
    add(
        "idle_time_percent",
        None,
        float(facts.idle),
        "Share of the workers' time spent waiting since the start",
    );
    add("node", Some(("node", &facts.node)), 1.0, "Always 1; the label is this machine's name");
    add("stopping", None, f64::from(u8::from(facts.stopping)), "1 while stopping");
    add("jobs", None, float(facts.connections + facts.listeners), "Client connections and listening sockets");
    add("unstoppable_jobs", None, 0.0, "Jobs that outlive a stop");
    add("listeners", None, float(facts.listeners), "Listening sockets");
    add("active_peers", None, 0.0, "Peers");
    add("connected_peers", None, 0.0, "Peers connected");
    add("dropped_logs_total", None, float(facts.dropped_logs), "Log lines lost");
    add("busy_polling_enabled", None, 0.0, "1 when workers poll without waiting");
    add("failed_resolutions", None, float(facts.failed_lookups), "Look-ups of server names that failed");
    add("bytes_out_total", None, float(facts.bytes_out), "Bytes sent to clients");
    add("spliced_bytes_out_total", None, 0.0, "Bytes sent to clients by the kernel alone");
    add(
        "bytes_out_rate",
        None,
        f64::NAN,
        "Bytes sent to clients in the last second: not measured, see bytes_out_total",
    );
    add("recv_logs_total", None, 0.0, "Log lines received");
    add("build_info", Some(("version", VERSION)), 1.0, "Always 1; the label is the version");
    add("max_memory_bytes", None, 0.0, "Limit of memory, 0 for none");
    add("pool_allocated_bytes", None, 0.0, "Memory held by pools: lb has none");
    add("pool_used_bytes", None, 0.0, "Memory used in pools: lb has none");
    add("start_time_seconds", None, float(facts.started), "Unix time of the start");
    add("total_warnings", None, 0.0, "Warnings issued");
    add("patterns_added_total", None, 0.0, "Patterns added");
    add("patterns_freed_total", None, 0.0, "Patterns freed");
    add("nb_thread_groups", None, 1.0, "Groups of threads");
    out
}

#[expect(clippy::cast_precision_loss, reason = "the format has nothing but doubles")]
fn float(value: u64) -> f64 {
    value as f64
}
