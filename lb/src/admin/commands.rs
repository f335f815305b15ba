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

/// The future of a command that waits.
type DeferredCommand<'a> = Pin<Box<dyn Future<Output = CommandOutput> + Send + 'a>>;

/// A command.
#[derive(Debug)]
pub(super) struct CommandEntry {
    /// Its words.
    pub(super) name: &'static str,
    /// The minimum level.
    pub(super) level: Level,
    /// Words and arguments, at most 40 characters.
    pub(super) syntax: &'static str,
    /// What it does.
    pub(super) about: &'static str,
    pub(super) run: Run,
}

/// The function of a command. Its arguments are the words after the command's name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Run {
    /// Replies at once.
    Now(fn(&mut Session, &[String]) -> CommandOutput),
    /// May reply with much: rendered in turn with other renderings, and sent as it is read.
    Report(fn(&Session, &[String]) -> Result<Report, CommandOutput>),
    /// Waits for workers or for a reload.
    Later(for<'a> fn(&'a Session, &'a [String]) -> DeferredCommand<'a>),
    /// Waits for an event; interrupted when the client closes its side.
    Wait(fn(&[String]) -> Result<WaitCommand, CommandOutput>),
}

/// Finds the entry that `words` begin with; returns it with the remaining words, or the error for an unknown
/// command or an insufficient level.
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

