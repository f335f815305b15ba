//! The rows of the report: a frontend, a server, a backend at this moment.
//!
//! Each is filled from the state once; every rendering reads rows. What `lb` does not do shows the zero or the nothing that HAProxy shows for it.

use super::column::Column::{self, *};
use super::column::{Row, Value};
use crate::config::Balance;
use crate::counters::{Maxima, Means, Tally, Totals};
use crate::server::{Admin, HealthRecord, Server, Status};
use crate::topology::{Backend, Frontend, Shared};

/// A row and what it is about.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) row: Row,
}

/// What a row is about; the number is HAProxy's `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Frontend = 0,
    Backend = 1,
    Server = 2,
}

/// All rows: frontends, then each backend's servers and the backend.
pub(crate) fn all(shared: &Shared) -> Vec<Entry> {
    let topology = shared.topology.load();
    let maxconn = shared.process.maxconn.load(std::sync::atomic::Ordering::Relaxed);
    let stopping = shared.process.is_stopping();
    let frontends = topology.frontends.iter().map(|frontend| self::frontend(frontend, maxconn, stopping));
    let backends = topology.backends.iter().flat_map(|backend| {
        let servers = backend.servers.iter().map(|server| self::server(backend, server));
        servers.chain(std::iter::once(self::backend(backend, maxconn))).collect::<Vec<_>>()
    });
    frontends.chain(backends).collect()
}

// === impl Kind ===

impl Kind {
    /// Its bit in the filter of `show stat`.
    pub(crate) fn bit(self) -> i32 {
        1 << self as i32
    }
}

// === impl Entry ===

impl Entry {
    pub(crate) fn proxy(&self) -> &str {
        self.row.text(Pxname)
    }

    pub(crate) fn proxy_number(&self) -> i64 {
        self.row.number(Iid).unwrap_or(0)
    }

    pub(crate) fn server_number(&self) -> i64 {
        self.row.number(Sid).unwrap_or(0)
    }

    pub(crate) fn is_down(&self) -> bool {
        self.row.text(Status).starts_with("DOWN") || self.is_maint()
    }

    pub(crate) fn is_maint(&self) -> bool {
        self.row.text(Status).starts_with("MAINT")
    }

    /// Hides what the user level does not see.
    pub(crate) fn hide_inside(&mut self) {
        [Addr, Cookie, Algo].into_iter().for_each(|column| self.row.hide(column));
    }
}

fn frontend(frontend: &Frontend, maxconn: u32, stopping: bool) -> Entry {
    let (live, totals) = (&frontend.live, frontend.live.tally.totals());
    let mut row = named(&live.name, "FRONTEND", Kind::Frontend, live.id, 0);
    traffic(&mut row, &totals);
    let ((rate, rate_max), (connection_rate, connection_rate_max)) =
        (live.tally.request_rate(), live.tally.connection_rate());
    for (column, value) in [
        (Scur, live.sessions.get()),
        (Smax, live.sessions.max()),
        (Slim, maxconn.into()),
        (Stot, totals.connections),
        (Dreq, totals.denied_requests),
        (Ereq, totals.request_errors),
        (Rate, connection_rate),
        (RateMax, connection_rate_max),
        (ReqRate, rate),
        (ReqRateMax, rate_max),
        (ConnRate, connection_rate),
        (ConnRateMax, connection_rate_max),
        (ConnTot, totals.connections),
        (Intercepted, totals.intercepted),
        (H1sess, totals.connections),
        (H1req, totals.requests),
        (H1OpenConnections, live.sessions.get()),
        (H1TotalConnections, totals.connections),
        (H1TotalStreams, totals.requests),
        (H1BytesIn, totals.bytes_in),
        (H1BytesOut, totals.bytes_out),
    ] {
        row.set(column, value);
    }
    row.set(Status, if stopping { "STOP" } else { "OPEN" });
    row.set_all(&[RateLim, CompIn, CompOut, CompByp, CompRsp, Dcon, Dses, CacheLookups, CacheHits], 0);
    row.set_all(&[SessOther, H2sess, H3sess, ReqOther, H2req, H3req, H1OpenStreams], 0);
    h2(&mut row);
    Entry { kind: Kind::Frontend, row }
}

