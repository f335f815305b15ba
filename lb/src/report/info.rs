//! `show info`: facts about the process as lines, as typed lines and as JSON (HAProxy manual, management, `show info`).
//!
//! The facts and their names are in [`lines`]; here they are only told. Every plain line has exactly one `: `, since tools split on it.

mod lines;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use serde::Serialize;

use super::field::{FieldPosition, Scalar, Tags, TypedValue as Typed};
use super::process::Facts;
use crate::control::Control;
use lines::{InfoLine, InfoValue};
pub(crate) use lines::{RELEASE_DATE, uptime};

/// How the facts are told.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// In which shape.
    pub form: InfoFormat,
    /// With what each means; JSON has no room for it.
    pub described: bool,
    /// Times that have a fraction with it.
    pub exact: bool,
}

/// The shape.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum InfoFormat {
    /// `Name: value`.
    #[default]
    Plain,
    /// `8.Uptime_sec.1:MDPV:u32:2`.
    Typed,
    /// One line with an array of fields.
    Json,
}

/// One fact in JSON.
#[derive(Serialize)]
struct InfoField<'a> {
    field: FieldPosition,
    #[serde(rename = "processNum")]
    process: u32,
    tags: Tags,
    value: Typed<'a>,
}

/// Name and meaning of each fact, in order.
pub fn reference() -> Vec<(&'static str, &'static str)> {
    let facts = Facts { description: Some(String::new()), ..Facts::default() };
    lines::lines(&facts, false).into_iter().map(|line| (line.name, line.about)).collect()
}

/// All facts in that style.
pub fn text(control: &Control, style: Style) -> String {
    render(&lines::lines(&Facts::of(control), style.exact), style)
}

fn render(lines: &[InfoLine], style: Style) -> String {
    let mut out = String::new();
    match style.form {
        InfoFormat::Json => {
            let fields: Vec<_> = lines.iter().map(field).collect();
            out = serde_json::to_string(&fields).unwrap_or_default();
            out.push('\n');
        }
        InfoFormat::Plain | InfoFormat::Typed => {
            for line in lines {
                let InfoLine { place, name, tags, value, about } = line;
                let kind = value.kind();
                // Writing to a String cannot fail.
                let _ = match style.form {
                    InfoFormat::Typed => write!(out, "{place}.{name}.1:{tags}:{kind}:{value}"),
                    _ => write!(out, "{name}: {value}"),
                };
                if style.described {
                    let _ = write!(out, ":\"{about}\"");
                }
                out.push('\n');
            }
        }
    }
    out
}

fn field(line: &InfoLine) -> InfoField<'_> {
    let value = match &line.value {
        InfoValue::Text(text) => Scalar::Text(text),
        InfoValue::U32(number) | InfoValue::U64(number) => {
            Scalar::Number(i64::try_from(*number).unwrap_or(i64::MAX))
        }
        InfoValue::Float(number) => Scalar::Float(*number),
    };
    InfoField {
        field: FieldPosition { pos: line.place, name: line.name },
        process: 1,
        tags: Tags::new(line.tags),
        value: Typed { kind: line.value.kind(), value },
    }
}
