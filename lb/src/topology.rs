//! What requests read: frontends, routes, backends and their rotations, as one immutable snapshot.
//!
//! Control builds a new [`Topology`] and swaps it in; nobody edits one in place. What lives longer than a snapshot (counters,
//! queues, servers) hangs below it in `Arc`s. [`Shared`] is where the data side and the control side meet.

mod captured;
mod last_reload;
mod listener;
mod live;
mod orders;
mod pace;
mod resolvers;
mod room;

use std::collections::HashMap;
use std::sync::Arc;

use crate::balance::{Pick, Rotation, Tried};
use crate::config;
use crate::ids::ServerId;
use crate::rules::RuleBook;
use crate::server::{Refusal, Server};
use crate::stick::{self, PersistenceCookie, StickKey, StickTable};

pub use captured::{RejectedMessage, RejectedMessageSlot};
pub use last_reload::{LastReload, Reloaded};
pub use listener::{LiveListener, Spot, overlap};
pub use live::{DynamicCookie, ListenState, LiveBackend, LiveFrontend, ProcessState, Shared, Shortages};
pub use orders::{Arrival, Door, Inbox, Listen, SessionInfo, WorkerCommand, Workers};
pub use pace::Pace;
pub use resolvers::{QueryOutcome, Resolvers};
pub use room::ConnectionLimit;

/// The snapshot.
#[derive(Debug)]
pub struct Topology {
    /// In file order.
    pub frontends: Vec<Arc<Frontend>>,
    /// In file order.
    pub backends: Vec<Arc<Backend>>,
    /// Name servers that are asked in place of the system, in file order.
    pub resolvers: Vec<Arc<Resolvers>>,
    /// Servers that track others.
    pub followers: Arc<Followers>,
}

/// The servers that track others, by those that they track: the backend's name and the server's.
#[derive(Debug, Default)]
pub struct Followers(HashMap<(String, String), Vec<Arc<Server>>>);

/// A frontend as configured now.
#[derive(Debug)]
pub struct Frontend {
    /// Its configuration.
    pub config: config::FrontendConfig,
    /// What outlives this snapshot.
    pub live: Arc<LiveFrontend>,
    /// Its addresses, in the order of the configuration.
    pub listeners: Vec<Arc<LiveListener>>,
    /// What is written down of its clients, and where.
    pub track: Option<KeyedTable>,
    /// Its rules, if there are any.
    pub rules: Option<Arc<RuleBook>>,
}

/// A key of requests, and the table that it is a key of.
#[derive(Debug, Clone)]
pub struct KeyedTable {
    /// Where the key comes from.
    pub on: config::KeySource,
    /// The table.
    pub table: Arc<StickTable>,
}

/// The stick tables of a backend.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// Its own.
    pub own: Option<Arc<StickTable>>,
    /// The key that binds clients to its servers.
    pub stick: Option<KeyedTable>,
}

/// A backend as configured now.
#[derive(Debug)]
pub struct Backend {
    /// Its configuration, shared by all forms of it; `servers` in it may be older than the servers here.
    pub config: Arc<config::BackendConfig>,
    /// What outlives this snapshot.
    pub live: Arc<LiveBackend>,
    /// All its servers, in order.
    pub servers: Vec<Arc<Server>>,
    /// Those that are usable now.
    pub rotation: Rotation,
    /// Its cookie, and whose they are.
    pub jar: Option<PersistenceCookie>,
    /// Its stick tables.
    pub tables: Tables,
    /// Its rules, if there are any.
    pub rules: Option<Arc<RuleBook>>,
}

// === impl Topology ===

impl Topology {
    /// Nothing at all: what there is before the first configuration.
    pub fn empty() -> Self {
        let (frontends, backends, resolvers) = Default::default();
        Self { frontends, backends, resolvers, followers: Arc::default() }
    }

    /// The present form of a frontend, if it still exists.
    #[inline]
    pub fn frontend(&self, live: &LiveFrontend) -> Option<&Arc<Frontend>> {
        self.frontends.iter().find(|frontend| frontend.live.id == live.id)
    }

    /// Whose listening socket that is, and which of its addresses.
    pub fn at(&self, spot: &Spot) -> Option<(&Arc<Frontend>, &Arc<LiveListener>)> {
        self.frontends.iter().find_map(|frontend| {
            let listener = frontend.listeners.get(spot.place_in(&frontend.config)?)?;
            Some((frontend, listener))
        })
    }

    /// The frontend that has an address of one that does not exist any more.
    pub fn successor(&self, gone: &Frontend) -> Option<&Arc<Frontend>> {
        Spot::all(&gone.config).find_map(|spot| self.at(&spot)).map(|(frontend, _)| frontend)
    }

    /// The backend of that name.
    #[inline]
    pub fn backend(&self, name: &str) -> Option<&Arc<Backend>> {
        self.backends.iter().find(|backend| *backend.live.name == *name)
    }

    /// The backend that an operator means: by name, or by `#` and its number.
    pub fn find_backend(&self, word: &str) -> Option<&Arc<Backend>> {
        match word.strip_prefix('#') {
            Some(number) => {
                let number: u32 = number.parse().ok()?;
                self.backends.iter().find(|backend| backend.live.id.get() == number)
            }
            None => self.backend(word),
        }
    }

    /// The server that another one tracks.
    pub fn tracked(&self, track: &config::TrackConfig) -> Option<&Arc<Server>> {
        self.backend(&track.backend)?.server(&track.server)
    }

