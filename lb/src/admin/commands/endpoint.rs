//! `set server … addr`, `fqdn`, `check-addr` and `check-port`: addresses of a server and of its checks.
//!
//! A new address is in force when the reply is sent. Names are looked up by `discovery`, after the command.

use std::net::IpAddr;
use std::sync::Arc;

use crate::admin::answer::CommandOutput;
use crate::admin::session::Session;
use crate::server::Server;

const BY: &str = "by 'stats socket command'";
const UNCHANGED: &str = "nothing changed";

/// `IP [port PORT]`. A name is rejected, as by HAProxy.
pub(super) fn set_address(session: &Session, server: &Arc<Server>, words: &[String]) -> CommandOutput {
    let Some(word) = words.first() else {
        return CommandOutput::error("set server <b>/<s> addr requires an address and optionally a port.");
    };
    let Ok(address) = word.parse::<IpAddr>() else {
        return CommandOutput::error(format!("Invalid addr '{word}'"));
    };
    let (named, former_port) = server.place.named();
    let port = match words.get(1).map(String::as_str) {
        Some("port") => {
            let word = words.get(2).map_or("", String::as_str);
            // HAProxy truncates 99999 to 34463, which is never intended.
            match word.parse::<u16>() {
                Ok(port) if port > 0 => port,
                _ => return CommandOutput::error(format!("problem converting port '{word}' to an int")),
            }
        }
        _ => former_port,
    };
    let former = server.place.address().map_or(named, |address| address.ip().to_string());
    let address = address.to_string();
    // Setting the current address counts, too: it replaces a name, which is no longer looked up.
    session.control.set_place(server, &address, port, &session.origin);
    let mut changes = Vec::new();
    if former != address {
        changes.push(format!("IP changed from '{former}' to '{address}'"));
    }
    if former_port != port {
        changes.push(format!("port changed from '{former_port}' to '{port}'"));
    }
    if changes.is_empty() {
        return CommandOutput::info(UNCHANGED);
    }
    CommandOutput::info(format!("{} {BY}", changes.join(", ")))
}

/// `IP [port PORT]`: the address for checks.
pub(super) fn set_check_address(session: &Session, server: &Arc<Server>, words: &[String]) -> CommandOutput {
    let Some(word) = words.first() else {
        return CommandOutput::error(
            "set server <b>/<s> check-addr requires an address and optionally a port.",
        );
    };
    let Ok(address) = word.parse::<IpAddr>() else {
        return CommandOutput::error(format!("invalid addr '{word}'"));
    };
    let port = match (words.get(1).map(String::as_str), words.get(2)) {
        (Some("port"), Some(word)) => match port(word) {
            Ok(port) => Some(port),
            Err(text) => return CommandOutput::error(text),
        },
        (Some("port"), None) => {
            return CommandOutput::error("set server <b>/<s> check-port requires a port.");
        }
        _ => None,
    };
    check_at(session, server, Some(address), port)
}

/// The port for checks.
pub(super) fn set_check_port(
    session: &Session,
    server: &Arc<Server>,
    word: Option<&String>,
) -> CommandOutput {
    let Some(word) = word else {
        return CommandOutput::error("set server <b>/<s> check-port requires a port.");
    };
    match port(word) {
        Ok(port) => check_at(session, server, None, Some(port)),
        Err(text) => CommandOutput::error(text),
    }
}

fn check_at(
    session: &Session,
    server: &Arc<Server>,
    address: Option<IpAddr>,
    port: Option<u16>,
) -> CommandOutput {
    if server.check.plan().is_none() {
        return CommandOutput::error("Health checks are not enabled on this server.");
    }
    session.control.set_check_place(server, address, port, &session.origin);
    CommandOutput::Done
}

/// A port; 0 means the server's own.
pub(super) fn port(word: &str) -> Result<u16, String> {
    match word.parse::<i64>() {
        Ok(port) => match u16::try_from(port) {
            Ok(port) => Ok(port),
            Err(_) => Err("provided port is out of range [1-65535].".to_owned()),
        },
        Err(_) => Err("provided port is not an integer.".to_owned()),
    }
}

/// A new name for a server that has one. HAProxy cannot resolve names for servers configured by address.
pub(super) fn set_name(session: &Session, server: &Arc<Server>, word: Option<&String>) -> CommandOutput {
    let Some(name) = word else {
        return CommandOutput::error("set server <b>/<s> fqdn requires a FQDN.");
    };
    if !server.place.is_name() {
        return CommandOutput::error("set server <b>/<s> fqdn failed because no resolution is configured.");
    }
    if !crate::config::is_host(name) {
        return CommandOutput::error(format!("Invalid FQDN '{name}'"));
    }
    let (former, port) = server.place.named();
    if !session.control.set_place(server, name, port, &session.origin) {
        return CommandOutput::info(UNCHANGED);
    }
    CommandOutput::info(format!("{} changed its FQDN from {former} to {name} {BY}", server.full_name()))
}
