//! Dates as logs write them, in UTC. There is no time zone here and no clock.

use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment in parts.
struct Parts {
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
    let Parts { year, month, day, hour, minute, second } = Parts::of(unix);
    write!(out, "{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02}.{:03}", unix.subsec_millis())
}

/// The same of a moment, as text.
pub fn http(time: SystemTime) -> String {
    let mut out = Vec::new();
    // Writing to memory cannot fail, and all of it is ASCII.
    let _ = write_http(&mut out, time.duration_since(UNIX_EPOCH).unwrap_or_default());
    String::from_utf8_lossy(&out).into_owned()
}

/// `Nov 22 21:34:05`, as syslog has it (RFC 3164 section 4.1.2).
///
/// # Errors
/// The writer's.
pub fn write_syslog(out: &mut Vec<u8>, unix: Duration) -> io::Result<()> {
    let Parts { month, day, hour, minute, second, .. } = Parts::of(unix);
    write!(out, "{month} {day:2} {hour:02}:{minute:02}:{second:02}")
}

// === impl Parts ===

impl Parts {
    fn of(unix: Duration) -> Self {
        let seconds = unix.as_secs();
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
}

/// Year, month from 0 and day from 1 of a day after 1970-01-01, by counting in years that begin in March.
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
    fn dates_are_utc() {
        let table = [
            (0, "01/Jan/1970:00:00:00.000", "Jan  1 00:00:00"),
            (951_782_400, "29/Feb/2000:00:00:00.000", "Feb 29 00:00:00"),
            (1_795_378_278, "22/Nov/2026:20:11:18.000", "Nov 22 20:11:18"),
        ];
        for (unix, http, syslog) in table {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            write_http(&mut one, Duration::from_secs(unix)).unwrap();
            write_syslog(&mut other, Duration::from_secs(unix)).unwrap();
            assert_eq!(
                (String::from_utf8(one).unwrap(), String::from_utf8(other).unwrap()),
                (http.into(), syslog.into())
            );
        }
        for (millis, expected) in [
            (0, "01/Jan/1970:00:00:00.000"),
            (951_782_400_000, "29/Feb/2000:00:00:00.000"),
            (1_795_378_280_296, "22/Nov/2026:20:11:20.296"),
        ] {
            assert_eq!(super::http(UNIX_EPOCH + Duration::from_millis(millis)), expected);
        }
    }
}
