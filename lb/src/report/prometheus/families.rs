//! Which families there are: names after HAProxy's exporter, meanings in our words.

use prometheus::proto::MetricType;

use super::super::column::Column::{self, *};
use super::super::rows::Kind::{self, Backend, Frontend, Server};

/// A family of frontends, backends or servers.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) metric: MetricType,
    pub(super) kinds: &'static [Kind],
    pub(super) source: Source,
    pub(super) help: &'static str,
}

/// Where its values come from.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// A column as it is.
    Number(Column),
    /// A column in milliseconds; seconds here.
    Millis(Column),
    /// One series a class of status.
    Responses,
    /// One series a state, 1 for the present one.
    Status,
    /// One series a check result; none while checks are off.
    CheckStatus,
    /// None while checks are off.
    CheckCode,
}

/// Names of check results.
pub(super) const CHECKS: &[&str] = &[
    "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT", "L7RSP", "L7OK",
    "L7OKC", "L7STS", "PROCERR", "PROCTOUT", "PROCOK",
];

const GAUGE: MetricType = MetricType::GAUGE;
const COUNTER: MetricType = MetricType::COUNTER;

const fn gauge(name: &'static str, kinds: &'static [Kind], source: Source, help: &'static str) -> Family {
    Family { name, metric: GAUGE, kinds, source, help }
}

const fn counter(name: &'static str, kinds: &'static [Kind], column: Column, help: &'static str) -> Family {
    Family { name, metric: COUNTER, kinds, source: Source::Number(column), help }
}

const ALL: &[Kind] = &[Frontend, Backend, Server];
const BEHIND: &[Kind] = &[Backend, Server];
const PROXIES: &[Kind] = &[Frontend, Backend];

/// All of them, in the order in which they are printed.
pub(super) const FAMILIES: &[Family] = &[
    gauge("current_queue", BEHIND, Source::Number(Qcur), "Requests waiting for a server."),
    gauge("max_queue", BEHIND, Source::Number(Qmax), "Most requests that waited at once."),
    gauge("current_sessions", ALL, Source::Number(Scur), "Sessions now."),
    gauge("max_sessions", ALL, Source::Number(Smax), "Most sessions at once."),
    gauge("limit_sessions", ALL, Source::Number(Slim), "Sessions allowed at once; NaN without a limit."),
    counter("sessions_total", ALL, Stot, "Sessions so far."),
    counter("bytes_in_total", ALL, Bin, "Bytes received from clients."),
    counter("bytes_out_total", ALL, Bout, "Bytes sent to clients."),
    counter("requests_denied_total", PROXIES, Dreq, "Requests refused by policy."),
    counter("responses_denied_total", ALL, Dresp, "Responses refused by policy."),
    counter("request_errors_total", &[Frontend], Ereq, "Faulty or broken requests."),
    counter("connection_errors_total", BEHIND, Econ, "Connections to servers that failed."),
    counter("response_errors_total", BEHIND, Eresp, "Faulty or broken responses."),
    counter("retry_warnings_total", BEHIND, Wretr, "Attempts after the first."),
    counter("redispatch_warnings_total", BEHIND, Wredis, "Requests moved to another server."),
    gauge("status", ALL, Source::Status, "The state: 1 for the present one."),
    gauge("weight", BEHIND, Source::Number(Weight), "Weight in force."),
    gauge("active_servers", &[Backend], Source::Number(Act), "Usable active servers."),
    gauge("backup_servers", &[Backend], Source::Number(Bck), "Usable backup servers."),
    gauge("active", &[Server], Source::Number(Act), "1 for an active server, whatever its health."),
    gauge("backup", &[Server], Source::Number(Bck), "1 for a backup server, whatever its health."),
    counter("check_failures_total", &[Server], Chkfail, "Checks that failed while the server was up."),
    counter("check_up_down_total", BEHIND, Chkdown, "Times it went down."),
    gauge("check_last_change_seconds", BEHIND, Source::Number(Lastchg), "Since it last went up or down."),
    counter("downtime_seconds_total", BEHIND, Downtime, "Time not running."),
    gauge("queue_limit", &[Server], Source::Number(Qlimit), "Requests that may wait; NaN without a limit."),
    gauge("current_throttle", &[Server], Source::Number(Throttle), "Percent of slow start; NaN outside it."),
    counter("loadbalanced_total", BEHIND, Lbtot, "Times it was chosen."),
    gauge("current_session_rate", ALL, Source::Number(Rate), "Sessions in the last second."),
    gauge("max_session_rate", ALL, Source::Number(RateMax), "Most sessions in a second."),
    gauge(
        "limit_session_rate",
        &[Frontend],
        Source::Number(RateLim),
        "Sessions allowed in a second; 0 without a limit.",
    ),
    gauge("check_status", &[Server], Source::CheckStatus, "The last check's result: 1 for the present one."),
    gauge("check_code", &[Server], Source::CheckCode, "The status that the last check saw."),
    gauge(
        "check_duration_seconds",
        &[Server],
        Source::Millis(CheckDuration),
        "How long the last check took.",
    ),
    Family {
        name: "http_responses_total",
        metric: COUNTER,
        kinds: ALL,
        source: Source::Responses,
        help: "Responses by class.",
    },
    gauge("http_requests_rate_max", &[Frontend], Source::Number(ReqRateMax), "Most requests in a second."),
    counter("http_requests_total", ALL, ReqTot, "Requests so far."),
    counter("client_aborts_total", BEHIND, CliAbrt, "Transfers that the client gave up."),
    counter("server_aborts_total", BEHIND, SrvAbrt, "Transfers that the server broke."),
    gauge(
        "last_session_seconds",
        BEHIND,
        Source::Number(Lastsess),
        "Since the last session; -1 before the first.",
    ),
    gauge("queue_time_average_seconds", BEHIND, Source::Millis(Qtime), "Mean time in the queue, last 1024."),
    gauge("connect_time_average_seconds", BEHIND, Source::Millis(Ctime), "Mean time to connect, last 1024."),
    gauge(
        "response_time_average_seconds",
        BEHIND,
        Source::Millis(Rtime),
        "Mean time to the response's head, last 1024.",
    ),
    gauge(
        "total_time_average_seconds",
        BEHIND,
        Source::Millis(Ttime),
        "Mean time of whole sessions, last 1024.",
    ),
    gauge("connections_rate_max", &[Frontend], Source::Number(ConnRateMax), "Most connections in a second."),
    counter("connections_total", &[Frontend], ConnTot, "Connections accepted."),
    counter(
        "intercepted_requests_total",
        &[Frontend],
        Intercepted,
        "Requests that the balancer answered itself.",
    ),
    counter("denied_connections_total", &[Frontend], Dcon, "Connections refused by policy."),
    counter("denied_sessions_total", &[Frontend], Dses, "Sessions refused by policy."),
    counter("failed_header_rewriting_total", ALL, Wrew, "Rewrites of fields that failed."),
    counter("connection_attempts_total", BEHIND, Connect, "Connections opened to servers."),
    counter("connection_reuses_total", BEHIND, Reuse, "Requests on connections that were there."),
    gauge("idle_connections_current", &[Server], Source::Number(SrvIcur), "Idle connections to the server."),
    gauge(
        "idle_connections_limit",
        &[Server],
        Source::Number(SrcIlim),
        "Idle connections allowed; NaN without a limit.",
    ),
    gauge("max_queue_time_seconds", BEHIND, Source::Millis(QtimeMax), "Longest time in the queue."),
    gauge("max_connect_time_seconds", BEHIND, Source::Millis(CtimeMax), "Longest time to connect."),
    gauge(
        "max_response_time_seconds",
        BEHIND,
        Source::Millis(RtimeMax),
        "Longest time to the response's head.",
    ),
    gauge("max_total_time_seconds", BEHIND, Source::Millis(TtimeMax), "Longest session."),
    counter("internal_errors_total", ALL, Eint, "Errors inside the balancer."),
    gauge(
        "safe_idle_connections_current",
        &[Server],
        Source::Number(SafeConnCur),
        "Idle connections that any request may use.",
    ),
    gauge("used_connections_current", &[Server], Source::Number(UsedConnCur), "Connections in use."),
    gauge(
        "need_connections_current",
        &[Server],
        Source::Number(NeedConnEst),
        "Connections that are needed, estimated.",
    ),
    gauge("uweight", BEHIND, Source::Number(Uweight), "Weight as set by the operator."),
];

