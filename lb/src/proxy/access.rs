//! The access log: HAProxy's httplog line, or the same facts as JSON.
//!
//! A record is filled in on the hot path and formatted on the log's own thread. While it is formatted it reads nothing shared but the
//! counts that the httplog line shows (HAProxy manual, configuration, section 8.2.3).

mod text;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::Termination;
use super::exchange::{RequestLine, Times};
use crate::config::LogFormat;
use crate::log::Line;
use crate::server::Server;
use crate::topology::{LiveBackend, LiveFrontend};
use text::{write_date, write_quoted};

/// One exchange, for the log.
pub(super) struct AccessRecord {
    pub(super) peer: SocketAddr,
    pub(super) frontend: Arc<LiveFrontend>,
    pub(super) backend: Option<Arc<LiveBackend>>,
    pub(super) server: Option<Arc<Server>>,
    pub(super) request: RequestLine,
    pub(super) times: Times,
    /// Milliseconds from start to end.
    pub(super) total: u64,
    /// 0 when no answer was sent.
    pub(super) status: u16,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) retries: u32,
    pub(super) redispatched: bool,
    pub(super) termination: Termination,
    /// Client connections of the process.
    pub(super) connections: u64,
    pub(super) format: LogFormat,
}

/// HAProxy's timers: -1 for a phase that was not completed.
struct Timers {
    queue: i64,
    connect: i64,
    response: i64,
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
            queue: if self.server.is_some() { signed(queued) } else { -1 },
            connect: if reached { signed(connected.saturating_sub(queued)) } else { -1 },
            response: head.map_or(-1, |at| signed(at.saturating_sub(connected))),
        }
    }

    fn started(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.saturating_sub(Duration::from_millis(self.total))
    }

    fn http(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let Timers { queue, connect, response } = self.timers();
        let backend_name = self.backend.as_ref().map_or(&self.frontend.name, |backend| &backend.name);
        let server_name = self.server.as_ref().map_or("<NOSRV>", |server| &server.name);
        write!(out, "{}:{} [", self.peer.ip().to_canonical(), self.peer.port())?;
        write_date(out, self.started())?;
        write!(out, "] {} {backend_name}/{server_name} ", self.frontend.name)?;
        let status = if self.status == 0 { -1 } else { i32::from(self.status) };
        write!(out, "0/{queue}/{connect}/{response}/{} {status} {} ", self.total, self.bytes_out)?;
        let backend = self.backend.as_ref().map_or(0, |backend| backend.sessions.get());
        let server = self.server.as_ref().map_or(0, |server| server.in_flight());
        let frontend = self.frontend.sessions.get();
        write!(
            out,
            "- - {}-- {}/{frontend}/{backend}/{server}/",
            self.termination.as_str(),
            self.connections
        )?;
        let plus = if self.redispatched { "+" } else { "" };
        let waiting = self.backend.as_ref().map_or(0, |backend| backend.queue.waiting().get());
        write!(out, "{plus}{} 0/{waiting} \"{}", self.retries, self.request.method)?;
        if self.request.version.is_empty() {
            return write!(out, "\"");
        }
        write!(out, " ")?;
        write_quoted(out, &self.request.target);
        write!(out, " {}\"", self.request.version)
    }

    fn json(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let Timers { queue, connect, response } = self.timers();
        let value = serde_json::json!({
            "time": self.started().as_secs_f64(),
            "client": self.peer.to_string(),
            "frontend": &*self.frontend.name,
            "backend": self.backend.as_ref().map(|backend| &*backend.name),
            "server": self.server.as_ref().map(|server| &*server.name),
            "method": &*self.request.method,
            "uri": &*self.request.target,
            "version": self.request.version,
            "status": (self.status != 0).then_some(self.status),
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "queue_ms": queue,
            "connect_ms": connect,
            "response_ms": response,
            "total_ms": self.total,
            "retries": self.retries,
            "redispatched": self.redispatched,
            "termination": self.termination.as_str(),
            "in_flight": self.server.as_ref().map(|server| server.in_flight()),
            "waiting": self.backend.as_ref().map(|backend| backend.queue.waiting().get()),
        });
        serde_json::to_writer(out, &value).map_err(Into::into)
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
