//! Families of frontends, listeners, backends and servers: each is a column of the rows, or is made from one.
//!
//! One table for the three scopes, since most families exist in all of them under the same name. It refuses to look at a row more often
//! than once a family: there may be thousands.

use super::extra;
use super::query::{Scope, ScrapeQuery};
use super::text::{self, Family, FamilyHead, MetricValue, MetricsText, label};
use crate::report::collect::is_maint;
use crate::report::column::{ProxyKind, StatColumn};
use crate::report::row::ReportRow;

/// A row that series are about.
pub(super) struct SeriesRow<'a> {
    pub(super) row: &'a ReportRow,
    /// Its labels, as they stand in the text.
    pub(super) labels: String,
    /// The rows of its servers, for a backend.
    servers: &'a [ReportRow],
}

/// Where the values of a family come from.
#[derive(Clone, Copy)]
enum ValueSource {
    /// A number as it is.
    Number(StatColumn),
    /// The code that a check got, 0 for none; only told while the column before it says how the check ended.
    Code(StatColumn, StatColumn),
    /// Milliseconds, told in seconds.
    Seconds(StatColumn),
    /// The same where there are any.
    PresentSeconds(StatColumn),
    /// A series for each class of responses.
    Responses,
    /// A series for each state, 1 for the one in force.
    State,
    /// A series for each result of a check, or of an agent's, 1 for the last one.
    Check(StatColumn),
    /// A series for each state: how many servers are in it.
    CountedStates,
    /// A series for each result of a check: how many servers had it last.
    CountedChecks,
}

/// A family in the table.
pub(super) struct FamilyEntry {
    /// `c` for a counter, `g` for a gauge.
    letter: char,
    /// The letters of the rows that have it.
    scopes: &'static str,
    /// Its name without the scope.
    name: &'static str,
    source: ValueSource,
    /// What it means.
    pub(super) help: &'static str,
}

const CLASSES: [(&str, StatColumn); 6] = [
    ("1xx", StatColumn::Hrsp1xx),
    ("2xx", StatColumn::Hrsp2xx),
    ("3xx", StatColumn::Hrsp3xx),
    ("4xx", StatColumn::Hrsp4xx),
    ("5xx", StatColumn::Hrsp5xx),
    ("other", StatColumn::HrspOther),
];

const PROXY_STATES: &[&str] = &["DOWN", "UP"];

const LISTENER_STATES: &[&str] = &["WAITING", "OPEN", "FULL"];

const SERVER_STATES: &[&str] = &["DOWN", "UP", "MAINT", "DRAIN", "NOLB"];

const CHECKS: &[&str] = &[
    "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT", "L7RSP", "L7OK",
    "L7OKC", "L7STS", "PROCERR", "PROCTOUT", "PROCOK",
];

use StatColumn as C;
use ValueSource::{
    Check, Code, CountedChecks, CountedStates, Number, PresentSeconds, Responses, Seconds, State,
};