    /// The stick table of that name.
    pub fn table(&self, name: &str) -> Option<&Arc<StickTable>> {
        self.backend(name)?.tables.own.as_ref()
    }

    /// All stick tables.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<StickTable>> {
        self.backends.iter().filter_map(|backend| backend.tables.own.as_ref())
    }

    /// The same with other forms of its backends, which have the same servers.
    #[must_use]
    pub fn with_backends(&self, backends: Vec<Arc<Backend>>) -> Self {
        let (frontends, resolvers) = (self.frontends.clone(), self.resolvers.clone());
        Self { frontends, backends, resolvers, followers: Arc::clone(&self.followers) }
    }

    /// The same with backends that may have other servers.
    #[must_use]
    pub fn with_servers(&self, backends: Vec<Arc<Backend>>) -> Self {
        let followers = Arc::new(Followers::of(&backends));
        Self { followers, ..self.with_backends(backends) }
    }

    /// The servers that track `leader`.
    pub fn followers_of(&self, leader: &Server) -> &[Arc<Server>] {
        if self.followers.0.is_empty() {
            return &[];
        }
        let key = (leader.backend.to_string(), leader.name.to_string());
        self.followers.0.get(&key).map_or(&[], Vec::as_slice)
    }

    /// All servers of all backends.
    pub fn servers(&self) -> impl Iterator<Item = &Arc<Server>> {
        self.backends.iter().flat_map(|backend| &backend.servers)
    }
}

// === impl Followers ===

impl Followers {
    /// Those among the servers of `backends`.
    pub fn of(backends: &[Arc<Backend>]) -> Self {
        let mut all: HashMap<_, Vec<_>> = HashMap::new();
        for server in backends.iter().flat_map(|backend| &backend.servers) {
            if let Some(track) = server.track() {
                let key = (track.backend.clone(), track.server.clone());
                all.entry(key).or_default().push(Arc::clone(server));
            }
        }
        Self(all)
    }

    /// Whether no server tracks another.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Server>> {
        self.0.values().flatten()
    }
}

// === impl Backend ===

impl Backend {
    /// A backend with the rotation that its servers' states make now.
    pub fn new(
        config: Arc<config::BackendConfig>,
        live: Arc<LiveBackend>,
        servers: Vec<Arc<Server>>,
        tables: Tables,
    ) -> Self {
        let rotation = Rotation::new(&config.balance, &servers);
        let jar = config.cookie.as_ref().map(|cookie| {
            let dynamic = live.dynamic_cookie(cookie);
            let made = |server: &Arc<Server>| {
                let key = dynamic.as_deref()?;
                Some(stick::dynamic_cookie(key, server.place.address()?).into())
            };
            let all =
                servers.iter().map(|server| (server.cookie().or_else(|| made(server)), Arc::clone(server)));
            PersistenceCookie::new(cookie, all)
        });
        Self { config, live, servers, rotation, jar, tables, rules: None }
    }

    /// The same backend with its rotation made anew.
    #[must_use]
    pub fn refreshed(&self) -> Self {
        self.with(self.servers.clone())
    }

    /// The same backend with other servers.
    #[must_use]
    pub fn with(&self, servers: Vec<Arc<Server>>) -> Self {
        let backend =
            Self::new(Arc::clone(&self.config), Arc::clone(&self.live), servers, self.tables.clone());
        Self { rules: self.rules.clone(), ..backend }
    }

    /// Whether it reads requests as `other` does: what they are hashed by, and what binds their clients to servers.
    pub fn reads_as(&self, other: &Self) -> bool {
        let (mine, theirs) = (&self.config, &other.config);
        self.live.id == other.live.id
            && mine.balance == theirs.balance
            && mine.cookie == theirs.cookie
            && mine.stick == theirs.stick
    }

    /// Picks a server and counts the exchange in on it.
    #[inline]
    pub fn pick(&self, key: u64, tried: &Tried) -> Pick {
        self.rotation.pick(&self.live.cursor, key, tried)
    }

    /// Counts the exchange in on the one server that its client is bound to; `Nobody` when that takes it no more.
    pub fn pick_bound(&self, wanted: ServerId) -> Pick {
        let server = self.servers.iter().find(|server| server.id == wanted);
        match server.map(Server::claim_bound) {
            Some(Ok(claim)) => Pick::Claimed(claim),
            Some(Err(Refusal::Full)) => Pick::Full,
            Some(Err(Refusal::Left)) | None => Pick::Nobody,
        }
    }

    /// The server that a key of its stick table is bound to, if that takes the request.
    pub fn bound(&self, key: &StickKey) -> Option<ServerId> {
        let bound = self.tables.stick.as_ref()?.table.bound(key)?;
        let named = bound.name.and_then(|name| self.server(&name));
        let server = named.or_else(|| self.servers.iter().find(|server| server.number == bound.number))?;
        server.takes_its_own().then_some(server.id)
    }

    /// Whether a server is in its slow start, so that the rotation is to be made anew as time goes on.
    pub fn is_warming(&self) -> bool {
        self.servers.iter().any(|server| server.slow_start_percent().is_some())
    }

    /// Whether it can take traffic: a server is usable, or it has none at all (HAProxy calls that up as well).
    pub fn is_up(&self) -> bool {
        self.servers.is_empty() || self.rotation.servers().next().is_some()
    }

    /// The server of that name.
    pub fn server(&self, name: &str) -> Option<&Arc<Server>> {
        self.servers.iter().find(|server| *server.name == *name)
    }
}
