//! The validated configuration: the only form of it that other modules see.
//!
//! The types here are the model. Its defaults are in `defaults`, what its parts say about each other is checked in `links`, and what is
//! allowed but probably not meant is in `doubts`: all of it for every reader. `toml` is the reader of `lb.toml`; it hands over the model and
//! the places of what it read. [`Config::load`] reports every fault at once and yields values that need no further checking. Nothing here
//! starts, binds or resolves anything.

mod changed;
mod defaults;
mod doubts;
mod fault;
mod links;
mod log;
mod place;
mod resolvers;
mod rules;
mod stats;
mod stick;
mod table;
mod toml;
mod units;
mod watch;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use changed::{changed_server, changed_settings};
pub use fault::{ConfigFault, Faults, SourceFile};
pub use log::{Facility, LogConfig, LogFormat, LogLevel, LogTarget};
pub use place::{Place, Placed};
pub use resolvers::{Nameserver, ResolversConfig};
pub use rules::{RuleFault, RuleLine, RuleSet, words};
pub use stats::{Access, Login, Secret, StatsConfig};
pub use stick::{Cookie, CookieMode};
pub use table::{Datum, KeySource, KeyType, KeyedBy, Stored, TableConfig};
pub use units::{host_and_port, is_host, is_name, is_server_cookie};
pub use watch::{AgentConfig, HealthCheckConfig, HealthStart, TrackConfig};

/// A whole configuration, checked: names resolve to each other, limits are in range.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file it came from; relative paths in it are already resolved against its folder.
    pub file: PathBuf,
    /// `[process]`: limits of the whole process.
    pub process: ProcessLimits,
    /// `[admin]` or `[[admin]]`: the runtime sockets.
    pub admin: Vec<RuntimeSocket>,
    /// `[stats]`: where the pages and metrics are served.
    pub stats: StatsConfig,
    /// `[log]` or `[[log]]`: the logs.
    pub logs: Vec<LogConfig>,
    /// `[frontend.NAME]` and the first half of each `[listen.NAME]`, in file order.
    pub frontends: Vec<FrontendConfig>,
    /// `[backend.NAME]` and the second half of each `[listen.NAME]`, in file order.
    pub backends: Vec<BackendConfig>,
    /// `[resolvers.NAME]`, in file order.
    pub resolvers: Vec<ResolversConfig>,
}

/// Limits of the process.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessLimits {
    /// Data workers, at least one; the file's `0` has become the number of cores.
    pub threads: usize,
    /// Client connections held at once.
    pub maxconn: u32,
    /// Whether the file says so: a default is lowered where the system allows fewer open files, any other is a promise.
    pub is_maxconn_set: bool,
    /// Bytes that may wait for clients of HTTP/2 that do not read, before each of their streams gets but a little.
    pub h2_waiting: usize,
    /// How long in-flight exchanges may finish after SIGTERM.
    pub shutdown_grace: Duration,
    /// Name of this balancer in reports; `None` means the machine's.
    pub node: Option<String>,
    /// What it is for, in reports.
    pub description: Option<String>,
}

/// One runtime socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeSocket {
    /// Where it is.
    pub socket: RuntimeSocketAddress,
    /// Permission bits of the socket file; they mean nothing for an address.
    pub mode: u32,
    /// What a connection to it may do.
    pub level: Level,
}

/// Where a runtime socket is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RuntimeSocketAddress {
    /// Path of a Unix socket, absolute or relative to the working directory.
    Unix(PathBuf),
    /// An address.
    Tcp(SocketAddr),
}

/// Permission level of a runtime socket, lowest first (HAProxy manual, `stats socket`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Reads what is not sensitive.
    User,
    /// Reads everything, clears maxima.
    Operator,
    /// Changes state.
    Admin,
}

/// Time limits in force for a frontend or a backend: the global ones with its own on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Establishing a connection to a server.
    pub connect: Duration,
    /// Inactivity on the client side while data is expected from it or it does not read.
    pub client: Duration,
    /// Inactivity on the server side, likewise.
    pub server: Duration,
    /// Receiving a whole request head, from its first byte (from accept for the first one).
    pub http_request: Duration,
    /// For the answer to a client that has closed its side of the connection and may be listening, or gone.
    pub client_fin: Duration,
    /// Waiting between two requests of a connection.
    pub http_keep_alive: Duration,
    /// Waiting in a queue for a server with room.
    pub queue: Duration,
    /// Inactivity of an upgraded stream, both directions.
    pub tunnel: Duration,
}

