//! Local time: its offset from UTC, from `TZ` or `/etc/localtime`; UTC if neither exists.
//!
//! The rules are read once, when logs are opened. Each thread caches the last offset with the period in which it
//! is valid, so that a date costs one comparison.

use std::cell::Cell;
use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The rules of this process; `None` means UTC.
static RULES: OnceLock<Option<TimeZone>> = OnceLock::new();

thread_local! {
    static LAST: Cell<Offset> = const { Cell::new(Offset { seconds: 0, from: 0, until: 0 }) };
}

/// An offset and its validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Offset {
    /// Seconds that local time is ahead of UTC.
    seconds: i64,
    /// Unix time from which the offset is valid.
    from: i64,
    /// Unix time at which it ceases to be valid.
    until: i64,
}

/// Seconds that local time is ahead of UTC at `unix`, Unix seconds.
pub(super) fn ahead(unix: i64) -> i64 {
    LAST.with(|last| {
        let mut offset = last.get();
        if unix < offset.from || unix >= offset.until {
            offset = Offset::at(RULES.get_or_init(|| read().unwrap_or_default()).as_ref(), unix);
            last.set(offset);
        }
        offset.seconds
    })
}

/// Reads the rules, unless that has been done.
///
/// # Errors
/// `TZ` says something that means nothing here. Then local time is UTC.
pub fn find() -> Result<(), String> {
    let mut found = Ok(());
    RULES.get_or_init(|| {
        read().unwrap_or_else(|error| {
            found = Err(error);
            None
        })
    });
    found
}

fn read() -> Result<Option<TimeZone>, String> {
    let said = std::env::var_os("TZ");
    match (TimeZone::try_system(), said) {
        (Ok(rules), _) => Ok(Some(rules)),
        // Nothing is set, as in most containers.
        (Err(_), None) => Ok(None),
        (Err(error), Some(said)) => Err(format!(
            "TZ is {said:?}, which is not known here ({error}): dates are in UTC; install tzdata, or write it as in `CET-1CEST,M3.5.0,M10.5.0/3`"
        )),
    }
}

// === impl Offset ===

impl Offset {
    /// UTC.
    const NONE: Self = Self { seconds: 0, from: i64::MIN, until: i64::MAX };

    fn at(rules: Option<&TimeZone>, unix: i64) -> Self {
        let (Some(rules), Ok(now)) = (rules, Timestamp::from_second(unix)) else { return Self::NONE };
        // What comes before a moment does not include it, so it is asked for a second later.
        let later = Timestamp::from_second(unix + 1).unwrap_or(now);
        let from = rules.preceding(later).next().map_or(i64::MIN, |change| change.timestamp().as_second());
        let until = rules.following(now).next().map_or(i64::MAX, |change| change.timestamp().as_second());
        Self { seconds: rules.to_offset(now).seconds().into(), from, until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Breaks when an offset is used a second too long or too short, where clocks change twice a year.
    #[test]
    fn an_offset_is_in_force_until_clocks_change() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let (spring, autumn, next) = (1_774_746_000, 1_792_890_000, 1_806_195_600);
        let at = |unix| Offset::at(Some(&berlin), unix);
        let summer = Offset { seconds: 7200, from: spring, until: autumn };
        let winter = Offset { seconds: 3600, from: autumn, until: next };
        assert_eq!([at(spring), at(spring + 1), at(autumn - 1)], [summer; 3]);
        assert_eq!([at(autumn), at(next - 1)], [winter; 2]);
        assert_eq!(at(spring - 1).seconds, 3600);
    }

    #[test]
    fn where_clocks_never_change_an_offset_is_in_force_for_ever() {
        let fixed = |rules: &str| Offset::at(Some(&TimeZone::posix(rules).unwrap()), 1_795_378_278);
        assert_eq!(fixed("IST-5:30"), Offset { seconds: 19_800, ..Offset::NONE });
        assert_eq!(fixed("EST5"), Offset { seconds: -18_000, ..Offset::NONE });
        assert_eq!(Offset::at(Some(&TimeZone::UTC), 7), Offset::NONE);
        assert_eq!(Offset::at(None, 7), Offset::NONE);
    }
}
