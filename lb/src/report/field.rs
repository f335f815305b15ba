//! What typed output says of every value besides the value: HAProxy's tags as words, and the value as JSON (HAProxy manual, management,
//! `show stat typed` and `show stat json`).
//!
//! Shared by `show stat` and `show info`. It refuses to know columns and names.

use serde::Serialize;

/// Where a field stands among its like.
#[derive(Debug, Serialize)]
pub(super) struct FieldPosition {
    pub(super) pos: usize,
    pub(super) name: &'static str,
}

/// Origin, nature and scope in words.
#[derive(Debug, Serialize)]
pub(super) struct Tags {
    origin: &'static str,
    nature: &'static str,
    scope: &'static str,
}

/// A value with its type.
#[derive(Debug, Serialize)]
pub(super) struct TypedValue<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) value: Scalar<'a>,
}

/// The value itself.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Scalar<'a> {
    Number(i64),
    Float(f64),
    Text(&'a str),
}

// === impl Tags ===

impl Tags {
    /// The words for the first three of the letters of typed output.
    pub(super) fn new(tags: &str) -> Self {
        let mut letters = tags.chars();
        let mut next = || letters.next().unwrap_or_default();
        Self {
            origin: match next() {
                'M' => "Metric",
                'S' => "Status",
                'K' => "Key",
                'C' => "Config",
                _ => "Product",
            },
            nature: match next() {
                'A' => "Age",
                'a' => "Avg",
                'C' => "Counter",
                'D' => "Duration",
                'G' => "Gauge",
                'L' => "Limit",
                'M' => "Max",
                'N' => "Name",
                'O' => "Output",
                _ => "Rate",
            },
            scope: if next() == 'S' { "Service" } else { "Process" },
        }
    }
}
