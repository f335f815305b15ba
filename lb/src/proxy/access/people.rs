//! The line of an exchange for people at a terminal: when, what, how it went, where.

use std::io::{self, Write};

use super::text::write_quoted;
use super::{AccessRecord, Timers};
use crate::log::date;

// === impl AccessRecord ===

impl AccessRecord<'_> {
    /// `21:34:05 GET /path 200 in 12 ms, 512 B from shop/alice to 127.0.0.1`.
    pub(super) fn people(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let Timers { active, .. } = self.timers();
        date::write_clock(out, self.started())?;
        write!(out, " {} ", self.request.method())?;
        if self.is_read() {
            write_quoted(out, self.request.target().as_bytes());
            out.push(b' ');
        }
        match self.status {
            0 => write!(out, "no answer after")?,
            status => write!(out, "{status} in")?,
        }
        write!(out, " {active} ms, {} B", self.bytes_out)?;
        match (self.backend, self.server) {
            (Some(backend), Some(server)) => write!(out, " from {}/{}", backend.name, server.name)?,
            (Some(backend), None) => write!(out, " from {}, no server", backend.name)?,
            (None, _) => write!(out, " from {}", self.frontend.live.name)?,
        }
        out.extend_from_slice(b" to ");
        out.extend_from_slice(self.address);
        match (self.retries, self.redispatched) {
            (0, _) => {}
            (retries, false) => write!(out, ", {retries} retries")?,
            (retries, true) => write!(out, ", {retries} retries, then another server")?,
        }
        // How it ended, where that was not the usual way (HAProxy manual, configuration, section 8.5).
        match self.termination.as_str() {
            "--" => Ok(()),
            letters => write!(out, ", ended {letters}"),
        }
    }
}
