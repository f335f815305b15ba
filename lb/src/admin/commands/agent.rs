//! Commands about a server's agent: whether, where and how it is queried, and overrides of its answer.
//!
//! For a server without an enabled agent all but `disable agent` are rejected, in HAProxy's words. Queries are
//! made by `health`.

use std::net::IpAddr;
use std::sync::Arc;

use super::endpoint;
use super::server::with_server;
use crate::admin::answer::CommandOutput;
use crate::admin::session::Session;
use crate::server::{AgentMoved, Server};

const NO_AGENT: &str = "agent checks are not enabled on this server";
const EXPECTED: &str = "'set server <srv> agent' expects 'up' or 'down'.";

pub(super) fn disable(session: &mut Session, words: &[String]) -> CommandOutput {
    with_server(session, words, |session, server| {
        session.control.set_agent(server, false, &session.origin);
        CommandOutput::Done
    })
}

pub(super) fn enable(session: &mut Session, words: &[String]) -> CommandOutput {
    with_server(session, words, |session, server| {
        if server.agent.plan().is_none() {
            return CommandOutput::error("Agent was not configured on this server, cannot enable.");
        }
        session.control.set_agent(server, true, &session.origin);
        CommandOutput::Done
    })
}

/// `up` or `down`, until the agent's next answer.
pub(super) fn force(session: &Session, server: &Arc<Server>, word: Option<&String>) -> CommandOutput {
    if !is_asked(server) {
        return CommandOutput::error(format!("{NO_AGENT}."));
    }
    let up = match word.map(String::as_str) {
        Some("up") => true,
        Some("down") => false,
        _ => return CommandOutput::error(EXPECTED),
    };
    session.control.force_agent(server, up, &session.origin);
    CommandOutput::Done
}

/// `IP [port PORT]`: the agent's new address.
pub(super) fn set_address(session: &Session, server: &Arc<Server>, words: &[String]) -> CommandOutput {
    let Some(word) = words.first() else {
        return CommandOutput::error(
            "set server <b>/<s> agent-addr requires an address and optionally a port.",
        );
    };
    if !is_asked(server) {
        return CommandOutput::error(NO_AGENT);
    }
    let Ok(address) = word.parse::<IpAddr>() else {
        return CommandOutput::error(format!("invalid addr '{word}'"));
    };
    let port = match words.get(1).map(String::as_str) {
        Some("port") => match endpoint::port(words.get(2).map_or("", String::as_str)) {
            Ok(port) => Some(port),
            Err(text) => return CommandOutput::error(text),
        },
        _ => None,
    };
    change(session, server, AgentMoved { address: Some(address), port, send: None })
}

/// The agent's new port.
pub(super) fn set_port(session: &Session, server: &Arc<Server>, word: Option<&String>) -> CommandOutput {
    let Some(word) = word else {
        return CommandOutput::error("set server <b>/<s> agent-port requires a port.");
    };
    if !is_asked(server) {
        return CommandOutput::error(NO_AGENT);
    }
    match endpoint::port(word) {
        Ok(port) => change(session, server, AgentMoved { port: Some(port), ..AgentMoved::default() }),
        Err(text) => CommandOutput::error(text),
    }
}

/// The text to send to the agent; nothing without a word.
pub(super) fn set_send(session: &Session, server: &Arc<Server>, word: Option<&String>) -> CommandOutput {
    if !is_asked(server) {
        return CommandOutput::error(format!("{NO_AGENT}."));
    }
    let send = Some(word.cloned().unwrap_or_default());
    change(session, server, AgentMoved { send, ..AgentMoved::default() })
}

fn change(session: &Session, server: &Arc<Server>, change: AgentMoved) -> CommandOutput {
    session.control.change_agent(server, change, &session.origin);
    CommandOutput::Done
}

/// Whether the server has an enabled agent.
fn is_asked(server: &Server) -> bool {
    server.agent.plan().is_some() && server.health.snapshot().agent.is_watched()
}
