//! A client's connection: who it is, what it is doing, and how to end it.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;

use super::Worker;
use crate::counters::{Gauge, Traffic};
use crate::net::{Ended, Pulse, Socket, Watched};
use crate::server::ServerId;
use crate::topology::{Frontend, LiveFrontend, LiveListener, SessionInfo, Shared};

/// A client's connection.
pub struct Client {
    /// A number of its own in this process.
    pub id: u64,
    /// Its worker, and its place in the worker's list.
    pub worker: Rc<Worker>,
    key: Cell<usize>,
    /// The client.
    pub peer: SocketAddr,
    /// Its frontend as it was on arrival.
    pub frontend: Arc<Frontend>,
    /// The address that it came to, when that has statistics of its own.
    listener: Option<Arc<LiveListener>>,
    /// The stream.
    pub socket: Socket,
    /// Its place in the sweep.
    pub(super) watched: Watched,
    /// Its share of the limits.
    pub(super) seat: Option<Seat>,
    /// The client's address, as servers are told it.
    pub(super) address: Box<str>,
    /// Requests so far.
    pub requests: Cell<u64>,
    /// Bytes received up to the end of the last exchange.
    pub(super) received_before: Cell<u64>,
    /// Bytes sent up to the end of the last exchange.
    pub(super) sent_before: Cell<u64>,
    /// Since when a head has been arriving that did not come in one piece.
    pub(super) arriving: Cell<Option<Instant>>,
    /// Whether an answer has begun to go out for the last request.
    pub answered: Cell<bool>,
    /// The event loop wakes its task when it says something.
    pub(super) listening: Cell<bool>,
    /// Whether it is ready for its next request, and since when.
    pub(super) rest: Cell<Rest>,
    /// It shall end after what is in flight.
    pub finishing: Cell<bool>,
    current: Cell<Option<Current>>,
}

/// What a connection takes of the limits, until it is dropped.
#[derive(Debug)]
pub struct Seat {
    /// Its worker's connections.
    connections: Arc<Gauge>,
    shared: Arc<Shared>,
    live: Arc<LiveFrontend>,
    listener: Option<Arc<LiveListener>>,
}

/// How long a connection between two requests has kept what it needs for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// It has nothing, or is busy.
    None,
    /// Less than a sweep.
    Fresh,
    /// More than that.
    Old,
    /// Long enough: it has to let go.
    Over,
}

/// What is in flight on it.
#[derive(Debug, Clone, Copy)]
struct Current {
    since: Instant,
    server: Option<ServerId>,
}

/// A client in its worker's list, until this is dropped.
#[derive(Debug)]
pub struct Registered(pub Rc<Client>);

// === impl Seat ===

impl Seat {
    /// Takes a seat, and the places of its permits with it; the worker's own count has been raised already.
    pub fn take(
        permits: [OwnedSemaphorePermit; 2],
        connections: Arc<Gauge>,
        shared: &Arc<Shared>,
        live: &Arc<LiveFrontend>,
        listener: Option<Arc<LiveListener>>,
    ) -> Self {
        shared.process.connections.up();
        live.sessions.up();
        listener.iter().for_each(|listener| {
            listener.sessions.up();
        });
        permits.into_iter().for_each(OwnedSemaphorePermit::forget);
        Self { connections, shared: Arc::clone(shared), live: Arc::clone(live), listener }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.down();
        self.shared.process.connections.down();
        self.live.sessions.down();
        self.listener.iter().for_each(|listener| listener.sessions.down());
        self.live.room.leave();
        self.shared.process.room.leave();
    }
}

// === impl Client ===

impl Client {
    /// Puts a new connection into its worker's list.
    pub fn register(
        worker: &Rc<Worker>,
        peer: SocketAddr,
        frontend: Arc<Frontend>,
        socket: Socket,
        seat: Seat,
    ) -> Registered {
        let listener = seat.listener.clone();
        Self::enter(worker, peer, frontend, listener, socket, Some(seat))
    }

    /// The same for a stream on a client's connection.
    pub(super) fn stream_of(worker: &Rc<Worker>, client: &Self, socket: Socket) -> Registered {
        Self::enter(worker, client.peer, Arc::clone(&client.frontend), client.listener.clone(), socket, None)
    }

