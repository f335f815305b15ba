//! `show stat`: the rows as CSV, as typed lines and as JSON (HAProxy manual, management, section 9.1 and `show stat`).
//!
//! It refuses to know where values come from: it filters rows and renders them.

mod json;

use std::fmt::Write as _;

use super::collect;
use super::column::{ProxyKind, StatColumn};
use super::row::{FieldValue, ReportRow};
use crate::topology::Shared;

/// Which rows, and how much of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatQuery {
    /// Whether `addr`, `cookie` and `algo` are told; on user level they stay empty.
    pub full: bool,
    /// Only this proxy: a name, a number (`iid`), or `-1` for all.
    pub proxy: Option<String>,
    /// Kinds as bits: 1 frontends, 2 backends, 4 servers, 8 listeners; -1 all.
    pub kinds: i32,
    /// Only servers and listeners of this number (`sid`); -1 all.
    pub server: i64,
    /// Leave out servers that are down, those in maintenance with them.
    pub up: bool,
    /// Leave out servers in maintenance.
    pub no_maint: bool,
    /// Say of each field what it means, in typed output.
    pub described: bool,
}

/// No proxy has the name that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("No such proxy.")]
pub struct UnknownProxy;

/// The rows as CSV with HAProxy's header: header and rows have the same number of fields, the last one empty.
///
/// # Errors
/// When `query` names a proxy that does not exist.
pub fn csv(shared: &Shared, query: &StatQuery) -> Result<String, UnknownProxy> {
    let rows = rows(shared, query)?;
    let mut out = String::from("# ");
    line(&mut out, |column, out| out.push_str(column.meta().name));
    for row in rows {
        line(&mut out, |column, out| match row.get(column) {
            Some(FieldValue::Number(number)) => push(out, format_args!("{number}")),
            Some(FieldValue::Text(text)) => quote(text, out),
            None => {}
        });
    }
    Ok(out)
}

/// The rows as one line a field (`show stat typed`); fields that do not apply are left out.
///
/// # Errors
/// When `query` names a proxy that does not exist.
pub fn typed(shared: &Shared, query: &StatQuery) -> Result<String, UnknownProxy> {
    let mut out = String::new();
    for row in rows(shared, query)? {
        for (column, value) in fields(&row) {
            let (kind, proxy, number, meta) = (row.kind.letter(), row.proxy, row.number, column.meta());
            let (position, tags, type_) = (column as usize, column.tags(row.kind), meta.kind.name());
            push(
                &mut out,
                format_args!("{kind}.{proxy}.{number}.{position}.{}.1:{tags}:{type_}:{value}", meta.name),
            );
            if query.described {
                push(&mut out, format_args!(":\"{}\"", column.about()));
            }
            out.push('\n');
        }
    }
    Ok(out)
}

/// The rows as one line of JSON: an array of arrays of fields (`show stat json`).
///
/// # Errors
/// When `query` names a proxy that does not exist.
pub fn json(shared: &Shared, query: &StatQuery) -> Result<String, UnknownProxy> {
    let rows = rows(shared, query)?;
    let document: Vec<Vec<_>> = rows
        .iter()
        .map(|row| fields(row).map(|(column, value)| json::JsonField::new(row, column, value)).collect())
        .collect();
    let mut out = serde_json::to_string(&document).unwrap_or_default();
    out.push('\n');
    Ok(out)
}

fn rows(shared: &Shared, query: &StatQuery) -> Result<Vec<ReportRow>, UnknownProxy> {
    let mut rows = collect::rows(shared);
    let wanted = wanted_proxy(&rows, query)?;
    if query.up || query.no_maint {
        tell_how_many(&mut rows);
    }
    rows.retain(|row| query.admits(row, wanted));
    if !query.full {
        let hidden = [StatColumn::Addr, StatColumn::Cookie, StatColumn::Algo];
        rows.iter_mut().for_each(|row| hidden.into_iter().for_each(|column| row.clear(column)));
    }
    Ok(rows)
}

/// The number of the proxy that `query` is about; a number that nobody has gives no rows, a name that nobody has is an error.
fn wanted_proxy(rows: &[ReportRow], query: &StatQuery) -> Result<Option<i64>, UnknownProxy> {
    match query.proxy.as_deref() {
        None | Some("-1") => Ok(None),
        Some(name) => {
            let named =
                rows.iter().find(|row| row.text(StatColumn::Pxname) == name).map(|row| row.proxy.into());
            named.or_else(|| name.parse().ok()).map(Some).ok_or(UnknownProxy)
        }
    }
}

/// Adds to a backend's status how many of its servers are usable, since not all are shown.
fn tell_how_many(rows: &mut [ReportRow]) {
    let mut servers = 0;
    for row in rows {
        match row.kind {
            ProxyKind::Server => servers += 1,
            ProxyKind::Frontend | ProxyKind::Listener => {}
            ProxyKind::Backend => {
                let count = |column| row.number(column).unwrap_or_default();
                let usable = count(StatColumn::Act) + count(StatColumn::Bck);
                row.set(StatColumn::Status, format!("{} ({usable}/{servers})", row.text(StatColumn::Status)));
                servers = 0;
            }
        }
    }
}

fn fields(row: &ReportRow) -> impl Iterator<Item = (StatColumn, &FieldValue)> {
    StatColumn::ALL.iter().filter_map(|column| Some((*column, row.get(*column)?)))
}

/// A line of CSV: a comma after each column, and a `-` where the columns of HAProxy's modules begin.
fn line(out: &mut String, mut cell: impl FnMut(StatColumn, &mut String)) {
    for column in StatColumn::ALL {
        cell(*column, out);
        out.push(',');
        if *column == StatColumn::LAST_OF_CORE {
            out.push_str("-,");
        }
    }
    out.push('\n');
}

/// Quotes a text where CSV demands it (RFC 4180, section 2).
fn quote(text: &str, out: &mut String) {
    if text.contains([',', '"', '\n', '\r']) {
        out.push('"');
        text.chars().for_each(|letter| match letter {
            '"' => out.push_str("\"\""),
            // A line is a row for every reader of this output.
            '\n' | '\r' => out.push(' '),
            letter => out.push(letter),
        });
        out.push('"');
    } else {
        out.push_str(text);
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}

// === impl StatQuery ===

impl StatQuery {
    fn admits(&self, row: &ReportRow, proxy: Option<i64>) -> bool {
        let is_server = row.kind == ProxyKind::Server;
        let is_numbered = is_server || row.kind == ProxyKind::Listener;
        let is_wanted = proxy.is_none_or(|proxy| proxy == i64::from(row.proxy))
            && self.kinds & row.kind.bit() != 0
            && (!is_numbered || self.server == -1 || self.server == i64::from(row.number));
        let is_maint = is_server && collect::is_maint(row);
        let is_down = is_maint || (is_server && row.text(StatColumn::Status).starts_with("DOWN"));
        is_wanted && !(self.no_maint && is_maint) && !(self.up && is_down)
    }
}

impl Default for StatQuery {
    /// Everything.
    fn default() -> Self {
        Self { full: true, proxy: None, kinds: -1, server: -1, up: false, no_maint: false, described: false }
    }
}

#[cfg(test)]
mod tests;
