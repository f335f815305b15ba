//! Where a server is: the name in the configuration, and the address that it last resolved to.
//!
//! A failed look-up keeps the last good address, and a name that was changed keeps the address of the former one until it is looked up. This
//! module refuses to look names up: `discovery` does.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

/// A server's place.
#[derive(Debug)]
pub struct Endpoint {
    named: Mutex<EndpointName>,
    address: ArcSwapOption<SocketAddr>,
    /// Rises when connections made so far must not be used again.
    epoch: AtomicU32,
    /// Somebody failed to connect: the name is worth another look.
    doubted: Notify,
}

/// What a place is called.
#[derive(Debug)]
struct EndpointName {
    host: String,
    port: u16,
    /// The host that the address in force belongs to, while that is not yet `host`.
    former: Option<String>,
}

// === impl Endpoint ===

impl Endpoint {
    /// A place by name or by address.
    pub fn new(host: &str, port: u16) -> Self {
        let address = literal(host, port).map(Arc::new);
        Self {
            named: Mutex::new(EndpointName { host: host.to_owned(), port, former: None }),
            address: ArcSwapOption::new(address),
            epoch: AtomicU32::new(0),
            doubted: Notify::new(),
        }
    }

    /// Host and port as configured or set at run time.
    pub fn named(&self) -> (String, u16) {
        let named = self.lock();
        (named.host.clone(), named.port)
    }

    /// Host and port that the address in force is known by: the former ones, while a changed name has not been looked up.
    pub fn named_in_force(&self) -> (String, u16) {
        let named = self.lock();
        match (&named.former, self.address()) {
            (Some(former), Some(address)) => (former.clone(), address.port()),
            _ => (named.host.clone(), named.port),
        }
    }

    /// Whether the address in force is that of a former host, since the present one has none yet.
    pub fn is_former(&self) -> bool {
        self.lock().former.is_some()
    }

    /// Whether there is an address, and it belongs to the present host.
    pub fn is_settled(&self) -> bool {
        self.address().is_some() && !self.is_former()
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

    /// Changes host and port. The address follows at once when the host is one; that of a name follows with its next look-up, and until then
    /// the former one serves. Returns whether anything changed.
    pub fn move_to(&self, host: &str, port: u16) -> bool {
        let mut named = self.lock();
        if named.host == host && named.port == port {
            return false;
        }
        let before = EndpointName { host: host.to_owned(), port, former: None };
        let before = std::mem::replace(&mut *named, before);
        match (literal(host, port), self.address()) {
            (Some(address), _) => {
                self.swap(Some(address));
            }
            (None, Some(address)) if before.host == host && before.former.is_none() => {
                self.swap(Some(SocketAddr::new(address.ip(), port)));
            }
            // Back to the name that the address is of.
            (None, Some(_)) if before.former.as_deref() == Some(host) => {}
            (None, Some(_)) => named.former = Some(before.former.unwrap_or(before.host)),
            (None, None) => {}
        }
        drop(named);
        self.doubted.notify_one();
        true
    }

    /// Puts an address of the present host in force; returns whether it is another one. Connections to the former one are not used again.
    pub fn set_address(&self, address: Option<SocketAddr>) -> bool {
        self.lock().former = None;
        self.swap(address)
    }

    fn swap(&self, address: Option<SocketAddr>) -> bool {
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
    pub fn connection_generation(&self) -> u32 {
        self.epoch.load(Relaxed)
    }

    /// A connection failed: the address may be an old one.
    pub fn request_lookup(&self) {
        self.doubted.notify_one();
    }

    /// Completes when somebody doubted the address.
    pub async fn doubted(&self) {
        self.doubted.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, EndpointName> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
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
        let place = Endpoint::new("127.0.0.1", 4000);
        let epoch = place.connection_generation();
        assert!(!place.set_address(place.address()));
        assert_eq!(place.connection_generation(), epoch);
        assert!(place.move_to("127.0.0.2", 4000));
        assert_ne!(place.connection_generation(), epoch);
        assert_eq!(place.address(), Some("127.0.0.2:4000".parse().unwrap()));
    }

    #[test]
    fn a_name_has_no_address_until_it_is_looked_up() {
        let place = Endpoint::new("api0", 4000);
        assert!(place.is_name() && place.address().is_none());
        place.set_address(Some("10.0.0.1:4000".parse().unwrap()));
        place.move_to("api0", 4001);
        assert_eq!(place.address(), Some("10.0.0.1:4001".parse().unwrap()));
    }

    #[test]
    fn another_name_keeps_the_address_until_it_is_looked_up() {
        let at = |text: &str| Some(text.parse::<SocketAddr>().unwrap());
        let place = Endpoint::new("api0", 4000);
        place.set_address(at("10.0.0.1:4000"));
        let epoch = place.connection_generation();
        for (host, port) in [("api1", 4000), ("api1", 4001), ("api2", 4001)] {
            assert!(place.move_to(host, port));
            let found = (place.named(), place.address(), place.is_former(), place.is_settled());
            assert_eq!(found, ((host.to_owned(), port), at("10.0.0.1:4000"), true, false));
            assert_eq!(
                (place.named_in_force(), place.connection_generation()),
                (("api0".to_owned(), 4000), epoch)
            );
        }
        assert!(place.set_address(at("10.0.0.2:4001")) && place.is_settled());
        assert_eq!(place.named_in_force(), ("api2".to_owned(), 4001));
        assert_ne!(place.connection_generation(), epoch);
        // The new name has the same address.
        let epoch = place.connection_generation();
        place.move_to("api3", 4001);
        assert!(
            !place.set_address(at("10.0.0.2:4001"))
                && place.is_settled()
                && place.connection_generation() == epoch
        );
        // Back to the name before, and on to an address.
        place.move_to("api4", 4001);
        place.move_to("api3", 4001);
        assert!(place.is_settled());
        place.move_to("api4", 4001);
        place.move_to("127.0.0.1", 4001);
        assert!(place.is_settled() && place.address() == at("127.0.0.1:4001"));
        // From an address to a name.
        place.move_to("api5", 4001);
        assert_eq!((place.is_former(), place.address()), (true, at("127.0.0.1:4001")));
    }
}
