//! Right files, and what they mean field by field.

mod log;
mod watch;

use super::*;

const SMALLEST: &str = r#"
[frontend.fe_api]
bind = "0.0.0.0:5000"
backend = "api_nodes"

[backend.api_nodes.servers]
api0 = "api0:4000"
api1 = "api1:4000"
api2 = "api2:4000"
"#;

/// Everything, each key with a value that is not its default.
const EVERYTHING: &str = r#"
[process]
threads = 3
maxconn = 10_000
shutdown_grace = "0s"
node = "lb-1"
description = "the shop - its front door"

[[admin]]
socket = "/run/lb/admin.sock"
mode = "0600"
level = "operator"

[[admin]]
socket = "user.sock"
level = "user"

[stats]
bind = ["0.0.0.0:8405", "[::1]:8405"]

[log]
format = "http"
target = "log/access.log"
facility = "local3"
tag = "lb0"
length = 1024
buffer = 100
level = "notice"
min_level = "err"
health_checks = true

[timeout]
connect = "250ms"
client = "1m"

[resolvers.dns]
nameservers = ["127.0.0.11", { address = "[::1]:5353", name = "six" }]
timeout = "2s"
attempts = 5

[frontend.web]
bind = ["0.0.0.0:80", { address = "[::]:80", name = "six" }]
socket_stats = true
backend = "b"
forwarded = false
max_head = "8KiB"
max_headers = 50
h2_max_streams = 7
h2_max_resets = 8
h2_max_control_frames = 9
capture_request = ["Host", "User-Agent"]
capture_response = "Server"
capture_length = 20
capture_cookie = { name = "SID=", length = 30 }
track = { key = "header:X-Id", table = "a" }
timeout = { http_request = "3s", http_keep_alive = "4s", client = "5s", client_fin = "6s" }

[frontend.api]
bind = "127.0.0.1:0"
backend = "a"

[backend.b]
balance = "header:X-Session"
cookie = { name = "SRV", indirect = true, nocache = true, httponly = true, secure = true, postonly = true, preserve = true, domain = "a.example", attributes = ["SameSite=Lax"], max_idle = "30m", max_life = "8h", dynamic = true, dynamic_key = "k" }
protocol = "h2c"
retries = 0
health = { path = "/health?deep=1", host = "b.example:80", port = 81, interval = "3s", timeout = "500ms", rise = 4, fall = 5 }
health_start = "checked"
resolve = "30s"
resolvers = "dns"
max_idle = 0
idle_timeout = "5s"

[backend.b.timeout]
connect = "1s"
server = "2h"
queue = "6s"
tunnel = "24h"

[backend.b.servers]
z = { address = "10.0.0.1:4000", cookie = "cz", slow_start = "9s" }
a = { address = "[::1]:4000", weight = 10, maxconn = 200, backup = true, disabled = true }
m = "api.internal:65535"

[backend.a]
health = {}
stick = { on = "src", table = "a" }
table = { type = "string", length = 9, size = 7, expire = "10m", store = ["conn_rate(10s)", "gpc0", "gpc0"] }
"#;

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("etc/lb.toml")).unwrap_or_else(|faults| panic!("{faults}"))
}

fn server(name: &str, host: &str, port: u16) -> ServerConfig {
    ServerConfig::new(name, host, port)
}

fn bind(text: &str) -> Bind {
    text.parse::<SocketAddr>().unwrap().into()
}

