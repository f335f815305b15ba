//! The table of commands: name, level, usage and function of each.
//!
//! Adding a command is one entry here and one function below. The level is checked before anything else is looked at.

mod agent;
mod endpoint;
mod frontend;
mod member;
mod reload;
mod server;
mod sess;
mod settings;
mod show;
mod table;
mod unsupported;
mod wait;

use std::pin::Pin;

use super::answer::{CommandOutput, Report};
use super::help;
use super::session::Session;
use crate::config::Level;
use wait::WaitCommand;

/// A command that takes a moment.
type DeferredCommand<'a> = Pin<Box<dyn Future<Output = CommandOutput> + Send + 'a>>;

/// A command.
#[derive(Debug)]
pub(super) struct CommandEntry {
    /// Its words.
    pub(super) name: &'static str,
    /// Who may use it.
    pub(super) level: Level,
    /// Words and arguments, at most 40 characters.
    pub(super) syntax: &'static str,
    /// What it does.
    pub(super) about: &'static str,
    pub(super) run: Run,
}

/// How a command is run: always with the words after its name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Run {
    /// It answers at once.
    Now(fn(&mut Session, &[String]) -> CommandOutput),
    /// What it answers may be much: it is made in turn with other renderings, and sent as it is read.
    Report(fn(&Session, &[String]) -> Result<Report, CommandOutput>),
    /// It asks others.
    Later(for<'a> fn(&'a Session, &'a [String]) -> DeferredCommand<'a>),
    /// It waits until a client that closes its side interrupts it.
    Wait(fn(&[String]) -> Result<WaitCommand, CommandOutput>),
}

/// The entry that `words` begin with and the words after it, or the refusal of `level`.
pub(super) fn find(
    words: &[String],
    level: Level,
) -> Result<(&'static CommandEntry, &[String]), CommandOutput> {
    let length = |entry: &CommandEntry| {
        let mut given = words.iter();
        let same = entry.name.split(' ').all(|word| given.next().is_some_and(|given| given == word));
        same.then_some(words.len() - given.len())
    };
    let found = TABLE.iter().chain(&CLOSING).filter_map(|entry| Some((length(entry)?, entry)));
    match found.max_by_key(|(length, _)| *length) {
        Some((_, entry)) if entry.level > level => Err(CommandOutput::error("Permission denied")),
        Some((length, entry)) => Ok((entry, &words[length..])),
        None => Err(CommandOutput::error(help::unknown(words, level))),
    }
}

const fn entry(
    level: Level,
    name: &'static str,
    syntax: &'static str,
    about: &'static str,
    run: Run,
) -> CommandEntry {
    CommandEntry { name, level, syntax, about, run }
}

use Level::{Admin, Operator, User};
use Run::{Later as Ask, Now, Report as Tell};

