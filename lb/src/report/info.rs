//! `show info`: facts about the process, a line each (HAProxy manual, management, `show info`).
//!
//! The names and their order are HAProxy's. Names of what lb does not measure (`BytesOutRate`, `BootTime_ms`, `MaxconnReached`) are left
//! out; what lb does not have (TLS, compression, pipes, peers, memory pools) is a true zero. Every line has exactly one `: `.

use std::fmt::Write as _;

use super::VERSION;
use super::process::Facts;
use crate::control::Control;

/// The day of this version, as HAProxy writes it.
const RELEASE_DATE: &str = "2026/11/22";

/// All lines.
pub fn text(control: &Control) -> String {
    let mut out = String::new();
    for (name, value) in lines(&Facts::of(control)) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name}: {value}");
    }
    out
}

fn lines(facts: &Facts) -> Vec<(&'static str, String)> {
    let number = |value: u64| value.to_string();
    let flag = |value: bool| u64::from(value).to_string();
    let open_files = || number(facts.open_files.unwrap_or_default());
    let mut lines = vec![
        ("Name", "lb".to_owned()),
        ("Version", VERSION.to_owned()),
        ("Release_date", RELEASE_DATE.to_owned()),
        ("Nbthread", facts.threads.to_string()),
        ("Nbproc", number(1)),
        ("Process_num", number(1)),
        ("Pid", facts.pid.to_string()),
        ("Uptime", uptime(facts.uptime.as_secs())),
        ("Uptime_sec", number(facts.uptime.as_secs())),
    ];
    let zeros = |names: &[&'static str]| names.iter().map(|name| (*name, "0".to_owned())).collect::<Vec<_>>();
    lines.extend(zeros(&["Memmax_MB", "PoolAlloc_MB", "PoolUsed_MB", "PoolFailed"]));
    lines.extend([
        ("Ulimit-n", open_files()),
        ("Maxsock", open_files()),
        ("Maxconn", facts.maxconn.to_string()),
        ("Hard_maxconn", facts.maxconn.to_string()),
        ("CurrConns", number(facts.connections)),
        ("CumConns", number(facts.connections_total)),
        ("CumReq", number(facts.requests_total)),
    ]);
    lines.extend(zeros(&[
        "MaxSslConns",
        "CurrSslConns",
        "CumSslConns",
        "Maxpipes",
        "PipesUsed",
        "PipesFree",
    ]));
    for (now, limit, most) in
        [("ConnRate", "ConnRateLimit", "MaxConnRate"), ("SessRate", "SessRateLimit", "MaxSessRate")]
    {
        lines.push((now, number(facts.connection_rate)));
        lines.extend(zeros(&[limit]));
        lines.push((most, number(facts.connection_rate_max)));
    }
    lines.extend(zeros(&[
        "SslRate",
        "SslRateLimit",
        "MaxSslRate",
        "SslFrontendKeyRate",
        "SslFrontendMaxKeyRate",
    ]));
    lines.extend(zeros(&["SslFrontendSessionReuse_pct", "SslBackendKeyRate", "SslBackendMaxKeyRate"]));
    lines.extend(zeros(&["SslCacheLookups", "SslCacheMisses"]));
    lines.extend(zeros(&["CompressBpsIn", "CompressBpsOut", "CompressBpsRateLim"]));
    lines.extend([
        ("Tasks", number(facts.tasks)),
        ("Run_queue", number(facts.run_queue)),
        ("Idle_pct", number(facts.idle)),
        ("node", facts.node.clone()),
        ("Stopping", flag(facts.stopping)),
        ("Jobs", number(facts.connections + facts.listeners)),
        ("Unstoppable Jobs", number(0)),
        ("Listeners", number(facts.listeners)),
        ("ActivePeers", number(0)),
        ("ConnectedPeers", number(0)),
        ("DroppedLogs", number(facts.dropped_logs)),
        ("BusyPolling", number(0)),
        ("FailedResolutions", number(facts.failed_lookups)),
        ("TotalBytesOut", number(facts.bytes_out)),
    ]);
    lines.extend(zeros(&["TotalSplicedBytesOut", "DebugCommandsIssued", "CumRecvLogs"]));
    lines.push(("Build info", VERSION.to_owned()));
    lines.extend(zeros(&["Memmax_bytes", "PoolAlloc_bytes", "PoolUsed_bytes"]));
    lines.push(("Start_time_sec", number(facts.started)));
    lines.extend(zeros(&["Tainted", "TotalWarnings", "Niced_tasks"]));
    lines.push(("CurrStreams", number(facts.exchanges)));
    lines.push(("CumStreams", number(facts.requests_total)));
    lines.extend(zeros(&["BlockedTrafficWarnings", "PatternsAdded", "PatternsFreed"]));
    lines.push(("NbThreadGroups", number(1)));
    lines
}

/// `0d 0h00m02s`.
fn uptime(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    format!("{days}d {}h{:02}m{:02}s", hours % 24, minutes % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::fixture::Fixture;

    #[tokio::test]
    async fn every_line_has_one_separator_and_the_version_is_high_enough() {
        let fixture = Fixture::new("[backend.be.servers]\ns1 = \"127.0.0.1:9\"");
        let text = text(&fixture.control);
        let lines: Vec<_> = text.lines().map(|line| line.split(": ").collect::<Vec<_>>()).collect();
        assert!(lines.iter().all(|line| line.len() == 2), "{text}");
        let value = |name: &str| lines.iter().find(|line| line[0] == name).map(|line| line[1]);
        let version: Vec<u32> =
            value("Version").unwrap().split(['.', '-']).map_while(|part| part.parse().ok()).collect();
        assert!(version[..2] >= [1, 5][..], "what ansible asks for: {version:?}");
        assert_eq!(value("Maxconn"), Some("20000"));
        assert_eq!(value("Pid"), Some(&*std::process::id().to_string()));
        assert_eq!((value("Stopping"), value("Listeners")), (Some("0"), Some("1")));
        assert!(!value("node").unwrap().is_empty());
        // Datadog splits at a bare colon, up to `Uptime_sec`.
        let head = text.lines().take_while(|line| !line.starts_with("Memmax_MB"));
        assert!(head.clone().all(|line| line.matches(':').count() == 1) && head.count() == 9);
    }

    #[test]
    fn uptime_reads_like_haproxys() {
        let texts = [2, 61, 3600 * 25 + 7].map(uptime);
        assert_eq!(texts, ["0d 0h00m02s", "0d 0h01m01s", "1d 1h00m07s"]);
    }
}
