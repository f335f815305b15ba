//! A client's connection: who it is, what it is doing, and how to end it.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;

use super::DataWorker;
use super::address::ClientAddress;
use crate::counters::Traffic;
use crate::ids::{BackendId, ServerId};
use crate::net::deadlines::WaitKind;
use crate::net::{Ended, Socket, StreamDeadlines};
use crate::topology::{Frontend, LiveListener, SessionInfo};

/// A connection that shall end and has been quiet for so long ends at once.
const QUIET: Duration = Duration::from_secs(1);

/// One that was busy until just now gets so much time for a request that is on its way: closing at once would lose it.
pub(super) const PARTING: Duration = Duration::from_millis(200);

/// A client's connection. There are many, most of them idle: what it holds is counted in bytes.
pub struct Client {
    /// A number of its own in this process.
    pub id: u64,
    /// Its worker, and its place in the worker's list.
    pub worker: Rc<DataWorker>,
    key: Cell<u32>,
    /// Its frontend, as it was when the last exchange began, or on arrival.
    pub(super) frontend: RefCell<Arc<Frontend>>,
    /// The address that it came to, when that has statistics of its own.
    listener: Option<Arc<LiveListener>>,
    /// The stream.
    pub socket: Socket,
    /// Its place in the sweep.
    watched: u32,
    /// The client's address.
    pub(super) address: ClientAddress,
    /// Requests so far.
    pub requests: Cell<u32>,
    /// Bytes received up to the end of the last exchange.
    pub(super) received_before: Cell<u64>,
    /// Bytes sent up to the end of the last exchange.
    pub(super) sent_before: Cell<u64>,
    /// Since when a request is in flight, or a head arriving that did not come in one piece.
    since: Cell<Option<Instant>>,
    /// Where the request in flight goes.
    goal: Cell<Goal>,
    /// Whether a request is in flight.
    busy: Cell<bool>,
    /// Whether it has a seat of its own among those that are allowed at once.
    holds_slot: bool,
    /// Whether an answer has begun to go out for the last request.
    pub answered: Cell<bool>,
    /// The event loop wakes its task when it says something.
    pub(super) listening: Cell<bool>,
    /// Whether it is ready for its next request, and since when.
    pub(super) rest: Cell<Rest>,
    /// It shall end after what is in flight.
    pub finishing: Cell<bool>,
    /// The backend that a rule has chosen for the request in flight, in place of its frontend's.
    pub(super) routed: Cell<Option<BackendId>>,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy)]
enum Goal {
    /// It has no server.
    Nowhere,
    /// A server, which was well when the request was given to it.
    Server(ServerId),
    /// A server that has gone down since; whether that was a server that says nothing at all.
    Down(ServerId, bool),
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

/// A client in its worker's list, until this is dropped.
#[derive(Debug)]
pub struct Registered(pub Rc<Client>);

// === impl Client ===

impl Client {
    /// Puts a new connection into its worker's list, which has counted it already; it takes the seat that `permits` are for.
    pub fn register(
        worker: &Rc<DataWorker>,
        peer: SocketAddr,
        (frontend, listener): (Arc<Frontend>, Option<Arc<LiveListener>>),
        socket: Socket,
        permits: [OwnedSemaphorePermit; 2],
    ) -> Registered {
        worker.shared.process.connections.up();
        frontend.live.sessions.up();
        if let Some(listener) = &listener {
            listener.sessions.up();
        }
        // They are given back by number when the client is dropped: an idle connection is smaller without them.
        permits.into_iter().for_each(OwnedSemaphorePermit::forget);
        Self::enter(worker, peer, (frontend, listener), socket, true)
    }

    /// The same for a stream on a client's connection, which has no seat of its own.
    pub(super) fn stream_of(worker: &Rc<DataWorker>, client: &Self, socket: Socket) -> Registered {
        let came_to = (Arc::clone(&client.frontend.borrow()), client.listener.clone());
        Self::enter(worker, client.peer(), came_to, socket, false)
    }

    fn enter(
        worker: &Rc<DataWorker>,
        peer: SocketAddr,
        (frontend, listener): (Arc<Frontend>, Option<Arc<LiveListener>>),
        socket: Socket,
        seated: bool,
    ) -> Registered {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let deadlines = Rc::clone(socket.deadlines());
        let client = Rc::new(Self {
            id: NEXT.fetch_add(1, Relaxed),
            worker: Rc::clone(worker),
            key: Cell::new(0),
            frontend: RefCell::new(frontend),
            listener,
            socket,
            watched: worker.watchdog.enter(deadlines),
            address: ClientAddress::new(peer),
            requests: Cell::new(0),
            received_before: Cell::new(0),
            sent_before: Cell::new(0),
            since: Cell::new(None),
            goal: Cell::new(Goal::Nowhere),
            busy: Cell::new(false),
            holds_slot: seated,
            answered: Cell::new(false),
            listening: Cell::new(false),
            rest: Cell::new(Rest::None),
            finishing: Cell::new(false),
            routed: Cell::new(None),
        });
        // They know each other until the registration is dropped. There are never so many that the number does not fit.
        let key = worker.clients.borrow_mut().insert(Rc::clone(&client));
        client.key.set(u32::try_from(key).unwrap_or(u32::MAX));
        Registered(client)
    }

    /// Whether it is a stream of HTTP/2.
    pub(super) fn is_stream(&self) -> bool {
        !self.holds_slot
    }

    /// Counts in its frontend, and in the address that it came to.
    #[inline]
    pub(super) fn count(&self, what: impl Fn(&Traffic)) {
        what(self.frontend.borrow().live.tally.mine());
        if let Some(listener) = &self.listener {
            what(listener.tally.mine());
        }
    }

