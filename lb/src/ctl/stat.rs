//! Parses `show stat`: fields by name, and what would remain of a backend without a server.
//!
//! The values are as old as the reply.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A row, with its fields by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatRow {
    places: Arc<HashMap<String, usize>>,
    fields: Vec<String>,
}

/// What would remain without a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemainingServers {
    /// The server, as `backend/server`.
    pub(crate) server: String,
    /// Its requests in flight and queued.
    pub(crate) in_flight: u64,
    /// Other usable servers of its backend.
    pub(crate) usable: usize,
    /// Servers of its backend.
    pub(crate) all: usize,
    /// Backends that would lose their last usable server: its own, and those whose servers track it.
    pub(crate) emptied: Vec<String>,
}

/// The rows of `show stat`, in its order.
pub(crate) fn rows(csv: &str) -> Vec<StatRow> {
    let mut lines = csv.lines().filter(|line| !line.is_empty());
    let Some(header) = lines.next().and_then(|header| header.strip_prefix("# ")) else { return Vec::new() };
    let places = header.split(',').enumerate().map(|(at, name)| (name.to_owned(), at)).collect();
    let places = Arc::new(places);
    lines.map(|line| StatRow { places: Arc::clone(&places), fields: split(line) }).collect()
}

/// What would remain without `server` (`backend/server`, by names or by `#` and numbers); `None` when there is no
/// such server.
pub(crate) fn left_without(rows: &[StatRow], server: &str) -> Option<RemainingServers> {
    let (backend, name) = server.split_once('/')?;
    let servers: Vec<_> = rows.iter().filter(|row| row.is_server()).collect();
    let meant = servers.iter().find(|row| {
        let is = |written: &str, name: &str, number: &str| {
            row.text(name) == written || written.strip_prefix('#') == Some(row.text(number))
        };
        is(backend, "pxname", "iid") && is(name, "svname", "sid")
    })?;
    // Servers that track it go out with it, and those that track them.
    let mut out = vec![meant.full_name()];
    let mut at = 0;
    while let Some(leader) = out.get(at).cloned() {
        let followers = servers.iter().filter(|row| row.text("tracked") == leader).map(|row| row.full_name());
        let new: Vec<_> = followers.filter(|name| !out.contains(name)).collect();
        out.extend(new);
        at += 1;
    }
    // Usable servers of each backend: now, and afterwards.
    let mut usable: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for row in servers.iter().filter(|row| row.is_usable()) {
        let (now, then) = usable.entry(row.text("pxname")).or_default();
        *now += 1;
        *then += usize::from(!out.contains(&row.full_name()));
    }
    let own = meant.text("pxname");
    Some(RemainingServers {
        server: meant.full_name(),
        in_flight: meant.number("scur").unwrap_or(0) + meant.number("qcur").unwrap_or(0),
        usable: usable.get(own).map_or(0, |(_, then)| *then),
        all: servers.iter().filter(|row| row.text("pxname") == own).count(),
        emptied: usable
            .iter()
            .filter(|(_, (_, then))| *then == 0)
            .map(|(name, _)| (*name).to_owned())
            .collect(),
    })
}

/// Splits a line of CSV and removes quotes.
fn split(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            // Control characters from a server's check response must not reach the terminal.
            other if other.is_control() => field.push(' '),
            other => field.push(other),
        }
    }
    fields.push(field);
    fields
}

// === impl StatRow ===

impl StatRow {
    /// A field as text; empty if it does not exist.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.places.get(name).and_then(|at| self.fields.get(*at)).map_or("", String::as_str)
    }

    /// A field as a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name).parse().ok()
    }

    fn is_server(&self) -> bool {
        self.text("type") == "2"
    }

    fn full_name(&self) -> String {
        format!("{}/{}", self.text("pxname"), self.text("svname"))
    }

    /// Whether the server gets requests.
    fn is_usable(&self) -> bool {
        let status = self.text("status");
        let serves = status == "no check" || status.split(' ').next() == Some("UP");
        serves && self.number("uweight").or_else(|| self.number("weight")) != Some(0)
    }
}