/// All commands but those that every list ends with, by name.
#[rustfmt::skip]
pub(super) static TABLE: &[CommandEntry] = &[
    entry(Admin, "add acl", "add acl [@<ver>] <acl> <pattern>", "ACLs: there are none", Now(unsupported::add_acl)),
    entry(Admin, "add map", "add map [@<ver>] <map> <key> <val>", "maps: there are none", Now(unsupported::add_map)),
    entry(Admin, "add server", "add server <bk>/<srv> <addr> [keywords]*", "add a server, in maintenance ('help' lists keywords)", Now(member::add)),
    entry(Admin, "clear acl", "clear acl [@<ver>] <acl>", "ACLs: there are none", Now(unsupported::whole_acl)),
    entry(Operator, "clear counters", "clear counters [all]", "begin maxima again, with all sums too", Now(settings::clear_counters)),
    entry(Admin, "clear map", "clear map [@<ver>] <map>", "maps: there are none", Now(unsupported::whole_map)),
    entry(Operator, "clear table", "clear table <table> [<filter>]*", "take entries of a stick table away", Tell(table::clear)),
    entry(Admin, "commit acl", "commit acl @<ver> <acl>", "ACLs: there are none", Now(unsupported::whole_acl)),
    entry(Admin, "commit map", "commit map @<ver> <map>", "maps: there are none", Now(unsupported::whole_map)),
    entry(Admin, "del acl", "del acl <acl> [<key>|#<ref>]", "ACLs: there are none", Now(unsupported::del_acl)),
    entry(Admin, "del map", "del map <map> [<key>|#<ref>]", "maps: there are none", Now(unsupported::del_map)),
    entry(Admin, "del server", "del server <bk>/<srv>", "take a server in maintenance away", Now(member::delete)),
    entry(Admin, "disable agent", "disable agent <bk>/<srv>", "no longer ask a server's agent", Now(agent::disable)),
    entry(Admin, "disable dynamic-cookie backend", "disable dynamic-cookie backend <bk>", "no longer make cookies of servers' addresses", Now(frontend::disable_cookies)),
    entry(Admin, "disable frontend", "disable frontend <frontend>", "refuse connections for now", Now(frontend::disable)),
    entry(Admin, "disable health", "disable health <bk>/<srv>", "stop checking a server", Now(server::disable_health)),
    entry(Admin, "disable server", "disable server <bk>/<srv>", "put a server into maintenance", Now(server::disable)),
    entry(User, "echo", "echo <text>", "say the text again", Now(settings::echo)),
    entry(Admin, "enable agent", "enable agent <bk>/<srv>", "ask a server's agent again", Now(agent::enable)),
    entry(Admin, "enable dynamic-cookie backend", "enable dynamic-cookie backend <bk>", "make cookies of servers' addresses", Now(frontend::enable_cookies)),
    entry(Admin, "enable frontend", "enable frontend <frontend>", "take connections again", Now(frontend::enable)),
    entry(Admin, "enable health", "enable health <bk>/<srv>", "check a server again", Now(server::enable_health)),
    entry(Admin, "enable server", "enable server <bk>/<srv>", "end maintenance or drain of a server", Now(server::enable)),
    entry(Admin, "experimental-mode", "experimental-mode [on|off]", "show or set it for this connection", Now(settings::experimental_mode)),
    entry(Admin, "expert-mode", "expert-mode [on|off]", "show or set it for this connection", Now(settings::expert_mode)),
    entry(Admin, "get acl", "get acl <acl> <value>", "ACLs: there are none", Now(unsupported::get_acl)),
    entry(Admin, "get map", "get map <acl> <value>", "maps: there are none", Now(unsupported::get_map)),
    entry(User, "get weight", "get weight <bk>/<srv>", "show a server's weight, now and as configured", Now(server::get_weight)),
    entry(Operator, "operator", "operator", "give up the rights of an admin", Now(settings::operator)),
    entry(Admin, "prepare acl", "prepare acl <acl>", "ACLs: there are none", Now(unsupported::whole_acl)),
    entry(Admin, "prepare map", "prepare map <map>", "maps: there are none", Now(unsupported::whole_map)),
    entry(Admin, "publish backend", "publish backend <backend>", "put a backend back into its routes", Now(frontend::publish)),
    entry(Admin, "reload", "reload", "read the configuration again (lb's own)", Ask(reload::reload)),
    entry(Admin, "set dynamic-cookie-key backend", "set dynamic-cookie-key backend <bk> <k>", "the secret that such cookies are made with", Now(frontend::set_cookie_key)),
    entry(Admin, "set map", "set map <map> [<key>|#<ref>] <value>", "maps: there are none", Now(unsupported::set_map)),
    entry(Admin, "set maxconn frontend", "set maxconn frontend <frontend> <n>", "limit a frontend's client connections", Now(frontend::set_maxconn)),
    entry(Admin, "set maxconn global", "set maxconn global <n>", "limit all client connections, 0: as configured", Now(frontend::set_maxconn_global)),
    entry(Admin, "set maxconn server", "set maxconn server <bk>/<srv> <n>", "limit what is in flight on a server, 0 for no limit", Now(server::set_maxconn)),
    entry(Admin, "set rate-limit", "set rate-limit <what> global <n>", "limit connections or sessions a second, 0: none", Now(frontend::set_rate_limit)),
    entry(Admin, "set server", "set server <bk>/<srv> [opts]", "change a server: state, weight, health, addr, fqdn", Now(server::set_server)),
    entry(User, "set severity-output", "set severity-output [none|number|string]", "say how grave a message is", Now(settings::severity_output)),
    entry(Operator, "set table", "set table <table> key <key> [data]*", "change or make an entry of a stick table", Now(table::set)),
    entry(User, "set timeout", "set timeout cli <delay>", "how long this connection may be silent, seconds", Now(settings::timeout)),
    entry(Admin, "set weight", "set weight <bk>/<srv> <w>[%]", "change a server's weight", Now(server::set_weight)),
    entry(Admin, "show acl", "show acl [<id>]", "ACLs: there are none", Now(unsupported::show_acl)),
    entry(Operator, "show activity", "show activity", "what the process did so far", Now(show::texts::activity)),
    entry(User, "show anon", "show anon", "whether names are hidden: they are not", Now(show::texts::anon)),
    entry(User, "show backend", "show backend", "names of all backends", Now(show::backend)),
    entry(User, "show cache", "show cache", "caches: there are none", Now(show::texts::none)),
    entry(User, "show cli level", "show cli level", "what this connection may do", Now(show::cli_level)),
    entry(User, "show cli sockets", "show cli sockets", "runtime sockets and their levels", Now(show::cli_sockets)),
    entry(User, "show drift", "show drift", "what differs from the configuration (lb's own)", Tell(show::drift)),
    entry(Operator, "show env", "show env [var]", "the process's environment", Now(show::env)),
    entry(Operator, "show errors", "show errors [<proxy>] [request|response]", "the last message of each proxy that was no HTTP", Tell(show::errors::show)),
    entry(User, "show events", "show events [<sink>]", "the last events (journal), or which sinks there are", Now(show::texts::events)),
    entry(Operator, "show fd", "show fd", "how many descriptors are open", Now(show::texts::fd)),
    entry(User, "show info", "show info [desc|json|typed|float]*", "the process in numbers", Now(show::process)),
    entry(Admin, "show map", "show map [<id>]", "maps: there are none", Now(unsupported::show_map)),
    entry(User, "show peers", "show peers", "peers: there are none", Now(show::texts::none)),
    entry(User, "show pools", "show pools", "memory pools: there are none", Now(show::texts::pools)),
    entry(Admin, "show profiling", "show profiling", "profiling from within: there is none", Now(show::texts::profiling)),
    entry(User, "show resolvers", "show resolvers [<id>]", "name servers, and what came of asking them", Now(show::resolvers)),
    entry(User, "show schema json", "show schema json", "what the JSON of info and stat looks like", Now(show::schema::show)),
    entry(User, "show servers conn", "show servers conn [<backend>]", "connections to servers", Tell(show::servers_conn)),
    entry(User, "show servers state", "show servers state [<backend>]", "states of servers, for programs", Tell(show::servers_state)),
    entry(Operator, "show sess", "show sess [help|<id>|all] [opts...]", "exchanges in flight", Ask(sess::show)),
    entry(Admin, "show ssl", "show ssl <what>", "certificates and their like: there are none", Now(show::texts::none)),
    entry(Operator, "show startup-logs", "show startup-logs", "what was said at the start", Now(show::texts::startup_logs)),
    entry(User, "show stat", "show stat [desc|json|no-maint|typed|up]*", "counters of every frontend, server and backend", Tell(show::stat)),
    entry(User, "show table", "show table [<table> [<filter>]*]", "stick tables, or the entries of one", Tell(table::show)),
    entry(User, "show threads", "show threads", "the data workers", Now(show::texts::threads)),
    entry(Admin, "show tls-keys", "show tls-keys", "keys of TLS tickets: there are none", Now(show::texts::tls_keys)),
    entry(User, "show version", "show version", "this program's version", Now(show::version)),
    entry(User, "show versions", "show versions", "servers' versions, as their checks tell them (lb's own)", Now(show::versions)),
    entry(Admin, "shutdown frontend", "shutdown frontend <frontend>", "close a frontend for good", Now(frontend::shutdown)),
    entry(Admin, "shutdown session", "shutdown session <id>", "end one client connection", Ask(sess::shutdown)),
    entry(Admin, "shutdown sessions server", "shutdown sessions server <bk>/<srv>", "end everything in flight on a server", Now(server::shutdown_sessions)),
    entry(Admin, "unpublish backend", "unpublish backend <backend>", "take a backend out of its routes", Now(frontend::unpublish)),
    entry(User, "user", "user", "give up all rights but reading", Now(settings::user)),
    entry(Admin, "wait", "wait {-h|<delay>} [cond [args...]]", "wait for a time or a condition (-h lists them)", Run::Wait(wait::parse)),
];

/// The commands that every list ends with.
#[rustfmt::skip]
pub(super) static CLOSING: [CommandEntry; 3] = [
    entry(User, "help", "help [<command>]", "list all commands, or those that begin so", Now(settings::help)),
    entry(User, "prompt", "prompt [help | n | i | p | timed ]*", "stay for more commands, with a prompt", Now(settings::prompt)),
    entry(User, "quit", "quit", "end this connection", Now(settings::quit)),
];
