//! What holds where a configuration says nothing: one page for every reader.

use std::thread;
use std::time::Duration;

use super::{
    Access, AgentConfig, BackendConfig, Balance, CaptureConfig, CaptureCookie, CaptureFields, Cookie,
    CookieMode, Forwarded, FrontendConfig, HealthCheckConfig, HealthStart, KeyType, Level, ProcessLimits,
    Protocol, ResolversConfig, RuleSet, RuntimeSocket, RuntimeSocketAddress, ServerConfig, StatsConfig,
    TableConfig, Timeouts,
};

/// Most data workers.
pub(super) const MOST_THREADS: usize = 512;

const SECOND: Duration = Duration::from_secs(1);

impl Default for ProcessLimits {
    fn default() -> Self {
        Self {
            threads: Self::cores(),
            maxconn: 20_000,
            is_maxconn_set: false,
            h2_waiting: 32 << 20,
            shutdown_grace: 30 * SECOND,
            node: None,
            description: None,
        }
    }
}

impl ProcessLimits {
    /// A data worker for each core, as far as that is allowed.
    pub(super) fn cores() -> usize {
        thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS)
    }
}

impl Default for RuntimeSocket {
    /// In the folder `run`, which a reader sees from the folder of its file.
    fn default() -> Self {
        Self { socket: RuntimeSocketAddress::Unix("run/lb.sock".into()), mode: 0o660, level: Level::Admin }
    }
}

impl Default for StatsConfig {
    fn default() -> Self {
        Self {
            bind: vec![([127, 0, 0, 1], 8404).into()],
            admin: false,
            hosts: Vec::new(),
            uri: Vec::new(),
            access: Access::default(),
        }
    }
}

impl Default for Access {
    fn default() -> Self {
        Self { users: Vec::new(), metrics: false, realm: "HAProxy Statistics".to_owned() }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: 2 * SECOND,
            client: 30 * SECOND,
            client_fin: 5 * SECOND,
            server: 30 * SECOND,
            http_request: 10 * SECOND,
            http_keep_alive: 60 * SECOND,
            queue: 5 * SECOND,
            tunnel: 3600 * SECOND,
        }
    }
}

impl FrontendConfig {
    /// A frontend that leads to `backend` and listens nowhere yet.
    pub fn new(name: &str, backend: &str) -> Self {
        Self {
            name: name.to_owned(),
            rank: 0,
            bind: Vec::new(),
            socket_stats: false,
            backend: backend.to_owned(),
            maxconn: None,
            forwarded: Forwarded::Append,
            max_head: 16 << 10,
            max_headers: 101,
            h2_max_streams: 100,
            h2_max_resets: 200,
            h2_max_control_frames: 10_000,
            capture: CaptureConfig::default(),
            track: None,
            rules: RuleSet::default(),
            timeout: Timeouts::default(),
        }
    }
}

impl Default for CaptureFields {
    fn default() -> Self {
        Self { names: Vec::new(), length: 64 }
    }
}

impl CaptureCookie {
    /// A cookie with the usual length.
    pub fn new(name: String) -> Self {
        Self { name, length: 63 }
    }
}

impl BackendConfig {
    /// A backend without servers.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            rank: 0,
            balance: Balance::RoundRobin,
            cookie: None,
            table: None,
            stick: None,
            protocol: Protocol::Http1,
            retries: 3,
            health: None,
            health_start: HealthStart::Up,
            resolve: SECOND,
            resolvers: None,
            max_idle: 256,
            idle_timeout: 60 * SECOND,
            rules: RuleSet::default(),
            timeout: Timeouts::default(),
            servers: Vec::new(),
        }
    }
}

impl ServerConfig {
    /// A server with nothing but a name and a place.
    pub fn new(name: &str, host: &str, port: u16) -> Self {
        Self {
            name: name.to_owned(),
            host: host.to_owned(),
            port,
            cookie: None,
            weight: 1,
            maxconn: 0,
            max_queue: 0,
            slow_start: Duration::ZERO,
            backup: false,
            disabled: false,
            health: None,
            agent: None,
            track: None,
        }
    }
}

impl HealthCheckConfig {
    /// A check of a backend that speaks `protocol`: a TCP connection.
    pub fn new(protocol: Protocol) -> Self {
        Self {
            path: None,
            protocol,
            host: None,
            port: None,
            interval: 2 * SECOND,
            timeout: SECOND,
            rise: 2,
            fall: 3,
            disable_on_404: false,
        }
    }
}

impl AgentConfig {
    /// An agent on a port of the server's address.
    pub fn new(port: u16) -> Self {
        Self { port, address: None, send: String::new(), interval: 2 * SECOND }
    }
}

impl ResolversConfig {
    /// A section without name servers.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), nameservers: Vec::new(), timeout: SECOND, attempts: 3 }
    }
}

impl Cookie {
    /// A cookie that the balancer adds.
    pub fn new(name: String) -> Self {
        Self {
            name,
            mode: CookieMode::Insert,
            indirect: false,
            nocache: false,
            postonly: false,
            preserve: false,
            httponly: false,
            secure: false,
            domains: Vec::new(),
            attributes: Vec::new(),
            max_idle: None,
            max_life: None,
            dynamic: false,
            dynamic_key: None,
        }
    }
}

impl Default for TableConfig {
    fn default() -> Self {
        Self { keys: KeyType::Ip, length: 32, size: 1024, expire: None, store: Vec::new() }
    }
}
