//! `show info`: the process, a line a fact, in HAProxy 3.4's order.

use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;
use std::time::UNIX_EPOCH;

use super::VERSION;
use crate::control::Control;
use crate::net::limits;

/// One fact.
pub(crate) type Fact = (&'static str, String);

/// The answer to `show info`.
pub fn text(control: &Control) -> String {
    let mut out = String::new();
    for (name, value) in facts(control) {
        // Written to a string, which does not fail.
        let _ = writeln!(out, "{name}: {value}");
    }
    out
}

/// All facts, in order.
pub(crate) fn facts(control: &Control) -> Vec<Fact> {
    let shared = control.shared();
    let (process, topology) = (&shared.process, control.topology());
    let frontends = || topology.frontends.iter().map(|frontend| &frontend.live.tally);
    let sum =
        |of: fn(&crate::counters::Totals) -> u64| frontends().map(|tally| of(&tally.totals())).sum::<u64>();
    let (rate, rate_max) = frontends()
        .map(crate::counters::Tally::connection_rate)
        .fold((0, 0), |(now, max), next| (now + next.0, max + next.1));
    let uptime = process.started.elapsed().as_secs();
    let (days, hours, minutes, seconds) =
        (uptime / 86_400, uptime / 3600 % 24, uptime / 60 % 60, uptime % 60);
    let files = limits::open_files().unwrap_or(0).to_string();
    let maxconn = process.maxconn.load(Relaxed).to_string();
    let connections = sum(|totals| totals.connections).to_string();
    let requests = sum(|totals| totals.requests).to_string();
    let in_flight: u64 = topology.backends.iter().map(|backend| backend.live.sessions.get()).sum();
    let zero = || "0".to_owned();
    let mut facts: Vec<Fact> = vec![
        ("Name", "HAProxy".into()),
        ("Version", VERSION.into()),
        ("Release_date", "2026/11/22".into()),
        ("Nbthread", shared.workers.count().to_string()),
        ("Nbproc", "1".into()),
        ("Process_num", "1".into()),
        ("Pid", std::process::id().to_string()),
        ("Uptime", format!("{days}d {hours}h{minutes:02}m{seconds:02}s")),
        ("Uptime_sec", uptime.to_string()),
    ];
    facts.extend(["Memmax_MB", "PoolAlloc_MB", "PoolUsed_MB", "PoolFailed"].map(|name| (name, zero())));
    facts.extend([("Ulimit-n", files.clone()), ("Maxsock", files)]);
    facts.extend([("Maxconn", maxconn.clone()), ("Hard_maxconn", maxconn)]);
    facts.extend([("CurrConns", process.connections.get().to_string())]);
    facts.extend([("CumConns", connections), ("CumReq", requests.clone())]);
    let none = ["MaxSslConns", "CurrSslConns", "CumSslConns", "Maxpipes", "PipesUsed", "PipesFree"];
    facts.extend(none.map(|name| (name, zero())));
    for names in [["ConnRate", "ConnRateLimit", "MaxConnRate"], ["SessRate", "SessRateLimit", "MaxSessRate"]]
    {
        facts.extend(names.into_iter().zip([rate.to_string(), zero(), rate_max.to_string()]));
    }
    let none = [
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
        "CompressBpsIn",
        "CompressBpsOut",
        "CompressBpsRateLim",
    ];
    facts.extend(none.map(|name| (name, zero())));
    facts.extend([
        ("Tasks", (process.connections.get() + in_flight).to_string()),
        ("Run_queue", zero()),
        ("Idle_pct", "100".into()),
        ("node", node()),
        ("Stopping", u8::from(process.is_stopping()).to_string()),
        ("Jobs", (process.connections.get() + control.addresses().len() as u64).to_string()),
        ("Unstoppable Jobs", zero()),
        ("Listeners", control.addresses().len().to_string()),
        ("ActivePeers", zero()),
        ("ConnectedPeers", zero()),
        ("DroppedLogs", control.log().dropped().to_string()),
        ("BusyPolling", zero()),
        ("FailedResolutions", process.failed_lookups.get().to_string()),
        ("TotalBytesOut", sum(|totals| totals.bytes_out).to_string()),
        ("TotalSplicedBytesOut", zero()),
        ("BytesOutRate", zero()),
        ("DebugCommandsIssued", zero()),
        ("CumRecvLogs", zero()),
        ("Build info", VERSION.into()),
        ("Memmax_bytes", zero()),
        ("PoolAlloc_bytes", zero()),
        ("PoolUsed_bytes", zero()),
        (
            "Start_time_sec",
            process.started_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string(),
        ),
        ("Tainted", zero()),
        ("TotalWarnings", zero()),
        ("MaxconnReached", zero()),
        ("BootTime_ms", zero()),
        ("Niced_tasks", zero()),
        ("CurrStreams", in_flight.to_string()),
        ("CumStreams", requests),
        ("BlockedTrafficWarnings", zero()),
        ("PatternsAdded", zero()),
        ("PatternsFreed", zero()),
        ("NbThreadGroups", "1".into()),
    ]);
    facts
}

/// This machine's name, as HAProxy's `node` defaults to it.
fn node() -> String {
    #[cfg(unix)]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "localhost".to_owned())
}
