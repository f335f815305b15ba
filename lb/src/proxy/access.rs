//! The access log: HAProxy's httplog line, or the same facts as JSON.
//!
//! A record is filled in on the hot path, with all that it says, and formatted on the log's own thread: there it reads nothing that is
//! shared (HAProxy manual, configuration, section 8.2.3).

mod capture;
mod text;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

use super::error::Termination;
use super::exchange::{RequestLine, Times};
use crate::config::{CaptureFields, LogFormat};
use crate::log::{Line, date};
use crate::server::Server;
use crate::topology::{Frontend, LiveBackend};
use text::{write_captured, write_quoted};

pub(super) use capture::Captured;

/// One exchange, for the log.
pub(super) struct AccessRecord {
    pub(super) peer: SocketAddr,
    pub(super) frontend: Arc<Frontend>,
    pub(super) backend: Option<Arc<LiveBackend>>,
    pub(super) server: Option<Arc<Server>>,
    pub(super) request: RequestLine,
    /// Milliseconds that the head took to arrive.
    pub(super) arriving: u64,
    pub(super) times: Times,
    /// Milliseconds from the head to the end.
    pub(super) total: u64,
    /// 0 when no answer was sent.
    pub(super) status: u16,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) retries: u32,
    pub(super) redispatched: bool,
    /// 0 when it never waited.
    pub(super) queue_position: u64,
    pub(super) termination: Termination,
    /// What became of the backend's cookie: HAProxy's two letters.
    pub(super) cookie: [u8; 2],
    pub(super) standing: Standing,
    pub(super) format: LogFormat,
}

/// How busy everything was when it ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// Client connections of the process.
    pub(super) process: u64,
    /// Client connections of the frontend.
    pub(super) frontend: u64,
    /// Other exchanges of the backend.
    pub(super) backend: u64,
    /// Other exchanges on the server.
    pub(super) server: u32,
    /// Requests that wait in the backend's queue.
    pub(super) waiting: u64,
}

/// HAProxy's timers: -1 for a phase that was not completed.
struct Timers {
    request: i64,
    queue: i64,
    connect: i64,
    response: i64,
    active: u64,
}

// === impl AccessRecord ===

impl AccessRecord {
    fn timers(&self) -> Timers {
        let Times { queue, connect, head } = self.times;
        let signed = |millis: u64| i64::try_from(millis).unwrap_or(i64::MAX);
        let queued = queue.unwrap_or(0);
        let connected = connect.unwrap_or(queued);
        let reached = connect.is_some() || head.is_some();
        Timers {
            request: if self.is_read() { signed(self.arriving) } else { -1 },
            queue: if self.server.is_some() || queue.is_some() { signed(queued) } else { -1 },
            connect: if reached { signed(connected.saturating_sub(queued)) } else { -1 },
            response: head.map_or(-1, |at| signed(at.saturating_sub(connected))),
            active: self.active(),
        }
    }

    /// Milliseconds from the first byte of the head to the end.
    fn active(&self) -> u64 {
        self.arriving.saturating_add(self.total)
    }

    /// Whether its head could be read.
    fn is_read(&self) -> bool {
        !self.request.version.is_empty()
    }

    fn cookie(&self) -> &str {
        str::from_utf8(&self.cookie).unwrap_or("--")
    }

    fn started(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.saturating_sub(Duration::from_millis(self.active()))
    }