#[rustfmt::skip]
const TABLE: &[FamilyEntry] = &[
    entry('g', "BS", "current_queue", Number(C::Qcur), "Requests that wait now"),
    entry('g', "BS", "max_queue", Number(C::Qmax), "Most requests that waited at once"),
    entry('g', "FLBS", "current_sessions", Number(C::Scur), "Client connections (frontend) or exchanges now"),
    entry('g', "FLBS", "max_sessions", Number(C::Smax), "Most client connections or exchanges at once"),
    entry('g', "FLBS", "limit_sessions", Number(C::Slim), "Limit of client connections or exchanges"),
    entry('c', "FLBS", "sessions_total", Number(C::Stot), "Client connections or exchanges so far"),
    entry('c', "FLBS", "bytes_in_total", Number(C::Bin), "Bytes received from clients"),
    entry('c', "FLBS", "bytes_out_total", Number(C::Bout), "Bytes sent to clients"),
    entry('c', "FLB", "requests_denied_total", Number(C::Dreq), "Requests refused by policy"),
    entry('c', "FLBS", "responses_denied_total", Number(C::Dresp), "Responses refused by policy"),
    entry('c', "FL", "request_errors_total", Number(C::Ereq), "Bad or broken requests"),
    entry('c', "BS", "connection_errors_total", Number(C::Econ), "Failed connections to servers"),
    entry('c', "BS", "response_errors_total", Number(C::Eresp), "Bad or broken responses of servers"),
    entry('c', "BS", "retry_warnings_total", Number(C::Wretr), "Attempts after the first"),
    entry('c', "BS", "redispatch_warnings_total", Number(C::Wredis), "Attempts on another server than the first"),
    entry('g', "FLBS", "status", State, "1 for the state in force, 0 for the others"),
    entry('g', "BS", "weight", Number(C::Weight), "Weight in force"),
    entry('g', "B", "active_servers", Number(C::Act), "Active servers that can take traffic"),
    entry('g', "B", "backup_servers", Number(C::Bck), "Backup servers that can take traffic"),
    entry('g', "S", "active", Number(C::Act), "1 when configured as an active server"),
    entry('g', "S", "backup", Number(C::Bck), "1 when configured as a backup server"),
    entry('c', "S", "check_failures_total", Number(C::Chkfail), "Checks that failed while the server was up"),
    entry('c', "BS", "check_up_down_total", Number(C::Chkdown), "Times that it went down"),
    entry('g', "BS", "check_last_change_seconds", Number(C::Lastchg), "Seconds since it last went up or down"),
    entry('c', "BS", "downtime_seconds_total", Number(C::Downtime), "Seconds spent down"),
    entry('g', "S", "queue_limit", Number(C::Qlimit), "Limit of waiting requests"),
    entry('g', "S", "current_throttle", Number(C::Throttle), "Share of the weight during slow start, percent"),
    entry('c', "BS", "loadbalanced_total", Number(C::Lbtot), "Times chosen by the balancer"),
    entry('g', "FBS", "current_session_rate", Number(C::Rate), "Client connections or exchanges in the last second"),
    entry('g', "F", "limit_session_rate", Number(C::RateLim), "Limit of client connections a second"),
    entry('g', "FBS", "max_session_rate", Number(C::RateMax), "Most client connections or exchanges in a second"),
    entry('g', "S", "check_status", Check(C::CheckStatus), "1 for the last result of the check, 0 for the others"),
    entry('g', "S", "check_code", Code(C::CheckStatus, C::CheckCode), "HTTP status that the last check saw"),
    entry('g', "S", "check_duration_seconds", Seconds(C::CheckDuration), "Seconds that the last check took"),
    entry('c', "FBS", "http_responses_total", Responses, "Responses by class of their status"),
    entry('g', "F", "http_requests_rate_max", Number(C::ReqRateMax), "Most requests in a second"),
    entry('c', "FBS", "http_requests_total", Number(C::ReqTot), "Requests so far"),
    entry('c', "BS", "client_aborts_total", Number(C::CliAbrt), "Transfers that the client gave up"),
    entry('c', "BS", "server_aborts_total", Number(C::SrvAbrt), "Transfers that the server broke"),
    entry('c', "FB", "http_comp_bytes_in_total", Number(C::CompIn), "Bytes given to the compressor"),
    entry('c', "FB", "http_comp_bytes_out_total", Number(C::CompOut), "Bytes that the compressor made"),
    entry('c', "FB", "http_comp_bytes_bypassed_total", Number(C::CompByp), "Bytes that passed by the compressor"),
    entry('c', "FB", "http_comp_responses_total", Number(C::CompRsp), "Responses compressed"),
    entry('g', "F", "connections_rate_max", Number(C::ConnRateMax), "Most client connections in a second"),
    entry('c', "FL", "connections_total", Number(C::ConnTot), "Client connections so far"),
    entry('c', "F", "intercepted_requests_total", Number(C::Intercepted), "Requests that lb answered by itself"),
    entry('c', "FL", "denied_connections_total", Number(C::Dcon), "Client connections refused by policy"),
    entry('c', "FL", "denied_sessions_total", Number(C::Dses), "Sessions refused by policy"),
    entry('g', "BS", "last_session_seconds", Number(C::Lastsess), "Seconds since the last exchange ended, -1 before the first"),
    entry('g', "BS", "queue_time_average_seconds", Seconds(C::Qtime), "Mean wait in the queue, about the last 1024 exchanges"),
    entry('g', "BS", "connect_time_average_seconds", Seconds(C::Ctime), "Mean time to connect, about the last 1024 exchanges"),
    entry('g', "BS", "response_time_average_seconds", Seconds(C::Rtime), "Mean time to the response's head, about the last 1024 exchanges"),
    entry('g', "BS", "total_time_average_seconds", Seconds(C::Ttime), "Mean time of a whole exchange, about the last 1024"),
    entry('g', "S", "agent_status", Check(C::AgentStatus), "1 for the last result of asking the agent, 0 for the others"),
    entry('g', "S", "agent_code", Code(C::AgentStatus, C::AgentCode), "Code of the last result of asking the agent"),
    entry('g', "S", "agent_duration_seconds", PresentSeconds(C::AgentDuration), "Seconds that the agent's last answer took"),
    entry('c', "FLBS", "failed_header_rewriting_total", Number(C::Wrew), "Header rewrites that failed"),
    entry('c', "BS", "connection_attempts_total", Number(C::Connect), "Connections opened to servers"),
    entry('c', "BS", "connection_reuses_total", Number(C::Reuse), "Exchanges on a connection that had been used before"),
    entry('c', "FB", "http_cache_lookups_total", Number(C::CacheLookups), "Look-ups in the cache"),
    entry('c', "FB", "http_cache_hits_total", Number(C::CacheHits), "Hits in the cache"),
    entry('g', "S", "idle_connections_current", Number(C::SrvIcur), "Idle connections to the server"),
    entry('g', "S", "idle_connections_limit", Number(C::SrcIlim), "Limit of idle connections"),
    entry('g', "BS", "max_queue_time_seconds", Seconds(C::QtimeMax), "Longest wait in the queue"),
    entry('g', "BS", "max_connect_time_seconds", Seconds(C::CtimeMax), "Longest time to connect"),
    entry('g', "BS", "max_response_time_seconds", Seconds(C::RtimeMax), "Longest time to a response's head"),
    entry('g', "BS", "max_total_time_seconds", Seconds(C::TtimeMax), "Longest exchange"),
    entry('c', "FLBS", "internal_errors_total", Number(C::Eint), "Errors inside lb"),
    entry('g', "S", "unsafe_idle_connections_current", Number(C::IdleConnCur), "Idle connections that only some requests may use"),
    entry('g', "S", "safe_idle_connections_current", Number(C::SafeConnCur), "Idle connections that any request may use"),
    entry('g', "S", "used_connections_current", Number(C::UsedConnCur), "Connections in use"),
    entry('g', "S", "need_connections_current", Number(C::NeedConnEst), "Connections that will be needed, where estimated"),
    entry('g', "BS", "uweight", Number(C::Uweight), "Weight as set by the operator"),
    entry('g', "B", "agg_server_status", CountedStates, "How many servers are in each state"),
    entry('g', "B", "agg_server_check_status", CountedStates, "Former name of agg_server_status"),
    entry('g', "B", "agg_check_status", CountedChecks, "How many servers had each result of the check last"),
    entry('g', "S", "private_idle_connections_current", Number(C::PrivIdleCur), "Idle connections that belong to one client"),
    entry('c', "FLBS", "req_bytes_in_total", Number(C::Reqbin), "Bytes of requests received"),
    entry('c', "FLBS", "req_bytes_out_total", Number(C::Reqbout), "Bytes of requests forwarded"),
    entry('c', "FLBS", "res_bytes_in_total", Number(C::Resbin), "Bytes of responses received"),
    entry('c', "FLBS", "res_bytes_out_total", Number(C::Resbout), "Bytes of responses forwarded"),
];