/// What servers see of `X-Forwarded-For`, `-Proto` and `-Host`, and what becomes of those that a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    /// Nothing is added, and a client's own fields pass.
    Off,
    /// `X-Forwarded-For` gets one more line with the client's address; `-Proto` and `-Host` are replaced; `Forwarded` (RFC 7239) and others pass.
    Append,
    /// All `X-Forwarded-` fields and `Forwarded` of the client are dropped: for balancers that clients reach directly.
    Replace,
    /// `X-Forwarded-For` gets one more line; `-Proto` and `-Host` stay where they were sent, and are added where not: for balancers behind a
    /// trusted proxy.
    Keep,
}

/// A frontend: where clients connect.
#[derive(Debug, Clone, PartialEq)]
pub struct FrontendConfig {
    /// Its name, unique among frontends and backends but for the two halves of a `listen` section, which have one name.
    pub name: String,
    /// Its place among all proxies of the file, from 0.
    pub rank: usize,
    /// Addresses it listens on, at least one.
    pub bind: Vec<Bind>,
    /// Whether each of its addresses has statistics of its own (HAProxy's `option socket-stats`).
    pub socket_stats: bool,
    /// Name of the backend that takes its requests; it exists.
    pub backend: String,
    /// Client connections held at once; `None`: as many as the process holds.
    pub maxconn: Option<u32>,
    /// The `X-Forwarded` fields that servers see.
    pub forwarded: Forwarded,
    /// Largest request head, bytes.
    pub max_head: usize,
    /// Most header fields in a request.
    pub max_headers: usize,
    /// Streams at once on a connection of HTTP/2.
    pub h2_max_streams: u32,
    /// Streams that a client may break off within a second; more end its connection.
    pub h2_max_resets: u32,
    /// Frames of HTTP/2 that carry no message, of which a client may send so many within a second.
    pub h2_max_control_frames: u32,
    /// Header fields that the log shows.
    pub capture: CaptureConfig,
    /// What is written down of its clients, and where (HAProxy's `http-request track-sc0`).
    pub track: Option<KeyedBy>,
    /// Its rules, and the routes to other backends.
    pub rules: RuleSet,
    /// Time limits.
    pub timeout: Timeouts,
}

/// An address that a frontend listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The address.
    pub address: SocketAddr,
    /// Its name in the statistics, if it has one.
    pub name: Option<String>,
}

/// What of heads the log shows (HAProxy's `capture request header` and `capture response header`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaptureConfig {
    /// Of requests.
    pub request: CaptureFields,
    /// Of responses.
    pub response: CaptureFields,
    /// The cookie of both (HAProxy's `capture cookie`).
    pub cookie: Option<CaptureCookie>,
}

/// A cookie that the log shows, as `name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureCookie {
    /// What its name begins with; the whole name when this ends with `=`.
    pub name: String,
    /// Most bytes of name and value.
    pub length: usize,
}

/// Fields of one kind of heads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureFields {
    /// Their names, in the order in which the log shows them.
    pub names: Vec<String>,
    /// Most bytes of a value.
    pub length: usize,
}

/// A backend: a group of servers.
#[derive(Debug, Clone, PartialEq)]
pub struct BackendConfig {
    /// Its name, unique as a frontend's is.
    pub name: String,
    /// Its place among all proxies of the file, from 0.
    pub rank: usize,
    /// How a server is picked.
    pub balance: Balance,
    /// The cookie that binds clients to its servers.
    pub cookie: Option<Cookie>,
    /// Its stick table.
    pub table: Option<TableConfig>,
    /// The key that binds clients to its servers, and where it is looked up.
    pub stick: Option<KeyedBy>,
    /// What its servers speak.
    pub protocol: Protocol,
    /// Attempts after the first.
    pub retries: u32,
    /// Active checks, if any; those of each server are in its own `health`.
    pub health: Option<HealthCheckConfig>,
    /// What a server with checks is taken for before the first check.
    pub health_start: HealthStart,
    /// How often server names are looked up again.
    pub resolve: Duration,
    /// The name servers that are asked; the system where there are none.
    pub resolvers: Option<String>,
    /// Idle connections kept to each server by each worker.
    pub max_idle: usize,
    /// How long an idle connection to a server is kept.
    pub idle_timeout: Duration,
    /// Its rules; those of a section that is a frontend too are the frontend's.
    pub rules: RuleSet,
    /// Time limits.
    pub timeout: Timeouts,
    /// Its servers, in file order; may be empty.
    pub servers: Vec<ServerConfig>,
}

