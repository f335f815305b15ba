//! The text format, written in one pass: a scrape of a thousand servers is a hundred thousand lines.
//!
//! It refuses families that the scrape does not ask for, and to write the head of a family that has no series.

use std::fmt::{self, Write as _};

use super::query::ScrapeQuery;
use crate::report::whole::Whole;

/// The text so far.
pub(super) struct MetricsText<'a> {
    query: &'a ScrapeQuery,
    out: String,
}

/// A family whose series are being written.
pub(super) struct Family<'a> {
    head: FamilyHead<'a>,
    out: &'a mut String,
    begun: bool,
}

/// What a family is.
#[derive(Clone, Copy)]
pub(super) struct FamilyHead<'a> {
    pub(super) name: &'a str,
    pub(super) kind: MetricKind,
    pub(super) help: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MetricKind {
    Counter,
    Gauge,
}

/// A value as HAProxy's exporter writes it.
#[derive(Debug, Clone, Copy)]
pub(super) enum MetricValue {
    /// A whole number.
    Whole(i64),
    /// A number with six decimals.
    Fraction(f64),
    /// There is no such number.
    Unknown,
}

// === impl MetricsText ===

impl<'a> MetricsText<'a> {
    pub(super) fn new(query: &'a ScrapeQuery) -> Self {
        Self { query, out: String::new() }
    }

    /// Begins a family; `None` when the scrape does not ask for it.
    pub(super) fn family<'f>(&'f mut self, head: FamilyHead<'f>) -> Option<Family<'f>> {
        self.wants(head.name).then_some(Family { head, out: &mut self.out, begun: false })
    }

    /// Whether the scrape asks for a family of that name.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.query.wants(name)
    }

    /// Adds a family that is text already.
    pub(super) fn append(&mut self, family: &str) {
        self.out.push_str(family);
    }

    pub(super) fn into_string(self) -> String {
        self.out
    }
}

// === impl Family ===

impl Family<'_> {
    /// Writes a series; `labels` come one after the other, each of them nothing or made by [`label`].
    pub(super) fn series(&mut self, labels: [&str; 2], value: impl Into<MetricValue>) {
        let value = value.into();
        let FamilyHead { name, kind, help } = self.head;
        if !std::mem::replace(&mut self.begun, true) {
            self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        }
        let labels: &[&str] = match labels {
            ["", ""] => &[],
            ["", one] | [one, ""] => &["{", one, "}"],
            [one, two] => &["{", one, ",", two, "}"],
        };
        self.out.push_str(name);
        labels.iter().for_each(|part| self.out.push_str(part));
        self.write(format_args!(" {value}\n"));
    }

    fn write(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.out.write_fmt(text);
    }
}

/// A label as it stands in the text.
pub(super) fn label(name: &str, value: &str) -> String {
    let mut out = format!("{name}=\"");
    for letter in value.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

// === impl MetricKind ===

impl fmt::Display for MetricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        })
    }
}

// === impl MetricValue ===

impl fmt::Display for MetricValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Fraction(number) => write!(f, "{number:.6}"),
            Self::Unknown => f.write_str("NaN"),
        }
    }
}

impl<T> From<T> for MetricValue
where
    Whole: From<T>,
{
    fn from(number: T) -> Self {
        Self::Whole(Whole::from(number).0)
    }
}

impl<T: Into<Self>> From<Option<T>> for MetricValue {
    fn from(number: Option<T>) -> Self {
        number.map_or(Self::Unknown, Into::into)
    }
}
