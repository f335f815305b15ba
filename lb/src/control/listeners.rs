//! Listening sockets across reloads: those that stay never close, not for an instant.
//!
//! A socket is bound once and kept; who accepts on it can change. Binding comes before anything else changes, and so do the second
//! descriptors of sockets, which workers accept on: an address or a descriptor that cannot be had leaves everything as it was. The sockets
//! of a paused frontend are closed and their addresses remembered.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::config;
use crate::net::bind;
use crate::topology::{Frontend, Listen, LiveFrontend, LiveListener, Open, Workers};

/// The listening sockets in use.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    bound: Vec<Bound>,
    /// Which worker accepts on the next one.
    next_worker: usize,
}

/// Sockets that are bound for a configuration that is not in force yet.
#[derive(Debug)]
pub(super) struct Prepared {
    /// Addresses that nothing listens on so far.
    new: Vec<(Wanted, Socket)>,
    /// Sockets that are there, for those who accept on them from now on.
    passed_on: Vec<(Wanted, TcpListener)>,
}

/// A socket with all that is needed to serve it.
#[derive(Debug)]
struct Socket {
    /// Where it really is.
    address: SocketAddr,
    kept: TcpListener,
    /// The same, for the worker that accepts.
    accepting: TcpListener,
}

/// An address that a frontend wants. One with port 0 is the frontend's own, by its place among its addresses; any other is the same
/// socket whoever wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    address: SocketAddr,
    owner: Option<(String, usize)>,
}

#[derive(Debug)]
struct Bound {
    /// As configured; port 0 stays 0.
    wanted: Wanted,
    /// As it really is.
    address: SocketAddr,
    /// `None` while its frontend is paused.
    socket: Option<TcpListener>,
    frontend: Arc<LiveFrontend>,
    live: Arc<LiveListener>,
    stop: CancellationToken,
}

// === impl Listeners ===

impl Listeners {
    /// Binds what `frontends` want and is not bound yet, but for those that are paused or stopped. Nothing is served differently.
    ///
    /// # Errors
    /// An address cannot be bound, or there are no descriptors left.
    pub(super) fn prepare(&self, frontends: &[Arc<Frontend>]) -> io::Result<Prepared> {
        let mut prepared = Prepared { new: Vec::new(), passed_on: Vec::new() };
        for (wanted, frontend, listener) in wanted(frontends, true) {
            let bound = self.open().find(|bound| bound.wanted == wanted);
            match bound.and_then(|bound| Some((bound, bound.socket.as_ref()?))) {
                None => prepared.new.push((wanted.clone(), Socket::bind(wanted.address)?)),
                Some((bound, socket)) if !bound.is_of(frontend, listener) => {
                    prepared.passed_on.push((wanted, socket.try_clone()?));
                }
                Some(_) => {}
            }
        }
        Ok(prepared)
    }

    /// Serves exactly the addresses of `frontends`, but for those that are paused or stopped; returns how many were opened and closed.
    pub(super) fn install(
        &mut self,
        mut prepared: Prepared,
        frontends: &[Arc<Frontend>],
        workers: &Workers,
    ) -> (usize, usize) {
        let before = self.open().count();
        self.bound.retain(|bound| {
            let is = |open: bool| wanted(frontends, open).any(|(wanted, ..)| wanted == bound.wanted);
            let stays = if bound.socket.is_some() { is(true) } else { is(false) && !is(true) };
            if !stays {
                bound.close();
            }
            stays
        });
        let closed = before - self.open().count();
        let opened = prepared.new.len();
        for (wanted, frontend, listener) in wanted(frontends, true) {
            if let Some(at) = prepared.new.iter().position(|(bound, _)| *bound == wanted) {
                let (_, socket) = prepared.new.swap_remove(at);
                self.open_on(wanted, socket, frontend, listener, workers);
            } else if let Some(at) = prepared.passed_on.iter().position(|(bound, _)| *bound == wanted)
                && let Some(bound) = self.bound.iter().position(|bound| bound.wanted == wanted)
            {
                // The address goes to another frontend, or has another name: the socket stays, only who accepts on it changes.
                let (_, accepting) = prepared.passed_on.swap_remove(at);
                let stop = self.serve(accepting, frontend, listener, workers);
                let bound = &mut self.bound[bound];
                std::mem::replace(&mut bound.stop, stop).cancel();
                listener.bound(bound.address);
                (bound.frontend, bound.live) = (Arc::clone(frontend), Arc::clone(listener));
            }
        }
        (opened, closed)
    }

    /// Closes the sockets of a frontend; connections are refused when this returns.
    pub(super) fn pause(&mut self, frontend: &LiveFrontend) {
        for bound in self.bound.iter_mut().filter(|bound| bound.frontend.id == frontend.id) {
            bound.close();
            bound.socket = None;
        }
    }