// === impl RemainingServers ===

impl RemainingServers {
    /// Why it should not be taken out, if there is a reason.
    pub(crate) fn objection(&self) -> Option<String> {
        let Self { server, emptied, .. } = self;
        let backends = emptied.join(", ");
        match emptied.len() {
            0 => None,
            _ => Some(format!(
                "{server} is the last usable server of {backends}: without it clients get 503 there ({})",
                self.busy()
            )),
        }
    }

    /// What is in flight on it.
    pub(crate) fn busy(&self) -> String {
        match self.in_flight {
            0 => "nothing in flight".to_owned(),
            number => format!("{number} in flight"),
        }
    }

    /// How many other servers there are.
    pub(crate) fn rest(&self) -> String {
        let backend = self.server.split_once('/').map_or("", |(backend, _)| backend);
        let Self { usable, all, .. } = self;
        match usable {
            0 => format!("no usable server left in {backend}"),
            _ => format!("{usable} of {all} servers of {backend} left"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, status, weight, and the server that it tracks.
    type Server = (&'static str, &'static str, u64, &'static str);

    fn left(states: &[Server], server: &str) -> Option<RemainingServers> {
        let mut csv = "# pxname,svname,scur,qcur,status,type,iid,sid,uweight,tracked,\n".to_owned();
        for (name, status, weight, tracked) in states {
            let (backend, name) = name.split_once('/').unwrap();
            let iid = if backend == "a" { 2 } else { 3 };
            let sid = name.trim_start_matches('s');
            csv.push_str(&format!("{backend},{name},2,1,{status},2,{iid},{sid},{weight},{tracked},\n"));
        }
        left_without(&rows(&csv), server)
    }

    #[test]
    fn the_last_usable_server_is_found() {
        let up = ("a/s1", "UP", 1, "");
        let table: &[(&[Server], usize, &[&str])] = &[
            (&[up], 0, &["a"]),
            (&[up, ("a/s2", "UP 1/3", 1, "")], 1, &[]),
            (&[up, ("a/s2", "no check", 1, "")], 1, &[]),
            (&[up, ("a/s2", "UP", 0, "")], 0, &["a"]),
            (&[up, ("a/s2", "DOWN 1/2", 1, ""), ("a/s3", "DRAIN", 1, "")], 0, &["a"]),
            (&[up, ("a/s2", "NOLB", 1, ""), ("a/s3", "MAINT (via a/s1)", 1, "")], 0, &["a"]),
            // A backend without a usable server loses nothing.
            (&[("a/s1", "DOWN", 1, ""), ("a/s2", "DOWN", 1, "")], 0, &[]),
            // Servers that track it go with it.
            (&[up, ("a/s2", "UP", 1, ""), ("b/s1", "UP", 1, "a/s1"), ("b/s2", "UP", 1, "b/s1")], 1, &["b"]),
            (&[up, ("a/s2", "UP", 1, "a/s1")], 0, &["a"]),
        ];
        for (states, usable, emptied) in table {
            let found = left(states, "a/s1").unwrap();
            assert_eq!((found.usable, found.in_flight), (*usable, 3), "{states:?}");
            assert_eq!(found.emptied, *emptied, "{states:?}");
        }
        assert_eq!(left(&[up], "#2/#1").unwrap().server, "a/s1");
        assert_eq!(left(&[up], "a/s9"), None);
    }

    #[test]
    fn what_is_left_is_told_in_words() {
        let found = left(&[("a/s1", "UP", 1, ""), ("a/s2", "UP", 1, "")], "a/s1").unwrap();
        assert_eq!((found.objection(), found.rest().as_str()), (None, "1 of 2 servers of a left"));
        let found = left(&[("a/s1", "UP", 1, "")], "a/s1").unwrap();
        assert_eq!(
            found.objection().unwrap(),
            "a/s1 is the last usable server of a: without it clients get 503 there (3 in flight)"
        );
        assert_eq!(found.rest(), "no usable server left in a");
    }
}
