//! The shape of a field in `show stat json` (HAProxy manual, management, `show stat json`).

use serde::Serialize;

use crate::report::column::Column;
use crate::report::row::{self, Row};

/// One field of one row.
#[derive(Serialize)]
pub(super) struct Field<'a> {
    #[serde(rename = "objType")]
    object: &'static str,
    #[serde(rename = "proxyId")]
    proxy: u32,
    id: u32,
    field: Place,
    #[serde(rename = "processNum")]
    process: u32,
    tags: Tags,
    value: Value<'a>,
}

#[derive(Serialize)]
struct Place {
    pos: usize,
    name: &'static str,
}

#[derive(Serialize)]
struct Tags {
    origin: &'static str,
    nature: &'static str,
    scope: &'static str,
}

#[derive(Serialize)]
struct Value<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    value: Scalar<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Scalar<'a> {
    Number(i64),
    Text(&'a str),
}

// === impl Field ===

impl<'a> Field<'a> {
    /// The field of `row` in `column`.
    pub(super) fn new(row: &Row, column: Column, value: &'a row::Field) -> Self {
        let value = match value {
            row::Field::Number(number) => Scalar::Number(*number),
            row::Field::Text(text) => Scalar::Text(text),
        };
        Self {
            object: row.kind.name(),
            proxy: row.proxy,
            id: row.number,
            field: Place { pos: column as usize, name: column.meta().name },
            process: 1,
            tags: Tags::new(column.tags(row.kind)),
            value: Value { kind: column.meta().kind.name(), value },
        }
    }
}

// === impl Tags ===

impl Tags {
    /// The words for the first three of the letters of typed output.
    fn new(tags: &str) -> Self {
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
