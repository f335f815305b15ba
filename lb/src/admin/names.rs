//! Names of backends and servers as commands give them, with HAProxy's texts for those that do not exist.
//!
//! Either half of `BACKEND/SERVER` may be `#` and a number; a number alone is a name.

use std::sync::Arc;

use crate::server::Server;
use crate::topology::{Frontend, Topology};

pub(super) const NO_BACKEND: &str = "No such backend.";
pub(super) const NO_FRONTEND: &str = "No such frontend.";
const NO_SERVER: &str = "No such server.";
const NO_NAME: &str = "Require 'backend/server'.";

/// The server that the first of `words` names.
pub(super) fn server(topology: &Topology, words: &[String]) -> Result<Arc<Server>, &'static str> {
    let (backend_name, server_name) = words
        .first()
        .and_then(|word| word.split_once('/'))
        .filter(|(_, server)| !server.is_empty())
        .ok_or(NO_NAME)?;
    let backend = topology.find_backend(backend_name).ok_or(NO_BACKEND)?;
    let server = match number(server_name) {
        Some(number) => backend.servers.iter().find(|server| server.number == number),
        None => backend.server(server_name),
    };
    server.cloned().ok_or(NO_SERVER)
}

/// The frontend that `word` names.
pub(super) fn frontend<'a>(topology: &'a Topology, word: &str) -> Option<&'a Arc<Frontend>> {
    let number = number(word);
    topology.frontends.iter().find(|frontend| match number {
        Some(number) => frontend.live.id == number,
        None => *frontend.live.name == *word,
    })
}

fn number(word: &str) -> Option<u32> {
    word.strip_prefix('#')?.parse().ok()
}
