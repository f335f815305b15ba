//! `show sess` and `shutdown session`: exchanges in flight, one line each.
//!
//! The line has HAProxy's fields in HAProxy's order; those that describe its own insides are 0 or empty here. The long form (`all`, or one
//! by its number) tells who, where to and since when; it leaves HAProxy's insides out.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::DeferredCommand;
use crate::admin::answer::CommandOutput;
use crate::admin::session::Session;
use crate::admin::{names, time};
use crate::control::{Event, Origin};
use crate::log::date;
use crate::topology::{SessionInfo, Topology};

const HELP: &str = "Usage: show sess [<id> | all | help] [<options>*]
Shows the exchanges in flight, one a line. Which ones:
   <id>         this client connection (0x...)
   all          all of them, at length
   help         show this
Options:
   older <age>  begun at least that long ago; seconds, unless another unit is given
   server <b/s> on this server
   backend <b>  on this backend
   frontend <f> on this frontend
";

/// Which exchanges to list.
#[derive(Debug, Default)]
struct SessionFilter {
    id: Option<u64>,
    older: Duration,
    frontend: Option<Arc<str>>,
    backend: Option<Arc<str>>,
    server: Option<Arc<str>>,
    /// The long form.
    long: bool,
}

pub(super) fn show<'a>(session: &'a Session, words: &'a [String]) -> DeferredCommand<'a> {
    Box::pin(async move {
        let filter = match SessionFilter::parse(words, &session.control.topology()) {
            Ok(filter) => filter,
            Err(answer) => return answer,
        };
        let sessions = session.control.shared().workers.sessions().await;
        let topology = session.control.topology();
        let told = |info| if filter.long { at_length(info, &topology) } else { line(info) };
        let mut lines: Vec<_> = sessions.iter().filter(|info| filter.wants(info)).map(told).collect();
        if filter.id.is_some() && lines.is_empty() {
            return CommandOutput::error("Session not found.");
        }
        if filter.is_open() {
            lines.push(own_line(session));
        }
        CommandOutput::Dump(lines.concat())
    })
}

pub(super) fn shutdown<'a>(session: &'a Session, words: &'a [String]) -> DeferredCommand<'a> {
    Box::pin(async move {
        let Some(id) = words.first().and_then(|word| parse_id(word)).filter(|id| *id != 0) else {
            return CommandOutput::error("Session pointer expected (use 'show sess').");
        };
        let control = &session.control;
        if !control.shared().workers.sessions().await.iter().any(|info| info.id == id) {
            return CommandOutput::error("No such session (use 'show sess').");
        }
        control.kill_session(id);
        control.emit(&Event::Notice { text: &format!("session 0x{id:x} shut down by {}", session.origin) });
        CommandOutput::Done
    })
}