const fn entry(
    letter: char,
    scopes: &'static str,
    name: &'static str,
    source: ValueSource,
    help: &'static str,
) -> FamilyEntry {
    FamilyEntry { letter, scopes, name, source, help }
}

/// The families that rows of this kind have.
pub(super) fn entries(kind: ProxyKind) -> impl Iterator<Item = &'static FamilyEntry> {
    TABLE.iter().filter(move |entry| entry.scopes.contains(kind.letter()))
}

/// Writes the families of one of the three scopes that rows are about.
pub(super) fn write(scope: Scope, rows: &[ReportRow], query: &ScrapeQuery, out: &mut MetricsText<'_>) {
    let (kind, word) = match scope {
        Scope::Frontend => (ProxyKind::Frontend, "frontend"),
        Scope::Listener => (ProxyKind::Listener, "listener"),
        Scope::Backend => (ProxyKind::Backend, "backend"),
        Scope::Server => (ProxyKind::Server, "server"),
        Scope::Process | Scope::Table | Scope::Resolver => return,
    };
    let subjects = subjects(kind, rows, query.no_maint);
    if kind == ProxyKind::Listener && subjects.is_empty() {
        return;
    }
    for entry in entries(kind) {
        let head = FamilyHead { name: &entry.family(word), kind: entry.kind(), help: entry.help };
        if let Some(mut family) = out.family(head) {
            entry.source.write(&subjects, &mut family);
        }
    }
    if query.extra {
        extra::write(kind, word, &subjects, out);
    }
}

