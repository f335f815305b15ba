//! From the state of the balancer to rows: the one place that knows which counter is which column.
//!
//! The rules of which columns are empty when are HAProxy's (`MAINT` hides the check's columns, a server without checks has no
//! downtime). It refuses to write anything, and to guess: what lb does not count stays empty.

use std::sync::atomic::Ordering::Relaxed;

use crate::config::Balance;
use crate::counters::{Maxima, Tally, Totals, millis};
use crate::server::{CheckResult, HealthRecord, Server, Status};
use crate::stick::PersistenceCookie;
use crate::topology::{Backend, Frontend, ListenState, LiveListener, Shared, Topology};

use super::column::{ProxyKind, StatColumn};
use super::row::{FieldValue, ReportRow};

/// The rows of everything by the number of the proxy: of a frontend its own and its listeners', of a backend its servers' and its own.
pub(super) fn rows(shared: &Shared) -> Vec<ReportRow> {
    let topology = shared.topology.load();
    let mut rows = Vec::new();
    for of in &topology.frontends {
        rows.push(frontend(of, shared));
        if of.config.socket_stats {
            rows.extend(of.listeners.iter().map(|one| listener(one, of)));
        }
    }
    for of in &topology.backends {
        rows.extend(of.servers.iter().map(|one| server(one, of)));
        rows.push(backend(of, &topology, shared));
    }
    rows.sort_by_key(|row| row.proxy);
    rows
}

fn frontend(frontend: &Frontend, shared: &Shared) -> ReportRow {
    let live = &frontend.live;
    let mut row = ReportRow::new(ProxyKind::Frontend, live.id, 0, &live.name, "FRONTEND");
    let totals = traffic(&mut row, &live.tally);
    row.set(StatColumn::Scur, live.sessions.get());
    row.set(StatColumn::Smax, live.sessions.max());
    row.set(StatColumn::Slim, live.room.size());
    let status = match live.open() {
        _ if shared.process.is_stopping() => "STOP",
        ListenState::Yes => "OPEN",
        ListenState::Paused => "PAUSED",
        ListenState::Stopped => "STOP",
    };
    row.set(StatColumn::Status, status);
    row.set(StatColumn::Ereq, totals.request_errors);
    row.set(StatColumn::Dreq, totals.denied);
    row.set(StatColumn::Intercepted, totals.intercepted);
    for column in [StatColumn::Stot, StatColumn::ConnTot, StatColumn::H1sess, StatColumn::H1TotalConnections]
    {
        row.set(column, totals.connections);
    }
    for column in [StatColumn::H1req, StatColumn::H1TotalStreams] {
        row.set(column, totals.requests);
    }
    row.set(StatColumn::H1OpenConnections, live.sessions.get());
    row.set(StatColumn::H1OpenStreams, live.tally.open());
    row.set(StatColumn::H1BytesIn, totals.bytes_in);
    row.set(StatColumn::H1BytesOut, totals.bytes_out);
    // A session of a frontend is a client's connection.
    let (connections, most_connections) = live.tally.connection_rate();
    for (column, most) in
        [(StatColumn::Rate, StatColumn::RateMax), (StatColumn::ConnRate, StatColumn::ConnRateMax)]
    {
        row.set(column, connections);
        row.set(most, most_connections);
    }
    let (requests, most_requests) = live.tally.request_rate();
    row.set(StatColumn::ReqRate, requests);
    row.set(StatColumn::ReqRateMax, most_requests);
    row
}

fn listener(listener: &LiveListener, frontend: &Frontend) -> ReportRow {
    let live = &frontend.live;
    let mut row = ReportRow::new(ProxyKind::Listener, live.id, listener.number, &live.name, &listener.name);
    let totals = listener.tally.totals();
    row.set(StatColumn::Scur, listener.sessions.get());
    row.set(StatColumn::Smax, listener.sessions.max());
    row.set(StatColumn::Stot, totals.connections);
    row.set(StatColumn::ConnTot, totals.connections);
    bytes(&mut row, &totals);
    row.set(StatColumn::Ereq, totals.request_errors);
    row.set(StatColumn::Dreq, totals.denied);
    row.set(StatColumn::Eint, totals.internal_errors);
    // A frontend that is paused or stopped says so in its own row, as with HAProxy.
    row.set(StatColumn::Status, if live.room.is_full() { "WAITING" } else { "OPEN" });
    let address = listener.address();
    row.set(StatColumn::Addr, address.to_string());
    row.set(StatColumn::Proto, if address.is_ipv4() { "tcpv4" } else { "tcpv6" });
    row
}

