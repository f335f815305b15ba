//! `show stat`: which rows, in which form.

use super::column::NAMES;
use super::rows::{self, Entry};
use crate::topology::Shared;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Whether `addr`, `cookie` and `algo` are shown: not on the user level.
    pub full: bool,
    /// One proxy only, by name or number; `-1` is all.
    pub proxy: Option<String>,
    /// Bits: 1 frontends, 2 backends, 4 servers, 8 listeners; -1 is all.
    pub kinds: i32,
    /// One server only, by number; -1 is all.
    pub server: i64,
    /// Only servers that are not down.
    pub up: bool,
    /// No servers in maintenance.
    pub no_maint: bool,
}

/// There is no proxy of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("No such proxy.")]
pub struct UnknownProxy;

impl Default for Query {
    fn default() -> Self {
        Self { full: true, proxy: None, kinds: -1, server: -1, up: false, no_maint: false }
    }
}

/// The report as CSV, with its header.
///
/// # Errors
/// The query names a proxy that does not exist. A number that does not exist gives the header alone.
pub fn csv(shared: &Shared, query: &Query) -> Result<String, UnknownProxy> {
    let mut out = format!("# {},\n", NAMES.join(","));
    for mut entry in select(rows::all(shared), query)? {
        if !query.full {
            entry.hide_inside();
        }
        entry.row.csv(&mut out);
    }
    Ok(out)
}

fn select(entries: Vec<Entry>, query: &Query) -> Result<Vec<Entry>, UnknownProxy> {
    let proxy = query.proxy.as_deref().filter(|proxy| *proxy != "-1");
    let number = proxy.and_then(|proxy| proxy.parse::<i64>().ok());
    if let (Some(name), None) = (proxy, number)
        && !entries.iter().any(|entry| entry.proxy() == name)
    {
        return Err(UnknownProxy);
    }
    let wanted = |entry: &Entry| {
        let by_proxy = match (number, proxy) {
            (Some(number), _) => entry.proxy_number() == number,
            (None, Some(name)) => entry.proxy() == name,
            (None, None) => true,
        };
        let by_kind = query.kinds < 0 || entry.kind.bit() & query.kinds != 0;
        let by_server = query.server < 0 || entry.server_number() == query.server;
        by_proxy
            && by_kind
            && by_server
            && !(query.up && entry.is_down())
            && !(query.no_maint && entry.is_maint())
    };
    Ok(entries.into_iter().filter(wanted).collect())
}

#[cfg(test)]
mod tests;
