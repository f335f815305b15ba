//! `add server` and `del server`: servers that come and go at run time (HAProxy manual, management, `add server`).
//!
//! A new server is in maintenance and unchecked, as HAProxy's are: `enable health` and `enable server` begin with it. Keywords of what
//! lb does not have are refused as unknown, so that nobody believes they are in force.

use std::sync::Arc;
use std::time::Duration;

use crate::admin::answer::CommandOutput;
use crate::admin::names::{self, NO_BACKEND};
use crate::admin::session::Session;
use crate::admin::time;
use crate::config::{self, AgentConfig, HealthCheckConfig, Protocol, TrackConfig};
use crate::topology::{Backend, Topology};

const KEYWORDS: &str = "List of keywords supported for dynamic server:
agent-addr
agent-check
agent-inter
agent-port
agent-send
backup
check
cookie
disabled
enabled
fall
inter
maxconn
maxqueue
port
rise
slowstart
track
weight
";
const ARGUMENTS: &str = "'server' expects <name> and <addr>[:<port>] as arguments.";
const NAME_EXPECTED: &str = "Require 'backend/server'.";

pub(super) fn add(session: &mut Session, words: &[String]) -> CommandOutput {
    if words.first().is_some_and(|word| word == "help") {
        return CommandOutput::info(KEYWORDS);
    }
    let named = words.first().and_then(|word| word.split_once('/')).filter(|(_, server)| !server.is_empty());
    let Some((backend, name)) = named else { return CommandOutput::error(NAME_EXPECTED) };
    let topology = session.control.topology();
    let Some(backend) = topology.find_backend(backend) else { return CommandOutput::error(NO_BACKEND) };
    if !backend.config.balance.is_dynamic() {
        let name = &backend.live.name;
        return CommandOutput::error(format!(
            "Backend does not support dynamic servers : backend '{name}' uses a non dynamic load balancing method."
        ));
    }
    if let Some(wrong) = name.chars().find(|c| !config::is_name(c.encode_utf8(&mut [0; 4]))) {
        return CommandOutput::error(format!(
            "character '{wrong}' is not permitted in server name '{name}'."
        ));
    }
    if backend.server(name).is_some() {
        return CommandOutput::error("Already exists a server with the same name in backend.");
    }
    match parse(backend, name, &words[1..]).and_then(|spec| followed(&topology, spec)) {
        Ok(spec) => {
            // Another command may have taken the name since the check above.
            if session.control.add_server(backend, &spec, &session.origin) {
                CommandOutput::info("New server registered.")
            } else {
                CommandOutput::error("Already exists a server with the same name in backend.")
            }
        }
        Err(text) => CommandOutput::error(text),
    }
}

pub(super) fn delete(session: &mut Session, words: &[String]) -> CommandOutput {
    let named = names::server(&session.control.topology(), words);
    match named {
        Ok(server) => match session.control.delete_server(&server, &session.origin) {
            Ok(()) => CommandOutput::info("Server deleted."),
            Err(error) => CommandOutput::error(error.to_string()),
        },
        Err(text) => CommandOutput::error(text),
    }
}

/// The address and the keywords after the name.
fn parse(backend: &Arc<Backend>, name: &str, words: &[String]) -> Result<config::ServerConfig, String> {
    let Some((address, words)) = words.split_first() else { return Err(ARGUMENTS.to_owned()) };
    let (host, port) = endpoint(address)?;
    let mut spec = config::ServerConfig::new(name, &host, port);
    let mut agent =
        AgentConfig { port: 0, address: None, send: String::new(), interval: Duration::from_secs(2) };
    let mut asked = false;
    let mut check = backend.config.health.clone().unwrap_or_else(connecting);
    let mut checked = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("'{word}' expects an argument."));
        match word.as_str() {
            "check" => checked = true,
            "backup" => spec.backup = true,
            // It is the default.
            "disabled" | "enabled" => {}
            "cookie" => {
                let given = value()?;
                if !config::is_server_cookie(given) {
                    return Err(
                        "'cookie' expects visible ASCII characters without '\"', ';', ',', '~', '|' and '='."
                            .to_owned(),
                    );
                }
                spec.cookie = Some(given.clone());
            }
            "weight" => spec.weight = number(word, value()?, 0..=256)?,
            "maxconn" => spec.maxconn = number(word, value()?, 0..=10_000_000)?,
            "maxqueue" => spec.max_queue = number(word, value()?, 0..=10_000_000)?,
            "rise" => check.rise = number(word, value()?, 1..=1000)?,
            "fall" => check.fall = number(word, value()?, 1..=1000)?,
            "port" => check.port = u16::try_from(number(word, value()?, 1..=65_535)?).ok(),
            "slowstart" => spec.slow_start = duration(word, value()?, "ms")?,
            "inter" => {
                check.interval = duration(word, value()?, "ms")?;
                check.timeout = check.timeout.min(check.interval);
            }
            "agent-check" => asked = true,
            "agent-port" => agent.port = u16::try_from(number(word, value()?, 1..=65_535)?).unwrap_or(0),
            "agent-inter" => agent.interval = duration(word, value()?, "ms")?,
            "agent-send" => agent.send = value()?.clone(),
            "agent-addr" => {
                let given = value()?;
                agent.address = Some(given.parse().map_err(|_| format!("invalid address: '{given}'"))?);
            }
            "track" => {
                let given = value()?;
                let (of, server) = given.split_once('/').unwrap_or((&backend.live.name, given));
                spec.track = Some(TrackConfig { backend: of.to_owned(), server: server.to_owned() });
            }
            _ => return Err(format!("unknown keyword '{word}'.")),
        }
    }
    if asked && agent.port == 0 {
        return Err("'agent-check' expects 'agent-port'.".to_owned());
    }
    if spec.track.is_some() && (checked || asked) {
        return Err("unable to enable checks and tracking at the same time!".to_owned());
    }
    (spec.health, spec.agent) = (checked.then_some(check), asked.then_some(agent));
    Ok(spec)
}

