//! Commands that only read. The rendering is done by [`report`].

pub(super) mod errors;
pub(super) mod schema;
pub(super) mod texts;

use std::sync::Arc;

use crate::admin::answer::{CommandOutput, Report};
use crate::admin::session::Session;
use crate::config::Level;
use crate::report::info::{self, Style};
use crate::report::{self, stat::StatQuery};
use crate::topology::{Backend, Topology};

/// Without `resolvers` sections: a header without rows.
const NO_BACKEND: &str = "Can't find backend.";
const SERVERS_CONN: &str = "# bkname/svname bkid/svid addr port - purge_delay served used_cur used_max need_est idle_sess \
     unsafe_nb safe_nb idle_lim idle_cur idle_per_thr[1]\n";

/// Renderings of `show stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StatFormat {
    Csv,
    Typed,
    Json,
}

pub(super) fn stat(session: &Session, words: &[String]) -> Result<Report, CommandOutput> {
    let (query, form) = match parse_stat(words, session.level) {
        Ok(Some(parsed)) => parsed,
        Ok(None) => return Err(CommandOutput::Dump(report::resolver_rows(&session.control.topology()))),
        Err(text) => return Err(CommandOutput::error(text)),
    };
    let shared = Arc::clone(session.control.shared());
    Ok(Report::whole(format!("stat {form:?} {query:?}"), move || {
        let report = match form {
            StatFormat::Csv => report::stat::csv(&shared, &query),
            StatFormat::Typed => report::stat::typed(&shared, &query),
            StatFormat::Json => report::stat::json(&shared, &query),
        };
        report.map_err(|unknown| unknown.to_string())
    }))
}

pub(super) fn process(session: &mut Session, words: &[String]) -> CommandOutput {
    let mut style = Style::default();
    for word in words {
        match word.as_str() {
            "typed" => style.form = info::InfoFormat::Typed,
            "json" => style.form = info::InfoFormat::Json,
            "desc" => style.described = true,
            "float" => style.exact = true,
            _ => {}
        }
    }
    CommandOutput::Dump(info::text(&session.control, style))
}

pub(super) fn servers_state(session: &Session, words: &[String]) -> Result<Report, CommandOutput> {
    let (control, word) = (Arc::clone(&session.control), words.first().cloned());
    Ok(Report::whole(format!("servers state {word:?}"), move || {
        let topology = control.topology();
        let only = named_backend(&topology, word.as_ref())?.map(|backend| &*backend.live.name);
        report::servers_state(&topology, only).ok_or_else(|| NO_BACKEND.to_owned())
    }))
}

pub(super) fn servers_conn(session: &Session, words: &[String]) -> Result<Report, CommandOutput> {
    let (control, word) = (Arc::clone(&session.control), words.first().cloned());
    Ok(Report::whole(format!("servers conn {word:?}"), move || {
        let topology = control.topology();
        let only = named_backend(&topology, word.as_ref())?.map(|backend| backend.live.id);
        let wanted = topology.backends.iter().filter(|backend| only.is_none_or(|id| backend.live.id == id));
        let workers = control.shared().workers.count();
        Ok(SERVERS_CONN.to_owned() + &wanted.map(|backend| conn_rows(backend, workers)).collect::<String>())
    }))
}

/// The backend that a word names, if there is a word.
fn named_backend<'a>(topology: &'a Topology, word: Option<&String>) -> Result<Option<&'a Backend>, String> {
    match word.map(|word| topology.find_backend(word)) {
        Some(None) => Err(NO_BACKEND.to_owned()),
        Some(Some(backend)) => Ok(Some(&**backend)),
        None => Ok(None),
    }
}

pub(super) fn backend(session: &mut Session, _: &[String]) -> CommandOutput {
    CommandOutput::Dump(report::backends(&session.control.topology()))
}

pub(super) fn resolvers(session: &mut Session, words: &[String]) -> CommandOutput {
    let name = words.first().map(String::as_str);
    let told = report::resolvers(&session.control.topology(), name);
    told.map_or_else(|| CommandOutput::error("Can't find that resolvers section"), CommandOutput::Dump)
}

pub(super) fn drift(session: &Session, _: &[String]) -> Result<Report, CommandOutput> {
    let control = Arc::clone(&session.control);
    Ok(Report::whole("drift", move || Ok(report::drift(&control))))
}

pub(super) fn versions(session: &mut Session, _: &[String]) -> CommandOutput {
    CommandOutput::Dump(report::versions(&session.control.topology()))
}

pub(super) fn version(_: &mut Session, _: &[String]) -> CommandOutput {
    CommandOutput::info(report::VERSION)
}

pub(super) fn cli_level(session: &mut Session, _: &[String]) -> CommandOutput {
    CommandOutput::info(level_word(session.level))
}

pub(super) fn cli_sockets(session: &mut Session, _: &[String]) -> CommandOutput {
    let mut text = "# socket lvl processes\n".to_owned();
    for admin in session.control.config().admin {
        text.push_str(&format!("{} {} all\n", admin.socket, level_word(admin.level)));
    }
    CommandOutput::Dump(text)
}