    /// Ends it at once.
    pub fn kill(&self) {
        self.deadlines().end(Ended::Killed);
    }

    /// The client's address and port.
    pub fn peer(&self) -> SocketAddr {
        self.address.peer()
    }

    /// Its signs of life.
    pub fn deadlines(&self) -> &Rc<StreamDeadlines> {
        self.socket.deadlines()
    }

    /// Whether a request from it is in flight on that server.
    pub fn is_on(&self, server: ServerId) -> bool {
        self.server() == Some(server)
    }

    fn server(&self) -> Option<ServerId> {
        match self.goal.get() {
            Goal::Nowhere => None,
            Goal::Server(server) | Goal::Down(server, _) => Some(server),
        }
    }

    /// Tells it that its server has gone down; `silent` when that says nothing at all any more.
    pub fn server_went_down(&self, silent: bool) {
        if let Some(server) = self.server() {
            self.goal.set(Goal::Down(server, silent));
            self.deadlines().wake();
        }
    }

    /// Whether its server has gone down since the request was given to it.
    #[inline]
    pub(super) fn is_on_lost_server(&self) -> bool {
        matches!(self.goal.get(), Goal::Down(..))
    }

    /// Forgets that its server has gone down, since the request stays there; whether that server says nothing at all any more.
    pub(super) fn stays(&self) -> bool {
        let Goal::Down(server, silent) = self.goal.get() else { return false };
        self.goal.set(Goal::Server(server));
        silent
    }

    /// Asks it to end after what is in flight. One that has not been served yet, or has begun another request, is served before that.
    pub fn finish(&self) {
        self.finishing.set(true);
        self.deadlines().hasten(QUIET, PARTING);
        self.deadlines().wake();
    }

    /// Whether it may go on although its time for the next request is over: that has arrived, and nobody has looked.
    #[cold]
    pub(super) fn is_reprieved(&self, ended: Ended) -> bool {
        let reprieved = ended == Ended::Overdue(WaitKind::KeepAlive) && self.socket.holds_bytes();
        if reprieved {
            self.deadlines().resume();
            self.deadlines().await_request(None, self.frontend.borrow().config.timeout.http_request);
        }
        reprieved
    }

    /// The number of its frontend.
    pub fn frontend_id(&self) -> u32 {
        self.frontend.borrow().live.id
    }

    /// Follows its frontend's configuration, which has changed since its last exchange.
    #[cold]
    pub(super) fn follow(&self, frontend: &Arc<Frontend>) {
        let limits = &frontend.config.timeout;
        self.deadlines().set_write_limit(limits.client);
        self.deadlines().set_head_limit(limits.http_request);
        self.frontend.replace(Arc::clone(frontend));
    }

    /// Whether it has said nothing since its task was promised to be woken: then there is no need to ask again.
    #[inline]
    pub(super) fn woke_since(&self) -> bool {
        let silent = self.listening.get() && !self.socket.may_be_readable();
        self.listening.set(silent);
        silent
    }

    /// Another sweep has passed.
    pub(super) fn age(&self) {
        match self.rest.get() {
            Rest::Fresh => self.rest.set(Rest::Old),
            Rest::Old => {
                self.rest.set(Rest::Over);
                self.deadlines().wake();
            }
            Rest::None | Rest::Over => {}
        }
    }

    /// What is in flight on it, for `show sess`.
    pub fn info(&self, worker: &DataWorker) -> Option<SessionInfo> {
        let since = self.since.get().filter(|_| self.busy.get())?;
        let topology = worker.shared.topology.load();
        let on = |id: ServerId| topology.servers().find(|server| server.id == id).cloned();
        let server = self.server().and_then(on);
        Some(SessionInfo {
            id: self.id,
            peer: self.peer(),
            frontend: Arc::clone(&self.frontend.borrow().live.name),
            backend: server.as_ref().map(|server| Arc::clone(&server.backend)),
            server: server.map(|server| Arc::clone(&server.name)),
            age: since.elapsed(),
            requests: self.requests.get().into(),
        })
    }

    /// A head begins to arrive and is not whole.
    pub(super) fn arrives(&self) {
        self.since.set(Some(self.since.get().unwrap_or_else(Instant::now)));
    }

    /// A request is in flight from `now` on; says since when its head was arriving, if that took time.
    pub(super) fn begin(&self, now: Instant) -> Option<Instant> {
        self.requests.set(self.requests.get().saturating_add(1));
        self.answered.set(false);
        self.busy.set(true);
        self.since.replace(Some(now))
    }

    #[inline]
    pub(super) fn goes_to(&self, server: ServerId) {
        self.goal.set(Goal::Server(server));
    }

    /// The request in flight has no server any more.
    pub(super) fn goes_nowhere(&self) {
        self.goal.set(Goal::Nowhere);
    }

    pub(super) fn end(&self) {
        self.busy.set(false);
        self.since.set(None);
        self.goal.set(Goal::Nowhere);
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("id", &self.id).field("peer", &self.peer()).finish_non_exhaustive()
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let Self(client) = self;
        client.worker.end_rest(client);
        client.worker.clients.borrow_mut().remove(client.key.get() as usize);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.worker.watchdog.leave(self.watched);
        if self.holds_slot {
            let (worker, live) = (&self.worker, &self.frontend.get_mut().live);
            worker.connections.down();
            worker.shared.process.connections.down();
            live.sessions.down();
            if let Some(listener) = &self.listener {
                listener.sessions.down();
            }
            live.room.leave();
            worker.shared.process.room.leave();
        }
    }
}
