//! `set server … addr` and `set server … fqdn`: where a server is.
//!
//! A move is in force when the command is answered. It refuses to look names up: `discovery` does, once the name is in place.

use std::net::IpAddr;
use std::sync::Arc;

use crate::admin::answer::Answer;
use crate::admin::session::Session;
use crate::server::Server;

const BY: &str = "by 'stats socket command'";
const UNCHANGED: &str = "nothing changed";

/// `IP [port PORT]`: a name is refused, as it is by HAProxy.
pub(super) fn set_address(session: &Session, server: &Arc<Server>, words: &[String]) -> Answer {
    let Some(word) = words.first() else {
        return Answer::error("set server <b>/<s> addr requires an address and optionally a port.");
    };
    let Ok(address) = word.parse::<IpAddr>() else {
        return Answer::error(format!("Invalid addr '{word}'"));
    };
    let (named, former_port) = server.place.named();
    let port = match words.get(1).map(String::as_str) {
        Some("port") => {
            let word = words.get(2).map_or("", String::as_str);
            // HAProxy takes 99999 for 34463, which nobody means.
            match word.parse::<u16>() {
                Ok(port) if port > 0 => port,
                _ => return Answer::error(format!("problem converting port '{word}' to an int")),
            }
        }
        _ => former_port,
    };
    let former = server.place.address().map_or(named, |address| address.ip().to_string());
    let address = address.to_string();
    // A name gives way to the address that it had, too: then the server stays where it is, and nothing is looked up any more.
    session.control.set_place(server, &address, port, &session.origin);
    let mut changes = Vec::new();
    if former != address {
        changes.push(format!("IP changed from '{former}' to '{address}'"));
    }
    if former_port != port {
        changes.push(format!("port changed from '{former_port}' to '{port}'"));
    }
    if changes.is_empty() {
        return Answer::info(UNCHANGED);
    }
    Answer::info(format!("{} {BY}", changes.join(", ")))
}

/// Another name for a server that has one: HAProxy has nothing to look it up with where the server is given by address.
pub(super) fn set_name(session: &Session, server: &Arc<Server>, word: Option<&String>) -> Answer {
    let Some(name) = word else {
        return Answer::error("set server <b>/<s> fqdn requires a FQDN.");
    };
    if !server.place.is_name() {
        return Answer::error("set server <b>/<s> fqdn failed because no resolution is configured.");
    }
    if !crate::config::is_host(name) {
        return Answer::error(format!("Invalid FQDN '{name}'"));
    }
    let (former, port) = server.place.named();
    if !session.control.set_place(server, name, port, &session.origin) {
        return Answer::info(UNCHANGED);
    }
    Answer::info(format!("{}/{} changed its FQDN from {former} to {name} {BY}", server.backend, server.name))
}
