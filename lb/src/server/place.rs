//! Where a server is: the name in the configuration, and the address that it last resolved to.
//!
//! A failed look-up keeps the last good address. This module refuses to look names up: `discovery` does.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

/// A server's place.
#[derive(Debug)]
pub struct Place {
    named: Mutex<(String, u16)>,
    address: ArcSwapOption<SocketAddr>,
    /// Rises when connections made so far must not be used again.
    epoch: AtomicU32,
    /// Somebody failed to connect: the name is worth another look.
    doubted: Notify,
}

// === impl Place ===

impl Place {
    /// A place by name or by address.
    pub fn new(host: &str, port: u16) -> Self {
        let address = literal(host, port).map(Arc::new);
        Self {
            named: Mutex::new((host.to_owned(), port)),
            address: ArcSwapOption::new(address),
            epoch: AtomicU32::new(0),
            doubted: Notify::new(),
        }
    }

    /// Host and port as configured or set at run time.
    pub fn named(&self) -> (String, u16) {
        self.named.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether its host is a name that must be looked up.
    pub fn is_name(&self) -> bool {
        let (host, port) = self.named();
        literal(&host, port).is_none()
    }

    /// The address in force.
    #[inline]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address.load().as_deref().copied()
    }

    /// Changes host and port; the address follows at once when the host is one, else with the next look-up. Returns whether
    /// anything changed.
    pub fn move_to(&self, host: &str, port: u16) -> bool {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.0 == host && named.1 == port {
            return false;
        }
        let only_port = named.0 == host;
        *named = (host.to_owned(), port);
        drop(named);
        match (literal(host, port), self.address()) {
            (Some(address), _) => self.set_address(Some(address)),
            (None, Some(address)) if only_port => self.set_address(Some(SocketAddr::new(address.ip(), port))),
            (None, _) => self.set_address(None),
        };
        self.doubted.notify_one();
        true
    }

    /// Puts an address in force; returns whether it is another one. Connections to the former one are not used again.
    pub fn set_address(&self, address: Option<SocketAddr>) -> bool {
        let before = self.address.swap(address.map(Arc::new));
        let changed = before.as_deref().copied() != address;
        if changed {
            self.retire_connections();
        }
        changed
    }

    /// Connections made so far are not used again.
    pub fn retire_connections(&self) {
        self.epoch.fetch_add(1, Relaxed);
    }

    /// What a connection made now must carry to be used again.
    #[inline]
    pub fn epoch(&self) -> u32 {
        self.epoch.load(Relaxed)
    }

    /// A connection failed: the address may be an old one.
    pub fn doubt(&self) {
        self.doubted.notify_one();
    }

    /// Completes when somebody doubted the address.
    pub async fn doubted(&self) {
        self.doubted.notified().await;
    }
}

fn literal(host: &str, port: u16) -> Option<SocketAddr> {
    host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_address_retires_connections_and_the_same_one_does_not() {
        let place = Place::new("127.0.0.1", 4000);
        let epoch = place.epoch();
        assert!(!place.set_address(place.address()));
        assert_eq!(place.epoch(), epoch);
        assert!(place.move_to("127.0.0.2", 4000));
        assert_ne!(place.epoch(), epoch);
        assert_eq!(place.address(), Some("127.0.0.2:4000".parse().unwrap()));
    }

    #[test]
    fn a_name_has_no_address_until_it_is_looked_up() {
        let place = Place::new("api0", 4000);
        assert!(place.is_name() && place.address().is_none());
        place.set_address(Some("10.0.0.1:4000".parse().unwrap()));
        place.move_to("api0", 4001);
        assert_eq!(place.address(), Some("10.0.0.1:4001".parse().unwrap()));
    }
}
