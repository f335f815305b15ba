//! The access log: HAProxy's httplog line, or the same facts as JSON.
//!
//! It is written into what its worker gathers for the log's own thread, which no line of it wakes by itself (HAProxy manual,
//! configuration, section 8.2.3).

mod capture;
mod json;
mod people;
pub mod reference;
mod text;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::Termination;
use super::exchange::{RequestLine, Times};
use crate::config::LogFormat;
use crate::log::date;
use crate::server::Server;
use crate::topology::{Frontend, LiveBackend};
use json::Object;
use text::{write_captured, write_cookie, write_quoted};

pub(super) use capture::CapturedFields;

/// One exchange, for the log.
pub(super) struct AccessRecord<'a> {
    pub(super) peer: SocketAddr,
    /// The peer's address, as text.
    pub(super) address: &'a [u8],
    pub(super) frontend: &'a Frontend,
    pub(super) backend: Option<&'a LiveBackend>,
    pub(super) server: Option<&'a Server>,
    pub(super) request: &'a RequestLine,
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
    pub(super) standing: LoadSnapshot,
}

/// How busy everything was when it ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoadSnapshot {
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

impl AccessRecord<'_> {
    /// Writes the line, without the line feed.
    pub(super) fn write(&self, format: LogFormat, out: &mut Vec<u8>) {
        match format {
            LogFormat::Json => self.json(out),
            LogFormat::Http => {
                let written = self.http(out);
                debug_assert!(written.is_ok(), "writing to memory does not fail");
            }
            LogFormat::Text => {
                let written = self.people(out);
                debug_assert!(written.is_ok(), "writing to memory does not fail");
            }
            LogFormat::Off => {}
        }
    }

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
        out.extend_from_slice(self.address);
        write!(out, ":{} [", self.peer.port())?;
        date::write_http(out, self.started())?;
        write!(out, "] {frontend_name} {backend_name}/{server_name} ")?;
        let status = if self.status == 0 { -1 } else { i32::from(self.status) };
        write!(out, "{request}/{queue}/{connect}/{response}/{active} {status} {} ", self.bytes_out)?;
        let LoadSnapshot { process, frontend, backend, server, .. } = self.standing;
        let plus = if self.redispatched { "+" } else { "" };
        for captured in [&self.request.captured, &self.request.answer_captured] {
            write_cookie(out, captured.cookie());
        }
        write!(
            out,
            "{}{} {process}/{frontend}/{backend}/{server}/{plus}{} 0/{} ",
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
        write!(out, "\"{}", self.request.method())?;
        if !self.is_read() {
            return write!(out, "\"");
        }
        write!(out, " ")?;
        write_quoted(out, self.request.target().as_bytes());
        write!(out, " {}\"", self.request.version)
    }

    fn json(&self, out: &mut Vec<u8>) {
        let Timers { request, queue, connect, response, active } = self.timers();
        let LoadSnapshot { process, frontend, backend, server, waiting } = self.standing;
        let mut entry = Object::new(out, "{\"time\":");
        entry.seconds(self.started());
        let (open, close) =
            if self.address.contains(&b':') { (",\"client\":\"[", "]:") } else { (",\"client\":\"", ":") };
        entry.raw(open);
        entry.bytes(self.address);
        entry.number(close, self.peer.port());
        entry.text("\",\"frontend\":", &self.frontend.live.name);
        entry.text_or_null(",\"backend\":", self.backend.map(|backend| &*backend.name));
        entry.text_or_null(",\"server\":", self.server.map(|server| &*server.name));
        entry.text(",\"method\":", self.request.method());
        entry.text(",\"uri\":", self.request.target());
        entry.text(",\"version\":", self.request.version);
        entry.number_or_null(",\"status\":", (self.status != 0).then_some(self.status));
        entry.number(",\"bytes_in\":", self.bytes_in);
        entry.number(",\"bytes_out\":", self.bytes_out);
        entry.number(",\"request_ms\":", request);
        entry.number(",\"queue_ms\":", queue);
        entry.number(",\"connect_ms\":", connect);
        entry.number(",\"response_ms\":", response);
        entry.number(",\"total_ms\":", active);
        entry.number(",\"retries\":", self.retries);
        entry.flag(",\"redispatched\":", self.redispatched);
        entry.text(",\"termination\":", self.termination.as_str());
        if self.cookie() != "--" {
            entry.text(",\"cookie\":", self.cookie());
        }
        entry.number(",\"actconn\":", process);
        entry.number(",\"feconn\":", frontend);
        entry.number(",\"beconn\":", backend);
        entry.number_or_null(",\"in_flight\":", self.server.map(|_| server));
        entry.number(",\"queue_position\":", self.queue_position);
        entry.number_or_null(",\"waiting\":", self.backend.map(|_| waiting));
        let capture = &self.frontend.config.capture;
        for (key, wanted, captured) in [
            (",\"captured_request\":", &capture.request, &self.request.captured),
            (",\"captured_response\":", &capture.response, &self.request.answer_captured),
        ] {
            if !wanted.names.is_empty() {
                let named = captured.values().zip(&wanted.names);
                // Fields that the head did not have are missing.
                entry.texts(key, named.filter_map(|(value, name)| Some((&**name, value?))));
            }
        }
        for (key, captured) in [
            (",\"captured_request_cookie\":", &self.request.captured),
            (",\"captured_response_cookie\":", &self.request.answer_captured),
        ] {
            if let Some(cookie) = captured.cookie() {
                entry.text(key, &String::from_utf8_lossy(cookie));
            }
        }
        entry.end();
    }
}