/// Families of the process: name, type, the fact of `show info`, meaning.
pub(super) const PROCESS: &[(&str, MetricType, &str, &str)] = &[
    ("nbthread", GAUGE, "Nbthread", "Data workers."),
    ("nbproc", GAUGE, "Nbproc", "Always 1."),
    ("relative_process_id", GAUGE, "Process_num", "Always 1."),
    ("uptime_seconds", GAUGE, "Uptime_sec", "Since the start."),
    ("start_time_seconds", GAUGE, "Start_time_sec", "Unix time of the start."),
    ("max_fds", GAUGE, "Ulimit-n", "Limit of open files."),
    ("max_sockets", GAUGE, "Maxsock", "Limit of sockets."),
    ("max_connections", GAUGE, "Maxconn", "Client connections allowed at once."),
    ("hard_max_connections", GAUGE, "Hard_maxconn", "Upper bound of that."),
    ("current_connections", GAUGE, "CurrConns", "Client connections now."),
    ("connections_total", COUNTER, "CumConns", "Client connections so far."),
    ("requests_total", COUNTER, "CumReq", "Requests so far."),
    ("current_connection_rate", GAUGE, "ConnRate", "Connections in the last second."),
    ("limit_connection_rate", GAUGE, "ConnRateLimit", "Connections allowed in a second; 0 without a limit."),
    ("max_connection_rate", GAUGE, "MaxConnRate", "Most connections in a second."),
    ("current_session_rate", GAUGE, "SessRate", "Sessions in the last second."),
    ("limit_session_rate", GAUGE, "SessRateLimit", "Sessions allowed in a second; 0 without a limit."),
    ("max_session_rate", GAUGE, "MaxSessRate", "Most sessions in a second."),
    ("stopping", GAUGE, "Stopping", "1 while the process stops."),
    ("jobs", GAUGE, "Jobs", "Connections and listeners in hand."),
    ("listeners", GAUGE, "Listeners", "Listening sockets."),
    ("dropped_logs_total", COUNTER, "DroppedLogs", "Log lines lost."),
    ("failed_resolutions", COUNTER, "FailedResolutions", "Look-ups of names that failed."),
    ("bytes_out_total", COUNTER, "TotalBytesOut", "Bytes sent to clients."),
];
