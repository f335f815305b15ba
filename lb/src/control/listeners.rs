//! Listening sockets across reloads: those that stay never close, not for an instant.
//!
//! A socket is bound once and kept; whose it is the snapshot says. All that can fail comes before anything else changes, so that an address
//! that cannot be had leaves everything as it was. What a socket that closes has accepted is passed on. The sockets of a paused frontend are
//! closed and their addresses remembered.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::net::bind;
use crate::topology::{
    Door, Frontend, Listen, ListenState, LiveFrontend, LiveListener, Shared, Spot, overlap,
};

/// The listening sockets in use.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    bound: Vec<BoundListener>,
    /// Which worker accepts on the next one.
    next_worker: usize,
}

/// Sockets that are bound for a configuration that is not in force yet.
#[derive(Debug)]
pub(super) struct PreparedListeners(Vec<New>);

/// A socket that is bound, and nobody accepts on it yet.
#[derive(Debug)]
struct New {
    spot: Spot,
    address: SocketAddr,
    socket: TcpListener,
    /// The worker's.
    twin: TcpListener,
}

#[derive(Debug)]
struct BoundListener {
    spot: Spot,
    /// As it really is.
    address: SocketAddr,
    /// `None` while its frontend is paused.
    socket: Option<TcpListener>,
    frontend: Arc<Frontend>,
    listener: Arc<LiveListener>,
    worker: usize,
    stop: CancellationToken,
    moved: Arc<Notify>,
}

// === impl Listeners ===

impl Listeners {
    /// Binds what `frontends` want and is not bound yet, but for those that are paused or stopped. Nothing is served differently.
    ///
    /// # Errors
    /// An address cannot be bound, or there are no descriptors left.
    pub(super) fn prepare(&self, frontends: &[Arc<Frontend>]) -> io::Result<PreparedListeners> {
        let mut prepared = Vec::new();
        for (spot, ..) in wanted(frontends, true) {
            if !self.open().any(|bound| bound.spot == spot) {
                let address = spot.address;
                prepared.push(self.open_at(spot, address, &prepared)?);
            }
        }
        Ok(PreparedListeners(prepared))
    }

    /// Serves exactly the addresses of `frontends`, which are those of the snapshot in force, but for those that are paused or stopped; returns
    /// how many were opened and closed.
    pub(super) fn install(
        &mut self,
        prepared: PreparedListeners,
        frontends: &[Arc<Frontend>],
        shared: &Shared,
    ) -> (usize, usize) {
        let opened = prepared.0.len();
        let mut new = prepared.0;
        for (spot, frontend, listener) in wanted(frontends, true) {
            if let Some(at) = new.iter().position(|new| new.spot == spot) {
                // One that was paused, and is another's now.
                self.bound.retain(|bound| bound.spot != spot);
                self.serve(new.swap_remove(at), frontend, listener, shared);
            } else if let Some(bound) = self.bound.iter_mut().find(|bound| bound.spot == spot) {
                let moves = bound.frontend.live.id != frontend.live.id;
                (bound.frontend, bound.listener) = (Arc::clone(frontend), Arc::clone(listener));
                listener.bound(bound.address);
                if moves {
                    bound.moved.notify_waiters();
                }
            }
        }
        // Only now: whoever comes to an address that was another one of the same port finds it open all the time.
        let stays = |bound: &BoundListener| {
            let is = |open: bool| wanted(frontends, open).any(|(spot, ..)| spot == bound.spot);
            if bound.socket.is_some() { is(true) } else { is(false) && !is(true) }
        };
        let mut leave: Vec<_> = self.bound.extract_if(.., |bound| !stays(bound)).collect();
        (opened, close(leave.iter_mut(), shared))
    }

    /// Closes the sockets of a frontend; connections are refused when this returns.
    pub(super) fn pause(&mut self, frontend: &LiveFrontend, shared: &Shared) {
        close(self.bound.iter_mut().filter(|bound| bound.frontend.live.id == frontend.id), shared);
    }

    /// Opens the sockets of a frontend again, all or none.
    pub(super) fn resume(&mut self, frontend: &Arc<Frontend>, shared: &Shared) -> io::Result<()> {
        let mut sockets = Vec::new();
        for spot in Spot::all(&frontend.config) {
            let former = self.bound.iter().find(|bound| bound.spot == spot);
            let address = former.map_or(spot.address, |former| former.address);
            sockets.push(self.open_at(spot, address, &sockets)?);
        }
        self.forget(&frontend.live);
        for (new, listener) in sockets.into_iter().zip(&frontend.listeners) {
            self.serve(new, frontend, listener, shared);
        }
        Ok(())
    }