#[test]
fn defaults_of_the_smallest_file() {
    let seconds = Duration::from_secs;
    let config = parse(SMALLEST);
    assert!((1..=512).contains(&config.process.threads));
    let expected = Config {
        file: "etc/lb.toml".into(),
        process: ProcessLimits {
            threads: config.process.threads,
            maxconn: 20_000,
            is_maxconn_set: false,
            h2_waiting: 32 << 20,
            shutdown_grace: seconds(30),
            node: None,
            description: None,
        },
        admin: vec![RuntimeSocket {
            socket: RuntimeSocketAddress::Unix("etc/run/lb.sock".into()),
            mode: 0o660,
            level: Level::Admin,
        }],
        stats: StatsConfig {
            bind: vec!["127.0.0.1:8404".parse().unwrap()],
            admin: false,
            hosts: Vec::new(),
            uri: Vec::new(),
            access: Access::default(),
        },
        logs: vec![LogConfig {
            format: LogFormat::Json,
            target: LogTarget::Stderr,
            level: LogLevel::Debug,
            min_level: LogLevel::Emergency,
            facility: Facility::named("local0").unwrap(),
            tag: "haproxy".into(),
            length: 8192,
            buffer: 16_384,
            health_checks: false,
        }],
        frontends: vec![FrontendConfig {
            name: "fe_api".into(),
            rank: 0,
            bind: vec![bind("0.0.0.0:5000")],
            socket_stats: false,
            backend: "api_nodes".into(),
            maxconn: None,
            forwarded: Forwarded::Append,
            max_head: 16 * 1024,
            max_headers: 101,
            h2_max_streams: 100,
            h2_max_resets: 200,
            h2_max_control_frames: 10_000,
            capture: CaptureConfig {
                request: CaptureFields { names: vec![], length: 64 },
                response: CaptureFields { names: vec![], length: 64 },
                cookie: None,
            },
            track: None,
            rules: RuleSet::default(),
            timeout: Timeouts::default(),
        }],
        backends: vec![BackendConfig {
            name: "api_nodes".into(),
            rank: 1,
            balance: Balance::RoundRobin,
            cookie: None,
            table: None,
            stick: None,
            protocol: Protocol::Http1,
            retries: 3,
            health: None,
            health_start: HealthStart::Up,
            resolve: seconds(1),
            resolvers: None,
            max_idle: 256,
            idle_timeout: seconds(60),
            rules: RuleSet::default(),
            timeout: Timeouts {
                connect: seconds(2),
                client: seconds(30),
                server: seconds(30),
                http_request: seconds(10),
                http_keep_alive: seconds(60),
                client_fin: seconds(5),
                queue: seconds(5),
                tunnel: seconds(3600),
            },
            servers: (0..3).map(|i| server(&format!("api{i}"), &format!("api{i}"), 4000)).collect(),
        }],
        resolvers: Vec::new(),
    };
    assert_eq!(config, expected);
}