    fn http(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let Timers { request, queue, connect, response, active } = self.timers();
        let frontend_name = &self.frontend.live.name;
        let backend_name = self.backend.as_ref().map_or(frontend_name, |backend| &backend.name);
        let server_name = self.server.as_ref().map_or("<NOSRV>", |server| &server.name);
        write!(out, "{}:{} [", self.peer.ip().to_canonical(), self.peer.port())?;
        date::write_http(out, self.started())?;
        write!(out, "] {frontend_name} {backend_name}/{server_name} ")?;
        let status = if self.status == 0 { -1 } else { i32::from(self.status) };
        write!(out, "{request}/{queue}/{connect}/{response}/{active} {status} {} ", self.bytes_out)?;
        let Standing { process, frontend, backend, server, .. } = self.standing;
        let plus = if self.redispatched { "+" } else { "" };
        write!(
            out,
            "- - {}{} {process}/{frontend}/{backend}/{server}/{plus}{} 0/{} ",
            self.termination.as_str(),
            self.cookie(),
            self.retries,
            self.queue_position
        )?;
        if self.is_read() {
            write_captured(out, self.request.captured.values());
            // An answer that never came, or is lb's own, has none of the fields, and a place for each.
            let wanted = self.frontend.config.capture.response.names.iter();
            let mut values = self.request.answer_captured.values();
            write_captured(out, wanted.map(|_| values.next().flatten()));
        }
        write!(out, "\"{}", self.request.method)?;
        if !self.is_read() {
            return write!(out, "\"");
        }
        write!(out, " ")?;
        write_quoted(out, self.request.target.as_bytes());
        write!(out, " {}\"", self.request.version)
    }

    fn json(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let Timers { request, queue, connect, response, active } = self.timers();
        let capture = &self.frontend.config.capture;
        let captured = |wanted, captured| CapturedFields::some(wanted, captured);
        let entry = Entry {
            time: self.started().as_secs_f64(),
            client: SocketAddr::new(self.peer.ip().to_canonical(), self.peer.port()),
            frontend: &self.frontend.live.name,
            backend: self.backend.as_ref().map(|backend| &*backend.name),
            server: self.server.as_ref().map(|server| &*server.name),
            method: &self.request.method,
            uri: &self.request.target,
            version: self.request.version,
            status: (self.status != 0).then_some(self.status),
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            request_ms: request,
            queue_ms: queue,
            connect_ms: connect,
            response_ms: response,
            total_ms: active,
            retries: self.retries,
            redispatched: self.redispatched,
            termination: self.termination.as_str(),
            cookie: Some(self.cookie()).filter(|cookie| *cookie != "--"),
            actconn: self.standing.process,
            feconn: self.standing.frontend,
            beconn: self.standing.backend,
            in_flight: self.server.as_ref().map(|_| self.standing.server),
            queue_position: self.queue_position,
            waiting: self.backend.as_ref().map(|_| self.standing.waiting),
            captured_request: captured(&capture.request, &self.request.captured),
            captured_response: captured(&capture.response, &self.request.answer_captured),
        };
        serde_json::to_writer(out, &entry).map_err(Into::into)
    }
}

/// The JSON line, written without a detour by values on the heap.
#[derive(Serialize)]
struct Entry<'a> {
    time: f64,
    client: SocketAddr,
    frontend: &'a str,
    backend: Option<&'a str>,
    server: Option<&'a str>,
    method: &'a str,
    uri: &'a str,
    version: &'a str,
    status: Option<u16>,
    bytes_in: u64,
    bytes_out: u64,
    request_ms: i64,
    queue_ms: i64,
    connect_ms: i64,
    response_ms: i64,
    total_ms: u64,
    retries: u32,
    redispatched: bool,
    termination: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookie: Option<&'a str>,
    actconn: u64,
    feconn: u64,
    beconn: u64,
    in_flight: Option<u32>,
    queue_position: u64,
    waiting: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    captured_request: Option<CapturedFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    captured_response: Option<CapturedFields<'a>>,
}

/// Captured fields by their names; those that the head did not have are missing.
struct CapturedFields<'a> {
    wanted: &'a CaptureFields,
    captured: &'a Captured,
}

// === impl CapturedFields ===

impl<'a> CapturedFields<'a> {
    fn some(wanted: &'a CaptureFields, captured: &'a Captured) -> Option<Self> {
        (!wanted.names.is_empty()).then_some(Self { wanted, captured })
    }
}

impl Serialize for CapturedFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.captured.values().zip(&self.wanted.names);
        let there = values.filter_map(|(value, name)| Some((name, String::from_utf8_lossy(value?))));
        serializer.collect_map(there)
    }
}

impl Line for AccessRecord {
    fn write(&self, out: &mut Vec<u8>) {
        let written = match self.format {
            LogFormat::Json => self.json(out),
            LogFormat::Http => self.http(out),
            LogFormat::Off => Ok(()),
        };
        debug_assert!(written.is_ok(), "writing to memory does not fail");
    }
}
