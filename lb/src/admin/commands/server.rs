//! Commands about one server: its state, its weight, its limit, what is in flight on it.

use std::sync::Arc;

use super::place;
use crate::admin::answer::Answer;
use crate::admin::names;
use crate::admin::session::Session;
use crate::server::{Admin, Server};

const EXPECTED_HEALTH: &str = "'set server <srv> health' expects 'up', 'stopping', or 'down'.";
const NO_AGENT: &str = "agent checks are not enabled on this server";
/// What HAProxy can change in a server.
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
const STATIC: &str = "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.";
const MOST_WEIGHT: u32 = 256;

pub(super) fn disable(session: &mut Session, words: &[String]) -> Answer {
    with_server(session, words, |session, server| order(session, server, Admin::Maint))
}

pub(super) fn enable(session: &mut Session, words: &[String]) -> Answer {
    with_server(session, words, |session, server| order(session, server, Admin::Ready))
}

pub(super) fn get_weight(session: &mut Session, words: &[String]) -> Answer {
    with_server(session, words, |_, server| {
        Answer::Dump(format!("{} (initial {})", server.weight(), server.initial_weight()))
    })
}

pub(super) fn set_weight(session: &mut Session, words: &[String]) -> Answer {
    with_server(session, words, |session, server| weigh(session, server, words.get(1)))
}

pub(super) fn set_maxconn(session: &mut Session, words: &[String]) -> Answer {
    with_server(session, words, |session, server| match maxconn(words.get(1).map_or("", String::as_str)) {
        Ok(maxconn) => {
            session.control.set_maxconn(server, maxconn, &session.origin);
            Answer::Done
        }
        Err(text) => Answer::error(text),
    })
}

pub(super) fn shutdown_sessions(session: &mut Session, words: &[String]) -> Answer {
    with_server(session, words, |session, server| {
        session.control.kill_sessions(server, &session.origin);
        Answer::Done
    })
}

pub(super) fn set_server(session: &mut Session, words: &[String]) -> Answer {
    with_server(session, words, |session, server| {
        let value = words.get(2);
        match words.get(1).map_or("", String::as_str) {
            "state" => match value.map(String::as_str) {
                Some("ready") => order(session, server, Admin::Ready),
                Some("drain") => order(session, server, Admin::Drain),
                Some("maint") => order(session, server, Admin::Maint),
                _ => Answer::error(EXPECTED_STATE),
            },
            "weight" => weigh(session, server, value),
            "health" => match value.map(String::as_str) {
                Some("up") => force(session, server, true),
                Some("down") => force(session, server, false),
                Some("stopping") => {
                    session.control.force_stopping(server, &session.origin);
                    Answer::Done
                }
                _ => Answer::error(EXPECTED_HEALTH),
            },
            "addr" => place::set_address(session, server, &words[2..]),
            "fqdn" => place::set_name(session, server, value),
            // HAProxy's answers for a server without an agent, which lb's never have.
            "agent" | "agent-send" => Answer::error(format!("{NO_AGENT}.")),
            "agent-addr" | "agent-port" => Answer::error(NO_AGENT),
            "ssl" => Answer::error(
                "'set server <srv> ssl' cannot be set.  default-server should define ssl settings",
            ),
            "check-addr" => place::set_check_address(session, server, &words[2..]),
            "check-port" => place::set_check_port(session, server, value),
            _ => {
                let usage = "usage: set server <backend>/<server> ";
                Answer::error(format!("{usage}{}", SET_SERVER.join(" | ")))
            }
        }
    })
}

pub(super) fn disable_health(session: &mut Session, words: &[String]) -> Answer {
    with_server(session, words, |session, server| {
        session.control.set_checks(server, false, &session.origin);
        Answer::Done
    })
}

pub(super) fn enable_health(session: &mut Session, words: &[String]) -> Answer {
    with_server(session, words, |session, server| {
        if !server.health.snapshot().is_checked() {
            return Answer::error("Health check was not configured on this server, cannot enable.");
        }
        session.control.set_checks(server, true, &session.origin);
        Answer::Done
    })
}

/// No server has an agent: switching it off is done already.
pub(super) fn disable_agent(session: &mut Session, words: &[String]) -> Answer {
    with_server(session, words, |_, _| Answer::Done)
}

pub(super) fn enable_agent(session: &mut Session, words: &[String]) -> Answer {
    with_server(session, words, |_, _| {
        Answer::error("Agent was not configured on this server, cannot enable.")
    })
}

fn with_server(
    session: &mut Session,
    words: &[String],
    run: impl FnOnce(&mut Session, &Arc<Server>) -> Answer,
) -> Answer {
    match names::server(&session.control.topology(), words) {
        Ok(server) => run(session, &server),
        Err(text) => Answer::error(text),
    }
}