#[test]
fn everything_said() {
    let seconds = Duration::from_secs;
    let config = parse(EVERYTHING);
    let process = &config.process;
    assert_eq!((process.threads, process.maxconn, process.shutdown_grace), (3, 10_000, Duration::ZERO));
    assert_eq!(process.node.as_deref(), Some("lb-1"));
    assert_eq!(process.description.as_deref(), Some("the shop - its front door"));
    let sockets = [
        RuntimeSocket {
            socket: RuntimeSocketAddress::Unix("/run/lb/admin.sock".into()),
            mode: 0o600,
            level: Level::Operator,
        },
        RuntimeSocket {
            socket: RuntimeSocketAddress::Unix("etc/user.sock".into()),
            mode: 0o660,
            level: Level::User,
        },
    ];
    assert_eq!(config.admin, sockets);
    assert_eq!(config.stats.bind, ["0.0.0.0:8405".parse().unwrap(), "[::1]:8405".parse().unwrap()]);
    assert_eq!(
        config.logs,
        [LogConfig {
            format: LogFormat::Http,
            target: LogTarget::File("etc/log/access.log".into()),
            level: LogLevel::Notice,
            min_level: LogLevel::Error,
            facility: Facility::named("local3").unwrap(),
            tag: "lb0".into(),
            length: 1024,
            buffer: 100,
            health_checks: true,
        }]
    );

    let nameserver =
        |name: &str, address: &str| Nameserver { name: name.into(), address: address.parse().unwrap() };
    let dns = ResolversConfig {
        name: "dns".into(),
        nameservers: vec![nameserver("127.0.0.11", "127.0.0.11:53"), nameserver("six", "[::1]:5353")],
        timeout: seconds(2),
        attempts: 5,
    };
    assert_eq!((config.resolvers, config.backends[0].resolvers.as_deref()), (vec![dns], Some("dns")));

    let global = Timeouts { connect: Duration::from_millis(250), client: seconds(60), ..Timeouts::default() };
    let web = FrontendConfig {
        name: "web".into(),
        rank: 0,
        bind: vec![bind("0.0.0.0:80"), Bind { name: Some("six".into()), ..bind("[::]:80") }],
        socket_stats: true,
        backend: "b".into(),
        maxconn: None,
        forwarded: Forwarded::Off,
        max_head: 8192,
        max_headers: 50,
        h2_max_streams: 7,
        h2_max_resets: 8,
        h2_max_control_frames: 9,
        capture: CaptureConfig {
            request: CaptureFields { names: vec!["Host".into(), "User-Agent".into()], length: 20 },
            response: CaptureFields { names: vec!["Server".into()], length: 20 },
            cookie: Some(CaptureCookie { name: "SID=".into(), length: 30 }),
        },
        track: Some(KeyedBy { on: KeySource::Header("x-id".into()), table: "a".into() }),
        rules: RuleSet::default(),
        timeout: Timeouts {
            http_request: seconds(3),
            http_keep_alive: seconds(4),
            client_fin: seconds(6),
            client: seconds(5),
            ..global
        },
    };
    assert_eq!(config.frontends[0], web);
    assert_eq!((config.frontends[1].name.as_str(), config.frontends[1].timeout), ("api", global));

    let [b, a] = config.backends.as_slice() else { panic!("two backends, in file order") };
    let limits = (seconds(1), seconds(7200), seconds(6), seconds(86_400));
    let Timeouts { connect, server: inactivity, queue, tunnel, .. } = b.timeout;
    assert_eq!((connect, inactivity, queue, tunnel), limits);
    assert_eq!(b.timeout.client, seconds(60), "the global limit shows through");
    assert_eq!((&b.balance, b.protocol), (&Balance::Header("x-session".into()), Protocol::H2c));
    assert_eq!((b.retries, b.max_idle, b.idle_timeout, b.resolve), (0, 0, seconds(5), seconds(30)));
    assert_eq!(b.health_start, HealthStart::Checked);
    let health = HealthCheckConfig {
        protocol: Protocol::H2c,
        path: Some("/health?deep=1".into()),
        host: Some("b.example:80".into()),
        port: Some(81),
        interval: seconds(3),
        timeout: Duration::from_millis(500),
        rise: 4,
        fall: 5,
        disable_on_404: false,
    };
    assert_eq!(b.health.as_ref(), Some(&health));
    let second =
        ServerConfig { weight: 10, maxconn: 200, backup: true, disabled: true, ..server("a", "::1", 4000) };
    let first =
        ServerConfig { cookie: Some("cz".into()), slow_start: seconds(9), ..server("z", "10.0.0.1", 4000) };
    let servers = [first, second, server("m", "api.internal", 65_535)];
    assert_eq!(b.servers, servers.map(|server| ServerConfig { health: Some(health.clone()), ..server }));

    let cookie = Cookie {
        name: "SRV".into(),
        mode: CookieMode::Insert,
        indirect: true,
        nocache: true,
        postonly: true,
        preserve: true,
        httponly: true,
        secure: true,
        domains: vec!["a.example".into()],
        attributes: vec!["SameSite=Lax".into()],
        max_idle: Some(seconds(1800)),
        max_life: Some(seconds(28_800)),
        dynamic: true,
        dynamic_key: Some("k".into()),
    };
    assert_eq!(b.cookie, Some(cookie));

    assert_eq!((a.name.as_str(), a.servers.len()), ("a", 0));
    let stored = |kind, period| Stored { kind, period: seconds(period) };
    let store = vec![
        stored(Datum::ServerId, 0),
        stored(Datum::Gpc0, 0),
        stored(Datum::ConnRate, 10),
        stored(Datum::ServerKey, 0),
    ];
    let table = TableConfig { keys: KeyType::String, length: 9, size: 7, expire: Some(seconds(600)), store };
    assert_eq!(a.table, Some(table));
    assert_eq!(a.stick, Some(KeyedBy { on: KeySource::Src, table: "a".into() }));
    let (interval, timeout) = (seconds(2), seconds(1));
    let tcp = HealthCheckConfig {
        path: None,
        protocol: Protocol::Http1,
        host: None,
        port: None,
        interval,
        timeout,
        rise: 2,
        fall: 3,
        disable_on_404: false,
    };
    assert_eq!(a.health.as_ref(), Some(&tcp), "without a path a check is a TCP connection");
}