fn server(backend: &Backend, server: &Server) -> Entry {
    let (totals, health) = (server.stats.tally.totals(), server.health.snapshot());
    let status = server.status_with(&health);
    let mut row = named(&server.backend, &server.name, Kind::Server, backend.live.id, server.number);
    traffic(&mut row, &totals);
    sides(&mut row, &totals);
    times(&mut row, &server.stats.tally);
    let idle = server.stats.idle.get();
    for (column, value) in [
        (Qcur, 0),
        (Qmax, 0),
        (Scur, server.in_flight().into()),
        (Smax, server.stats.in_flight_max.get()),
        (Weight, server.weight().into()),
        (Act, u64::from(!server.is_backup())),
        (Bck, u64::from(server.is_backup())),
        (Chkfail, health.failures),
        (Chkdown, health.downs),
        (Lastchg, health.standing.since().elapsed().as_secs()),
        (SrvIcur, idle),
        (IdleConnCur, 0),
        (SafeConnCur, idle),
        (UsedConnCur, server.in_flight().into()),
        (NeedConnEst, server.in_flight().into()),
        (Uweight, server.weight().into()),
        (Srid, 0),
        (PrivIdleCur, 0),
    ] {
        row.set(column, value);
    }
    if server.maxconn() > 0 {
        row.set(Slim, server.maxconn());
    }
    if health.is_checked() {
        row.set(Downtime, health.standing.downtime().as_secs());
    }
    row.set(Status, status.to_string());
    if let Some(address) = server.place.address() {
        row.set(Addr, address.to_string());
    }
    if health.is_checked() && server.admin() != Admin::Maint {
        check(&mut row, &health);
    }
    debug_assert!(status != Status::NoCheck || !health.is_checked());
    Entry { kind: Kind::Server, row }
}

fn check(row: &mut Row, health: &HealthRecord) {
    row.set(CheckRise, health.rise);
    row.set(CheckFall, health.fall);
    row.set(CheckHealth, health.level);
    let running = if health.checking { "* " } else { "" };
    let Some(last) = &health.last else {
        row.set(CheckStatus, format!("{running}INI"));
        row.set(CheckDesc, "Initializing");
        return;
    };
    row.set(CheckStatus, format!("{running}{}", last.status));
    if let Some(code) = last.code {
        row.set(CheckCode, u32::from(code));
    }
    row.set(CheckDuration, u64::try_from(last.took.as_millis()).unwrap_or(u64::MAX));
    row.set(CheckDesc, last.status.meaning());
    if !last.detail.is_empty() {
        row.set(LastChk, last.detail.as_str());
    }
}

fn backend(backend: &Backend, maxconn: u32) -> Entry {
    let (live, totals, standing) = (&backend.live, backend.live.tally.totals(), backend.live.standing());
    let mut row = named(&live.name, "BACKEND", Kind::Backend, live.id, 0);
    traffic(&mut row, &totals);
    sides(&mut row, &totals);
    times(&mut row, &live.tally);
    let usable = |backup: bool| {
        backend.servers.iter().filter(|server| server.is_backup() == backup && server.is_usable()).count()
            as u64
    };
    for (column, value) in [
        (Qcur, live.queue.waiting().get()),
        (Qmax, live.queue.waiting().max()),
        (Scur, live.sessions.get()),
        (Smax, live.sessions.max()),
        // HAProxy's automatic fullconn: a tenth of what its frontends may send.
        (Slim, u64::from(maxconn.div_ceil(10))),
        (Dreq, totals.denied_requests),
        (Weight, backend.rotation.weight()),
        (Act, usable(false)),
        (Bck, usable(true)),
        (Chkdown, standing.downs()),
        (Lastchg, standing.since().elapsed().as_secs()),
        (Uweight, backend.rotation.weight()),
        (H1OpenConnections, backend.servers.iter().map(|server| server.stats.idle.get()).sum()),
        (H1TotalConnections, totals.connects),
        (H1TotalStreams, totals.connects + totals.reuses),
        (H1BytesIn, totals.bytes_out),
        (H1BytesOut, totals.bytes_in),
    ] {
        row.set(column, value);
    }
    if !backend.servers.is_empty() {
        row.set(Downtime, standing.downtime().as_secs());
    }
    row.set(Status, if backend.is_up() { "UP" } else { "DOWN" });
    row.set(Algo, algorithm(&backend.config.balance));
    row.set_all(&[CompIn, CompOut, CompByp, CompRsp, CacheLookups, CacheHits, H1OpenStreams], 0);
    row.set_all(&[AggServerStatus, AggServerCheckStatus, AggCheckStatus], 0);
    h2(&mut row);
    Entry { kind: Kind::Backend, row }
}