/// What servers speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 without TLS, from the first byte on (RFC 9113 section 3.3).
    H2c,
}

/// How a server is picked (HAProxy manual, `balance`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Balance {
    /// Smooth weighted round robin.
    RoundRobin,
    /// The same, with weights and servers that stay as configured.
    StaticRr,
    /// Fewest requests in flight, in proportion to weight.
    LeastConn,
    /// Two drawn at random by weight, the less loaded of the two.
    Random,
    /// The first with room.
    First,
    /// Consistent hash of the client's address.
    Source,
    /// Consistent hash of the path, without the query.
    Uri,
    /// Consistent hash of a header field, lower-case name.
    Header(String),
}

/// A server of a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Its name, unique in the backend.
    pub name: String,
    /// Host name or IP address (without brackets).
    pub host: String,
    /// Port, not 0.
    pub port: u16,
    /// What stands for it in the backend's cookie.
    pub cookie: Option<String>,
    /// Share of the traffic, 0 to 256.
    pub weight: u32,
    /// Requests in flight at once; 0 = no limit.
    pub maxconn: u32,
    /// Requests that may wait for it because their clients are bound to it; 0 = no limit.
    pub max_queue: u32,
    /// How long it takes to get its whole share of the traffic when it has come back; 0: it has it at once.
    pub slow_start: Duration,
    /// Whether it is used only when no other server is usable.
    pub backup: bool,
    /// Whether it starts in maintenance.
    pub disabled: bool,
    /// How it is checked; `None`: not at all.
    pub health: Option<HealthCheckConfig>,
    /// Its agent, if any.
    pub agent: Option<AgentConfig>,
    /// The server that it follows, if any; it exists, and has checks, an agent, or another one to follow.
    pub track: Option<TrackConfig>,
}

// === impl Config ===

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// All faults of the file at once, each with its place; also when the file cannot be read.
    pub fn load(file: &Path) -> Result<Self, Faults> {
        self::toml::load(file)
    }

    /// Checks configuration text as if it had been read from `file`.
    ///
    /// # Errors
    /// All faults of the text at once, each with its place.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Faults> {
        self::toml::parse(text, file)
    }

    /// The faults that were found in its rules, with its text as it is now.
    pub fn rejected(&self, found: Vec<RuleFault>) -> Faults {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let mut faults = Faults::none(&self.file, &text);
        for RuleFault { place, message, suggestion } in found {
            faults.add(&place, message, suggestion);
        }
        faults.sorted()
    }
}

impl RuntimeSocketAddress {
    /// Reads `127.0.0.1:9999`, with or without HAProxy's `ipv4@` or a URL's `tcp://` before it; everything else is a path, which may be
    /// written with `unix@`. Nothing when what says that it is an address is none.
    pub fn parse(text: &str) -> Option<Self> {
        let marked = ["tcp://", "tcp@", "ipv4@", "ipv6@"].iter().find_map(|mark| text.strip_prefix(mark));
        match (marked, text.parse()) {
            (Some(address), _) => address.parse().ok().map(Self::Tcp),
            (None, Ok(address)) => Some(Self::Tcp(address)),
            (None, Err(_)) => Some(Self::Unix(text.strip_prefix("unix@").unwrap_or(text).into())),
        }
    }

    /// The form in which [`RuntimeSocketAddress::parse`] reads it back and people write it.
    pub fn written(&self) -> PathBuf {
        match self {
            Self::Unix(path) => path.clone(),
            Self::Tcp(address) => address.to_string().into(),
        }
    }
}

/// HAProxy's form: `unix@/run/lb.sock`, `ipv4@127.0.0.1:9999`.
impl fmt::Display for RuntimeSocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix@{}", path.display()),
            Self::Tcp(address) => write!(f, "ipv{}@{address}", if address.is_ipv4() { 4 } else { 6 }),
        }
    }
}

// === impl Balance ===

impl Balance {
    /// Whether weights and servers can change at run time.
    pub fn is_dynamic(&self) -> bool {
        *self != Self::StaticRr
    }
}

// === impl Bind ===

impl From<SocketAddr> for Bind {
    fn from(address: SocketAddr) -> Self {
        Self { address, name: None }
    }
}
