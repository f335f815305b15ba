//! The shape of a field in `show stat json` (HAProxy manual, management, `show stat json`).

use serde::Serialize;

use crate::report::column::StatColumn;
use crate::report::field::{FieldPosition, Scalar, Tags, TypedValue};
use crate::report::row::{self, ReportRow};

/// One field of one row.
#[derive(Serialize)]
pub(super) struct JsonField<'a> {
    #[serde(rename = "objType")]
    object: &'static str,
    #[serde(rename = "proxyId")]
    proxy: u32,
    id: u32,
    field: FieldPosition,
    #[serde(rename = "processNum")]
    process: u32,
    tags: Tags,
    value: TypedValue<'a>,
}

// === impl JsonField ===

impl<'a> JsonField<'a> {
    /// The field of `row` in `column`.
    pub(super) fn new(row: &ReportRow, column: StatColumn, value: &'a row::FieldValue) -> Self {
        let value = match value {
            row::FieldValue::Number(number) => Scalar::Number(*number),
            row::FieldValue::Text(text) => Scalar::Text(text),
        };
        Self {
            object: row.kind.name(),
            proxy: row.proxy,
            id: row.number,
            field: FieldPosition { pos: column as usize, name: column.meta().name },
            process: 1,
            tags: Tags::new(column.tags(row.kind)),
            value: TypedValue { kind: column.meta().kind.name(), value },
        }
    }
}
