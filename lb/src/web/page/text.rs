//! Pieces of HTML, and numbers and times for people.
//!
//! Everything dynamic is escaped.

use std::fmt;

/// Text, escaped for HTML.
pub(super) struct EscapedText<'a>(pub(super) &'a str);

/// An age. `now` is `None` where the page's script fills in the text, so that the document does not change every
/// second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Age {
    /// Unix time.
    pub(super) since: u64,
    pub(super) now: Option<u64>,
}

/// A sparkline without text; the numbers beside it carry the information.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spark {
    /// One character a second, the newest last: `0` to `k` is a height of 0 to 20, `.` a gap.
    pub(super) levels: String,
    /// A class: `rate`, `bad` or `time`.
    pub(super) kind: &'static str,
}

/// Number of values.
const PLACES: usize = 60;
/// Its height.
const HEIGHT: u64 = 20;

/// A badge in the color of a state.
pub(super) fn badge(state: &str, word: &str) -> String {
    format!("<span class=\"badge {}\">{}</span>", EscapedText(state), EscapedText(word))
}

/// A duration for people.
pub(super) fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 if !seconds.is_multiple_of(60) => format!("{} min {} s", seconds / 60, seconds % 60),
        60..3600 => format!("{} min", seconds / 60),
        3600..86400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// A number, abbreviated.
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

/// A count with its noun.
pub(super) fn many(number: usize, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

/// A time with three significant digits at most.
pub(super) fn millis(millis: f64) -> String {
    if millis < 10.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}

/// The CSS class for a status in HAProxy's words.
pub(super) fn class(status: &str) -> &'static str {
    match status.split(' ').next().unwrap_or_default() {
        "UP" if status.contains('/') => "partial",
        "DOWN" if status.contains('/') => "partial",
        "DOWN" => "down",
        "DRAIN" | "NOLB" => "drain",
        "MAINT" => "maint",
        _ => "up",
    }
}

// === impl EscapedText ===

impl fmt::Display for EscapedText<'_> {
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

// === impl Age ===

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.now.map(|now| ago(now.saturating_sub(self.since))).unwrap_or_default();
        write!(f, "<span data-since=\"{}\">{text}</span>", self.since)
    }
}

// === impl Spark ===

impl Spark {
    /// A sparkline of counts; empty when all are 0.
    pub(super) fn counts(values: &[u64], kind: &'static str) -> Self {
        if values.iter().all(|value| *value == 0) {
            return Self { levels: String::new(), kind };
        }
        let values: Vec<_> = values.iter().map(|value| Some(*value)).collect();
        Self::gaps(&values, kind)
    }

    /// A sparkline with gaps.
    pub(super) fn gaps(values: &[Option<u64>], kind: &'static str) -> Self {
        let values = &values[values.len().saturating_sub(PLACES)..];
        if values.iter().all(Option::is_none) {
            return Self { levels: String::new(), kind };
        }
        let most = values.iter().flatten().copied().max().unwrap_or_default().max(1);
        let level = |value: u64| u32::try_from(value * HEIGHT / most).unwrap_or_default();
        let letter = |value: &Option<u64>| {
            value.map_or('.', |value| char::from_digit(level(value), 36).unwrap_or('.'))
        };
        Self { levels: values.iter().map(letter).collect(), kind }
    }

    /// The SVG path; starts again after each gap.
    fn path(&self) -> String {
        let mut path = String::new();
        let (first, mut is_drawn) = (PLACES.saturating_sub(self.levels.len()), false);
        for (place, letter) in self.levels.chars().enumerate() {
            let level = letter.to_digit(36);
            if let Some(level) = level {
                let (x, y) = (first + place, HEIGHT - u64::from(level).min(HEIGHT));
                // A single point is a line of length zero with round ends.
                path += &if is_drawn { format!("L{x},{y}") } else { format!("M{x},{y}h0") };
            }
            is_drawn = level.is_some();
        }
        path
    }

    /// The SVG element; without `with_path` the page's script draws the line.
    pub(super) fn html(&self, with_path: bool) -> String {
        format!(
            "<svg class=\"spark {}\" data-levels=\"{}\" viewBox=\"0 -1 {} {}\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path d=\"{}\"/></svg>",
            self.kind,
            self.levels,
            PLACES - 1,
            HEIGHT + 2,
            if with_path { self.path() } else { String::new() }
        )
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
    fn ages_have_a_text_only_where_no_script_fills_it_in() {
        assert_eq!(Age { since: 40, now: Some(52) }.to_string(), "<span data-since=\"40\">12 s</span>");
        assert_eq!(Age { since: 40, now: None }.to_string(), "<span data-since=\"40\"></span>");
    }

    #[test]
    fn lines_end_at_the_right_fill_the_height_and_have_gaps() {
        let line = Spark::counts(&[0, 5, 10], "rate");
        assert_eq!((&*line.levels, &*line.path()), ("0ak", "M57,20h0L58,10L59,0"));
        let line = Spark::gaps(&[Some(4), None, None, Some(2), Some(4)], "time");
        assert_eq!((&*line.levels, &*line.path()), ("k..ak", "M55,0h0M58,10h0L59,0"));
        assert_eq!(
            [Spark::counts(&[0, 0], "rate"), Spark::gaps(&[None], "time")].map(|line| line.levels),
            ["", ""]
        );
        let long: Vec<u64> = (0..100).collect();
        let line = Spark::counts(&long, "rate");
        assert!(line.html(true).contains("M0,12h0") && line.html(false).contains("d=\"\""), "{line:?}");
    }

    #[test]
    fn statuses_have_colors() {
        let table = [
            ("UP", "up"),
            ("no check", "up"),
            ("UP 1/3", "partial"),
            ("DOWN 1/2", "partial"),
            ("DOWN", "down"),
            ("DRAIN", "drain"),
            ("NOLB", "drain"),
            ("MAINT (resolution)", "maint"),
        ];
        table.iter().for_each(|(status, expected)| assert_eq!(class(status), *expected, "{status}"));
    }
}
