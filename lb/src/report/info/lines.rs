//! The facts of `show info`: number, name, type and tags are HAProxy 3.4's and never change; what each means is said in our words.
//!
//! What lb does not have (TLS, compression, pipes, peers, memory pools) is a true zero. It refuses to measure: the values come from
//! [`Facts`].

use std::fmt;
use std::time::Duration;

use crate::counters::millis;
use crate::report::VERSION;
use crate::report::process::Facts;

/// Whose API is spoken: libraries refuse to talk to anybody who does not say so.
const SPOKEN: &str = "HAProxy";
/// The day of this version, as HAProxy writes it.
pub(crate) const RELEASE_DATE: &str = "2026/11/22";

/// A fact.
#[derive(Debug)]
pub(super) struct InfoLine {
    /// Its number in typed output.
    pub(super) place: usize,
    pub(super) name: &'static str,
    pub(super) tags: &'static str,
    pub(super) value: InfoValue,
    /// What it means.
    pub(super) about: &'static str,
}

/// Its value, by the type that typed output names.
#[derive(Debug, PartialEq)]
pub(super) enum InfoValue {
    Text(String),
    U32(u64),
    U64(u64),
    Float(f64),
}

/// All facts in order; `exact` times have fractions of a second.
#[rustfmt::skip]
pub(super) fn lines(facts: &Facts, exact: bool) -> Vec<InfoLine> {
    let text = |value: &str| InfoValue::Text(value.to_owned());
    let time = |time: Duration| if exact { InfoValue::Float(time.as_secs_f64()) } else { InfoValue::U32(time.as_secs()) };
    let whole = |value: usize| InfoValue::U32(value as u64);
    let none = || InfoValue::U32(0);
    let files = || InfoValue::U32(facts.open_files.unwrap_or_default());
    let mut lines = Vec::with_capacity(80);
    let mut add = |place, name, tags, value, about| lines.push(InfoLine { place, name, tags, value, about });
    add(0, "Name", "POSV", text(SPOKEN), "Whose runtime API this is; the version says which program speaks it");
    add(1, "Version", "POSV", text(VERSION), "Its version");
    add(2, "Release_date", "POSV", text(RELEASE_DATE), "Day of the version");
    add(3, "Nbthread", "CGSV", whole(facts.threads), "Data workers, a thread each");
    add(4, "Nbproc", "CGSV", InfoValue::U32(1), "Processes, always 1");
    add(5, "Process_num", "KGPV", InfoValue::U32(1), "Number of this process among them, always 1");
    add(6, "Pid", "SGPV", InfoValue::U32(facts.pid.into()), "The system's number of this process");
    add(7, "Uptime", "MDPV", InfoValue::Text(uptime(facts.uptime.as_secs())), "Time since the start");
    add(8, "Uptime_sec", "MDPV", time(facts.uptime), "Time since the start, seconds");
    add(9, "Memmax_MB", "CLPV", none(), "Limit of memory, MB, 0 for none");
    add(10, "PoolAlloc_MB", "MGPV", none(), "Memory in pools, MB, there are none");
    add(11, "PoolUsed_MB", "MGPV", none(), "Memory of pools in use, MB");
    add(12, "PoolFailed", "MCPV", none(), "Allocations from pools that failed");
    add(13, "Ulimit-n", "CLPV", files(), "Open files that the system allows");
    add(14, "Maxsock", "CLPV", files(), "Sockets that fit below that");
    add(15, "Maxconn", "CLPV", InfoValue::U32(facts.maxconn.into()), "Client connections allowed at once");
    add(16, "Hard_maxconn", "CLPV", InfoValue::U32(facts.hard_maxconn), "The same as configured");
    add(17, "CurrConns", "MGPV", InfoValue::U32(facts.connections), "Client connections now");
    add(18, "CumConns", "MCPV", InfoValue::U32(facts.connections_total), "Client connections so far");
    add(19, "CumReq", "MCPV", InfoValue::U32(facts.requests_total), "Requests so far");
    add(20, "MaxSslConns", "MMPV", none(), "Limit of TLS connections, 0 for none");
    add(21, "CurrSslConns", "MGPV", none(), "TLS connections now");
    add(22, "CumSslConns", "MCPV", none(), "TLS connections so far");
    add(23, "Maxpipes", "CLPV", none(), "Limit of pipes");
    add(24, "PipesUsed", "MGPV", none(), "Pipes in use");
    add(25, "PipesFree", "MGPV", none(), "Pipes kept");
    add(26, "ConnRate", "MRPV", InfoValue::U32(facts.connection_rate), "Client connections in the last second");
    add(27, "ConnRateLimit", "CLPV", InfoValue::U32(facts.connection_limit), "Limit of them, 0 for none");
    add(28, "MaxConnRate", "MMPV", InfoValue::U32(facts.connection_rate_max), "The most there were");
    add(29, "SessRate", "MRPV", InfoValue::U32(facts.connection_rate), "Sessions in the last second, one a client connection");
    add(30, "SessRateLimit", "CLPV", InfoValue::U32(facts.session_limit), "Limit of them, 0 for none");
    add(31, "MaxSessRate", "MRPV", InfoValue::U32(facts.connection_rate_max), "The most there were");
    add(32, "SslRate", "MRPV", none(), "TLS connections in the last second");
    add(33, "SslRateLimit", "CLPV", none(), "Limit of them, 0 for none");
    add(34, "MaxSslRate", "MMPV", none(), "The most there were");
    add(35, "SslFrontendKeyRate", "MGPV", none(), "TLS keys computed for clients in the last second");
    add(36, "SslFrontendMaxKeyRate", "MMPV", none(), "The most there were");
    add(37, "SslFrontendSessionReuse_pct", "MGPV", none(), "TLS sessions of clients that were resumed, per cent");
    add(38, "SslBackendKeyRate", "MRPV", none(), "TLS keys computed for servers in the last second");
    add(39, "SslBackendMaxKeyRate", "MMPV", none(), "The most there were");
    add(40, "SslCacheLookups", "MCPV", none(), "TLS sessions looked up");
    add(41, "SslCacheMisses", "MCPV", none(), "TLS sessions not found");
    add(42, "CompressBpsIn", "MRPV", none(), "Bytes a second before compression");
    add(43, "CompressBpsOut", "MRPV", none(), "Bytes a second after compression");
    add(44, "CompressBpsRateLim", "CLPV", none(), "Limit of them, 0 for none");
    // 45 and 46 are about zlib, which HAProxy itself shows only when it is built with it.
    add(47, "Tasks", "MGPV", InfoValue::U32(facts.tasks), "Tasks of the control side, and one a client connection");
    add(48, "Run_queue", "MGPV", InfoValue::U32(facts.run_queue), "Tasks of the control side that wait to run");
    add(49, "Idle_pct", "MaPV", InfoValue::U32(facts.idle), "Share of the workers' time spent waiting, per cent");
    add(50, "node", "COSV", text(&facts.node), "Name of this balancer (process.node)");
    if let Some(description) = &facts.description {
        add(51, "description", "COSV", text(description), "What it is for (process.description)");
    }
    add(52, "Stopping", "MGPV", InfoValue::U32(facts.stopping.into()), "1 while it stops");
    add(53, "Jobs", "MGPV", InfoValue::U32(facts.connections + facts.listeners), "Client connections and listening sockets");
    add(54, "Unstoppable Jobs", "MGPV", none(), "Those that would outlive a stop");
    add(55, "Listeners", "MGPV", InfoValue::U32(facts.listeners), "Listening sockets");
    add(56, "ActivePeers", "MGPV", none(), "Peers with a session");
    add(57, "ConnectedPeers", "MGPV", none(), "Peers with a connection");
    add(58, "DroppedLogs", "MGPV", InfoValue::U32(facts.dropped_logs), "Log lines lost");
    add(59, "BusyPolling", "MGPV", none(), "1 if it polls without a pause");
    add(60, "FailedResolutions", "MGPV", InfoValue::U32(facts.failed_lookups), "Look-ups of server names that failed");
    add(61, "TotalBytesOut", "MGPV", InfoValue::U64(facts.bytes_out), "Bytes to clients so far");
    add(62, "TotalSplicedBytesOut", "MGPV", InfoValue::U64(0), "Those of them that the system moved by itself");
    add(63, "BytesOutRate", "MRPV", InfoValue::U64(facts.bytes_out_rate), "Bytes to clients in the last second");
    add(64, "DebugCommandsIssued", "MGPV", none(), "Commands for debugging that were given");
    add(65, "CumRecvLogs", "MCPV", none(), "Log lines received from others");
    add(66, "Build info", "POSV", text(VERSION), "The version again");
    add(67, "Memmax_bytes", "CLPV", none(), "Limit of memory, bytes, 0 for none");
    add(68, "PoolAlloc_bytes", "MGPV", InfoValue::U64(0), "Memory in pools, bytes");
    add(69, "PoolUsed_bytes", "MGPV", InfoValue::U64(0), "Memory of pools in use, bytes");
    add(70, "Start_time_sec", "MDPV", time(facts.began), "Start, seconds since 1970");
    add(71, "Tainted", "SGPV", text("0"), "Risky features in use, as bits");
    add(72, "TotalWarnings", "MCPV", none(), "Warnings about the configuration");
    add(73, "MaxconnReached", "MCPV", InfoValue::U32(facts.full), "Times that a client had to wait for Maxconn");
    add(74, "BootTime_ms", "MDPV", InfoValue::U32(millis(facts.boot)), "From the start until it served, milliseconds");
    add(75, "Niced_tasks", "MGPV", none(), "Tasks with a priority of their own");
    add(76, "CurrStreams", "MGPV", InfoValue::U64(facts.exchanges), "Exchanges in flight");
    add(77, "CumStreams", "MGPV", InfoValue::U64(facts.requests_total), "Exchanges so far");
    add(78, "BlockedTrafficWarnings", "MGPV", none(), "Times that one task held up the others");
    add(79, "PatternsAdded", "MGPV", InfoValue::U64(0), "Entries added to maps and ACLs");
    add(80, "PatternsFreed", "MGPV", InfoValue::U64(0), "Entries taken out of them");
    add(81, "NbThreadGroups", "CGSV", InfoValue::U32(1), "Groups of threads, always 1");
    lines
}

/// `0d 0h00m02s`.
pub(crate) fn uptime(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    format!("{days}d {}h{:02}m{:02}s", hours % 24, minutes % 60, seconds % 60)
}

// === impl InfoValue ===

impl InfoValue {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "str",
            Self::U32(_) => "u32",
            Self::U64(_) => "u64",
            Self::Float(_) => "flt",
        }
    }
}

impl fmt::Display for InfoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::U32(number) | Self::U64(number) => number.fmt(f),
            Self::Float(number) => write!(f, "{number:.6}"),
        }
    }
}
