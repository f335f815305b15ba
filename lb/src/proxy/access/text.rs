//! Dates and quoting of the httplog line.

use std::io::{self, Write};
use std::time::Duration;

/// `22/Nov/2026:21:34:05.123`, in UTC.
pub(super) fn write_date(out: &mut Vec<u8>, unix: Duration) -> io::Result<()> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = unix.as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    let month = MONTHS.get(month).copied().unwrap_or("???");
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    write!(out, "{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02}.{:03}", unix.subsec_millis())
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

/// Escapes what would end the quotes or the line, as HAProxy does: `#` and two hex digits.
pub(super) fn write_quoted(out: &mut Vec<u8>, text: &[u8]) {
    escape(out, text, |byte| matches!(byte, b'"' | b'#' | 0..=0x1f | 0x7f..=0xff));
}

/// Writes `{a|b} `, one place for each captured field, empty where there was none; nothing when none is wanted.
pub(super) fn write_captured<'a>(out: &mut Vec<u8>, values: impl Iterator<Item = Option<&'a [u8]>>) {
    let mut some = false;
    for value in values {
        out.push(if some { b'|' } else { b'{' });
        some = true;
        let special = |byte| matches!(byte, b'"' | b'#' | b'{' | b'|' | b'}' | 0..=0x1f | 0x7f..=0xff);
        escape(out, value.unwrap_or_default(), special);
    }
    if some {
        out.extend_from_slice(b"} ");
    }
}

fn escape(out: &mut Vec<u8>, text: &[u8], special: impl Fn(u8) -> bool) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        if special(byte) {
            out.extend([b'#', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        } else {
            out.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_utc() {
        let table = [
            (0, "01/Jan/1970:00:00:00.000"),
            (951_782_400, "29/Feb/2000:00:00:00.000"),
            (1_795_378_278, "22/Nov/2026:20:11:18.000"),
        ];
        for (unix, expected) in table {
            let mut out = Vec::new();
            write_date(&mut out, Duration::from_secs(unix)).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn a_quote_cannot_end_the_field() {
        let mut out = Vec::new();
        write_quoted(&mut out, b"/a\"b#c\n{|}");
        assert_eq!(out, b"/a#22b#23c#0A{|}");
    }

    /// What HAProxy 2.6 was seen to write.
    #[test]
    fn captured_fields_stand_in_braces() {
        let table: [(&[Option<&[u8]>], &str); 6] = [
            (&[], ""),
            (&[Some(b"lab")], "{lab} "),
            (&[None], "{} "),
            (&[Some(b"lab"), None], "{lab|} "),
            (&[Some(b"Mozilla/5. x"), Some(b"")], "{Mozilla/5. x|} "),
            (&[Some(b"\x01a|b{c}d\"#e\xe9"), Some(b"r2")], "{#01a#7Cb#7Bc#7Dd#22#23e#E9|r2} "),
        ];
        for (values, expected) in table {
            let mut out = Vec::new();
            write_captured(&mut out, values.iter().copied());
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
