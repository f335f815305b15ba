//! From the state of the balancer to rows: the one place that knows which counter is which column.
//!
//! The rules of which columns are empty when are HAProxy's (`MAINT` hides the check's columns, a server without checks has no
//! downtime). It refuses to write anything, and to guess: what lb does not count stays empty.

use std::sync::atomic::Ordering::Relaxed;

use crate::config::Balance;
use crate::counters::{Maxima, Tally, Totals, millis};
use crate::server::{CheckResult, HealthRecord, Server, Status};
use crate::stick::Jar;
use crate::topology::{Backend, Frontend, LiveListener, Open, Shared, Topology};

use super::column::{Column, Kind};
use super::row::{Field, Row};

/// The rows of everything by the number of the proxy: of a frontend its own and its listeners', of a backend its servers' and its own.
pub(super) fn rows(shared: &Shared) -> Vec<Row> {
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

fn frontend(frontend: &Frontend, shared: &Shared) -> Row {
    let live = &frontend.live;
    let mut row = Row::new(Kind::Frontend, live.id, 0, &live.name, "FRONTEND");
    let totals = traffic(&mut row, &live.tally);
    row.set(Column::Scur, live.sessions.get());
    row.set(Column::Smax, live.sessions.max());
    row.set(Column::Slim, live.room.size());
    let status = match live.open() {
        _ if shared.process.is_stopping() => "STOP",
        Open::Yes => "OPEN",
        Open::Paused => "PAUSED",
        Open::Stopped => "STOP",
    };
    row.set(Column::Status, status);
    row.set(Column::Ereq, totals.request_errors);
    for column in [Column::Stot, Column::ConnTot, Column::H1sess, Column::H1TotalConnections] {
        row.set(column, totals.connections);
    }
    for column in [Column::H1req, Column::H1TotalStreams] {
        row.set(column, totals.requests);
    }
    row.set(Column::H1OpenConnections, live.sessions.get());
    row.set(Column::H1OpenStreams, live.tally.open());
    row.set(Column::H1BytesIn, totals.bytes_in);
    row.set(Column::H1BytesOut, totals.bytes_out);
    // A session of a frontend is a client's connection.
    let (connections, most_connections) = live.tally.connection_rate();
    for (column, most) in [(Column::Rate, Column::RateMax), (Column::ConnRate, Column::ConnRateMax)] {
        row.set(column, connections);
        row.set(most, most_connections);
    }
    let (requests, most_requests) = live.tally.request_rate();
    row.set(Column::ReqRate, requests);
    row.set(Column::ReqRateMax, most_requests);
    row
}

fn listener(listener: &LiveListener, frontend: &Frontend) -> Row {
    let live = &frontend.live;
    let mut row = Row::new(Kind::Listener, live.id, listener.number, &live.name, &listener.name);
    let totals = listener.tally.totals();
    row.set(Column::Scur, listener.sessions.get());
    row.set(Column::Smax, listener.sessions.max());
    row.set(Column::Stot, totals.connections);
    row.set(Column::ConnTot, totals.connections);
    bytes(&mut row, &totals);
    row.set(Column::Ereq, totals.request_errors);
    row.set(Column::Eint, totals.internal_errors);
    // A frontend that is paused or stopped says so in its own row, as with HAProxy.
    row.set(Column::Status, if live.room.is_full() { "WAITING" } else { "OPEN" });
    let address = listener.address();
    row.set(Column::Addr, address.to_string());
    row.set(Column::Proto, if address.is_ipv4() { "tcpv4" } else { "tcpv6" });
    row
}

fn server(server: &Server, backend: &Backend) -> Row {
    let live = &backend.live;
    let mut row = Row::new(Kind::Server, live.id, server.number, &live.name, &server.name);
    let totals = traffic(&mut row, &server.stats.tally);
    exchanges(&mut row, &server.stats.tally, &totals);
    let health = server.health.snapshot();
    let status = server.status_with(&health);
    row.set(Column::Scur, server.in_flight());
    row.set(Column::Smax, server.stats.in_flight_max.get());
    row.set(Column::Qcur, server.bound.waiting().get());
    row.set(Column::Qmax, server.bound.waiting().max());
    row.set_if(Column::Slim, limit(server.maxconn()));
    row.set_if(Column::Qlimit, limit(server.max_queue()));
    row.set(Column::Status, status.to_string());
    row.set(Column::Weight, server.share(1));
    row.set(Column::Uweight, server.weight());
    row.set_if(Column::Throttle, throttle(server, &status));
    row.set(Column::Act, u32::from(!server.is_backup()));
    row.set(Column::Bck, u32::from(server.is_backup()));
    row.set(Column::Lastchg, health.changed_at.elapsed().as_secs());
    let cookie =
        backend.jar.as_ref().map_or_else(|| server.cookie(), |jar| jar.cookie_of(server.id).cloned());
    row.set_if(Column::Cookie, cookie.map(|cookie| cookie.to_string()));
    row.set_if(Column::Addr, server.place.address().map(|address| address.to_string()));
    row.set(Column::SrvIcur, server.stats.idle.get());
    // Any request may use any idle connection.
    row.set(Column::SafeConnCur, server.stats.idle.get());
    row.set(Column::UsedConnCur, server.in_flight());
    row.set_if(Column::Tracked, server.track().map(|track| track.to_string()));
    check(&mut row, &health, &status);
    agent(&mut row, &health);
    row
}

/// What a finding is told in: status, its meaning, code, duration, text.
type Finding = [Column; 5];

const CHECK: Finding =
    [Column::CheckStatus, Column::CheckDesc, Column::CheckCode, Column::CheckDuration, Column::LastChk];
const AGENT: Finding =
    [Column::AgentStatus, Column::AgentDesc, Column::AgentCode, Column::AgentDuration, Column::LastAgt];

/// Columns about checks: those about the past exist when checks are made, the present ones not in maintenance. A server that tracks another
/// has none.
fn check(row: &mut Row, health: &HealthRecord, status: &Status) {
    if !health.is_watched() || health.follows {
        return;
    }
    row.set(Column::Chkfail, health.failures);
    row.set(Column::Chkdown, health.standing.downs());
    row.set(Column::Downtime, health.standing.downtime().as_secs());
    if status.is_maint() {
        return;
    }
    finding(row, CHECK, health.last.as_ref(), health.checking);
    row.set(Column::CheckRise, health.rise);
    row.set(Column::CheckFall, health.fall);
    row.set(Column::CheckHealth, health.level);
}

/// Columns about the agent, which is asked in maintenance as well: it may end it.
fn agent(row: &mut Row, health: &HealthRecord) {
    let agent = &health.agent;
    if !agent.is_watched() || health.follows {
        return;
    }
    finding(row, AGENT, agent.last.as_ref(), agent.asking);
    // Its word counts at once.
    row.set(Column::AgentRise, 1u32);
    row.set(Column::AgentFall, 1u32);
    row.set(Column::AgentHealth, u32::from(agent.up));
}

fn finding(row: &mut Row, columns: Finding, last: Option<&CheckResult>, is_running: bool) {
    let [status, meaning, code, took, text] = columns;
    let word = last.map_or_else(|| "INI".to_owned(), |last| last.status.to_string());
    row.set(status, if is_running { format!("* {word}") } else { word });
    row.set(meaning, last.map_or("Initializing", |last| last.status.meaning()));
    let seen = last.filter(|last| last.status.has_code());
    row.set_if(code, seen.map(|last| u32::from(last.code.unwrap_or_default())));
    row.set_if(took, last.map(|last| millis(last.took)));
    row.set(text, last.map_or("", |last| &last.detail));
}

fn backend(backend: &Backend, topology: &Topology, shared: &Shared) -> Row {
    let live = &backend.live;
    let mut row = Row::new(Kind::Backend, live.id, 0, &live.name, "BACKEND");
    let totals = traffic(&mut row, &live.tally);
    exchanges(&mut row, &live.tally, &totals);
    let usable = |backup: bool| {
        let counts = |server: &&std::sync::Arc<Server>| server.is_backup() == backup && server.is_usable();
        backend.servers.iter().filter(counts).count()
    };
    let sum = |of: fn(&Server) -> u64| backend.servers.iter().map(|server| of(server)).sum::<u64>();
    let weight = backend.rotation.weight();
    let waiting = live.queue.waiting();
    row.set(Column::Qcur, waiting.get() + sum(|server| server.bound.waiting().get()));
    row.set(Column::Qmax, waiting.max());
    row.set(Column::Scur, live.sessions.get());
    row.set(Column::Smax, live.sessions.max());
    row.set(Column::Slim, full_at(backend, topology, shared));
    let status = if backend.is_up() { "UP" } else { "DOWN" };
    let unpublished = if live.unpublished.load(Relaxed) { " (UNPUB)" } else { "" };
    row.set(Column::Status, format!("{status}{unpublished}"));
    row.set(Column::Weight, weight);
    let whole = backend.rotation.servers().map(|server| u64::from(server.weight())).sum::<u64>();
    row.set(Column::Uweight, whole);
    row.set(Column::Act, usable(false));
    row.set(Column::Bck, usable(true));
    let standing = live.standing();
    row.set(Column::Chkdown, standing.downs());
    row.set(Column::Lastchg, standing.since().elapsed().as_secs());
    let has_servers = !backend.servers.is_empty();
    row.set_if(Column::Downtime, has_servers.then(|| standing.downtime().as_secs()));
    row.set_if(Column::Cookie, backend.jar.as_ref().map(Jar::name));
    // Nothing is picked where there is nothing.
    row.set(Column::Algo, if has_servers { algorithm(&backend.config.balance) } else { "unknown" });
    let (in_flight, idle) = (sum(|server| server.in_flight().into()), sum(|server| server.stats.idle.get()));
    row.set(Column::H1OpenConnections, in_flight + idle);
    row.set(Column::H1OpenStreams, in_flight);
    row.set(Column::H1TotalConnections, totals.connects);
    row.set(Column::H1TotalStreams, totals.connects + totals.reuses);
    row.set(Column::H1BytesIn, totals.server_bytes_in);
    row.set(Column::H1BytesOut, totals.server_bytes_out);
    row
}

/// Columns that every row has.
fn traffic(row: &mut Row, tally: &Tally) -> Totals {
    let totals = tally.totals();
    bytes(row, &totals);
    row.set(Column::ReqTot, totals.requests);
    row.set(Column::Eint, totals.internal_errors);
    // `dreq` and `intercepted` are zero by the table of columns: lb has no rule that denies a request or answers it in a server's place.
    // What it refuses itself (a bad head, one that is too large) is a bad request, as with HAProxy.
    let classes = [
        Column::Hrsp1xx,
        Column::Hrsp2xx,
        Column::Hrsp3xx,
        Column::Hrsp4xx,
        Column::Hrsp5xx,
        Column::HrspOther,
    ];
    classes.into_iter().zip(totals.responses).for_each(|(column, count)| row.set(column, count));
    totals
}

fn bytes(row: &mut Row, totals: &Totals) {
    row.set(Column::Bin, totals.bytes_in);
    row.set(Column::Bout, totals.bytes_out);
    row.set(Column::Reqbin, totals.bytes_in);
    row.set(Column::Reqbout, totals.server_bytes_out);
    row.set(Column::Resbin, totals.server_bytes_in);
    row.set(Column::Resbout, totals.bytes_out);
}

/// Columns that servers and backends have. A session of theirs is an exchange.
fn exchanges(row: &mut Row, tally: &Tally, totals: &Totals) {
    let (rate, most) = tally.request_rate();
    let means = tally.means();
    let Maxima { queue_time, connect_time, response_time, total_time } = &tally.maxima;
    let columns = [
        (Column::Stot, totals.requests),
        (Column::Econ, totals.connect_errors),
        (Column::Eresp, totals.response_errors),
        (Column::Wretr, totals.retries),
        (Column::Wredis, totals.redispatches),
        (Column::Lbtot, totals.chosen),
        (Column::Rate, rate),
        (Column::RateMax, most),
        (Column::CliAbrt, totals.client_aborts),
        (Column::SrvAbrt, totals.server_aborts),
        (Column::Connect, totals.connects),
        (Column::Reuse, totals.reuses),
        (Column::Qtime, means.queue_time),
        (Column::Ctime, means.connect_time),
        (Column::Rtime, means.response_time),
        (Column::Ttime, means.total_time),
        (Column::QtimeMax, queue_time.get()),
        (Column::CtimeMax, connect_time.get()),
        (Column::RtimeMax, response_time.get()),
        (Column::TtimeMax, total_time.get()),
    ];
    columns.into_iter().for_each(|(column, value)| row.set(column, value));
    row.set(Column::Lastsess, tally.last_session_age().map_or(Field::Number(-1), Field::from));
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
    server.warmth().filter(|_| status.is_running())
}

fn limit(most: u32) -> Option<u32> {
    (most > 0).then_some(most)
}

/// Whether it is out of service by order or for want of an address (HAProxy shows both as `MAINT`).
pub(super) fn is_maint(row: &Row) -> bool {
    row.text(Column::Status).starts_with("MAINT")
}