    fn enter(
        worker: &Rc<Worker>,
        peer: SocketAddr,
        frontend: Arc<Frontend>,
        listener: Option<Arc<LiveListener>>,
        socket: Socket,
        seat: Option<Seat>,
    ) -> Registered {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let address = peer.ip().to_canonical().to_string();
        let pulse = Rc::clone(socket.pulse());
        let client = Rc::new(Self {
            id: NEXT.fetch_add(1, Relaxed),
            worker: Rc::clone(worker),
            key: Cell::new(0),
            peer,
            frontend,
            listener,
            socket,
            watched: worker.watchdog.watch(pulse),
            seat,
            address: address.into(),
            requests: Cell::new(0),
            received_before: Cell::new(0),
            sent_before: Cell::new(0),
            arriving: Cell::new(None),
            answered: Cell::new(false),
            listening: Cell::new(false),
            rest: Cell::new(Rest::None),
            finishing: Cell::new(false),
            current: Cell::new(None),
        });
        // They know each other until the registration is dropped.
        client.key.set(worker.clients.borrow_mut().insert(Rc::clone(&client)));
        Registered(client)
    }

    /// Whether it is a stream of HTTP/2: those have no seat of their own.
    pub(super) fn is_stream(&self) -> bool {
        self.seat.is_none()
    }

    /// Counts in its frontend, and in the address that it came to.
    #[inline]
    pub(super) fn count(&self, what: impl Fn(&Traffic)) {
        what(self.frontend.live.tally.mine());
        if let Some(listener) = &self.listener {
            what(listener.tally.mine());
        }
    }

    /// Ends it at once.
    pub fn kill(&self) {
        self.pulse().end(Ended::Killed);
    }

    /// Its signs of life.
    pub fn pulse(&self) -> &Rc<Pulse> {
        self.socket.pulse()
    }

    /// Whether a request from it is in flight on that server.
    pub fn is_on(&self, server: ServerId) -> bool {
        self.current.get().is_some_and(|current| current.server == Some(server))
    }

    /// Asks it to end after what is in flight.
    pub fn finish(&self) {
        self.finishing.set(true);
        self.pulse().wake();
    }

    /// Whether it has said nothing since its task was promised to be woken: then there is no need to ask again.
    #[inline]
    pub(super) fn is_silent(&self) -> bool {
        let silent = self.listening.get() && !self.socket.has_news();
        self.listening.set(silent);
        silent
    }

    /// Another sweep has passed.
    pub(super) fn age(&self) {
        match self.rest.get() {
            Rest::Fresh => self.rest.set(Rest::Old),
            Rest::Old => {
                self.rest.set(Rest::Over);
                self.pulse().wake();
            }
            Rest::None | Rest::Over => {}
        }
    }

    /// What is in flight on it, for `show sess`.
    pub fn info(&self, worker: &Worker) -> Option<SessionInfo> {
        let current = self.current.get()?;
        let topology = worker.shared.topology.load();
        let on = |id: ServerId| topology.servers().find(|server| server.id == id).cloned();
        let server = current.server.and_then(on);
        Some(SessionInfo {
            id: self.id,
            peer: self.peer,
            frontend: Arc::clone(&self.frontend.live.name),
            backend: server.as_ref().map(|server| Arc::clone(&server.backend)),
            server: server.map(|server| Arc::clone(&server.name)),
            age: current.since.elapsed(),
            requests: self.requests.get(),
        })
    }

    pub(super) fn begin(&self, since: Instant) {
        self.requests.set(self.requests.get() + 1);
        self.answered.set(false);
        self.current.set(Some(Current { since, server: None }));
    }

    pub(super) fn goes_to(&self, server: Option<ServerId>) {
        if let Some(current) = self.current.get() {
            self.current.set(Some(Current { server, ..current }));
        }
    }

    pub(super) fn end(&self) {
        self.current.set(None);
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("id", &self.id).field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let Self(client) = self;
        client.worker.end_rest(client);
        client.worker.clients.borrow_mut().remove(client.key.get());
    }
}
