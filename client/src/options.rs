//! What the judge can be told on its command line or by its environment.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use humantime::parse_duration;

use crate::mix::Mix;

/// The settings of one client.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Options {
    /// Where to send requests: http://HOST:PORT
    #[arg(long, env = "CLIENT_TARGET", default_value = "http://127.0.0.1:5000")]
    pub target: Target,

    /// The name that this client's lines begin with
    #[arg(long, env = "CLIENT_NAME", default_value = "client0")]
    pub name: String,

    /// Connections; each sends one request after the other
    #[arg(long, env = "CLIENT_CONNECTIONS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub connections: u32,

    /// Requests a second over all connections; 0 is as fast as it can
    #[arg(long, env = "CLIENT_RATE", default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub rate: u32,

    /// Ends after this time (30s, 5m); without it and --requests, at SIGTERM or SIGINT
    #[arg(long, env = "CLIENT_DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,

    /// Ends after this many requests
    #[arg(long, env = "CLIENT_REQUESTS")]
    pub requests: Option<u64>,

    /// How often each kind of request comes, as weights
    #[arg(long, env = "CLIENT_MIX", default_value = "get=60,post=15,slow=5,upload=8,bytes=5,sse=4,ws=3")]
    pub mix: Mix,

    /// The longest a request may take, from connecting to the last byte
    #[arg(long, env = "CLIENT_TIMEOUT", default_value = "15s", value_parser = parse_duration)]
    pub timeout: Duration,

    /// How long to wait for the target's first good answer before judging; 0s judges from the start
    #[arg(long, env = "CLIENT_WAIT_READY", default_value = "30s", value_parser = parse_duration)]
    pub wait_ready: Duration,

    /// The longest body of post and upload, bytes
    #[arg(long, env = "CLIENT_BODY", default_value_t = 16_384, value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    pub body: u32,

    /// The longest answer asked for by bytes, bytes
    #[arg(long, env = "CLIENT_BYTES", default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..=1_073_741_824))]
    pub bytes: u32,

    /// How long slow asks the node to take
    #[arg(long, env = "CLIENT_SLOW", default_value = "300ms", value_parser = parse_duration)]
    pub slow: Duration,

    /// The number of events of sse
    #[arg(long, env = "CLIENT_EVENTS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub events: u32,

    /// The pause between two events of sse, and between two messages of ws
    #[arg(long, env = "CLIENT_PAUSE", default_value = "20ms", value_parser = parse_duration)]
    pub pause: Duration,

    /// How many failures the report lists one by one; all are counted
    #[arg(long, env = "CLIENT_KEEP_FAILURES", default_value_t = 1000)]
    pub keep_failures: usize,

    /// The time between two live lines
    #[arg(long, env = "CLIENT_LIVE_INTERVAL", default_value = "1s", value_parser = nonzero_duration)]
    pub live_interval: Duration,

    /// Where `client healthcheck` is answered, best a loopback address; port 0 takes a free one. Not at all without it
    #[arg(long, env = "CLIENT_HEALTH", global = true)]
    pub health: Option<SocketAddr>,

    /// Unhealthy after this long without a good answer
    #[arg(long, env = "CLIENT_STALLED_AFTER", default_value = "5s", value_parser = nonzero_duration)]
    pub stalled_after: Duration,

    /// Prints no first answers and no live lines
    #[arg(long, env = "CLIENT_QUIET")]
    pub quiet: bool,

    /// Prints the report as JSON instead of tables
    #[arg(long, env = "CLIENT_JSON")]
    pub json: bool,
}

/// An origin to send requests to, over plain HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name or address that is dialled (an IPv6 address without brackets).
    pub host: String,
    /// The port that is dialled.
    pub port: u16,
    authority: String,
}

// === impl Options ===

impl Default for Options {
    /// The defaults of the command line; the environment is not looked at.
    fn default() -> Self {
        Self {
            target: Target::from(SocketAddr::from(([127, 0, 0, 1], 5000))),
            name: "client0".into(),
            connections: 20,
            rate: 200,
            duration: None,
            requests: None,
            mix: Mix::default(),
            timeout: Duration::from_secs(15),
            wait_ready: Duration::from_secs(30),
            body: 16_384,
            bytes: 65_536,
            slow: Duration::from_millis(300),
            events: 5,
            pause: Duration::from_millis(20),
            keep_failures: 1000,
            live_interval: Duration::from_secs(1),
            health: None,
            stalled_after: Duration::from_secs(5),
            quiet: false,
            json: false,
        }
    }
}

fn nonzero_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be longer than 0s".into()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

// === impl Target ===

impl Target {
    /// `HOST:PORT`, as the `host` header says it.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl From<SocketAddr> for Target {
    fn from(addr: SocketAddr) -> Self {
        Self { host: addr.ip().to_string(), port: addr.port(), authority: addr.to_string() }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let usage = || format!("invalid target \"{text}\": expected http://HOST:PORT");
        let uri: http::Uri = text.parse().map_err(|_| usage())?;
        let authority = uri.authority().ok_or_else(usage)?;
        let bare = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
        if uri.scheme_str() != Some("http") || !bare || authority.host().is_empty() {
            return Err(usage());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        // A port that is there but no number is a mistake, not port 80.
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if authority.as_str().len() == authority.host().len() => 80,
            None => return Err(usage()),
        };
        Ok(Self { host, port, authority: authority.to_string() })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        for (text, host, port, authority) in [
            ("http://lb0:5000", "lb0", 5000, "lb0:5000"),
            ("http://127.0.0.1:5000/", "127.0.0.1", 5000, "127.0.0.1:5000"),
            ("http://[::1]:80", "::1", 80, "[::1]:80"),
            ("http://lb0", "lb0", 80, "lb0"),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!((target.host.as_str(), target.port, target.authority()), (host, port, authority));
        }
        for bad in
            ["", "lb0:5000", "https://lb0", "http://lb0/path", "http://lb0/?q", "http://", "http://a:b", "/"]
        {
            assert!(bad.parse::<Target>().is_err(), "{bad} was taken");
        }
    }
}