fn order(session: &Session, server: &Arc<Server>, admin: Admin) -> Answer {
    session.control.set_admin(server, admin, &session.origin);
    Answer::Done
}

fn force(session: &Session, server: &Arc<Server>, up: bool) -> Answer {
    session.control.force_health(server, up, &session.origin);
    Answer::Done
}

fn weigh(session: &Session, server: &Arc<Server>, word: Option<&String>) -> Answer {
    match weight(word.map_or("", String::as_str), server.initial_weight()) {
        Ok(weight) if weight != 0 && weight != server.initial_weight() && is_static(session, server) => {
            Answer::error(STATIC)
        }
        Ok(weight) => {
            session.control.set_weight(server, weight, &session.origin);
            Answer::Done
        }
        Err(text) => Answer::error(text),
    }
}

/// Whether its backend goes by weights that stay as they are.
fn is_static(session: &Session, server: &Server) -> bool {
    let topology = session.control.topology();
    topology.backend(&server.backend).is_some_and(|backend| !backend.config.balance.is_dynamic())
}

/// A weight: absolute, or in per cent of the initial one, rounded down.
fn weight(word: &str, initial: u32) -> Result<u32, &'static str> {
    if word.is_empty() {
        return Err("Require <weight> or <weight%>.");
    }
    let (number, rest) = leading_number(word).ok_or("Empty weight string empty or preceded by garbage")?;
    if rest == "%" {
        let percent = u64::try_from(number).map_err(|_| "Relative weight must be positive.")?;
        let weight = (u64::from(initial) * percent.min(25_600) / 100).min(MOST_WEIGHT.into());
        return Ok(u32::try_from(weight).unwrap_or(MOST_WEIGHT));
    }
    let absolute = u32::try_from(number).ok().filter(|weight| *weight <= MOST_WEIGHT);
    let absolute = absolute.ok_or("Absolute weight can only be between 0 and 256 inclusive.")?;
    if rest.is_empty() { Ok(absolute) } else { Err("Trailing garbage in weight string") }
}

/// A limit; HAProxy takes a negative one for four thousand million, which nobody means.
fn maxconn(word: &str) -> Result<u32, &'static str> {
    if word.is_empty() {
        return Err("Require <maxconn>.");
    }
    let (number, rest) = leading_number(word).ok_or("maxconn string empty or preceded by garbage")?;
    if !rest.is_empty() {
        return Err("Trailing garbage in maxconn string");
    }
    u32::try_from(number).map_err(|_| "Value out of range.")
}

/// The whole number that a word begins with, as near as it fits, and the rest.
fn leading_number(word: &str) -> Option<(i64, &str)> {
    let digits_at = usize::from(word.starts_with(['-', '+']));
    let end = word[digits_at..].find(|c: char| !c.is_ascii_digit()).map_or(word.len(), |at| digits_at + at);
    let nearest = if word.starts_with('-') { i64::MIN } else { i64::MAX };
    (end > digits_at).then(|| (word[..end].parse().unwrap_or(nearest), &word[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights() {
        let table = [
            ("5", Ok(5)),
            ("0", Ok(0)),
            ("256", Ok(256)),
            ("100%", Ok(2)),
            ("50%", Ok(1)),
            ("49%", Ok(0)),
            ("300%", Ok(6)),
            ("99999999999999999999%", Ok(256)),
            ("", Err("Require <weight> or <weight%>.")),
            ("abc", Err("Empty weight string empty or preceded by garbage")),
            ("-", Err("Empty weight string empty or preceded by garbage")),
            ("257", Err("Absolute weight can only be between 0 and 256 inclusive.")),
            ("99999999999999999999", Err("Absolute weight can only be between 0 and 256 inclusive.")),
            ("-1", Err("Absolute weight can only be between 0 and 256 inclusive.")),
            ("-5%", Err("Relative weight must be positive.")),
            ("1x", Err("Trailing garbage in weight string")),
            ("1%x", Err("Trailing garbage in weight string")),
        ];
        for (word, expected) in table {
            assert_eq!(weight(word, 2), expected, "{word}");
        }
        assert_eq!(weight("50%", 1), Ok(0));
    }

    #[test]
    fn limits() {
        let table = [
            ("10", Ok(10)),
            ("0", Ok(0)),
            ("", Err("Require <maxconn>.")),
            ("x", Err("maxconn string empty or preceded by garbage")),
            ("1x", Err("Trailing garbage in maxconn string")),
            ("-1", Err("Value out of range.")),
            ("4294967296", Err("Value out of range.")),
        ];
        for (word, expected) in table {
            assert_eq!(maxconn(word), expected, "{word}");
        }
    }
}
