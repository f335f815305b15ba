//! `show resolvers` and `show stat domain resolvers` (HAProxy manual, management).
//!
//! It refuses to know how names are looked up.

use std::fmt::Write as _;

use crate::topology::{QueryOutcome, Topology};

/// All sections in words, or the one of that name; `None` when there is no such one.
pub fn resolvers(topology: &Topology, name: Option<&str>) -> Option<String> {
    let wanted = |one: &str| name.is_none_or(|name| name == one);
    let mut sections = topology.resolvers.iter().filter(|section| wanted(&section.config.name)).peekable();
    if name.is_some() && sections.peek().is_none() {
        return None;
    }
    let mut out = String::new();
    for section in sections {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "Resolvers section {}", section.config.name);
        for (nameserver, counts) in section.told() {
            let _ = writeln!(out, " nameserver {nameserver}:");
            for (outcome, count) in counts {
                let _ = writeln!(out, "  {:<13}{count}", format!("{}:", outcome.told()));
            }
        }
    }
    Some(out)
}

/// A row for each name server.
pub fn resolver_rows(topology: &Topology) -> String {
    let columns = QueryOutcome::ALL.iter().map(|outcome| format!("{},", outcome.name()));
    let mut out = format!("# id,pid,{}\n", columns.collect::<String>());
    for section in &topology.resolvers {
        for (nameserver, counts) in section.told() {
            let counts: String = counts.map(|(_, count)| format!("{count},")).collect();
            let _ = writeln!(out, "{nameserver},{},{counts}", section.config.name);
        }
    }
    out
}
