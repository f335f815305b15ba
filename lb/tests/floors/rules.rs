//! The rules, as functions from sources to faults.

use std::collections::{BTreeMap, BTreeSet};

use crate::table::{Floor, Table};
use crate::uses::uses;

/// Most lines of a file.
const LONGEST: usize = 500;

/// A file.
pub(crate) struct Source {
    /// From the folder of sources, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Who uses whom, with a file that shows it.
type Edges = BTreeMap<(String, String), String>;

/// What is wrong between `table` and the sources of the crate.
pub(crate) fn floors(table: &Table, sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut edges = Edges::new();
    let mut modules = BTreeSet::new();
    for source in sources.iter().filter(|source| source.path != "lib.rs") {
        let (module, depth) = place(&source.path);
        modules.insert(module.to_owned());
        match uses(&source.text, depth, module == "main") {
            Ok(used) => used.into_iter().filter(|used| used != module).for_each(|used| {
                edges.entry((module.to_owned(), used)).or_insert_with(|| source.path.clone());
            }),
            Err(error) => faults.push(format!("{}: {error}", source.path)),
        }
    }
    let rows: BTreeSet<_> = table.iter().map(|(module, _)| module.clone()).collect();
    faults.extend(
        modules.difference(&rows).map(|module| format!("module `{module}` has no row in ARCHITECTURE.md")),
    );
    faults.extend(rows.difference(&modules).map(|row| format!("row `{row}` has no module in lb/src")));

    let floor = |module: &str| table.iter().find(|(name, _)| name == module).map(|(_, floor)| floor);
    for ((user, used), file) in &edges {
        match (floor(user), floor(used)) {
            (Some(from), Some(to)) => faults.extend(
                forbidden(from, to).map(|reason| format!("{file}: `{user}` uses `{used}`, which {reason}")),
            ),
            (_, None) => faults.push(format!("{file}: `{used}` is not a module in the table")),
            (None, _) => {}
        }
    }
    let level = |edge: &(String, String)| floor(&edge.0).is_some() && floor(&edge.0) == floor(&edge.1);
    let beside: Vec<_> = edges.keys().filter(|edge| level(edge)).collect();
    faults.extend(circle(&beside).map(|circle| format!("a circle on one floor: {}", circle.join(" -> "))));
    faults
}

/// What is wrong with the shape of files.
pub(crate) fn shape(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for Source { path, text } in sources {
        let lines = text.lines().count();
        if lines > LONGEST {
            faults.push(format!(
                "{path}: {lines} lines, at most {LONGEST} are allowed: find the part that can stand alone"
            ));
        }
        if !text.starts_with("//!") {
            faults
                .push(format!("{path}: does not open with `//!`: say what it is and what it refuses to do"));
        }
        if path.rsplit('/').next() == Some("mod.rs") {
            faults.push(format!("{path}: is called mod.rs: put `foo.rs` beside `foo/`"));
        }
    }
    faults
}

/// The module that a file belongs to, and how many modules below the root the file is.
fn place(path: &str) -> (&str, usize) {
    let path = path.trim_end_matches(".rs");
    (path.split('/').next().unwrap_or(path), path.split('/').count())
}

fn forbidden(from: &Floor, to: &Floor) -> Option<String> {
    if to.level > from.level {
        return Some(format!("is on a higher floor ({} over {})", to.level, from.level));
    }
    (to.level == from.level && to.side != from.side).then(|| "is on the other side of its floor".to_owned())
}

/// One circle, if there is any. Whoever uses nobody on his floor is in none; when all such are gone, what is left goes round.
fn circle(edges: &[&(String, String)]) -> Option<Vec<String>> {
    let mut left = edges.to_vec();
    loop {
        let before = left.len();
        let users: BTreeSet<_> = left.iter().map(|edge| edge.0.clone()).collect();
        left.retain(|edge| users.contains(&edge.1));
        if left.len() == before {
            break;
        }
    }
    let mut way = vec![left.first()?.0.clone()];
    loop {
        let next = &left.iter().find(|edge| Some(&edge.0) == way.last())?.1;
        if let Some(start) = way.iter().position(|module| module == next) {
            way.push(next.clone());
            return Some(way.split_off(start));
        }
        way.push(next.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "| floor | module | what |\n|---|---|---|\n| 0 | `net` | |\n| 0 | `log` | |\n| 0 | `config` | |\n\
        | 1 | `server` | |\n| 5 data | `proxy` | |\n| 5 data | `layer` | |\n| 5 control | `control` | |\n| 6 | `main` | |";

    /// Files `path: text`, beside an empty one for each row of the table.
    fn faults(files: &[(&str, &str)]) -> Vec<String> {
        let table = crate::table::read(PAGE).unwrap();
        let empty = table.iter().map(|(module, _)| (format!("{module}.rs"), String::new()));
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let sources: Vec<_> = empty.chain(files).map(|(path, text)| Source { path, text }).collect();
        floors(&table, &sources)
    }

    #[test]
    fn lower_floors_and_one_direction_on_a_floor_are_allowed() {
        let files = [
            ("lib.rs", "pub mod net; pub use crate::nothing;"),
            ("server/gate.rs", "use crate::{config, log}; use super::super::net;"),
            ("proxy.rs", "use crate::layer::Layer; use crate::server::Server; use crate::proxy::x;"),
            ("control.rs", "use crate::server;"),
            ("main.rs", "fn main() { lb::control::run() }"),
        ];
        assert_eq!(faults(&files), [""; 0]);
    }

    #[test]
    fn every_rule_has_a_fault() {
        let table: [(&[(&str, &str)], &str); 8] = [
            (
                &[("server/gate.rs", "use crate::control::Control;")],
                "server/gate.rs: `server` uses `control`, which is on a higher floor (5 over 1)",
            ),
            (
                &[("proxy/exchange.rs", "fn f() { crate::control::now() }")],
                "proxy/exchange.rs: `proxy` uses `control`, which is on the other side of its floor",
            ),
            (
                &[("control/apply.rs", "use super::super::layer;")],
                "control/apply.rs: `control` uses `layer`, which is on the other side of its floor",
            ),
            (
                &[
                    ("net/a.rs", "use crate::log;"),
                    ("log/b.rs", "use crate::config;"),
                    ("config/c.rs", "use crate::net;"),
                ],
                "a circle on one floor: config -> net -> log -> config",
            ),
            (&[("stray.rs", "")], "module `stray` has no row in ARCHITECTURE.md"),
            (&[("net/a.rs", "use crate::Shortcut;")], "net/a.rs: `Shortcut` is not a module in the table"),
            (&[("net/a.rs", "use crate::*;")], "net/a.rs: `*` is not a module in the table"),
            (&[("net/a.rs", "fn (")], "net/a.rs: not Rust: "),
        ];
        for (files, fault) in table {
            let found = faults(files);
            assert!(found.len() == 1 && found[0].starts_with(fault), "{found:?} instead of {fault}");
        }
        let rows = crate::table::read(PAGE).unwrap();
        assert!(floors(&rows, &[]).contains(&"row `net` has no module in lb/src".to_owned()));
    }

    #[test]
    fn a_circle_is_found_beside_ways_that_end() {
        let edge = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        let edges = [edge("a", "b"), edge("b", "c"), edge("c", "b"), edge("c", "d"), edge("x", "d")];
        assert_eq!(circle(&edges.iter().collect::<Vec<_>>()).unwrap(), ["b", "c", "b"]);
        assert_eq!(circle(&[&edges[0], &edges[1], &edges[3], &edges[4]]), None);
    }

    #[test]
    fn files_are_short_documented_and_beside_their_folder() {
        let source = |path: &str, text: String| Source { path: path.to_owned(), text };
        let long = format!("//! Long.\n{}", "\n".repeat(LONGEST));
        let faults = shape(&[
            source("good.rs", "//! Good.\n".to_owned()),
            source("long.rs", long),
            source("bare.rs", "fn f() {}\n".to_owned()),
            source("a/mod.rs", "//! Named so.\n".to_owned()),
        ]);
        let files: Vec<_> = faults.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
        assert_eq!(files, ["long.rs", "bare.rs", "a/mod.rs"]);
    }
}
