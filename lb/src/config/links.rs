//! What the parts of a configuration say about each other, checked when all of them have been read.
//!
//! A reader notes here, with their places, the names and addresses that must be unique or must exist; the checks are the same for every
//! reader. What a reader's language would write to mend a fault is the reader's ([`Notation`]).

mod tracks;

use std::collections::HashMap;
use std::hash::Hash;
use std::net::SocketAddr;

pub(super) use self::tracks::{Tracked, Tracks};
use super::units::near;
use super::{BackendConfig, Datum, Faults, Placed, RuntimeSocketAddress, Stored};

/// Everything in a configuration that has to be unique or to exist.
#[derive(Default)]
pub(super) struct Links {
    /// Names of frontends.
    pub(super) frontends: Vec<Placed<String>>,
    /// Names of backends.
    pub(super) backends: Vec<Placed<String>>,
    /// Names of sections that are both.
    pub(super) listens: Vec<Placed<String>>,
    /// Backends that frontends name.
    pub(super) uses: Vec<Placed<String>>,
    /// Names of sections of name servers.
    pub(super) resolvers: Vec<Placed<String>>,
    /// Those that backends name.
    pub(super) resolving: Vec<Placed<String>>,
    /// Tables that frontends and backends name.
    pub(super) tables: Vec<Placed<String>>,
    /// Addresses listened on, by frontends and for statistics.
    pub(super) binds: Vec<Placed<SocketAddr>>,
    /// Runtime sockets.
    pub(super) sockets: Vec<Placed<RuntimeSocketAddress>>,
    /// Servers, and the servers that they track.
    pub(super) tracks: Tracks,
}

/// Something that is missing, for which a reader's language has words of its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Missing<'a> {
    /// Any frontend at all.
    Frontend,
    /// Any backend at all.
    Backend,
    /// A section of name servers.
    Resolvers(&'a str),
    /// A backend with a stick table.
    Table(&'a str),
}

/// How a reader's language says that something is added: ends the sentence that names what is missing.
pub(super) type Notation = fn(Missing<'_>) -> String;

// === impl Links ===

impl Links {
    /// Reports what does not fit together.
    pub(super) fn check(self, backends: &[BackendConfig], notation: Notation, faults: &mut Faults) {
        if self.frontends.is_empty() && self.listens.is_empty() {
            faults.add_whole("there is no frontend".to_owned(), &notation(Missing::Frontend));
        }
        self.check_uses(notation, faults);
        self.tracks.check(faults);
        self.check_tables(backends, notation, faults);
        self.check_resolvers(notation, faults);
        // Port 0 stands for a free one, a different one each time.
        let binds = self.binds.into_iter().filter(|bind| bind.value.port() != 0);
        unique(faults, binds.collect(), |bind| format!("`{bind}` is listened on twice"));
        for Placed { value, place } in self.sockets.iter().filter(|socket| is_too_long(&socket.value)) {
            let message = format!(
                "the path of the socket has more than {LONGEST_PATH} bytes: `{}`",
                value.written().display()
            );
            let suggestion = "name a shorter path, such as `/run/lb.sock`";
            faults.add(place, message, Some(suggestion.to_owned()));
        }
        unique(faults, self.sockets, |socket| {
            format!("`{}` is the place of two sockets", socket.written().display())
        });
        let names = self.frontends.into_iter().chain(self.backends).chain(self.listens).collect();
        unique(faults, names, |name| format!("`{name}` is the name of two sections"));
    }

    fn check_resolvers(&self, notation: Notation, faults: &mut Faults) {
        let names: Vec<&str> = self.resolvers.iter().map(|section| section.value.as_str()).collect();
        for Placed { value, place } in unknown(&self.resolving, &names) {
            let suggestion = meant(value, &names).unwrap_or_else(|| notation(Missing::Resolvers(value)));
            faults.add(place, format!("there are no resolvers `{value}`"), Some(suggestion));
        }
    }

    fn check_tables(&self, backends: &[BackendConfig], notation: Notation, faults: &mut Faults) {
        let owners = backends.iter().filter(|backend| backend.table.is_some());
        let names: Vec<&str> = owners.map(|backend| backend.name.as_str()).collect();
        for Placed { value, place } in unknown(&self.tables, &names) {
            let suggestion = meant(value, &names).unwrap_or_else(|| notation(Missing::Table(value)));
            faults.add(place, format!("there is no backend `{value}` with a table"), Some(suggestion));
        }
    }

    fn check_uses(&self, notation: Notation, faults: &mut Faults) {
        let backends = self.backends.iter().chain(&self.listens);
        let names: Vec<&str> = backends.map(|backend| backend.value.as_str()).collect();
        for Placed { value, place } in unknown(&self.uses, &names) {
            let suggestion = meant(value, &names).unwrap_or_else(|| match names.is_empty() {
                true => notation(Missing::Backend),
                false => format!("there is {}", names.join(", ")),
            });
            faults.add(place, format!("there is no backend `{value}`"), Some(suggestion));
        }
    }
}

/// Adds to each table that binds clients to servers what it has to store for that, whether the file says it or not.
pub(super) fn complete_tables(backends: &mut [BackendConfig]) {
    let binding: Vec<_> = backends.iter().filter_map(|one| Some(one.stick.as_ref()?.table.clone())).collect();
    for backend in backends.iter_mut().filter(|backend| binding.contains(&backend.name)) {
        let Some(table) = &mut backend.table else { continue };
        let bound = [Datum::ServerId, Datum::ServerKey];
        table.store.extend(bound.map(|kind| Stored { kind, period: std::time::Duration::ZERO }));
        table.arrange();
    }
}

fn unknown<'a>(used: &'a [Placed<String>], names: &[&str]) -> impl Iterator<Item = &'a Placed<String>> {
    used.iter().filter(|used| !names.contains(&used.value.as_str()))
}

fn meant(name: &str, names: &[&str]) -> Option<String> {
    near(name, names.iter().copied()).map(|name| format!("did you mean `\"{name}\"`?"))
}

/// Bytes that the system has for the path of a Unix socket (`sun_path`, with its end).
const LONGEST_PATH: usize = 107;

fn is_too_long(socket: &RuntimeSocketAddress) -> bool {
    matches!(socket, RuntimeSocketAddress::Unix(path) if path.as_os_str().len() > LONGEST_PATH)
}

/// Reports every value that has been seen before, in the order of the files.
fn unique<T: Eq + Hash>(faults: &mut Faults, mut values: Vec<Placed<T>>, message: impl Fn(&T) -> String) {
    values.sort_by_key(|value| value.place.position());
    let mut seen: HashMap<T, super::Place> = HashMap::new();
    for Placed { value, place } in values {
        if let Some(first) = seen.get(&value) {
            // A default has no place of its own.
            let at = match &first.bytes {
                Some(bytes) => format!("on line {}", faults.line_and_column(first.file, bytes.start).0),
                None => "by default".to_owned(),
            };
            faults.add(&place, message(&value), Some(format!("`{}` has it {at}", first.key)));
        } else {
            seen.insert(value, place);
        }
    }
}
