//! Dates as HAProxy's dumps write them, in UTC: `22/Nov/2026:20:11:20.296`.

use std::time::{SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The date of a moment.
pub(super) fn of(time: SystemTime) -> String {
    let unix = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = unix.as_secs();
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    // Years that begin in March have their leap day at the end.
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12;
    let year = year_of_era + era * 400 + u64::from(month < 2);
    let name = usize::try_from(month).ok().and_then(|month| MONTHS.get(month)).copied().unwrap_or("???");
    format!("{day:02}/{name}/{year}:{hour:02}:{minute:02}:{second:02}.{:03}", unix.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates_are_utc() {
        for (millis, expected) in [
            (0, "01/Jan/1970:00:00:00.000"),
            (951_782_400_000, "29/Feb/2000:00:00:00.000"),
            (1_795_378_280_296, "22/Nov/2026:20:11:20.296"),
        ] {
            assert_eq!(of(UNIX_EPOCH + Duration::from_millis(millis)), expected);
        }
    }
}