/// A number as C reads it: `0x` for hexadecimal.
fn parse_id(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

fn line(info: &SessionInfo) -> String {
    let protocol = if info.peer.is_ipv4() { "tcpv4" } else { "tcpv6" };
    let (peer, frontend) = (info.peer, &info.frontend);
    let backend = info.backend.as_deref().unwrap_or("<NONE>");
    let server = info.server.as_deref().unwrap_or("<none>");
    let head =
        format!("0x{:x}: proto={protocol} src={peer} fe={frontend} be={backend} srv={server}", info.id);
    with_rest(&head, info.age, info.requests)
}

/// The long form, in HAProxy's lines.
fn at_length(info: &SessionInfo, topology: &Topology) -> String {
    let protocol = if info.peer.is_ipv4() { "tcpv4" } else { "tcpv6" };
    let (id, peer, age, calls) = (info.id, info.peer, time::brief(info.age), info.requests);
    let since = date::http(SystemTime::now().checked_sub(info.age).unwrap_or(UNIX_EPOCH));
    let frontend = topology.frontends.iter().find(|frontend| frontend.live.name == info.frontend);
    let frontend_id = frontend.map_or(-1, |frontend| i64::from(frontend.live.id));
    let backend = info.backend.as_deref().and_then(|name| topology.backend(name));
    let backend_text = backend.map_or_else(
        || "<NONE> (id=-1 mode=-)".to_owned(),
        |backend| format!("{} (id={} mode=http)", backend.live.name, backend.live.id),
    );
    let server = backend.and_then(|backend| backend.server(info.server.as_deref()?));
    let server_text = server.map_or_else(
        || "<NONE> (id=-1)".to_owned(),
        |server| {
            let address =
                server.place.address().map_or_else(|| "-".to_owned(), |address| address.to_string());
            format!("{} (id={}) addr={address}", server.name, server.number)
        },
    );
    format!(
        "0x{id:x}: [{since}] id={id} proto={protocol} source={peer}\n  frontend={} (id={frontend_id} mode=http)\n  \
         backend={backend_text}\n  server={server_text}\n  task (calls={calls} age={age})\n",
        info.frontend
    )
}

/// The line of the connection that runs the command.
fn own_line(session: &Session) -> String {
    let source = match session.origin {
        Origin::Address(peer) if peer.is_ipv4() => format!("proto=tcpv4 src={peer}"),
        Origin::Address(peer) => format!("proto=tcpv6 src={peer}"),
        _ => "proto=unix_stream src=unix:1".to_owned(),
    };
    let head = format!("0x{:x}: {source} fe=GLOBAL be=<NONE> srv=<none>", session.id);
    with_rest(&head, Duration::ZERO, 1)
}

fn with_rest(head: &str, age: Duration, calls: u64) -> String {
    let age = time::brief(age);
    format!(
        "{head} ts=00 epoch=0 age={age} calls={calls} rate=0 cpu=0 lat=0 rq[f=0h,i=0,an=00h,ax=] rp[f=0h,i=0,an=00h,ax=] \
         scf=[8,0h,fd=-1,rex=,wex=] scb=[8,0h,fd=-1,rex=,wex=] exp= rc=0 c_exp=\n"
    )
}

// === impl SessionFilter ===

impl SessionFilter {
    fn parse(words: &[String], topology: &Topology) -> Result<Self, CommandOutput> {
        let mut filter = Self::default();
        let mut rest = words;
        if let [selector, others @ ..] = words {
            if selector == "help" {
                return Err(CommandOutput::info(HELP));
            }
            let is_id = selector.starts_with("0x") || selector.starts_with(|c: char| c.is_ascii_digit());
            if is_id {
                filter.id =
                    Some(parse_id(selector).ok_or_else(|| CommandOutput::error("Session not found."))?);
            }
            if is_id || selector == "all" {
                filter.long = true;
                rest = others;
            }
        }
        while let [option, others @ ..] = rest {
            let value = others.first().map(String::as_str);
            match option.as_str() {
                "older" => {
                    let age = value.ok_or_else(|| {
                        CommandOutput::error("Expects a minimum age (in seconds by default).")
                    })?;
                    filter.older =
                        time::parse(age, "s").ok_or_else(|| CommandOutput::error("Invalid age."))?;
                }
                "server" => {
                    let server = names::server(topology, others).map_err(CommandOutput::error)?;
                    filter.backend = Some(Arc::clone(&server.backend));
                    filter.server = Some(Arc::clone(&server.name));
                }
                "backend" => {
                    let backend = value.and_then(|name| topology.find_backend(name));
                    let backend = backend.ok_or_else(|| CommandOutput::error(names::NO_BACKEND))?;
                    filter.backend = Some(Arc::clone(&backend.live.name));
                }
                "frontend" => {
                    let frontend = value.and_then(|name| names::frontend(topology, name));
                    let frontend = frontend.ok_or_else(|| CommandOutput::error(names::NO_FRONTEND))?;
                    filter.frontend = Some(Arc::clone(&frontend.live.name));
                }
                other => {
                    let text = format!("Unsupported option '{other}', try 'help' for more info.");
                    return Err(CommandOutput::error(text));
                }
            }
            rest = &others[1..];
        }
        Ok(filter)
    }

    fn wants(&self, info: &SessionInfo) -> bool {
        let same =
            |wanted: &Option<Arc<str>>, is: Option<&Arc<str>>| wanted.is_none() || wanted.as_ref() == is;
        self.id.is_none_or(|id| id == info.id)
            && info.age >= self.older
            && same(&self.frontend, Some(&info.frontend))
            && same(&self.backend, info.backend.as_ref())
            && same(&self.server, info.server.as_ref())
    }

    /// Whether it matches everything.
    fn is_open(&self) -> bool {
        let Self { id, older, frontend, backend, server, long: _ } = self;
        id.is_none() && older.is_zero() && frontend.is_none() && backend.is_none() && server.is_none()
    }
}
