//! Agents and exporters that turn the answers into metrics.

use std::collections::HashMap;

use super::{Verdict, info, need, numbers, of_type, table, whole, wrong};

/// Facts without which Elastic's agent drops the whole event. Two more that it wants are those of a HAProxy with zlib, which 3.4 is not.
pub(in super::super) fn metricbeat_info(text: &str) -> Verdict {
    let facts = info(text)?;
    for name in [
        "Nbproc",
        "Process_num",
        "Pid",
        "Ulimit-n",
        "Tasks",
        "Run_queue",
        "Uptime_sec",
        "Memmax_MB",
        "CompressBpsIn",
        "CompressBpsOut",
        "CompressBpsRateLim",
        "ConnRate",
        "ConnRateLimit",
        "MaxConnRate",
        "CurrSslConns",
        "CumSslConns",
        "MaxSslConns",
        "CurrConns",
        "CumConns",
        "Hard_maxconn",
        "Maxconn",
        "CumReq",
        "Maxsock",
        "PipesUsed",
        "PipesFree",
        "Maxpipes",
        "SessRate",
        "SessRateLimit",
        "MaxSessRate",
        "SslRate",
        "SslRateLimit",
        "MaxSslRate",
        "SslFrontendKeyRate",
        "SslFrontendMaxKeyRate",
        "SslFrontendSessionReuse_pct",
        "SslBackendKeyRate",
        "SslBackendMaxKeyRate",
        "SslCacheLookups",
        "SslCacheMisses",
        "Idle_pct",
    ] {
        whole(facts.get(name).copied().unwrap_or_default(), name)?;
    }
    Ok(())
}

/// Columns that every row needs.
pub(in super::super) fn metricbeat_stat(text: &str) -> Verdict {
    let rows = table(text)?;
    numbers(&rows, &["type", "pid", "bin", "bout", "dresp", "scur", "smax", "stot", "sid", "iid"])
}

/// Trims at the first blank, then reads strictly.
pub(in super::super) fn new_relic(text: &str) -> Verdict {
    need(text.starts_with("# "), "no header")?;
    let rows = table(text)?;
    numbers(&rows, &["type", "stot", "bin", "bout", "dresp"])?;
    need(rows.iter().any(|row| row["type"] == "3"), "no listener")
}

/// At least one name of HAProxy's, and a label `proxy` on what it draws.
pub(in super::super) fn netdata(text: &str) -> Verdict {
    let drawn = [
        "haproxy_backend_sessions_total",
        "haproxy_backend_current_sessions",
        "haproxy_backend_http_responses_total",
        "haproxy_backend_response_time_average_seconds",
        "haproxy_backend_current_queue",
        "haproxy_backend_queue_time_average_seconds",
        "haproxy_backend_bytes_in_total",
        "haproxy_backend_bytes_out_total",
    ];
    for name in drawn {
        let begin = format!("{name}{{proxy=\"api_nodes\"");
        need(text.lines().any(|line| line.starts_with(&begin)), format!("no {name}"))?;
    }
    need(text.contains("haproxy_backend_http_responses_total{proxy=\"api_nodes\",code=\"2xx\"} 4"), "no code")
}

/// Lines of which it takes two.
pub(in super::super) fn exporter_info(text: &str) -> Verdict {
    let facts = info(text)?;
    need(facts.contains_key("Version") && facts.contains_key("Release_date"), "no version or no date")
}

/// Columns by their place in the order of 1999; a field that is there has to be a number, a status a known word.
pub(in super::super) fn exporter(text: &str) -> Verdict {
    table(text)?;
    let rows = text.lines().skip(1).filter(|line| !line.is_empty());
    let mut kinds = HashMap::new();
    for line in rows {
        // It reads strictly as well, but no text with a comma stands before these.
        let fields: Vec<_> = line.split(',').collect();
        need(fields.len() > 61, line)?;
        for at in (2..=9).chain(13..=16).chain([18, 21, 24, 30, 33, 35, 38]).chain(39..=44).chain([49, 50]) {
            if !fields[at].is_empty() {
                whole(fields[at], &format!("column {at}"))?;
            }
        }
        let status = fields[17].split(' ').next().unwrap_or_default();
        let known = ["UP", "OPEN", "no", "DRAIN", "DOWN", "NOLB", "MAINT"];
        need(known.contains(&status), format!("status {status}"))?;
        *kinds.entry(fields[32]).or_insert(0) += 1;
    }
    need((kinds["0"], kinds["1"], kinds["2"]) == (1, 1, 6), format!("{kinds:?}"))
}

/// Splits each line at its only `: `.
pub(in super::super) fn collectd_info(text: &str) -> Verdict {
    need(text.is_ascii(), "not ASCII")?;
    let facts = info(text)?;
    for name in ["CurrConns", "CumReq", "ConnRate", "SessRate", "Tasks", "Run_queue", "Idle_pct", "Maxconn"] {
        whole(facts.get(name).copied().unwrap_or_default(), name)?;
    }
    Ok(())
}

/// Zips fields with the header, split at every comma; frontends, backends and servers, no listeners.
pub(in super::super) fn collectd_stat(text: &str) -> Verdict {
    let mut lines = text.trim_end().lines();
    let columns: Vec<_> = lines.next().unwrap_or_default().split(',').collect();
    let rows: Vec<HashMap<_, _>> =
        lines.map(|line| columns.iter().copied().zip(line.split(',')).collect()).collect();
    need(rows.len() == 8, format!("{} rows", rows.len()))?;
    for row in rows {
        let Some(kind) = row.get("svname") else { return wrong("no svname") };
        for name in ["scur", "smax", "stot", "bin", "bout", "rate", "hrsp_2xx"] {
            whole(row[name], &format!("{name} of {kind}"))?;
        }
    }
    Ok(())
}

/// Items of the template, for each kind of row.
pub(in super::super) fn zabbix(text: &str) -> Verdict {
    let rows = table(text)?;
    need(rows.iter().all(|row| row["mode"] == "http"), "a mode that it does not discover")?;
    let of = |kind| of_type(&rows, kind).cloned().collect::<Vec<_>>();
    let hrsp = ["hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx"];
    numbers(&of("0"), &["bin", "bout", "dreq", "ereq", "rate", "req_rate", "scur", "slim", "stot"])?;
    let shared = [
        "bin", "bout", "dresp", "econ", "eresp", "qcur", "qtime", "rtime", "stot", "weight", "wredis",
        "wretr",
    ];
    numbers(&of("1"), &[&shared[..], &hrsp, &["act", "bck"]].concat())?;
    numbers(&of("2"), &[&shared[..], &hrsp, &["act", "bck", "scur"]].concat())
}
