//! The shape of a field in `show stat json` (HAProxy manual, management, `show stat json`).

use serde::Serialize;

use crate::report::column::Column;
use crate::report::field::{Place, Scalar, Tags, Value};
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