fn server(server: &Server, backend: &Backend) -> ReportRow {
    let live = &backend.live;
    let mut row = ReportRow::new(ProxyKind::Server, live.id.get(), server.number, &live.name, &server.name);
    let totals = traffic(&mut row, &server.stats.tally);
    exchanges(&mut row, &server.stats.tally, &totals);
    let health = server.health.snapshot();
    let status = server.status_with(&health);
    row.set(StatColumn::Scur, server.in_flight());
    row.set(StatColumn::Smax, server.stats.in_flight_max.get());
    row.set(StatColumn::Qcur, server.bound.waiting().get());
    row.set(StatColumn::Qmax, server.bound.waiting().max());
    row.set_if(StatColumn::Slim, limit(server.maxconn()));
    row.set_if(StatColumn::Qlimit, limit(server.max_queue()));
    row.set(StatColumn::Status, status.to_string());
    row.set(StatColumn::Weight, server.share(1));
    row.set(StatColumn::Uweight, server.weight());
    row.set_if(StatColumn::Throttle, throttle(server, &status));
    row.set(StatColumn::Act, u32::from(!server.is_backup()));
    row.set(StatColumn::Bck, u32::from(server.is_backup()));
    row.set(StatColumn::Lastchg, health.changed_at.elapsed().as_secs());
    let cookie =
        backend.jar.as_ref().map_or_else(|| server.cookie(), |jar| jar.cookie_of(server.id).cloned());
    row.set_if(StatColumn::Cookie, cookie.map(|cookie| cookie.to_string()));
    row.set_if(StatColumn::Addr, server.place.address().map(|address| address.to_string()));
    row.set(StatColumn::SrvIcur, server.stats.idle.get());
    // Any request may use any idle connection.
    row.set(StatColumn::SafeConnCur, server.stats.idle.get());
    row.set(StatColumn::UsedConnCur, server.in_flight());
    row.set_if(StatColumn::Tracked, server.track().map(|track| track.to_string()));
    check(&mut row, &health, &status);
    agent(&mut row, &health);
    row
}

/// What a finding is told in: status, its meaning, code, duration, text.
type CheckColumns = [StatColumn; 5];

const CHECK: CheckColumns = [
    StatColumn::CheckStatus,
    StatColumn::CheckDesc,
    StatColumn::CheckCode,
    StatColumn::CheckDuration,
    StatColumn::LastChk,
];
const AGENT: CheckColumns = [
    StatColumn::AgentStatus,
    StatColumn::AgentDesc,
    StatColumn::AgentCode,
    StatColumn::AgentDuration,
    StatColumn::LastAgt,
];

/// Columns about checks: those about the past exist when checks are made, the present ones not in maintenance. A server that tracks another
/// has none.
fn check(row: &mut ReportRow, health: &HealthRecord, status: &Status) {
    if !health.is_watched() || health.follows {
        return;
    }
    row.set(StatColumn::Chkfail, health.failures);
    row.set(StatColumn::Chkdown, health.standing.downs());
    row.set(StatColumn::Downtime, health.standing.downtime().as_secs());
    if status.is_maint() {
        return;
    }
    finding(row, CHECK, health.last.as_ref(), health.checking);
    row.set(StatColumn::CheckRise, health.rise);
    row.set(StatColumn::CheckFall, health.fall);
    row.set(StatColumn::CheckHealth, health.level);
}

/// Columns about the agent, which is asked in maintenance as well: it may end it.
fn agent(row: &mut ReportRow, health: &HealthRecord) {
    let agent = &health.agent;
    if !agent.is_watched() || health.follows {
        return;
    }
    finding(row, AGENT, agent.last.as_ref(), agent.asking);
    // Its word counts at once.
    row.set(StatColumn::AgentRise, 1u32);
    row.set(StatColumn::AgentFall, 1u32);
    row.set(StatColumn::AgentHealth, u32::from(agent.up));
}

