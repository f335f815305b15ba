//! The reader of `lb.toml`: TOML in, a checked [`Config`] or all of its faults out.
//!
//! The tables are walked by hand, not by serde, which would stop at the first fault. Nothing of TOML gets out of here, and no default or
//! cross-check is made here: those are the model's.

mod backend;
mod frontend;
mod haproxy;
mod log;
mod resolvers;
mod routes;
mod rules;
mod section;
mod stats;
mod stick;
mod value;
mod watch;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use self::section::Section;
use super::defaults::MOST_THREADS;
use super::links::{self, Links, Missing};
use super::log::Terminals;
use super::{
    BackendConfig, Config, Faults, FrontendConfig, Level, Place, ProcessLimits, RuntimeSocket,
    RuntimeSocketAddress, Timeouts,
};

/// Largest configuration file, bytes.
const LARGEST: u64 = 16 << 20;

/// Whose section a `timeout` section is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Global,
    Frontend,
    Backend,
}

/// Reads and checks a file.
pub(super) fn load(file: &Path) -> Result<Config, Faults> {
    let text = read(file).map_err(|error| Faults::unreadable(file, &error))?;
    parse_at(&text, file, Terminals::find())
}

/// Checks the text of a file, as for a process without a terminal.
pub(super) fn parse(text: &str, file: &Path) -> Result<Config, Faults> {
    parse_at(text, file, Terminals::default())
}

/// Checks the text of a file.
pub(super) fn parse_at(text: &str, file: &Path, terminals: Terminals) -> Result<Config, Faults> {
    let faults = RefCell::new(Faults::none(file, text));
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let config = config(Section::root(document.get_ref(), &faults), file, terminals, &faults);
        return faults.into_inner().or(config);
    }
    if haproxy::is_configuration(text) {
        return Err(haproxy::fault(file, text));
    }
    // What a broken file means is a guess: nothing else is reported about it.
    let mut faults = faults.into_inner();
    for error in &errors {
        syntax(&mut faults, error.message(), error.span().unwrap_or(text.len()..text.len()));
    }
    Err(faults.sorted())
}

