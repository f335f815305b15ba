//! Name servers, as configured.

use std::net::SocketAddr;
use std::time::Duration;

/// `[resolvers.NAME]`: name servers that are asked in place of the system (HAProxy manual, configuration, `resolvers`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolversConfig {
    /// Its name.
    pub name: String,
    /// The name servers, at least one; all are asked at once.
    pub nameservers: Vec<Nameserver>,
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// How often a question is asked, in all.
    pub attempts: u32,
}

/// A name server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nameserver {
    /// Its name in the statistics: its address, where it has none.
    pub name: String,
    /// Where it is.
    pub address: SocketAddr,
}