fn finding(row: &mut ReportRow, columns: CheckColumns, last: Option<&CheckResult>, is_running: bool) {
    let [status, meaning, code, took, text] = columns;
    let word = last.map_or_else(|| "INI".to_owned(), |last| last.status.to_string());
    row.set(status, if is_running { format!("* {word}") } else { word });
    row.set(meaning, last.map_or("Initializing", |last| last.status.meaning()));
    let seen = last.filter(|last| last.status.has_code());
    row.set_if(code, seen.map(|last| u32::from(last.code.unwrap_or_default())));
    row.set_if(took, last.map(|last| millis(last.took)));
    row.set(text, last.map_or("", |last| &last.detail));
}

fn backend(backend: &Backend, topology: &Topology, shared: &Shared) -> ReportRow {
    let live = &backend.live;
    let mut row = ReportRow::new(ProxyKind::Backend, live.id.get(), 0, &live.name, "BACKEND");
    let totals = traffic(&mut row, &live.tally);
    exchanges(&mut row, &live.tally, &totals);
    let usable = |backup: bool| {
        let counts = |server: &&std::sync::Arc<Server>| server.is_backup() == backup && server.is_usable();
        backend.servers.iter().filter(counts).count()
    };
    let sum = |of: fn(&Server) -> u64| backend.servers.iter().map(|server| of(server)).sum::<u64>();
    let weight = backend.rotation.weight();
    let waiting = live.queue.waiting();
    row.set(StatColumn::Qcur, waiting.get() + sum(|server| server.bound.waiting().get()));
    row.set(StatColumn::Qmax, waiting.max());
    row.set(StatColumn::Scur, live.sessions.get());
    row.set(StatColumn::Smax, live.sessions.max());
    row.set(StatColumn::Slim, full_at(backend, topology, shared));
    let status = if backend.is_up() { "UP" } else { "DOWN" };
    let unpublished = if live.unpublished.load(Relaxed) { " (UNPUB)" } else { "" };
    row.set(StatColumn::Status, format!("{status}{unpublished}"));
    row.set(StatColumn::Weight, weight);
    let whole = backend.rotation.servers().map(|server| u64::from(server.weight())).sum::<u64>();
    row.set(StatColumn::Uweight, whole);
    row.set(StatColumn::Act, usable(false));
    row.set(StatColumn::Bck, usable(true));
    let standing = live.standing();
    row.set(StatColumn::Chkdown, standing.downs());
    row.set(StatColumn::Lastchg, standing.since().elapsed().as_secs());
    let has_servers = !backend.servers.is_empty();
    row.set_if(StatColumn::Downtime, has_servers.then(|| standing.downtime().as_secs()));
    row.set_if(StatColumn::Cookie, backend.jar.as_ref().map(PersistenceCookie::name));
    // Nothing is picked where there is nothing.
    row.set(StatColumn::Algo, if has_servers { algorithm(&backend.config.balance) } else { "unknown" });
    let (in_flight, idle) = (sum(|server| server.in_flight().into()), sum(|server| server.stats.idle.get()));
    row.set(StatColumn::H1OpenConnections, in_flight + idle);
    row.set(StatColumn::H1OpenStreams, in_flight);
    row.set(StatColumn::H1TotalConnections, totals.connects);
    row.set(StatColumn::H1TotalStreams, totals.connects + totals.reuses);
    row.set(StatColumn::H1BytesIn, totals.server_bytes_in);
    row.set(StatColumn::H1BytesOut, totals.server_bytes_out);
    row
}