/// Adds a fault of syntax, unless its line has one: the rest of a broken line only confuses.
fn syntax(faults: &mut Faults, problem: &str, at: Range<usize>) {
    let line = faults.line_and_column(0, at.start).0;
    if faults.faults.iter().any(|fault| fault.line == line) {
        return;
    }
    let text = faults.text(0).get(at.clone()).unwrap_or_default().to_owned();
    let place = |key| Place { file: 0, bytes: Some(at), key };
    if problem == "duplicate key" {
        let suggestion = "it is set above: remove one of them".to_owned();
        let message = format!("the key `{text}` is there twice");
        faults.add(&place(text), message, Some(suggestion));
    } else {
        faults.add(&place(String::new()), format!("this is not TOML: {problem}"), None);
    }
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    let length = open(file)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if length as u64 > LARGEST {
        return Err(io::Error::other(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    Ok(text)
}

/// Opens a file that is one: reading a pipe could wait for ever, and with it a reload.
fn open(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // Opening a pipe would wait for its writer.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let opened = options.open(file)?;
    let kind = opened.metadata()?.file_type();
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() {
        return Err(io::Error::other("it is a pipe or a device, not a file: write it to a file first"));
    }
    Ok(opened)
}

fn config(mut root: Section<'_>, file: &Path, terminals: Terminals, faults: &RefCell<Faults>) -> Config {
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut links = Links::default();
    let process = process(root.section("process"));
    let admin =
        root.sections("admin").into_iter().map(|section| admin(section, folder, &mut links)).collect();
    let stats = stats::read(root.section("stats"), folder, &mut links);
    let logs = log::read_all(root.sections("log"), folder, terminals);
    let timeout = timeouts(root.section("timeout"), Timeouts::default(), Side::Global);
    let (frontends, mut backends) = proxies(&mut root, timeout, &mut links);
    links::complete_tables(&mut backends);
    let resolvers = root.section("resolvers").named();
    let resolvers = resolvers.into_iter().map(|section| resolvers::read(section, &mut links)).collect();
    let config =
        Config { file: file.to_owned(), process, admin, stats, logs, frontends, backends, resolvers };
    root.finish();
    links.check(&config.backends, missing, &mut faults.borrow_mut());
    config
}

/// How `lb.toml` says that something is added.
fn missing(what: Missing<'_>) -> String {
    match what {
        Missing::Frontend => "add a section such as `[frontend.fe_api]` with `bind` and `backend`".to_owned(),
        Missing::Backend => "add a section such as `[backend.api_nodes.servers]`".to_owned(),
        Missing::Resolvers(name) => format!("add a section `[resolvers.{name}]` with `nameservers`"),
        Missing::Table(name) => format!("add a section `[backend.{name}.table]`, with `size` and `store`"),
    }
}

/// Everything that has traffic, in the order in which the file begins to speak of it.
fn proxies(
    root: &mut Section<'_>,
    timeout: Timeouts,
    links: &mut Links,
) -> (Vec<FrontendConfig>, Vec<BackendConfig>) {
    let (mut frontends, mut backends) = (Vec::new(), Vec::new());
    let kinds = ["frontend", "backend", "listen"];
    let sections = kinds.map(|kind| root.section(kind).named().into_iter().map(move |one| (kind, one)));
    let mut sections: Vec<_> = sections.into_iter().flatten().collect();
    sections.sort_by_key(|(_, section)| section.at.start);
    for (rank, (kind, section)) in sections.into_iter().enumerate() {
        match kind {
            "frontend" => frontends.push(frontend::read(section, rank, timeout, links)),
            "backend" => backends.push(backend::read(section, rank, timeout, links)),
            _ => {
                let (frontend, backend) = listen(section, rank, timeout, links);
                frontends.push(frontend);
                backends.push(backend);
            }
        }
    }
    (frontends, backends)
}

/// A frontend and the backend that it leads to, in one section and of one name.
fn listen(
    mut section: Section<'_>,
    rank: usize,
    timeout: Timeouts,
    links: &mut Links,
) -> (FrontendConfig, BackendConfig) {
    links.listens.push(section.name());
    let timeout = timeouts(section.section("timeout"), timeout, Side::Global);
    let name = section.key.to_owned();
    let frontend = frontend::of(&mut section, rank, &name, timeout, links);
    let backend = backend::of(&mut section, rank, timeout, true, links);
    section.finish();
    (frontend, backend)
}

fn process(mut section: Section<'_>) -> ProcessLimits {
    let usual = ProcessLimits::default();
    let maxconn = section.maybe("maxconn", value::whole(1..=10_000_000));
    let process = ProcessLimits {
        threads: match section.or("threads", value::whole(0..=MOST_THREADS as u64), 0) {
            0 => usual.threads,
            threads => threads,
        },
        maxconn: maxconn.unwrap_or(usual.maxconn),
        is_maxconn_set: maxconn.is_some(),
        h2_waiting: section.or("h2_waiting", value::store, usual.h2_waiting),
        shutdown_grace: section.or("shutdown_grace", value::duration_or_zero, usual.shutdown_grace),
        node: section.maybe("node", value::line),
        description: section.maybe("description", value::line),
    };
    section.finish();
    process
}

fn admin(mut section: Section<'_>, folder: &Path, links: &mut Links) -> RuntimeSocket {
    let levels = [("admin", Level::Admin), ("operator", Level::Operator), ("user", Level::User)];
    let usual = RuntimeSocket::default();
    let socket = section.placed_or("socket", value::socket, usual.socket);
    let socket = socket.map(|socket| match socket {
        RuntimeSocketAddress::Unix(path) => RuntimeSocketAddress::Unix(resolve(folder, &path)),
        address => address,
    });
    let admin = RuntimeSocket {
        socket: socket.value.clone(),
        mode: section.or("mode", value::mode, usual.mode),
        level: section.or("level", value::one_of(&levels), usual.level),
    };
    match socket.value {
        RuntimeSocketAddress::Tcp(address) => links.binds.push(socket.map(|_| address)),
        RuntimeSocketAddress::Unix(_) => links.sockets.push(socket),
    }
    section.finish();
    admin
}

/// A path of the file, seen from its folder.
fn resolve(folder: &Path, path: &Path) -> PathBuf {
    folder.join(path.strip_prefix(".").unwrap_or(path))
}

/// A `timeout` section on top of `base`; keys that mean nothing on its side are faults.
fn timeouts(mut section: Section<'_>, base: Timeouts, side: Side) -> Timeouts {
    let mut limit = |key, owner, default| match (owner, side) {
        (Side::Frontend, Side::Backend) => {
            section.misplaced(
                key,
                "it is a limit towards clients",
                "put it in [timeout] or in [frontend.NAME.timeout]",
            );
            default
        }
        (Side::Backend, Side::Frontend) => {
            section.misplaced(
                key,
                "it is a limit towards servers",
                "put it in [timeout] or in [backend.NAME.timeout]",
            );
            default
        }
        _ => section.or(key, value::duration, default),
    };
    let timeouts = Timeouts {
        connect: limit("connect", Side::Backend, base.connect),
        client: limit("client", Side::Frontend, base.client),
        server: limit("server", Side::Backend, base.server),
        http_request: limit("http_request", Side::Frontend, base.http_request),
        http_keep_alive: limit("http_keep_alive", Side::Frontend, base.http_keep_alive),
        client_fin: limit("client_fin", Side::Frontend, base.client_fin),
        queue: limit("queue", Side::Backend, base.queue),
        tunnel: limit("tunnel", Side::Backend, base.tunnel),
    };
    section.finish();
    timeouts
}