    /// Closes the sockets of a frontend for good.
    pub(super) fn close(&mut self, frontend: &LiveFrontend, shared: &Shared) {
        self.pause(frontend, shared);
        self.forget(frontend);
    }

    /// Closes all.
    pub(super) fn close_all(&mut self, shared: &Shared) {
        close(self.bound.iter_mut(), shared);
        self.bound.clear();
    }

    /// Frontends and the addresses they really have; those that are paused have none.
    pub(super) fn addresses(&self) -> Vec<(Arc<str>, SocketAddr)> {
        self.open().map(|bound| (Arc::clone(&bound.frontend.live.name), bound.address)).collect()
    }

    fn open(&self) -> impl Iterator<Item = &BoundListener> {
        self.bound.iter().filter(|bound| bound.socket.is_some())
    }

    fn forget(&mut self, frontend: &LiveFrontend) {
        self.bound.retain(|bound| bound.frontend.live.id != frontend.id);
    }

    /// Binds a socket; `others` are bound for the same purpose.
    fn open_at(&self, spot: Spot, address: SocketAddr, others: &[New]) -> io::Result<New> {
        let bound = self.open().filter_map(|bound| Some((bound.address, bound.socket.as_ref()?)));
        let others = bound.chain(others.iter().map(|new| (new.address, &new.socket)));
        let overlapping: Vec<_> =
            others.filter(|(other, _)| overlap(*other, address)).map(|(_, socket)| socket).collect();
        let socket = if overlapping.is_empty() {
            bind::listen(address)?
        } else {
            bind::listen_beside(address, &overlapping)?
        };
        let short = |error: io::Error| {
            let text = format!("cannot listen on {address}: {error} (no descriptor is left)");
            io::Error::new(error.kind(), text)
        };
        let twin = socket.try_clone().map_err(short)?;
        Ok(New { spot, address: socket.local_addr()?, socket, twin })
    }

    fn serve(&mut self, new: New, frontend: &Arc<Frontend>, listener: &Arc<LiveListener>, shared: &Shared) {
        let New { spot, address, socket, twin } = new;
        listener.bound(address);
        let bound = BoundListener {
            spot,
            address,
            socket: Some(socket),
            frontend: Arc::clone(frontend),
            listener: Arc::clone(listener),
            worker: self.next_worker,
            stop: CancellationToken::new(),
            moved: Arc::default(),
        };
        let listen = Listen { listener: twin, door: bound.door(shared), stop: bound.stop.clone() };
        shared.workers.listen(bound.worker, listen);
        self.bound.push(bound);
        self.next_worker += 1;
    }
}

/// The sockets of the frontends that are open, or of those that are not.
fn wanted(
    frontends: &[Arc<Frontend>],
    open: bool,
) -> impl Iterator<Item = (Spot, &Arc<Frontend>, &Arc<LiveListener>)> {
    let frontends =
        frontends.iter().filter(move |frontend| (frontend.live.open() == ListenState::Yes) == open);
    frontends.flat_map(|frontend| {
        let spots = Spot::all(&frontend.config).zip(&frontend.listeners);
        spots.map(move |(spot, listener)| (spot, frontend, listener))
    })
}

// === impl BoundListener ===

impl BoundListener {
    fn door(&self, shared: &Shared) -> Door {
        Door {
            spot: self.spot.clone(),
            frontend: Arc::clone(&self.frontend),
            listener: Arc::clone(&self.listener),
            moved: Arc::clone(&self.moved),
            open: shared.process.doors.token(),
        }
    }
}

/// Closes sockets, passes on what they have accepted, and returns how many were open.
fn close<'a>(bound: impl Iterator<Item = &'a mut BoundListener>, shared: &Shared) -> usize {
    let (sockets, owners): (Vec<_>, Vec<_>) = bound
        .filter_map(|bound| {
            bound.stop.cancel();
            Some((bound.socket.take()?, &*bound))
        })
        .unzip();
    for (accepted, bound) in bind::close(&sockets).into_iter().zip(&owners) {
        if !accepted.is_empty() {
            shared.workers.admit(bound.worker, accepted, bound.door(shared));
        }
    }
    owners.len()
}
