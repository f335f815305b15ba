//! Free ports of this machine's loopback.
//!
//! It looks upwards from a wished port and never takes one of the kernel's ephemeral range: a node that is down for a
//! moment between two versions would find its port taken by an outgoing connection of another process.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::bail;

/// How many ports after the wished one are tried.
const TRIES: u16 = 500;

/// Hands out free ports, each once.
#[derive(Default)]
pub(crate) struct Ports {
    given: Vec<u16>,
}

// === impl Ports ===

impl Ports {
    /// The first free port from `wished` on.
    ///
    /// # Errors
    /// When none of the next 500 is free.
    pub(crate) fn free(&mut self, wished: u16) -> anyhow::Result<SocketAddr> {
        let last = wished.saturating_add(TRIES);
        for port in wished..last {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            // No process may listen on all addresses either: the wildcard is tried too.
            let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
            if !self.given.contains(&port)
                && TcpListener::bind(everywhere).is_ok()
                && TcpListener::bind(address).is_ok()
            {
                self.given.push(port);
                return Ok(address);
            }
        }
        bail!("no port from {wished} to {last} is free on 127.0.0.1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once_and_never_one_that_is_taken() {
        let mut ports = Ports::default();
        let first = ports.free(21_000).unwrap();
        let second = ports.free(first.port()).unwrap();
        assert!(second.port() > first.port());

        let taken = TcpListener::bind(second).unwrap();
        assert!(Ports::default().free(second.port()).unwrap().port() > second.port());
        drop(taken);
    }
}
