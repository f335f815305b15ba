//! One address of a frontend, with statistics of its own (HAProxy's `option socket-stats`).
//!
//! It is there for every address and counts only where the frontend wants it. It refuses to know the socket: who binds it says where it is.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use crate::config::Bind;
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
}