    /// Opens the sockets of a frontend again, all or none.
    pub(super) fn resume(&mut self, frontend: &Frontend, workers: &Workers) -> io::Result<()> {
        let sockets = Wanted::all(&frontend.config)
            .map(|wanted| {
                let former = self.bound.iter().find(|bound| bound.wanted == wanted);
                let socket = Socket::bind(former.map_or(wanted.address, |former| former.address))?;
                Ok((wanted, socket))
            })
            .collect::<io::Result<Vec<_>>>()?;
        self.forget(&frontend.live);
        for ((wanted, socket), listener) in sockets.into_iter().zip(&frontend.listeners) {
            self.open_on(wanted, socket, &frontend.live, listener, workers);
        }
        Ok(())
    }

    /// Closes the sockets of a frontend for good.
    pub(super) fn close(&mut self, frontend: &LiveFrontend) {
        self.pause(frontend);
        self.forget(frontend);
    }

    /// Closes all.
    pub(super) fn close_all(&mut self) {
        self.bound.drain(..).for_each(|bound| bound.stop.cancel());
    }

    /// Frontends and the addresses they really have; those that are paused have none.
    pub(super) fn addresses(&self) -> Vec<(Arc<str>, SocketAddr)> {
        self.open().map(|bound| (Arc::clone(&bound.frontend.name), bound.address)).collect()
    }

    fn open(&self) -> impl Iterator<Item = &Bound> {
        self.bound.iter().filter(|bound| bound.socket.is_some())
    }

    fn forget(&mut self, frontend: &LiveFrontend) {
        self.bound.retain(|bound| bound.frontend.id != frontend.id);
    }

    fn open_on(
        &mut self,
        wanted: Wanted,
        socket: Socket,
        frontend: &Arc<LiveFrontend>,
        listener: &Arc<LiveListener>,
        workers: &Workers,
    ) {
        let Socket { address, kept, accepting } = socket;
        let stop = self.serve(accepting, frontend, listener, workers);
        listener.bound(address);
        let (frontend, live) = (Arc::clone(frontend), Arc::clone(listener));
        self.bound.push(Bound { wanted, address, socket: Some(kept), frontend, live, stop });
    }

    fn serve(
        &mut self,
        listener: TcpListener,
        frontend: &Arc<LiveFrontend>,
        live: &Arc<LiveListener>,
        workers: &Workers,
    ) -> CancellationToken {
        let stop = CancellationToken::new();
        let (frontend, live) = (Arc::clone(frontend), Arc::clone(live));
        let listen = Listen { listener, frontend, live, stop: stop.clone() };
        workers.listen(self.next_worker, listen);
        self.next_worker += 1;
        stop
    }
}

/// The addresses of the frontends that are open, or of those that are not.
fn wanted(
    frontends: &[Arc<Frontend>],
    open: bool,
) -> impl Iterator<Item = (Wanted, &Arc<LiveFrontend>, &Arc<LiveListener>)> {
    let frontends = frontends.iter().filter(move |frontend| (frontend.live.open() == Open::Yes) == open);
    frontends.flat_map(|frontend| {
        let wanted = Wanted::all(&frontend.config).zip(&frontend.listeners);
        wanted.map(move |(at, listener)| (at, &frontend.live, listener))
    })
}

// === impl Socket ===

impl Socket {
    fn bind(address: SocketAddr) -> io::Result<Self> {
        let kept = bind::listen(address)?;
        let short = |error: io::Error| {
            io::Error::new(
                error.kind(),
                format!("cannot listen on {address}: {error} (no descriptor is left)"),
            )
        };
        let (address, accepting) = (kept.local_addr()?, kept.try_clone().map_err(short)?);
        Ok(Self { address, kept, accepting })
    }
}

// === impl Bound ===

impl Bound {
    /// Whether that listener of that frontend accepts on it.
    fn is_of(&self, frontend: &LiveFrontend, listener: &Arc<LiveListener>) -> bool {
        self.frontend.id == frontend.id && Arc::ptr_eq(&self.live, listener)
    }

    fn close(&self) {
        self.stop.cancel();
        if let Some(socket) = &self.socket {
            bind::refuse(socket);
        }
    }
}

// === impl Wanted ===

impl Wanted {
    fn all(frontend: &config::Frontend) -> impl Iterator<Item = Self> {
        frontend.bind.iter().enumerate().map(|(at, bind)| {
            let owner = (bind.address.port() == 0).then(|| (frontend.name.clone(), at));
            Self { address: bind.address, owner }
        })
    }
}