pub(super) fn env(_: &mut Session, words: &[String]) -> CommandOutput {
    // Line feeds in a value would look like the end of the reply.
    let line = |name: &std::ffi::OsStr, value: &std::ffi::OsStr| {
        format!("{}={}\n", name.to_string_lossy(), value.to_string_lossy().replace('\n', "\\n"))
    };
    match words.first() {
        None => CommandOutput::Dump(std::env::vars_os().map(|(name, value)| line(&name, &value)).collect()),
        // `std::env::var_os` panics at such names.
        Some(name) if name.is_empty() || name.contains(['=', '\0']) => {
            CommandOutput::error("Variable not found")
        }
        Some(name) => std::env::var_os(name).map_or_else(
            || CommandOutput::error("Variable not found"),
            |value| CommandOutput::Dump(line(name.as_ref(), &value)),
        ),
    }
}

/// Three words are a filter, whatever they are; other words are options. Unknown options are ignored.
fn parse_stat(mut words: &[String], level: Level) -> Result<Option<(StatQuery, StatFormat)>, &'static str> {
    if let [domain, rest @ ..] = words
        && domain == "domain"
    {
        words = match rest {
            [proxy, rest @ ..] if proxy == "proxy" => rest,
            [resolvers, ..] if resolvers == "resolvers" => return Ok(None),
            _ => return Err("Invalid statistics domain."),
        };
    }
    let mut query = StatQuery { full: level > Level::User, ..StatQuery::default() };
    if let [proxy, kinds, server, rest @ ..] = words {
        query.proxy = Some(proxy.clone());
        query.kinds = leading(kinds).try_into().unwrap_or(-1);
        query.server = leading(server);
        words = rest;
    }
    let mut form = StatFormat::Csv;
    for word in words {
        match word.as_str() {
            "typed" => form = StatFormat::Typed,
            "desc" => query.described = true,
            "json" => form = StatFormat::Json,
            "up" => query.up = true,
            "no-maint" => query.no_maint = true,
            _ => {}
        }
    }
    Ok(Some((query, form)))
}

/// The number that a word begins with, 0 without one.
fn leading(word: &str) -> i64 {
    let end = word.char_indices().find(|(at, c)| !(c.is_ascii_digit() || *at == 0 && *c == '-'));
    word[..end.map_or(word.len(), |(at, _)| at)].parse().unwrap_or(0)
}

fn conn_rows(backend: &Backend, workers: usize) -> String {
    let delay = backend.config.idle_timeout.as_millis();
    let limit = backend.config.max_idle.saturating_mul(workers);
    backend
        .servers
        .iter()
        .map(|server| {
            let (host, port) = match server.place.address() {
                Some(address) => (address.ip().to_string(), address.port()),
                None => ("-".to_owned(), server.place.named().1),
            };
            let (used, most) = (server.in_flight(), server.stats.in_flight_max.get());
            let idle = server.stats.idle.get();
            format!(
                "{}/{} {}/{} {host} {port} - {delay} {used} {used} {most} {most} 0 0 {idle} {limit} {idle} {idle}\n",
                backend.live.name, server.name, backend.live.id, server.number
            )
        })
        .collect()
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::User => "user",
        Level::Operator => "operator",
        Level::Admin => "admin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Filter = (Option<&'static str>, i32, i64);

    #[test]
    fn three_words_are_a_filter_and_fewer_are_options() {
        let all: Filter = (None, -1, -1);
        let table: &[(&str, Filter, StatFormat, bool, bool)] = &[
            ("", all, StatFormat::Csv, false, false),
            ("api_nodes", all, StatFormat::Csv, false, false),
            ("api_nodes 4", all, StatFormat::Csv, false, false),
            ("bogus", all, StatFormat::Csv, false, false),
            ("typed", all, StatFormat::Typed, false, false),
            ("desc typed", all, StatFormat::Typed, false, false),
            ("json", all, StatFormat::Json, false, false),
            ("up", all, StatFormat::Csv, true, false),
            ("no-maint up", all, StatFormat::Csv, true, true),
            ("domain proxy", all, StatFormat::Csv, false, false),
            ("api_nodes 4 2", (Some("api_nodes"), 4, 2), StatFormat::Csv, false, false),
            ("-1 7 -1", (Some("-1"), 7, -1), StatFormat::Csv, false, false),
            ("up no-maint json", (Some("up"), 0, 0), StatFormat::Csv, false, false),
            ("mix 4 -1 up", (Some("mix"), 4, -1), StatFormat::Csv, true, false),
            ("mix 4 -1 json no-maint", (Some("mix"), 4, -1), StatFormat::Json, false, true),
            ("domain proxy 3 4 2x typed", (Some("3"), 4, 2), StatFormat::Typed, false, false),
        ];
        for (text, (proxy, kinds, server), form, up, no_maint) in table {
            let words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
            let (query, parsed) = parse_stat(&words, Level::Admin).unwrap().unwrap();
            assert_eq!(
                (query.proxy.as_deref(), query.kinds, query.server),
                (*proxy, *kinds, *server),
                "{text}"
            );
            assert_eq!((parsed, query.up, query.no_maint), (*form, *up, *no_maint), "{text}");
            assert!(query.full);
        }
        assert!(!parse_stat(&[], Level::User).unwrap().unwrap().0.full);
        let nope = ["domain".to_owned(), "nope".to_owned()];
        assert_eq!(parse_stat(&nope, Level::Admin).unwrap_err(), "Invalid statistics domain.");
    }
}
