//! The pages and metrics, and who may see them.

use std::fmt;
use std::net::SocketAddr;

/// The pages and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsConfig {
    /// Addresses; empty when the file says `bind = []`.
    pub bind: Vec<SocketAddr>,
    /// Whether the page may change state.
    pub admin: bool,
    /// Names, besides its own and numeric addresses, under which a browser may order changes.
    pub hosts: Vec<String>,
    /// Where the status page is besides its usual places: the beginnings of addresses (HAProxy's `stats uri`).
    pub uri: Vec<String>,
    /// Who may look and, where that is allowed, act.
    pub access: Access,
}

/// Who may see the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The users (HAProxy's `stats auth`); without them everybody may.
    pub users: Vec<Login>,
    /// Whether metrics need a password as well.
    pub metrics: bool,
    /// What browsers show where they ask for the password (HAProxy's `stats realm`).
    pub realm: String,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Without a colon.
    pub user: String,
    /// Not empty.
    pub password: Secret,
}

/// Text that nothing shows by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