impl CommandEntry {
    /// Whether the command exists only because programs expect it.
    pub(super) fn is_inert(&self) -> bool {
        self.about.ends_with(": none")
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

/// All commands by name, except those at the end of every list.
#[rustfmt::skip]
pub(super) static TABLE: &[CommandEntry] = &[
    entry(Admin, "add acl", "add acl [@<ver>] <acl> <pattern>", "ACLs: none", Now(unsupported::add_acl)),
    entry(Admin, "add map", "add map [@<ver>] <map> <key> <val>", "maps: none", Now(unsupported::add_map)),
    entry(Admin, "add server", "add server <bk>/<srv> <addr> [keywords]*", "add a server, in maintenance ('help' lists keywords)", Now(member::add)),
    entry(Admin, "clear acl", "clear acl [@<ver>] <acl>", "ACLs: none", Now(unsupported::whole_acl)),
    entry(Operator, "clear counters", "clear counters [all]", "reset maxima; 'all' resets totals too", Now(settings::clear_counters)),
    entry(Admin, "clear map", "clear map [@<ver>] <map>", "maps: none", Now(unsupported::whole_map)),
    entry(Operator, "clear table", "clear table <table> [<filter>]*", "remove entries from a stick table", Tell(table::clear)),
    entry(Admin, "commit acl", "commit acl @<ver> <acl>", "ACLs: none", Now(unsupported::whole_acl)),
    entry(Admin, "commit map", "commit map @<ver> <map>", "maps: none", Now(unsupported::whole_map)),
    entry(Admin, "del acl", "del acl <acl> [<key>|#<ref>]", "ACLs: none", Now(unsupported::del_acl)),
    entry(Admin, "del map", "del map <map> [<key>|#<ref>]", "maps: none", Now(unsupported::del_map)),
    entry(Admin, "del server", "del server <bk>/<srv>", "delete a server that is in maintenance", Now(member::delete)),
    entry(Admin, "disable agent", "disable agent <bk>/<srv>", "stop an agent's checks", Now(agent::disable)),
    entry(Admin, "disable dynamic-cookie backend", "disable dynamic-cookie backend <bk>", "stop deriving cookies from addresses", Now(frontend::disable_cookies)),
    entry(Admin, "disable frontend", "disable frontend <frontend>", "stop accepting connections for now", Now(frontend::disable)),
    entry(Admin, "disable health", "disable health <bk>/<srv>", "stop a server's health checks", Now(server::disable_health)),
    entry(Admin, "disable server", "disable server <bk>/<srv>", "put a server into maintenance", Now(server::disable)),
    entry(User, "echo", "echo <text>", "print the text", Now(settings::echo)),
    entry(Admin, "enable agent", "enable agent <bk>/<srv>", "resume an agent's checks", Now(agent::enable)),
    entry(Admin, "enable dynamic-cookie backend", "enable dynamic-cookie backend <bk>", "derive cookies from servers' addresses", Now(frontend::enable_cookies)),
    entry(Admin, "enable frontend", "enable frontend <frontend>", "accept connections again", Now(frontend::enable)),
    entry(Admin, "enable health", "enable health <bk>/<srv>", "resume a server's health checks", Now(server::enable_health)),
    entry(Admin, "enable server", "enable server <bk>/<srv>", "put a server back into service", Now(server::enable)),
    entry(Admin, "experimental-mode", "experimental-mode [on|off]", "show or set it for this connection", Now(settings::experimental_mode)),
    entry(Admin, "expert-mode", "expert-mode [on|off]", "show or set it for this connection", Now(settings::expert_mode)),
    entry(Admin, "get acl", "get acl <acl> <value>", "ACLs: none", Now(unsupported::get_acl)),
    entry(Admin, "get map", "get map <acl> <value>", "maps: none", Now(unsupported::get_map)),
    entry(User, "get weight", "get weight <bk>/<srv>", "show a server's weight, now and as configured", Now(server::get_weight)),
    entry(Operator, "operator", "operator", "lower this connection to level operator", Now(settings::operator)),
    entry(Admin, "prepare acl", "prepare acl <acl>", "ACLs: none", Now(unsupported::whole_acl)),
    entry(Admin, "prepare map", "prepare map <map>", "maps: none", Now(unsupported::whole_map)),
    entry(Admin, "publish backend", "publish backend <backend>", "let traffic reach a backend again", Now(frontend::publish)),
    entry(Admin, "reload", "reload", "reload the configuration (lb only)", Ask(reload::reload)),
    entry(Admin, "set dynamic-cookie-key backend", "set dynamic-cookie-key backend <bk> <k>", "set the secret for dynamic cookies", Now(frontend::set_cookie_key)),
    entry(Admin, "set map", "set map <map> [<key>|#<ref>] <value>", "maps: none", Now(unsupported::set_map)),
    entry(Admin, "set maxconn frontend", "set maxconn frontend <frontend> <n>", "limit a frontend's client connections", Now(frontend::set_maxconn)),
    entry(Admin, "set maxconn global", "set maxconn global <n>", "limit client connections, 0: as configured", Now(frontend::set_maxconn_global)),
    entry(Admin, "set maxconn server", "set maxconn server <bk>/<srv> <n>", "limit a server's connections, 0: no limit", Now(server::set_maxconn)),
    entry(Admin, "set rate-limit", "set rate-limit <what> global <n>", "limit connections or sessions/s, 0: no limit", Now(frontend::set_rate_limit)),
    entry(Admin, "set server", "set server <bk>/<srv> [opts]", "change a server: state, weight, health, addr, fqdn", Now(server::set_server)),
    entry(User, "set severity-output", "set severity-output [none|number|string]", "show the severity of messages", Now(settings::severity_output)),
    entry(Operator, "set table", "set table <table> key <key> [data]*", "set an entry of a stick table", Now(table::set)),
    entry(User, "set timeout", "set timeout cli <delay>", "idle limit of this connection, seconds", Now(settings::timeout)),
    entry(Admin, "set weight", "set weight <bk>/<srv> <w>[%]", "change a server's weight", Now(server::set_weight)),
    entry(Admin, "show acl", "show acl [<id>]", "ACLs: none", Now(unsupported::show_acl)),
    entry(Operator, "show activity", "show activity", "activity of the process", Now(show::texts::activity)),
    entry(User, "show anon", "show anon", "anonymized mode: always off", Now(show::texts::anon)),
    entry(User, "show backend", "show backend", "names of all backends", Now(show::backend)),
    entry(User, "show cache", "show cache", "caches: none", Now(show::texts::none)),
    entry(User, "show cli level", "show cli level", "level of this connection", Now(show::cli_level)),
    entry(User, "show cli sockets", "show cli sockets", "runtime sockets and their levels", Now(show::cli_sockets)),
    entry(User, "show drift", "show drift", "differences from the configuration (lb only)", Tell(show::drift)),
    entry(Operator, "show env", "show env [var]", "environment variables of the process", Now(show::env)),
    entry(Operator, "show errors", "show errors [<proxy>] [request|response]", "last invalid message seen by each proxy", Tell(show::errors::show)),
    entry(User, "show events", "show events [<sink>]", "recent events (journal), or list sinks", Now(show::texts::events)),
    entry(Operator, "show fd", "show fd", "number of open file descriptors", Now(show::texts::fd)),
    entry(User, "show info", "show info [desc|json|typed|float]*", "process statistics", Now(show::process)),
    entry(Admin, "show map", "show map [<id>]", "maps: none", Now(unsupported::show_map)),
    entry(User, "show peers", "show peers", "peers: none", Now(show::texts::none)),
    entry(User, "show pools", "show pools", "memory pools: none", Now(show::texts::pools)),
    entry(Admin, "show profiling", "show profiling", "built-in profiling: none", Now(show::texts::profiling)),
    entry(User, "show resolvers", "show resolvers [<id>]", "name servers and query results", Now(show::resolvers)),
    entry(User, "show schema json", "show schema json", "JSON schema of 'show info' and 'show stat'", Now(show::schema::show)),
    entry(User, "show servers conn", "show servers conn [<backend>]", "connections to servers", Tell(show::servers_conn)),
    entry(User, "show servers state", "show servers state [<backend>]", "server states, for programs", Tell(show::servers_state)),
    entry(Operator, "show sess", "show sess [help|<id>|all] [opts...]", "exchanges in flight", Ask(sess::show)),
    entry(Admin, "show ssl", "show ssl <what>", "certificates: none", Now(show::texts::none)),
    entry(Operator, "show startup-logs", "show startup-logs", "messages of the start", Now(show::texts::startup_logs)),
    entry(User, "show stat", "show stat [desc|json|no-maint|typed|up]*", "statistics of frontends, servers, backends", Tell(show::stat)),
    entry(User, "show table", "show table [<table> [<filter>]*]", "stick tables, or the entries of one", Tell(table::show)),
    entry(User, "show threads", "show threads", "the data workers", Now(show::texts::threads)),
    entry(Admin, "show tls-keys", "show tls-keys", "TLS ticket keys: none", Now(show::texts::tls_keys)),
    entry(User, "show version", "show version", "this program's version", Now(show::version)),
    entry(User, "show versions", "show versions", "servers' versions, from their checks (lb only)", Now(show::versions)),
    entry(Admin, "shutdown frontend", "shutdown frontend <frontend>", "stop a frontend permanently", Now(frontend::shutdown)),
    entry(Admin, "shutdown session", "shutdown session <id>", "kill one client connection", Ask(sess::shutdown)),
    entry(Admin, "shutdown sessions server", "shutdown sessions server <bk>/<srv>", "kill everything in flight on a server", Now(server::shutdown_sessions)),
    entry(Admin, "unpublish backend", "unpublish backend <backend>", "keep traffic away from a backend", Now(frontend::unpublish)),
    entry(User, "user", "user", "lower this connection to level user", Now(settings::user)),
    entry(Admin, "wait", "wait {-h|<delay>} [cond [args...]]", "wait for a time or a condition (-h lists them)", Run::Wait(wait::parse)),
];

/// The commands at the end of every list.
#[rustfmt::skip]
pub(super) static CLOSING: [CommandEntry; 3] = [
    entry(User, "help", "help [<command>]", "list all commands, or those that begin so", Now(settings::help)),
    entry(User, "prompt", "prompt [help | n | i | p | timed ]*", "stay for more commands, with a prompt", Now(settings::prompt)),
    entry(User, "quit", "quit", "end this connection", Now(settings::quit)),
];
