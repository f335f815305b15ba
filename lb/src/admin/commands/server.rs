//! Commands about one server: state, weight, limit, exchanges in flight.

use std::sync::Arc;

use super::{agent, endpoint};
use crate::admin::answer::CommandOutput;
use crate::admin::names;
use crate::admin::session::Session;
use crate::control::{limit_from, weight_from};
use crate::server::{AdminState, Server};

const EXPECTED_HEALTH: &str = "'set server <srv> health' expects 'up', 'stopping', or 'down'.";
/// Subcommands of HAProxy's `set server`.
const SET_SERVER: [&str; 12] = [
    "addr",
    "agent",
    "agent-addr",
    "agent-port",
    "agent-send",
    "check-addr",
    "check-port",
    "fqdn",
    "health",
    "ssl",
    "state",
    "weight",
];
const EXPECTED_STATE: &str = "'set server <srv> state' expects 'ready', 'drain' and 'maint'.";

pub(super) fn disable(session: &mut Session, words: &[String]) -> CommandOutput {
    with_server(session, words, |session, server| order(session, server, AdminState::Maint))
}

pub(super) fn enable(session: &mut Session, words: &[String]) -> CommandOutput {
    with_server(session, words, |session, server| order(session, server, AdminState::Ready))
}

pub(super) fn get_weight(session: &mut Session, words: &[String]) -> CommandOutput {
    with_server(session, words, |_, server| {
        CommandOutput::Dump(format!("{} (initial {})", server.weight(), server.initial_weight()))
    })
}

pub(super) fn set_weight(session: &mut Session, words: &[String]) -> CommandOutput {
    with_server(session, words, |session, server| weigh(session, server, words.get(1)))
}

pub(super) fn set_maxconn(session: &mut Session, words: &[String]) -> CommandOutput {
    with_server(session, words, |session, server| match limit_from(words.get(1).map_or("", String::as_str)) {
        Ok(maxconn) => {
            session.control.set_maxconn(server, maxconn, &session.origin);
            CommandOutput::Done
        }
        Err(text) => CommandOutput::error(text),
    })
}

pub(super) fn shutdown_sessions(session: &mut Session, words: &[String]) -> CommandOutput {
    with_server(session, words, |session, server| {
        session.control.kill_sessions(server, &session.origin);
        CommandOutput::Done
    })
}

pub(super) fn set_server(session: &mut Session, words: &[String]) -> CommandOutput {
    with_server(session, words, |session, server| {
        let value = words.get(2);
        match words.get(1).map_or("", String::as_str) {
            "state" => match value.map(String::as_str) {
                Some("ready") => order(session, server, AdminState::Ready),
                Some("drain") => order(session, server, AdminState::Drain),
                Some("maint") => order(session, server, AdminState::Maint),
                _ => CommandOutput::error(EXPECTED_STATE),
            },
            "weight" => weigh(session, server, value),
            "health" if server.track().is_some() => {
                CommandOutput::error("cannot change health on a tracking server.")
            }
            "health" => match value.map(String::as_str) {
                Some("up") => force(session, server, true),
                Some("down") => force(session, server, false),
                Some("stopping") => {
                    session.control.force_stopping(server, &session.origin);
                    CommandOutput::Done
                }
                _ => CommandOutput::error(EXPECTED_HEALTH),
            },
            "addr" => endpoint::set_address(session, server, &words[2..]),
            "fqdn" => endpoint::set_name(session, server, value),
            "agent" => agent::force(session, server, value),
            "agent-addr" => agent::set_address(session, server, &words[2..]),
            "agent-port" => agent::set_port(session, server, value),
            "agent-send" => agent::set_send(session, server, value),
            "ssl" => CommandOutput::error(
                "'set server <srv> ssl' cannot be set.  default-server should define ssl settings",
            ),
            "check-addr" => endpoint::set_check_address(session, server, &words[2..]),
            "check-port" => endpoint::set_check_port(session, server, value),
            _ => {
                let usage = "usage: set server <backend>/<server> ";
                CommandOutput::error(format!("{usage}{}", SET_SERVER.join(" | ")))
            }
        }
    })
}

pub(super) fn disable_health(session: &mut Session, words: &[String]) -> CommandOutput {
    with_server(session, words, |session, server| {
        session.control.set_checks(server, false, &session.origin);
        CommandOutput::Done
    })
}

pub(super) fn enable_health(session: &mut Session, words: &[String]) -> CommandOutput {
    with_server(session, words, |session, server| {
        if server.check.plan().is_none() {
            return CommandOutput::error("Health check was not configured on this server, cannot enable.");
        }
        session.control.set_checks(server, true, &session.origin);
        CommandOutput::Done
    })
}

pub(super) fn with_server(
    session: &mut Session,
    words: &[String],
    run: impl FnOnce(&mut Session, &Arc<Server>) -> CommandOutput,
) -> CommandOutput {
    match names::server(&session.control.topology(), words) {
        Ok(server) => run(session, &server),
        Err(text) => CommandOutput::error(text),
    }
}

fn order(session: &Session, server: &Arc<Server>, admin: AdminState) -> CommandOutput {
    session.control.set_admin(server, admin, &session.origin);
    CommandOutput::Done
}

fn force(session: &Session, server: &Arc<Server>, up: bool) -> CommandOutput {
    session.control.force_health(server, up, &session.origin);
    CommandOutput::Done
}

fn weigh(session: &Session, server: &Arc<Server>, word: Option<&String>) -> CommandOutput {
    let topology = session.control.topology();
    match weight_from(&topology, server, word.map_or("", String::as_str)) {
        Ok(weight) => {
            session.control.set_weight(server, weight, &session.origin);
            CommandOutput::Done
        }
        Err(text) => CommandOutput::error(text),
    }
}
