//! A row of `show stat`: a value, or none, for each column.
//!
//! It refuses to know where values come from and how they are told.

use std::fmt;

use super::column::{Column, Kind};
use super::whole::Whole;

/// What is known about one frontend, backend or server.
#[derive(Debug, Clone)]
pub struct Row {
    /// What it is about.
    pub kind: Kind,
    /// The proxy's number (`iid`).
    pub proxy: u32,
    /// The server's number in its backend (`sid`), 0 for others.
    pub number: u32,
    fields: Vec<Option<Field>>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// A count, an amount, a time.
    Number(i64),
    /// A word or a text.
    Text(String),
}

// === impl Row ===

impl Row {
    /// A row in which nothing is known yet: zeros where the columns always have a number.
    pub fn new(kind: Kind, proxy: u32, number: u32, proxy_name: &str, name: &str) -> Self {
        let zero = |column: &Column| column.is_zero_in(kind).then_some(Field::Number(0));
        let mut row = Self { kind, proxy, number, fields: Column::ALL.iter().map(zero).collect() };
        row.set(Column::Pxname, proxy_name);
        row.set(Column::Svname, name);
        row.set(Column::Pid, 1u32);
        row.set(Column::Iid, proxy);
        row.set(Column::Sid, number);
        row.set(Column::Type, kind as u32);
        row.set(Column::Mode, "http");
        row
    }

    /// Puts a value into a column.
    pub fn set(&mut self, column: Column, value: impl Into<Field>) {
        self.fields[column as usize] = Some(value.into());
    }

    /// Puts a value into a column, if there is one: a column that does not apply stays empty.
    pub fn set_if(&mut self, column: Column, value: Option<impl Into<Field>>) {
        self.fields[column as usize] = value.map(Into::into);
    }

    /// Makes a column empty.
    pub fn clear(&mut self, column: Column) {
        self.fields[column as usize] = None;
    }

    /// The value in a column.
    pub fn get(&self, column: Column) -> Option<&Field> {
        self.fields[column as usize].as_ref()
    }

    /// The number in a column.
    pub fn number(&self, column: Column) -> Option<i64> {
        match self.get(column) {
            Some(Field::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The text in a column; empty when there is none.
    pub fn text(&self, column: Column) -> &str {
        match self.get(column) {
            Some(Field::Text(text)) => text,
            _ => "",
        }
    }
}

// === impl Field ===

impl<T> From<T> for Field
where
    Whole: From<T>,
{
    fn from(number: T) -> Self {
        Self::Number(Whole::from(number).0)
    }
}

impl From<&str> for Field {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Field {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}