pub(crate) fn algorithm(balance: &Balance) -> String {
    match balance {
        Balance::RoundRobin => "roundrobin".into(),
        Balance::LeastConn => "leastconn".into(),
        Balance::Random => "random".into(),
        Balance::First => "first".into(),
        Balance::Source => "source".into(),
        Balance::Uri => "uri".into(),
        Balance::Header(_) => "hdr".into(),
    }
}

fn named(proxy: &str, name: &str, kind: Kind, proxy_number: u32, number: u32) -> Row {
    let mut row = Row::empty();
    row.set(Pxname, proxy);
    row.set(Svname, name);
    row.set(Type, kind as i64);
    row.set(Pid, 1i64);
    row.set(Iid, proxy_number);
    row.set(Sid, number);
    row.set(Mode, "http");
    row.set(Dash, "-");
    row
}

/// What all three count.
fn traffic(row: &mut Row, totals: &Totals) {
    for (column, value) in [
        (Bin, totals.bytes_in),
        (Bout, totals.bytes_out),
        (ReqTot, totals.requests),
        (Reqbin, totals.bytes_in),
        (Reqbout, totals.bytes_in),
        (Resbin, totals.bytes_out),
        (Resbout, totals.bytes_out),
        (Eint, totals.internal_errors),
    ] {
        row.set(column, value);
    }
    let classes = [Hrsp1xx, Hrsp2xx, Hrsp3xx, Hrsp4xx, Hrsp5xx, HrspOther];
    classes.into_iter().zip(totals.responses).for_each(|(column, value)| row.set(column, value));
    row.set_all(&[Dresp, Wrew], 0);
    row.set_all(&[SslSess, SslReusedSess, SslFailedHandshake, SslOcspStaple, SslFailedOcspStaple], 0);
}

/// What servers and backends count of the server side.
fn sides(row: &mut Row, totals: &Totals) {
    for (column, value) in [
        (Stot, totals.requests),
        (Econ, totals.connect_errors),
        (Eresp, totals.response_errors),
        (Wretr, totals.retries),
        (Wredis, totals.redispatches),
        (Lbtot, totals.chosen),
        (CliAbrt, totals.client_aborts),
        (SrvAbrt, totals.server_aborts),
        (Connect, totals.connects),
        (Reuse, totals.reuses),
    ] {
        row.set(column, value);
    }
}

fn times(row: &mut Row, tally: &Tally) {
    let Means { queue_time, connect_time, response_time, total_time } = tally.means();
    let Maxima { queue_time: queue, connect_time: connect, response_time: response, total_time: total } =
        &tally.maxima;
    let (rate, rate_max) = tally.request_rate();
    let pairs: [(Column, Value); 11] = [
        (Qtime, queue_time.into()),
        (Ctime, connect_time.into()),
        (Rtime, response_time.into()),
        (Ttime, total_time.into()),
        (QtimeMax, queue.get().into()),
        (CtimeMax, connect.get().into()),
        (RtimeMax, response.get().into()),
        (TtimeMax, total.get().into()),
        (Rate, rate.into()),
        (RateMax, rate_max.into()),
        (Lastsess, tally.last_session_age().map_or(Value::Number(-1), Value::from)),
    ];
    pairs.into_iter().for_each(|(column, value)| row.set(column, value));
}

/// HTTP/2 is not spoken yet.
fn h2(row: &mut Row) {
    row.set_all(&[H2HeadersRcvd, H2DataRcvd, H2SettingsRcvd, H2RstStreamRcvd, H2GoawayRcvd], 0);
    row.set_all(
        &[H2DetectedConnProtocolErrors, H2DetectedStrmProtocolErrors, H2RstStreamResp, H2GoawayResp],
        0,
    );
    row.set_all(&[H2OpenConnections, H2BackendOpenStreams, H2TotalConnections, H2BackendTotalStreams], 0);
    row.set_all(&[H1SplicedBytesIn, H1SplicedBytesOut], 0);
}
