//! How syslog frames a line (RFC 3164), as HAProxy does it by default: `<PRI>Nov 22 21:34:05 tag[pid]: `, without a host's name.

use std::io::Write;
use std::time::Duration;

use super::date;
use crate::config::Facility;

/// How much a line matters, most first (RFC 3164 section 4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A backend has no server left.
    Emergency = 0,
    /// A server went down.
    Alert = 1,
    /// Something ended.
    Warning = 4,
    /// A server came up, or somebody changed something.
    Notice = 5,
    /// An exchange.
    Info = 6,
}

/// Who says it.
#[derive(Debug)]
pub(super) struct Frame {
    facility: Facility,
    /// `tag[pid]: `.
    sender: Box<[u8]>,
}

// === impl Level ===

impl Level {
    /// Its keyword.
    pub fn name(self) -> &'static str {
        match self {
            Self::Emergency => "emerg",
            Self::Alert => "alert",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
        }
    }
}

// === impl Frame ===

impl Frame {
    pub(super) fn new(facility: Facility, tag: &str, pid: u32) -> Self {
        Self { facility, sender: format!("{tag}[{pid}]: ").into_bytes().into() }
    }

    /// Writes what comes before a line in a datagram.
    pub(super) fn write(&self, out: &mut Vec<u8>, level: Level, now: Duration) {
        let priority = u32::from(self.facility.number()) * 8 + level as u32;
        let written = write!(out, "<{priority}>");
        debug_assert!(written.is_ok(), "writing to memory does not fail");
        self.write_date(out, now);
    }

    /// The same without the number, as a file of syslog's has it.
    pub(super) fn write_date(&self, out: &mut Vec<u8>, now: Duration) {
        let written = date::write_syslog(out, now);
        debug_assert!(written.is_ok(), "writing to memory does not fail");
        out.push(b' ');
        out.extend_from_slice(&self.sender);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What HAProxy 2.6 was seen to send.
    #[test]
    fn lines_are_framed_as_haproxy_does() {
        let now = Duration::from_secs(1_795_378_278);
        let table = [
            ("local0", Level::Info, "<134>Nov 22 20:11:18 haproxy[7]: "),
            ("local0", Level::Notice, "<133>Nov 22 20:11:18 haproxy[7]: "),
            ("local0", Level::Warning, "<132>Nov 22 20:11:18 haproxy[7]: "),
            ("local0", Level::Alert, "<129>Nov 22 20:11:18 haproxy[7]: "),
            ("local0", Level::Emergency, "<128>Nov 22 20:11:18 haproxy[7]: "),
            ("kern", Level::Info, "<6>Nov 22 20:11:18 haproxy[7]: "),
            ("local7", Level::Info, "<190>Nov 22 20:11:18 haproxy[7]: "),
        ];
        for (facility, level, expected) in table {
            let facility = Facility::named(facility).unwrap();
            let mut out = Vec::new();
            Frame::new(facility, "haproxy", 7).write(&mut out, level, now);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
