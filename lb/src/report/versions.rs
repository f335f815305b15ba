//! `show versions`, which is our own: what the answers to checks told of servers' versions.

use std::fmt::Write as _;

use crate::topology::Topology;

/// A line for each server whose version is known, after a header. A version may be of several words.
pub fn text(topology: &Topology) -> String {
    let mut out = "# backend server version\n".to_owned();
    for server in topology.backends.iter().flat_map(|backend| &backend.servers) {
        if let Some(version) = &server.health.snapshot().version {
            let version: String =
                version.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{} {} {version}", server.backend, server.name);
        }
    }
    out
}