/// The rows of that kind; a backend's servers stand right before it.
fn subjects(kind: ProxyKind, rows: &[ReportRow], no_maint: bool) -> Vec<SeriesRow<'_>> {
    let mut first_server = 0;
    let mut subjects = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let servers = if row.kind == ProxyKind::Backend { &rows[first_server..index] } else { &[] };
        if row.kind != ProxyKind::Server {
            first_server = index + 1;
        }
        if row.kind != kind || (no_maint && kind == ProxyKind::Server && is_maint(row)) {
            continue;
        }
        let mut labels = label("proxy", row.text(StatColumn::Pxname));
        let own = match kind {
            ProxyKind::Server => Some("server"),
            ProxyKind::Listener => Some("listener"),
            ProxyKind::Frontend | ProxyKind::Backend => None,
        };
        if let Some(own) = own {
            labels.push(',');
            labels += &label(own, row.text(StatColumn::Svname));
        }
        subjects.push(SeriesRow { row, labels, servers });
    }
    subjects
}

// === impl FamilyEntry ===

impl FamilyEntry {
    /// Its whole name in the scope that is called `word`.
    pub(super) fn family(&self, word: &str) -> String {
        format!("haproxy_{word}_{}", self.name)
    }

    pub(super) fn kind(&self) -> text::MetricKind {
        if self.letter == 'c' { text::MetricKind::Counter } else { text::MetricKind::Gauge }
    }
}

// === impl ValueSource ===

impl ValueSource {
    fn write(self, subjects: &[SeriesRow<'_>], family: &mut Family<'_>) {
        // A class of all objects, then the next: HAProxy's order.
        if matches!(self, Responses) {
            for (class, column) in CLASSES {
                let class = label("code", class);
                subjects.iter().for_each(|subject| {
                    family.series([&subject.labels, &class], subject.row.number(column));
                });
            }
            return;
        }
        for subject in subjects {
            let row = subject.row;
            let servers = subject.servers;
            match self {
                Number(column) => family.series([&subject.labels, ""], row.number(column)),
                Code(status, _) | Check(status) if ended(row, status).is_empty() => {}
                Code(_, code) => family.series([&subject.labels, ""], row.number(code).unwrap_or_default()),
                PresentSeconds(column) if row.number(column).is_none() => {}
                PresentSeconds(column) => family.series([&subject.labels, ""], seconds(row, column)),
                Seconds(column) => family.series([&subject.labels, ""], seconds(row, column)),
                State => {
                    let states = match row.kind {
                        ProxyKind::Server => SERVER_STATES,
                        ProxyKind::Listener => LISTENER_STATES,
                        ProxyKind::Frontend | ProxyKind::Backend => PROXY_STATES,
                    };
                    subject.each(states, family, |state| (self::state(row) == state).into());
                }
                Check(status) => {
                    subject.each(CHECKS, family, |result| (ended(row, status) == result).into());
                }
                CountedStates | CountedChecks if servers.is_empty() => {}
                CountedStates => subject.each(SERVER_STATES, family, |state| {
                    servers.iter().filter(|server| self::state(server) == state).count().into()
                }),
                CountedChecks => subject.each(CHECKS, family, |result| {
                    servers.iter().filter(|server| ended(server, C::CheckStatus) == result).count().into()
                }),
                Responses => {}
            }
        }
    }
}

// === impl SeriesRow ===

impl SeriesRow<'_> {
    /// A series for each of `states`.
    fn each(&self, states: &[&str], family: &mut Family<'_>, value: impl Fn(&str) -> MetricValue) {
        for state in states {
            family.series([&self.labels, &label("state", state)], value(state));
        }
    }
}

/// Milliseconds, told in seconds.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of a few hours at most")]
fn seconds(row: &ReportRow, column: StatColumn) -> MetricValue {
    row.number(column).map_or(MetricValue::Unknown, |millis| MetricValue::Fraction(millis as f64 / 1000.0))
}

/// The state that a status text comes to; a server that is not known to be anything else is up.
fn state(row: &ReportRow) -> &'static str {
    let status = row.text(StatColumn::Status);
    if let Some(state) =
        LISTENER_STATES.iter().find(|state| row.kind == ProxyKind::Listener && **state == status)
    {
        return state;
    }
    let named = ["DOWN", "MAINT", "DRAIN", "NOLB"].into_iter().find(|state| status.starts_with(state));
    // A frontend whose listeners are closed.
    named.unwrap_or(if status == "STOP" { "DOWN" } else { "UP" })
}

/// How the last check ended, empty while there is none.
fn ended(row: &ReportRow, status: StatColumn) -> &str {
    row.text(status).trim_start_matches("* ")
}