#[test]
fn the_documented_defaults_are_the_defaults() {
    let said = r#"
        [process]
        threads = 0
        maxconn = 20000
        shutdown_grace = "30s"
        [admin]
        socket = "run/lb.sock"
        mode = "0660"
        level = "admin"
        [stats]
        bind = "127.0.0.1:8404"
        [log]
        format = "json"
        target = "stderr"
        [timeout]
        connect = "2s"
        client = "30s"
        server = "30s"
        http_request = "10s"
        http_keep_alive = "60s"
        queue = "5s"
        tunnel = "1h"
        [frontend.fe_api]
        bind = "0.0.0.0:5000"
        backend = "api_nodes"
        forwarded = true
        max_head = "16KiB"
        max_headers = 101
        h2_max_streams = 100
        h2_max_resets = 200
        h2_max_control_frames = 10_000
        [backend.api_nodes]
        balance = "roundrobin"
        protocol = "http1"
        retries = 3
        health = { path = "/health", interval = "2s", timeout = "1s", rise = 2, fall = 3 }
        health_start = "up"
        resolve = "1s"
        max_idle = 256
        idle_timeout = "60s"
        [backend.api_nodes.servers]
        api0 = "api0:4000"
        api1 = { address = "api1:4000", weight = 1, maxconn = 0, backup = false, disabled = false }
        api2 = "api2:4000"
    "#;
    // A check is the one thing there that is off by default; its own keys have the defaults said.
    let checked = format!("{SMALLEST}[backend.api_nodes]\nhealth.path = \"/health\"");
    let mut said = parse(said);
    // A default that is said is a promise.
    assert!(std::mem::take(&mut said.process.is_maxconn_set));
    assert_eq!(said, parse(&checked));
}

#[test]
fn a_check_speaks_what_its_backend_speaks_unless_it_says_otherwise() {
    let checked = |lines: &str| {
        let config = parse(&format!("{SMALLEST}[backend.b]\n{lines}\nhealth.path = \"/\""));
        config.backends[1].health.as_ref().map(|check| check.protocol)
    };
    assert_eq!(checked(""), Some(Protocol::Http1));
    assert_eq!(checked("protocol = \"h2c\""), Some(Protocol::H2c));
    assert_eq!(checked("protocol = \"h2c\"\nhealth.protocol = \"http1\""), Some(Protocol::Http1));
}

#[test]
fn each_balance() {
    let words = [
        ("roundrobin", Balance::RoundRobin),
        ("static-rr", Balance::StaticRr),
        ("leastconn", Balance::LeastConn),
        ("random", Balance::Random),
        ("first", Balance::First),
        ("source", Balance::Source),
        ("uri", Balance::Uri),
        ("header:Cookie", Balance::Header("cookie".into())),
        ("hdr(Cookie)", Balance::Header("cookie".into())),
    ];
    for (word, balance) in words {
        let config = parse(&format!("{SMALLEST}[backend.b]\nbalance = \"{word}\""));
        assert_eq!(config.backends[1].balance, balance, "{word}");
    }
}

#[test]
fn proxies_are_in_the_order_of_the_file_and_listen_is_both() {
    let text = r#"
        [backend.a]
        retries = 1
        [backend.a.servers]
        s = "a:1"
        [listen.l]
        bind = "127.0.0.1:80"
        maxconn = 7
        balance = "static-rr"
        timeout = { client = "3s", server = "4s" }
        servers.s = "a:2"
        [frontend.f]
        bind = "127.0.0.1:81"
        backend = "l"
    "#;
    let config = parse(text);
    let [l, f] = config.frontends.as_slice() else { panic!("two frontends") };
    let [a, of_l] = config.backends.as_slice() else { panic!("two backends") };
    assert_eq!([l.rank, f.rank, a.rank, of_l.rank], [1, 2, 0, 1]);
    assert_eq!([&*l.name, &*l.backend, &*of_l.name, &*f.backend], ["l"; 4]);
    assert_eq!((l.maxconn, of_l.balance.clone(), of_l.servers.len()), (Some(7), Balance::StaticRr, 1));
    assert_eq!((l.timeout.client, of_l.timeout.server), (Duration::from_secs(3), Duration::from_secs(4)));
}

#[test]
fn what_is_switched_off_stays_off() {
    let config = parse(&format!("admin = []\nstats.bind = []\nlog.format = \"off\"\n{SMALLEST}"));
    assert_eq!((config.admin.len(), config.stats.bind.len()), (0, 0));
    assert_eq!(config.logs.iter().map(|log| log.format).collect::<Vec<_>>(), [LogFormat::Off]);
    assert_eq!(parse(&format!("log = []\n{SMALLEST}")).logs, []);
}

#[test]
fn ports_and_addresses_that_do_not_collide() {
    let text = r#"
        stats.bind = "127.0.0.1:0"
        [frontend.a]
        bind = ["127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:80"]
        backend = "b"
        [frontend.c]
        bind = ["127.0.0.1:0", "127.0.0.2:80", "[::1]:80"]
        backend = "b"
        [backend.b]
    "#;
    assert_eq!(parse(text).frontends.len(), 2);
}
