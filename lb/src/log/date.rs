//! Dates as logs write them, in local time. Callers pass the time; there is no clock here.

use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::zone;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A broken-down time.
struct DateParts {
    year: u64,
    month: &'static str,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

/// `22/Nov/2026:21:34:05.123`, as the httplog line has it.
///
/// # Errors
/// The writer's.
pub fn write_http(out: &mut Vec<u8>, unix: Duration) -> io::Result<()> {
    DateParts::of(unix).write_http(out, unix.subsec_millis())
}

/// Like [`write_http`], as a `String`.
pub fn http(time: SystemTime) -> String {
    let mut out = Vec::new();
    // Writing to memory cannot fail, and all of it is ASCII.
    let _ = write_http(&mut out, time.duration_since(UNIX_EPOCH).unwrap_or_default());
    String::from_utf8_lossy(&out).into_owned()
}

/// `21:34:05`, for logs on a terminal.
///
/// # Errors
/// The writer's.
pub fn write_clock(out: &mut Vec<u8>, unix: Duration) -> io::Result<()> {
    let DateParts { hour, minute, second, .. } = DateParts::of(unix);
    write!(out, "{hour:02}:{minute:02}:{second:02}")
}

/// `Nov 22 21:34:05`, as syslog has it (RFC 3164 section 4.1.2).
///
/// # Errors
/// The writer's.
pub fn write_syslog(out: &mut Vec<u8>, unix: Duration) -> io::Result<()> {
    DateParts::of(unix).write_syslog(out)
}

// === impl DateParts ===

impl DateParts {
    fn of(unix: Duration) -> Self {
        let seconds = i64::try_from(unix.as_secs()).unwrap_or(i64::MAX);
        Self::ahead(seconds, zone::ahead(seconds))
    }

    /// Converts Unix seconds to local time that is `ahead` seconds ahead of UTC. Times before 1970 become
    /// 1970.
    fn ahead(unix: i64, ahead: i64) -> Self {
        let seconds = u64::try_from(unix.saturating_add(ahead)).unwrap_or(0);
        let (year, month, day) = civil(seconds / 86_400);
        Self {
            year,
            month: MONTHS.get(month).copied().unwrap_or("???"),
            day,
            hour: seconds / 3600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }

    fn write_http(&self, out: &mut Vec<u8>, millis: u32) -> io::Result<()> {
        let Self { year, month, day, hour, minute, second } = self;
        write!(out, "{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02}.{millis:03}")
    }

    fn write_syslog(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let Self { month, day, hour, minute, second, .. } = self;
        write!(out, "{month} {day:2} {hour:02}:{minute:02}:{second:02}")
    }
}

/// Year, month (from 0) and day (from 1) of the day number `days` since 1970-01-01. Counts in years that begin in
/// March, so that leap days come last.
fn civil(days: u64) -> (u64, usize, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = (from_march + 2) % 12;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    (year_of_era + era * 400 + u64::from(month < 2), usize::try_from(month).unwrap_or(0), day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_their_parts_in_place() {
        let table = [
            (0, 0, "01/Jan/1970:00:00:00.007", "Jan  1 00:00:00"),
            (951_782_400, 0, "29/Feb/2000:00:00:00.007", "Feb 29 00:00:00"),
            (1_795_378_278, 0, "22/Nov/2026:20:11:18.007", "Nov 22 20:11:18"),
            (1_795_378_278, 19_800, "23/Nov/2026:01:41:18.007", "Nov 23 01:41:18"),
            (1_795_378_278, -86_400, "21/Nov/2026:20:11:18.007", "Nov 21 20:11:18"),
            (1_798_761_599, 1, "01/Jan/2027:00:00:00.007", "Jan  1 00:00:00"),
            (5, -3600, "01/Jan/1970:00:00:00.007", "Jan  1 00:00:00"),
        ];
        for (unix, ahead, http, syslog) in table {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            let parts = DateParts::ahead(unix, ahead);
            parts.write_http(&mut one, 7).unwrap();
            parts.write_syslog(&mut other).unwrap();
            assert_eq!(
                (String::from_utf8(one).unwrap(), String::from_utf8(other).unwrap()),
                (http.into(), syslog.into())
            );
        }
    }

    /// Holds in any time zone: offsets from UTC are whole minutes.
    #[test]
    fn milliseconds_and_seconds_are_those_of_the_moment() {
        for (millis, expected) in [(951_782_401_000, ":01.000"), (1_795_378_280_296, ":20.296")] {
            let date = super::http(UNIX_EPOCH + Duration::from_millis(millis));
            assert!(date.ends_with(expected) && date.len() == 24, "{date}");
        }
    }
}
