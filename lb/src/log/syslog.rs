//! How syslog frames a line (RFC 3164), as HAProxy does it by default: `<PRI>Nov 22 21:34:05 tag[pid]: `, without a host's name.

use std::io::Write;
use std::time::Duration;

use super::{Level, date};
use crate::config::{self, Facility};

/// The sender of lines: facility, tag and process.
#[derive(Debug)]
pub(super) struct SyslogHeader {
    facility: Facility,
    /// Lines are sent with this severity or a less severe one.
    min_level: Level,
    /// `tag[pid]: `.
    sender: Box<[u8]>,
}

// === impl SyslogHeader ===

impl SyslogHeader {
    pub(super) fn new(config: &config::LogConfig, pid: u32) -> Self {
        let config::LogConfig { facility, min_level, tag, .. } = config;
        let sender = format!("{tag}[{pid}]: ").into_bytes().into();
        Self { facility: *facility, min_level: *min_level, sender }
    }

    /// Writes the header of a datagram.
    pub(super) fn write(&self, out: &mut Vec<u8>, level: Level, now: Duration) {
        let level = level.max(self.min_level).number();
        let priority = u32::from(self.facility.number()) * 8 + u32::from(level);
        let written = write!(out, "<{priority}>");
        debug_assert!(written.is_ok(), "writing to memory does not fail");
        self.write_date(out, now);
    }

    /// Like [`Self::write`] without the priority, as in a file that syslog writes.
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

    /// HAProxy 2.6 was seen to send this.
    #[test]
    fn lines_are_framed_as_haproxy_does() {
        let now = Duration::from_secs(1_795_378_278);
        let mut date = Vec::new();
        date::write_syslog(&mut date, now).unwrap();
        let date = String::from_utf8(date).unwrap();
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
            SyslogHeader::new(&config::LogConfig { facility, ..config::LogConfig::default() }, 7)
                .write(&mut out, level, now);
            // The captured line was in UTC; the test runs in any time zone.
            assert_eq!(String::from_utf8(out).unwrap(), expected.replace("Nov 22 20:11:18", &date));
        }
    }

    #[test]
    fn no_line_matters_more_than_it_may() {
        let frame = SyslogHeader::new(
            &config::LogConfig { min_level: Level::Error, ..config::LogConfig::default() },
            7,
        );
        for (level, priority) in [
            (Level::Emergency, "<131>"),
            (Level::Error, "<131>"),
            (Level::Notice, "<133>"),
            (Level::Debug, "<135>"),
        ] {
            let mut out = Vec::new();
            frame.write(&mut out, level, Duration::ZERO);
            assert!(out.starts_with(priority.as_bytes()), "{level:?}");
        }
    }
}
