//! What sections say about each other, checked when all of them have been read.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::SocketAddr;

use super::section::{Placed, Section};
use super::tracks::Tracks;
use super::value::{self, near};
use crate::config::{Faults, RuntimeSocketAddress};

/// Everything in the file that has to be unique or to exist.
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
    /// Sections of name servers.
    pub(super) resolvers: Vec<String>,
    /// Those that backends name.
    pub(super) resolving: Vec<Placed<String>>,
    /// Tables that frontends and backends name.
    pub(super) tables: Vec<Placed<String>>,
    /// Backends that have a table.
    pub(super) owners: Vec<String>,
    /// Addresses listened on, by frontends and for statistics.
    pub(super) binds: Vec<Placed<SocketAddr>>,
    /// Runtime sockets.
    pub(super) sockets: Vec<Placed<RuntimeSocketAddress>>,
    /// Servers, and whom they follow.
    pub(super) tracks: Tracks,
}

// === impl Links ===

impl Links {
    /// Reports what does not fit together.
    pub(super) fn check(self, faults: &mut Faults) {
        if self.frontends.is_empty() && self.listens.is_empty() {
            let suggestion = "add a section such as `[frontend.fe_api]` with `bind` and `backend`";
            faults.add_whole("there is no frontend".to_owned(), suggestion);
        }
        self.check_uses(faults);
        self.tracks.check(faults);
        self.check_tables(faults);
        self.check_resolvers(faults);
        // Port 0 stands for a free one, a different one each time.
        let binds = self.binds.into_iter().filter(|bind| bind.value.port() != 0);
        unique(faults, binds.collect(), |bind| format!("`{bind}` is listened on twice"));
        for Placed { value, key, at } in self.sockets.iter().filter(|socket| is_too_long(&socket.value)) {
            let message = format!(
                "the path of the socket has more than {LONGEST_PATH} bytes: `{}`",
                value.written().display()
            );
            faults.add(
                at.clone(),
                key.clone(),
                message,
                Some("name a shorter path, such as `/run/lb.sock`".to_owned()),
            );
        }
        unique(faults, self.sockets, |socket| {
            format!("`{}` is the place of two sockets", socket.written().display())
        });
        let names = self.frontends.into_iter().chain(self.backends).chain(self.listens).collect();
        unique(faults, names, |name| format!("`{name}` is the name of two sections"));
    }

    /// The name servers that a backend names.
    pub(super) fn resolvers_of(&mut self, section: &mut Section<'_>) -> Option<String> {
        let named = section.maybe_placed("resolvers", value::text)?;
        let name = named.value.clone();
        self.resolving.push(named);
        Some(name)
    }

    fn check_resolvers(&self, faults: &mut Faults) {
        let names: Vec<&str> = self.resolvers.iter().map(String::as_str).collect();
        for Placed { value, key, at } in
            self.resolving.iter().filter(|used| !names.contains(&used.value.as_str()))
        {
            let suggestion = match near(value, names.iter().copied()) {
                Some(name) => format!("did you mean `\"{name}\"`?"),
                None => format!("add a section `[resolvers.{value}]` with `nameservers`"),
            };
            faults.add(
                at.clone(),
                key.clone(),
                format!("there are no resolvers `{value}`"),
                Some(suggestion),
            );
        }
    }

    fn check_tables(&self, faults: &mut Faults) {
        let names: Vec<&str> = self.owners.iter().map(String::as_str).collect();
        for Placed { value, key, at } in
            self.tables.iter().filter(|used| !names.contains(&used.value.as_str()))
        {
            let suggestion = match near(value, names.iter().copied()) {
                Some(name) => format!("did you mean `\"{name}\"`?"),
                None => format!("add a section `[backend.{value}.table]`, with `size` and `store`"),
            };
            let message = format!("there is no backend `{value}` with a table");
            faults.add(at.clone(), key.clone(), message, Some(suggestion));
        }
    }

    fn check_uses(&self, faults: &mut Faults) {
        let backends = self.backends.iter().chain(&self.listens);
        let names: Vec<&str> = backends.map(|backend| backend.value.as_str()).collect();
        for Placed { value, key, at } in self.uses.iter().filter(|used| !names.contains(&used.value.as_str()))
        {
            let suggestion = match near(value, names.iter().copied()) {
                Some(name) => format!("did you mean `\"{name}\"`?"),
                None if names.is_empty() => "add a section such as `[backend.api_nodes.servers]`".to_owned(),
                None => format!("there is {}", names.join(", ")),
            };
            faults.add(at.clone(), key.clone(), format!("there is no backend `{value}`"), Some(suggestion));
        }
    }
}

/// Bytes that the system has for the path of a Unix socket (`sun_path`, with its end).
const LONGEST_PATH: usize = 107;

fn is_too_long(socket: &RuntimeSocketAddress) -> bool {
    matches!(socket, RuntimeSocketAddress::Unix(path) if path.as_os_str().len() > LONGEST_PATH)
}

/// Reports every value that has been seen before, in the order of the file.
fn unique<T: Eq + Hash>(faults: &mut Faults, mut values: Vec<Placed<T>>, message: impl Fn(&T) -> String) {
    values.sort_by_key(|value| value.at.start);
    let mut seen = HashMap::new();
    for Placed { value, key, at } in values {
        if let Some((first, place)) = seen.get(&value) {
            // A default has no place of its own.
            let place = match faults.place(*place).0 {
                line if *place > 0 => format!("on line {line}"),
                _ => "by default".to_owned(),
            };
            faults.add(at, key, message(&value), Some(format!("`{first}` has it {place}")));
        } else {
            seen.insert(value, (key, at.start));
        }
    }
}
