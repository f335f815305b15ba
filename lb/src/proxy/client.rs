//! A client's connection: who it is, what it is doing, and how to end it.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use super::Worker;
use crate::net::watchdog::Leash;
use crate::net::{Pulse, Socket};
use crate::server::ServerId;
use crate::topology::{Frontend, SessionInfo};

/// A client's connection.
pub struct Client {
    /// A number of its own in this process.
    pub id: u64,
    /// The client.
    pub peer: SocketAddr,
    /// Its frontend as it was on arrival.
    pub frontend: Arc<Frontend>,
    /// The stream.
    pub socket: Socket,
    /// Ends it, and tells why it ended.
    pub leash: Leash,
    /// The client's address, as servers are told it.
    pub(super) address: Box<str>,
    /// It is a stream of HTTP/2.
    pub(super) is_stream: bool,
    /// Requests so far.
    pub requests: Cell<u64>,
    /// Bytes received up to the end of the last exchange.
    pub(super) received_before: Cell<u64>,
    /// Bytes sent up to the end of the last exchange.
    pub(super) sent_before: Cell<u64>,
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

/// A client in its worker's list, until it is dropped.
#[derive(Debug)]
pub struct Registered {
    worker: Rc<Worker>,
    key: usize,
    /// The client.
    pub client: Rc<Client>,
}

// === impl Client ===

impl Client {
    /// Puts a new connection into its worker's list.
    pub fn register(
        worker: &Rc<Worker>,
        peer: SocketAddr,
        frontend: Arc<Frontend>,
        socket: Socket,
        leash: Leash,
    ) -> Registered {
        Self::enter(worker, peer, frontend, socket, leash, false)
    }

    /// The same for a stream on a client's connection.
    pub(super) fn stream_of(worker: &Rc<Worker>, client: &Self, socket: Socket, leash: Leash) -> Registered {
        Self::enter(worker, client.peer, Arc::clone(&client.frontend), socket, leash, true)
    }

    fn enter(
        worker: &Rc<Worker>,
        peer: SocketAddr,
        frontend: Arc<Frontend>,
        socket: Socket,
        leash: Leash,
        is_stream: bool,
    ) -> Registered {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let address = peer.ip().to_canonical().to_string();
        let client = Rc::new(Self {
            id: NEXT.fetch_add(1, Relaxed),
            peer,
            frontend,
            socket,
            leash,
            address: address.into(),
            is_stream,
            requests: Cell::new(0),
            received_before: Cell::new(0),
            sent_before: Cell::new(0),
            answered: Cell::new(false),
            listening: Cell::new(false),
            rest: Cell::new(Rest::None),
            finishing: Cell::new(false),
            current: Cell::new(None),
        });
        let key = worker.clients.borrow_mut().insert(Rc::clone(&client));
        Registered { worker: Rc::clone(worker), key, client }
    }

    /// Its signs of life.
    pub fn pulse(&self) -> &Arc<Pulse> {
        self.socket.pulse()
    }

    /// Whether a request from it is in flight on that server.
    pub fn is_on(&self, server: ServerId) -> bool {
        self.current.get().is_some_and(|current| current.server == Some(server))
    }

    /// Asks it to end after what is in flight.
    pub fn finish(&self) {
        self.finishing.set(true);
        self.leash.wake();
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
                self.leash.wake();
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
        self.worker.end_rest(&self.client);
        self.worker.clients.borrow_mut().remove(self.key);
    }
}
