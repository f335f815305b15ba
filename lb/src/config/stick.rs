//! What binds clients to servers, as configured.
//!
//! Values only: what they do is decided where requests are served.

use std::time::Duration;

/// A backend's cookie (HAProxy manual, configuration, `cookie`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Who sets it.
    pub mode: CookieMode,
    /// Servers do not see it.
    pub indirect: bool,
    /// A response that sets it may not be cached for others.
    pub nocache: bool,
    /// Only responses to POST set it.
    pub postonly: bool,
    /// One that a server sets stays.
    pub preserve: bool,
    /// Scripts do not see it.
    pub httponly: bool,
    /// It goes over TLS only.
    pub secure: bool,
    /// Domains that it is for; the one that was asked when there are none.
    pub domains: Vec<String>,
    /// More attributes, as they are written.
    pub attributes: Vec<String>,
    /// For how long a client may stay away.
    pub max_idle: Option<Duration>,
    /// For how long a client may keep it.
    pub max_life: Option<Duration>,
    /// Servers without a cookie get one that is made of their addresses.
    pub dynamic: bool,
    /// What else it is made of.
    pub dynamic_key: Option<String>,
}

/// Who sets a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieMode {
    /// The balancer adds it.
    Insert,
    /// The servers set it, the balancer changes its value.
    Rewrite,
    /// The servers set it, the balancer writes its own before the value.
    Prefix,
}
