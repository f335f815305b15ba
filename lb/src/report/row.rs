//! A row of `show stat`: a value, or none, for each column.
//!
//! It refuses to know where values come from and how they are told.

use std::fmt;

use super::column::{ProxyKind, StatColumn};
use super::whole::Whole;

/// What is known about one frontend, backend or server.
#[derive(Debug, Clone)]
pub struct ReportRow {
    /// What it is about.
    pub kind: ProxyKind,
    /// The proxy's number (`iid`).
    pub proxy: u32,
    /// The server's number in its backend (`sid`), 0 for others.
    pub number: u32,
    fields: Vec<Option<FieldValue>>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue {
    /// A count, an amount, a time.
    Number(i64),
    /// A word or a text.
    Text(String),
}

// === impl ReportRow ===

impl ReportRow {
    /// A row in which nothing is known yet: zeros where the columns always have a number.
    pub fn new(kind: ProxyKind, proxy: u32, number: u32, proxy_name: &str, name: &str) -> Self {
        let zero = |column: &StatColumn| column.is_zero_in(kind).then_some(FieldValue::Number(0));
        let mut row = Self { kind, proxy, number, fields: StatColumn::ALL.iter().map(zero).collect() };
        row.set(StatColumn::Pxname, proxy_name);
        row.set(StatColumn::Svname, name);
        row.set(StatColumn::Pid, 1u32);
        row.set(StatColumn::Iid, proxy);
        row.set(StatColumn::Sid, number);
        row.set(StatColumn::Type, kind as u32);
        row.set(StatColumn::Mode, "http");
        row
    }

    /// Puts a value into a column.
    pub fn set(&mut self, column: StatColumn, value: impl Into<FieldValue>) {
        self.fields[column as usize] = Some(value.into());
    }

    /// Puts a value into a column, if there is one: a column that does not apply stays empty.
    pub fn set_if(&mut self, column: StatColumn, value: Option<impl Into<FieldValue>>) {
        self.fields[column as usize] = value.map(Into::into);
    }

    /// Makes a column empty.
    pub fn clear(&mut self, column: StatColumn) {
        self.fields[column as usize] = None;
    }

    /// The value in a column.
    pub fn get(&self, column: StatColumn) -> Option<&FieldValue> {
        self.fields[column as usize].as_ref()
    }

    /// The number in a column.
    pub fn number(&self, column: StatColumn) -> Option<i64> {
        match self.get(column) {
            Some(FieldValue::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The text in a column; empty when there is none.
    pub fn text(&self, column: StatColumn) -> &str {
        match self.get(column) {
            Some(FieldValue::Text(text)) => text,
            _ => "",
        }
    }
}

// === impl FieldValue ===

impl<T> From<T> for FieldValue
where
    Whole: From<T>,
{
    fn from(number: T) -> Self {
        Self::Number(Whole::from(number).0)
    }
}

impl From<&str> for FieldValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for FieldValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}
