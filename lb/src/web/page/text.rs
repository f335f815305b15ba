//! Small pieces of HTML, and numbers and times as people say them.
//!
//! It refuses to write anything dynamic that is not escaped.

use std::fmt;

/// Text in a place where HTML would be read.
pub(super) struct Text<'a>(pub(super) &'a str);

/// A line of small values, for a look at how something went. It has no words: the numbers beside it have.
pub(super) struct Spark<'a> {
    pub(super) values: &'a [u64],
    /// A class: `rate`, `bad` or `time`.
    pub(super) kind: &'static str,
}

/// Places in a line.
const PLACES: usize = 60;
/// Its height.
const HEIGHT: u64 = 20;

/// A word in the colour of a state.
pub(super) fn badge(state: &str, word: &str) -> String {
    format!("<span class=\"badge {}\">{}</span>", Text(state), Text(word))
}

/// A length of time as people say it.
pub(super) fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 if !seconds.is_multiple_of(60) => format!("{} min {} s", seconds / 60, seconds % 60),
        60..3600 => format!("{} min", seconds / 60),
        3600..86400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// A number as short as it may be.
pub(super) fn count(number: u64) -> String {
    let with_unit =
        |unit: u64, letter: char| format!("{}.{} {letter}", number / unit, number % unit / (unit / 10));
    match number {
        0..10_000 => number.to_string(),
        10_000..1_000_000 => with_unit(1000, 'k'),
        1_000_000..1_000_000_000 => with_unit(1_000_000, 'M'),
        _ => with_unit(1_000_000_000, 'G'),
    }
}

/// A count and its noun.
pub(super) fn many(number: usize, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

/// The class of a status in HAProxy's word, for its colour.
pub(super) fn class(status: &str) -> &'static str {
    match status.split(' ').next().unwrap_or_default() {
        "UP" if status.contains('/') => "partial",
        "DOWN" => "down",
        "DRAIN" | "NOLB" => "drain",
        "MAINT" => "maint",
        _ => "up",
    }
}

// === impl Text ===

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            letter => write!(f, "{letter}"),
        })
    }
}

// === impl Spark ===

impl fmt::Display for Spark<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = &self.values[self.values.len().saturating_sub(PLACES)..];
        let most = values.iter().copied().max().unwrap_or_default().max(1);
        write!(
            f,
            "<svg class=\"spark {}\" viewBox=\"0 -1 {} {}\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><polyline points=\"",
            if values.iter().all(|value| *value == 0) { "idle" } else { self.kind },
            PLACES - 1,
            HEIGHT + 2
        )?;
        for (place, value) in values.iter().enumerate() {
            let (x, y) = (PLACES - values.len() + place, HEIGHT - value * HEIGHT / most);
            write!(f, "{}{x},{y}", if place == 0 { "" } else { " " })?;
        }
        f.write_str("\"/></svg>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_are_told_as_people_do() {
        let texts = [0, 59, 60, 72, 3599, 3660, 90_000].map(ago);
        assert_eq!(texts, ["0 s", "59 s", "1 min", "1 min 12 s", "59 min", "1 h 1 min", "1 d 1 h"]);
        let texts = [0, 9999, 12_345, 1_234_567, 12_345_678_901].map(count);
        assert_eq!(texts, ["0", "9999", "12.3 k", "1.2 M", "12.3 G"]);
        assert_eq!(
            [0, 1, 2].map(|number| many(number, "server", "servers")),
            ["0 servers", "1 server", "2 servers"]
        );
    }

    #[test]
    fn lines_end_at_the_right_and_fill_the_height() {
        let text = Spark { values: &[0, 5, 10], kind: "rate" }.to_string();
        assert!(text.contains("points=\"57,20 58,10 59,0\""), "{text}");
        assert!(Spark { values: &[], kind: "rate" }.to_string().contains("points=\"\""));
        let long: Vec<u64> = (0..100).collect();
        assert!(Spark { values: &long, kind: "rate" }.to_string().contains("points=\"0,12 "));
    }

    #[test]
    fn statuses_have_colours() {
        let table = [
            ("UP", "up"),
            ("no check", "up"),
            ("UP 1/3", "partial"),
            ("DOWN 1/2", "down"),
            ("DRAIN", "drain"),
            ("NOLB", "drain"),
            ("MAINT (resolution)", "maint"),
        ];
        table.iter().for_each(|(status, expected)| assert_eq!(class(status), *expected, "{status}"));
    }
}