/// Columns that every row has.
fn traffic(row: &mut ReportRow, tally: &Tally) -> Totals {
    let totals = tally.totals();
    bytes(row, &totals);
    row.set(StatColumn::ReqTot, totals.requests);
    row.set(StatColumn::Eint, totals.internal_errors);
    // What lb rejects by itself (a bad head, one that is too large) is a bad request, as with HAProxy; `dreq` is what rules rejected.
    let classes = [
        StatColumn::Hrsp1xx,
        StatColumn::Hrsp2xx,
        StatColumn::Hrsp3xx,
        StatColumn::Hrsp4xx,
        StatColumn::Hrsp5xx,
        StatColumn::HrspOther,
    ];
    classes.into_iter().zip(totals.responses).for_each(|(column, count)| row.set(column, count));
    totals
}

fn bytes(row: &mut ReportRow, totals: &Totals) {
    row.set(StatColumn::Bin, totals.bytes_in);
    row.set(StatColumn::Bout, totals.bytes_out);
    row.set(StatColumn::Reqbin, totals.bytes_in);
    row.set(StatColumn::Reqbout, totals.server_bytes_out);
    row.set(StatColumn::Resbin, totals.server_bytes_in);
    row.set(StatColumn::Resbout, totals.bytes_out);
}

/// Columns that servers and backends have. A session of theirs is an exchange.
fn exchanges(row: &mut ReportRow, tally: &Tally, totals: &Totals) {
    let (rate, most) = tally.request_rate();
    let means = tally.means();
    let Maxima { queue_time, connect_time, response_time, total_time } = &tally.maxima;
    let columns = [
        (StatColumn::Stot, totals.requests),
        (StatColumn::Econ, totals.connect_errors),
        (StatColumn::Eresp, totals.response_errors),
        (StatColumn::Wretr, totals.retries),
        (StatColumn::Wredis, totals.redispatches),
        (StatColumn::Lbtot, totals.chosen),
        (StatColumn::Rate, rate),
        (StatColumn::RateMax, most),
        (StatColumn::CliAbrt, totals.client_aborts),
        (StatColumn::SrvAbrt, totals.server_aborts),
        (StatColumn::Connect, totals.connects),
        (StatColumn::Reuse, totals.reuses),
        (StatColumn::Qtime, means.queue_time),
        (StatColumn::Ctime, means.connect_time),
        (StatColumn::Rtime, means.response_time),
        (StatColumn::Ttime, means.total_time),
        (StatColumn::QtimeMax, queue_time.get()),
        (StatColumn::CtimeMax, connect_time.get()),
        (StatColumn::RtimeMax, response_time.get()),
        (StatColumn::TtimeMax, total_time.get()),
    ];
    columns.into_iter().for_each(|(column, value)| row.set(column, value));
    row.set(StatColumn::Lastsess, tally.last_session_age().map_or(FieldValue::Number(-1), FieldValue::from));
}

/// HAProxy's default `fullconn`: a tenth of what the frontends that lead here may hold.
fn full_at(backend: &Backend, topology: &Topology, shared: &Shared) -> u64 {
    let leads_here =
        topology.frontends.iter().filter(|frontend| frontend.config.backend == *backend.live.name);
    let most = leads_here
        .map(|frontend| u64::from(frontend.config.maxconn.unwrap_or(shared.process.hard_maxconn())))
        .sum::<u64>();
    most.div_ceil(10).max(1)
}

/// HAProxy's name of a balancing algorithm. What its default does, `random`, has none there: the column says `unknown`.
pub(super) fn algorithm(balance: &Balance) -> &'static str {
    match balance {
        Balance::RoundRobin => "roundrobin",
        Balance::StaticRr => "static-rr",
        Balance::LeastConn => "leastconn",
        Balance::Random => "unknown",
        Balance::First => "first",
        Balance::Source => "source",
        Balance::Uri => "uri",
        Balance::Header(_) => "hdr",
    }
}

/// The column `throttle`: only of a server that warms up, or could.
fn throttle(server: &Server, status: &Status) -> Option<u32> {
    server.slow_start_percent().filter(|_| status.is_running())
}

fn limit(most: u32) -> Option<u32> {
    (most > 0).then_some(most)
}

/// Whether it is out of service by order or for want of an address (HAProxy shows both as `MAINT`).
pub(super) fn is_maint(row: &ReportRow) -> bool {
    row.text(StatColumn::Status).starts_with("MAINT")
}
