//! What a node can be told on its command line or by its environment. Refuses names that cannot be a header's value.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::HeaderValue;

/// The settings of one node.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Options {
    /// The node's name, sent in every answer as `x-node`
    #[arg(long, env = "API_NAME", default_value = "api0", value_parser = header_text)]
    pub name: String,

    /// The label of the deployed version, sent in every answer as `x-version`
    #[arg(id = "version-label", long, env = "API_VERSION", default_value = "v1", value_parser = header_text)]
    pub version: String,

    /// The address and port to listen on; port 0 takes a free one
    #[arg(long, env = "API_BIND", default_value = "0.0.0.0:4000", global = true)]
    pub bind: SocketAddr,

    /// The most connections at a time; those beyond wait until one is closed
    #[arg(long, env = "API_MAXCONN", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub maxconn: u32,

    /// How long the application takes to start: nothing listens before (250ms, 2s, 5m)
    #[arg(long, env = "API_STARTUP_DELAY", default_value = "0s", value_parser = humantime::parse_duration)]
    pub startup_delay: Duration,

    /// How long requests in flight may take to finish after SIGTERM (250ms, 2s, 5m)
    #[arg(long, env = "API_GRACE", default_value = "10s", value_parser = humantime::parse_duration)]
    pub grace: Duration,
}

// === impl Options ===

impl Default for Options {
    /// The defaults of the command line; the environment is not looked at.
    fn default() -> Self {
        Self {
            name: "api0".into(),
            version: "v1".into(),
            bind: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 4000)),
            // A process has 1024 descriptors as a rule: the limit is met before they run out.
            maxconn: 1000,
            startup_delay: Duration::ZERO,
            grace: Duration::from_secs(10),
        }
    }
}

impl Options {
    /// A node of this name and version on a free port of 127.0.0.1: what tests start.
    #[must_use]
    pub fn local(name: &str, version: &str) -> Self {
        let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { name: name.into(), version: version.into(), bind, ..Self::default() }
    }
}

fn header_text(text: &str) -> Result<String, String> {
    let sendable = !text.is_empty() && HeaderValue::from_str(text).is_ok_and(|value| value.to_str().is_ok());
    if sendable && text.trim() == text {
        Ok(text.to_owned())
    } else {
        Err("it is sent as a header: use printable ASCII, at least one character, no blank at the ends"
            .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_must_fit_a_header() {
        for good in ["api0", "v1.2-rc3", "blue green"] {
            assert_eq!(header_text(good).as_deref(), Ok(good));
        }
        for bad in ["", " api", "api ", "a\r\nx: y", "caf\u{e9}", "\u{7f}"] {
            assert!(header_text(bad).is_err(), "{bad:?} was taken");
        }
    }
}
