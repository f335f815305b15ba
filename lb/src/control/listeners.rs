//! Listening sockets across reloads: those that stay never close, not for an instant.
//!
//! A socket is bound once and kept; who accepts on it can change. Binding comes before anything else changes, so that an address that
//! cannot be had leaves everything as it was.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::config;
use crate::net::bind;
use crate::topology::{Frontend, Listen, LiveFrontend, Workers};

/// The listening sockets in use.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    bound: Vec<Bound>,
    /// Which worker accepts on the next one.
    next_worker: usize,
}

/// Sockets that are bound for a configuration that is not in force yet.
#[derive(Debug)]
pub(super) struct Prepared(Vec<(Wanted, TcpListener)>);

/// An address that a frontend wants. One with port 0 is the frontend's own; any other is the same socket whoever wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    address: SocketAddr,
    owner: Option<String>,
}

#[derive(Debug)]
struct Bound {
    /// As configured; port 0 stays 0.
    wanted: Wanted,
    socket: TcpListener,
    frontend: Arc<LiveFrontend>,
    stop: CancellationToken,
}

// === impl Listeners ===

impl Listeners {
    /// Binds what `frontends` want and is not bound yet.
    pub(super) fn prepare(&self, frontends: &[config::Frontend]) -> io::Result<Prepared> {
        frontends
            .iter()
            .flat_map(Wanted::all)
            .filter(|wanted| !self.bound.iter().any(|bound| bound.wanted == *wanted))
            .map(|wanted| {
                let socket = bind::listen(wanted.address)?;
                Ok((wanted, socket))
            })
            .collect::<io::Result<_>>()
            .map(Prepared)
    }

    /// Serves exactly the addresses of `frontends`; returns how many were opened and closed.
    pub(super) fn install(
        &mut self,
        mut prepared: Prepared,
        frontends: &[Arc<Frontend>],
        workers: &Workers,
    ) -> io::Result<(usize, usize)> {
        let wanted = || {
            frontends.iter().flat_map(|frontend| Wanted::all(&frontend.config).map(move |at| (at, frontend)))
        };
        let before = self.bound.len();
        self.bound.retain(|bound| {
            let stays = wanted().any(|(wanted, _)| wanted == bound.wanted);
            if !stays {
                bound.stop.cancel();
            }
            stays
        });
        let closed = before - self.bound.len();
        let opened = prepared.0.len();
        for (wanted, frontend) in wanted() {
            if let Some(at) = prepared.0.iter().position(|(bound, _)| *bound == wanted) {
                let (_, socket) = prepared.0.swap_remove(at);
                let stop = self.serve(&socket, &frontend.live, workers)?;
                self.bound.push(Bound { wanted, socket, frontend: Arc::clone(&frontend.live), stop });
            } else if let Some(at) = self.bound.iter().position(|bound| bound.wanted == wanted)
                && self.bound[at].frontend.id != frontend.live.id
            {
                // The address goes to another frontend: the socket stays, only who accepts on it changes.
                let stop = self.serve(&self.bound[at].socket.try_clone()?, &frontend.live, workers)?;
                let bound = &mut self.bound[at];
                std::mem::replace(&mut bound.stop, stop).cancel();
                bound.frontend = Arc::clone(&frontend.live);
            }
        }
        Ok((opened, closed))
    }

    /// Closes all.
    pub(super) fn close_all(&mut self) {
        self.bound.drain(..).for_each(|bound| bound.stop.cancel());
    }

    /// Frontends and the addresses they really have.
    pub(super) fn addresses(&self) -> Vec<(Arc<str>, SocketAddr)> {
        self.bound
            .iter()
            .filter_map(|bound| Some((Arc::clone(&bound.frontend.name), bound.socket.local_addr().ok()?)))
            .collect()
    }

    fn serve(
        &mut self,
        socket: &TcpListener,
        frontend: &Arc<LiveFrontend>,
        workers: &Workers,
    ) -> io::Result<CancellationToken> {
        let (listener, stop) = (socket.try_clone()?, CancellationToken::new());
        let listen = Listen { listener, frontend: Arc::clone(frontend), stop: stop.clone() };
        workers.listen(self.next_worker, listen);
        self.next_worker += 1;
        Ok(stop)
    }
}

// === impl Wanted ===

impl Wanted {
    fn all(frontend: &config::Frontend) -> impl Iterator<Item = Self> {
        frontend.bind.iter().map(|address| {
            let owner = (address.port() == 0).then(|| frontend.name.clone());
            Self { address: *address, owner }
        })
    }
}
