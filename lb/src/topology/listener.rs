//! One address of a frontend, with statistics of its own (HAProxy's `option socket-stats`), and which listening socket it is.
//!
//! It is there for every address and counts only where the frontend wants it. It refuses to know the socket: who binds it says where it is.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use crate::config::{self, Bind};
use crate::counters::{Gauge, Tally};

/// The living part of a listener.
#[derive(Debug)]
pub struct LiveListener {
    /// Its number in the frontend, from 1 (HAProxy's `sid`).
    pub number: u32,
    /// Its name: as configured, or made of its number.
    pub name: Arc<str>,
    /// Its counters.
    pub tally: Tally,
    /// Client connections.
    pub sessions: Gauge,
    /// What the configuration says of it.
    bind: Bind,
    /// Where it really is, since it was bound.
    address: OnceLock<SocketAddr>,
}

/// Which listening socket an address of a frontend is. One with port 0 is the frontend's own, by its place among its addresses; any other is
/// the same socket whichever frontend has the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// As configured; port 0 stays 0.
    pub address: SocketAddr,
    owner: Option<(String, usize)>,
}

// === impl Spot ===

impl Spot {
    /// The sockets of a frontend, in the order of its addresses.
    pub fn all(frontend: &config::FrontendConfig) -> impl Iterator<Item = Self> {
        frontend.bind.iter().enumerate().map(|(at, bind)| {
            let owner = (bind.address.port() == 0).then(|| (frontend.name.clone(), at));
            Self { address: bind.address, owner }
        })
    }

    /// The place of this socket among the addresses of `frontend`, if it is one of them.
    pub(super) fn place_in(&self, frontend: &config::FrontendConfig) -> Option<usize> {
        let is_here = |bind: &Bind| bind.address == self.address;
        match &self.owner {
            None => frontend.bind.iter().position(is_here),
            Some((name, at)) => {
                (*name == frontend.name && frontend.bind.get(*at).is_some_and(is_here)).then_some(*at)
            }
        }
    }
}

/// Whether the kernel may refuse one of these listening addresses because of the other: they are different, and some connection could be
/// meant for both.
pub fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port()
        && one.ip() != other.ip()
        && (one.ip().is_unspecified() || other.ip().is_unspecified())
}

// === impl LiveListener ===

impl LiveListener {
    /// The listeners of a frontend: those of `known` that the configuration still has, and new ones.
    pub fn all(binds: &[Bind], known: &[Arc<Self>], workers: usize) -> Vec<Arc<Self>> {
        let mut left: Vec<_> = known.iter().collect();
        let mut taken: Vec<u32> = known.iter().map(|listener| listener.number).collect();
        let mut listener = |bind: &Bind| {
            if let Some(at) = left.iter().position(|known| known.bind == *bind) {
                return Arc::clone(left.remove(at));
            }
            let number = (1..).find(|number| !taken.contains(number)).unwrap_or(u32::MAX);
            taken.push(number);
            Arc::new(Self::new(number, bind, workers))
        };
        binds.iter().map(&mut listener).collect()
    }

    fn new(number: u32, bind: &Bind, workers: usize) -> Self {
        let name = bind.name.clone().unwrap_or_else(|| format!("sock-{number}"));
        Self {
            number,
            name: name.into(),
            tally: Tally::new(workers),
            sessions: Gauge::default(),
            bind: bind.clone(),
            address: OnceLock::new(),
        }
    }

    /// Says where it is; an address once had is kept.
    pub fn bound(&self, address: SocketAddr) {
        // A second time it is the same.
        let _ = self.address.set(address);
    }

    /// Where it is, as far as that is known.
    pub fn address(&self) -> SocketAddr {
        self.address.get().copied().unwrap_or(self.bind.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_found_again_and_numbers_stay() {
        let bind = |text: &str, name: Option<&str>| Bind {
            address: text.parse().unwrap(),
            name: name.map(str::to_owned),
        };
        let (a, b) = (bind("127.0.0.1:80", None), bind("127.0.0.1:0", Some("free")));
        let first = LiveListener::all(&[a.clone(), b.clone(), b.clone()], &[], 1);
        let names: Vec<_> = first.iter().map(|one| (&*one.name, one.number)).collect();
        assert_eq!(names, [("sock-1", 1), ("free", 2), ("free", 3)]);
        let second = LiveListener::all(&[b, bind("127.0.0.1:81", None), a], &first, 1);
        let numbers: Vec<_> = second.iter().map(|one| one.number).collect();
        assert_eq!(numbers, [2, 4, 1]);
        assert!(Arc::ptr_eq(&second[2], &first[0]));
    }

    #[test]
    fn addresses_that_concern_each_other_overlap() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        for (one, other, expected) in [
            ("127.0.0.1:80", "0.0.0.0:80", true),
            ("[::]:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.1:80", false),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            ("127.0.0.1:80", "0.0.0.0:81", false),
        ] {
            assert_eq!(overlap(at(one), at(other)), expected, "{one} {other}");
            assert_eq!(overlap(at(other), at(one)), expected, "{other} {one}");
        }
    }
}
