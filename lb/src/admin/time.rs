//! Durations as HAProxy writes them: `200`, `500ms`, `2s`, `1d` (HAProxy manual, configuration, section 2.5).

use std::time::Duration;

/// Longest duration, milliseconds: HAProxy's timers end there.
const LONGEST: u64 = i32::MAX as u64;

/// Reads a duration; without a unit it is in `unit`.
pub(crate) fn parse(text: &str, unit: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, written) = text.split_at(digits);
    let micros = match if written.is_empty() { unit } else { written } {
        "us" => 1,
        "ms" => 1000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => return None,
    };
    let micros = number.parse::<u64>().ok()?.checked_mul(micros)?;
    (micros <= LONGEST * 1000).then(|| Duration::from_micros(micros))
}

/// A duration for people, in its two largest units: `3s`, `2m5s`, `1d4h`.
pub(super) fn brief(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "m"), (seconds % 60, "s")];
    let first = parts.iter().position(|(amount, _)| *amount > 0).unwrap_or(parts.len() - 1);
    let shown = parts[first..].iter().take(2).enumerate();
    shown
        .filter(|(place, (amount, _))| *place == 0 || *amount > 0)
        .map(|(_, (amount, unit))| format!("{amount}{unit}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in
            [("200", 200), ("500ms", 500), ("2s", 2000), ("1m", 60_000), ("1h", 3_600_000), ("0", 0)]
        {
            assert_eq!(parse(text, "ms"), Some(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse("10", "s"), Some(Duration::from_secs(10)));
        for text in ["", "x", "s", "-1", "1.5s", "2 s", "25d", "99999999999999999999"] {
            assert_eq!(parse(text, "ms"), None, "{text}");
        }
    }

    #[test]
    fn ages() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (125, "2m5s"), (3605, "1h"), (100_800, "1d4h")]
        {
            assert_eq!(brief(Duration::from_secs(seconds)), text);
        }
    }
}