/// Resolves `track`: the tracked server must exist and have a state to share.
fn followed(topology: &Topology, spec: config::ServerConfig) -> Result<config::ServerConfig, String> {
    let Some(track) = &spec.track else { return Ok(spec) };
    let Some(backend) = topology.backend(&track.backend) else {
        return Err(format!("unable to find required proxy '{}' for tracking.", track.backend));
    };
    let Some(server) = backend.server(&track.server) else {
        return Err(format!("unable to find required server '{}' for tracking.", track.server));
    };
    let is_watched = server.check.plan().is_some() || server.agent.plan().is_some();
    if !is_watched && server.track().is_none() {
        let text = "for tracking as it does not have any check nor agent enabled.";
        return Err(format!("unable to use {track} {text}"));
    }
    Ok(spec)
}

/// `HOST:PORT`, an IPv6 address with or without brackets.
fn endpoint(word: &str) -> Result<(String, u16), String> {
    let (host, port) = word.rsplit_once(':').ok_or_else(|| format!("missing port number in '{word}'"))?;
    if let Some(letter) = port.chars().find(|letter| !letter.is_ascii_digit()) {
        return Err(format!("invalid character '{letter}' in port number '{port}' in '{word}'"));
    }
    let port = port
        .parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| format!("invalid port '{port}' in '{word}'"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_known = host.parse::<std::net::IpAddr>().is_ok() || config::is_host(host);
    is_known.then(|| (host.to_owned(), port)).ok_or_else(|| format!("invalid address: '{host}' in '{word}'"))
}

fn duration(keyword: &str, word: &str, unit: &'static str) -> Result<Duration, String> {
    let time = time::parse(word, unit).filter(|time| *time >= Duration::from_millis(1));
    time.ok_or_else(|| format!("invalid time '{word}' for '{keyword}'."))
}

fn number(keyword: &str, word: &str, range: std::ops::RangeInclusive<u32>) -> Result<u32, String> {
    let number = word.parse().ok().filter(|number| range.contains(number));
    let (least, most) = (range.start(), range.end());
    number.ok_or_else(|| format!("'{keyword}' expects a number from {least} to {most}, not '{word}'."))
}

/// The check of a backend without one: connecting is enough.
fn connecting() -> HealthCheckConfig {
    HealthCheckConfig {
        path: None,
        protocol: Protocol::Http1,
        host: None,
        port: None,
        interval: Duration::from_secs(2),
        timeout: Duration::from_secs(1),
        rise: 2,
        fall: 3,
        disable_on_404: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let table = [
            ("127.0.0.1:80", Ok(("127.0.0.1", 80))),
            ("[::1]:80", Ok(("::1", 80))),
            ("::1:80", Ok(("::1", 80))),
            ("api0:4000", Ok(("api0", 4000))),
            ("127.0.0.1", Err("missing port number in '127.0.0.1'")),
            ("a:x", Err("invalid character 'x' in port number 'x' in 'a:x'")),
            ("a:0", Err("invalid port '0' in 'a:0'")),
            ("a:70000", Err("invalid port '70000' in 'a:70000'")),
            (":80", Err("invalid address: '' in ':80'")),
        ];
        for (word, expected) in table {
            let expected = expected.map(|(host, port)| (host.to_owned(), port)).map_err(str::to_owned);
            assert_eq!(endpoint(word), expected, "{word}");
        }
    }
}
