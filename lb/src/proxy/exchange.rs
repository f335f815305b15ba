//! The account of one exchange: what it used, how long it took, how it ended.
//!
//! It travels with the exchange, into the response's body or the tunnel, and settles when it is dropped: counters, means and the log
//! record are written exactly once, whatever way the exchange ends. It knows no HTTP library's connections or bodies.

mod settle;

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::access::CapturedFields;
use super::error::{ExchangePhase, ProxyError, Termination};
use super::{Client, h1};
use crate::counters::{Tally, Traffic, millis};
use crate::net::StreamDeadlines;
use crate::rules::Wanted;
use crate::server::{AdminState, Claim, Server, Waiting};
use crate::stick::{CookieAction, CookieMatch, StickKey, StickTable, StickyServer};
use crate::topology::Backend;
use crate::upstream::ServerConnection;

/// The account of one exchange.
#[derive(Debug)]
pub struct Exchange {
    pub(super) client: Rc<Client>,
    backend: Option<Arc<Backend>>,
    claim: Option<Claim>,
    /// The server's side of the present attempt.
    attempt: Option<Attempt>,
    /// Only kept when there is a log.
    request: Option<Box<RequestLine>>,
    started: Instant,
    /// Milliseconds that its head took to arrive.
    arriving: u64,
    times: Times,
    /// Its place in the queue, while it waits.
    waiting: Option<Waiting>,
    /// Its position in the queue, 0 when it never waited.
    queue_position: u64,
    /// From the start to the response's head.
    latency: Option<Duration>,
    /// Milliseconds from start to end, where that is known already.
    total: Option<u64>,
    phase: ExchangePhase,
    status: u16,
    retries: u32,
    redispatched: bool,
    /// What became of the backend's cookie, as the log tells it.
    cookie: [u8; 2],
    /// Its keys in stick tables, if it has some.
    keys: Option<Box<Keys>>,
    termination: Option<Termination>,
}

/// Keys of an exchange in stick tables.
#[derive(Debug, Default)]
struct Keys {
    /// In its backend's: it is bound to the server that answers.
    bound: Option<StickKey>,
    /// In the table that its frontend writes down what its clients do.
    tracked: Option<(Arc<StickTable>, StickKey)>,
}

/// A connection to a server, and what had passed on it before.
#[derive(Debug)]
struct Attempt {
    deadlines: Rc<StreamDeadlines>,
    received: u64,
    sent: u64,
}

/// What the log says of the request, and of its answer's head.
#[derive(Debug)]
pub struct RequestLine {
    /// The method, and the target behind it.
    text: Box<str>,
    method: usize,
    pub(super) version: &'static str,
    pub(super) captured: CapturedFields,
    pub(super) answer_captured: CapturedFields,
}

/// When the phases ended, milliseconds after the start.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Times {
    pub(super) queue: Option<u64>,
    pub(super) connect: Option<u64>,
    pub(super) head: Option<u64>,
}

/// What passed on a connection to a server.
#[derive(Debug, Default, Clone, Copy)]
struct Passed {
    received: u64,
    sent: u64,
}

// === impl Attempt ===

impl Attempt {
    fn passed(self) -> Passed {
        let Self { deadlines, received, sent } = self;
        Passed { received: deadlines.received() - received, sent: deadlines.sent() - sent }
    }
}

// === impl Passed ===

impl Passed {
    fn count(&self, traffic: &Traffic) {
        traffic.server_bytes_in.add(self.received);
        traffic.server_bytes_out.add(self.sent);
    }
}

// === impl RequestLine ===

impl RequestLine {
    /// What stands for a request that could not be read.
    pub(super) fn bad() -> Self {
        let (captured, answer_captured) = Default::default();
        let text = "<BADREQ>";
        Self { text: text.into(), method: text.len(), version: "", captured, answer_captured }
    }

    /// The line of a request whose head is at the start of `input`.
    pub(super) fn new(input: &[u8], head: &h1::request::RequestHead, client: &Client) -> Self {
        // Both have been found to be ASCII.
        let part = |place: &Range<usize>| {
            let bytes = input.get(place.clone()).unwrap_or_default();
            str::from_utf8(bytes).unwrap_or_default()
        };
        let (method, target) = (part(&head.method), part(&head.target));
        let version = match (client.is_stream(), head.old) {
            (true, _) => "HTTP/2.0",
            (false, true) => "HTTP/1.0",
            (false, false) => "HTTP/1.1",
        };
        let captured =
            CapturedFields::of_request(&input[..head.size], &client.frontend.borrow().config.capture);
        let answer_captured = CapturedFields::default();
        let text = [method, target].concat().into();
        Self { text, method: method.len(), version, captured, answer_captured }
    }

    pub(super) fn method(&self) -> &str {
        &self.text[..self.method]
    }

    pub(super) fn target(&self) -> &str {
        &self.text[self.method..]
    }
}

// === impl Exchange ===

impl Exchange {
    /// Opens an account for a request that has just come.
    #[inline]
    pub fn begin(client: &Rc<Client>, request: Option<RequestLine>) -> Self {
        let started = Instant::now();
        let arriving = client.begin(started).map_or(0, |since| millis(started - since));
        client.frontend.borrow().live.tally.mine().requests.add(1);
        Self {
            client: Rc::clone(client),
            backend: None,
            claim: None,
            attempt: None,
            request: request.map(Box::new),
            started,
            arriving,
            times: Times::default(),
            waiting: None,
            queue_position: 0,
            latency: None,
            total: None,
            phase: ExchangePhase::Request,
            status: 0,
            retries: 0,
            redispatched: false,
            cookie: *b"--",
            keys: None,
            termination: None,
        }
    }

    /// It goes to this backend.
    pub(super) fn routed(&mut self, backend: &Arc<Backend>) {
        if self.backend.is_none() {
            backend.live.sessions.up();
            backend.live.tally.mine().requests.add(1);
        }
        self.backend = Some(Arc::clone(backend));
    }

    /// It goes to this backend from now on, which a reload has changed or put in the place of another. All that has not happened yet is
    /// the new one's account.
    pub(super) fn rerouted(&mut self, backend: &Arc<Backend>) {
        let former = self.backend.replace(Arc::clone(backend));
        if let Some(former) = former.filter(|former| former.live.id != backend.live.id) {
            former.live.sessions.down();
            backend.live.sessions.up();
            backend.live.tally.mine().requests.add(1);
        }
    }

    /// What its cookie says, if the backend has one.
    pub(super) fn asked(&mut self, asked: Option<CookieMatch>) {
        if let Some(asked) = asked {
            self.cookie = [asked.found.letter(), CookieAction::None.letter()];
        }
    }

    /// What was done with the cookie in its answer.
    pub(super) fn given(&mut self, given: CookieAction) {
        if self.cookie != *b"--" {
            self.cookie[1] = given.letter();
        }
    }

    /// It is tracked under this key.
    pub(super) fn track(&mut self, key: Option<StickKey>) {
        let Some(key) = key else { return };
        let frontend = self.client.frontend.borrow();
        let Some(keyed) = &frontend.track else { return };
        if keyed.table.enter(&key, self.client.requests.get() == 1, self.started) {
            let table = Arc::clone(&keyed.table);
            self.keys.get_or_insert_default().tracked = Some((table, key));
        }
    }

    /// This key will be bound to the server that answers.
    pub(super) fn sticks(&mut self, key: Option<StickKey>) {
        if key.is_some() {
            self.keys.get_or_insert_default().bound = key;
        }
    }

    /// No key will be bound, since another backend takes the request.
    pub(super) fn sticks_no_more(&mut self) {
        if let Some(keys) = &mut self.keys {
            keys.bound = None;
        }
    }

    fn bind(&self) {
        let key = self.keys.as_ref().and_then(|keys| keys.bound.as_ref());
        let stick = self.backend.as_ref().and_then(|backend| backend.tables.stick.as_ref());
        if let (Some(key), Some(stick), Some(server)) = (key, stick, self.server()) {
            let (number, name) = (server.number, Some(Arc::clone(&server.name)));
            stick.table.bind(key, &StickyServer { number, name });
        }
    }

    /// It begins to wait for a server with room.
    pub(super) fn queued(&mut self, place: Waiting) {
        self.waiting = Some(place);
        self.phase = ExchangePhase::Queue;
    }

    /// A server has room for it.
    pub(super) fn served(&mut self) {
        if let Some(place) = self.waiting.take() {
            self.queue_position += place.position();
            place.serve();
        }
    }

    /// It no longer waits where it did: for the one server that its client is bound to, or in a backend that it does not lead to any more.
    pub(super) fn unqueued(&mut self) {
        self.waiting = None;
    }

    /// It waits no longer, with or without a server.
    fn leave_queue(&mut self) {
        if let Some(place) = self.waiting.take() {
            self.queue_position += place.position();
            self.times.queue = Some(self.elapsed());
        }
    }

    /// It has a server.
    pub(super) fn claimed(&mut self, claim: Claim) {
        // As with HAProxy, failed attempts before this one are a part of the wait.
        if self.phase == ExchangePhase::Queue || self.retries > 0 {
            self.times.queue = Some(self.elapsed());
        }
        self.phase = ExchangePhase::Connect;
        self.client.goes_to(claim.server().id);
        claim.server().stats.tally.mine().requests.add(1);
        self.claim = Some(claim);
        self.count(|traffic| traffic.chosen.add(1));
    }

    /// The server that it has.
    pub(super) fn server(&self) -> Option<&Arc<Server>> {
        self.claim.as_ref().map(Claim::server)
    }

    /// It has a connection, whose signs of life are `deadlines`.
    pub(super) fn connected(&mut self, reused: bool, deadlines: &Rc<StreamDeadlines>) {
        self.end_attempt();
        let (received, sent) = (deadlines.received(), deadlines.sent());
        self.attempt = Some(Attempt { deadlines: Rc::clone(deadlines), received, sent });
        // A connection that was there took no time; the clock is not asked.
        self.times.connect = Some(if reused { self.times.queue.unwrap_or(0) } else { self.elapsed() });
        self.phase = ExchangePhase::Head;
        self.count(|traffic| if reused { traffic.reuses.add(1) } else { traffic.connects.add(1) });
    }

    /// A connection to its server could not be made.
    pub(super) fn connect_failed(&self) {
        self.count(|traffic| traffic.connect_errors.add(1));
    }

    /// The attempt failed and another one follows; the claim is given back.
    pub(super) fn retry(&mut self) {
        self.retries += 1;
        self.count(|traffic| traffic.retries.add(1));
        self.end_attempt();
        self.claim = None;
        self.client.goes_nowhere();
    }

    /// The attempt that follows went to another server than the last.
    pub(super) fn redispatched(&mut self) {
        self.redispatched = true;
        self.count(|traffic| traffic.redispatches.add(1));
    }

    /// Attempts after the first so far.
    pub(super) fn retries(&self) -> u32 {
        self.retries
    }

    /// The head of the response has come.
    pub(super) fn answered(&mut self, status: u16) {
        let took = self.started.elapsed();
        self.times.head = Some(millis(took));
        self.latency = Some(took);
        self.status = status;
        self.phase = ExchangePhase::Data;
        self.client.answered.set(true);
        if self.keys.is_some() {
            self.bind();
        }
    }

    /// Its last byte left together with its head: the clock need not be asked again.
    pub(super) fn ended_at_once(&mut self) {
        self.total = self.times.head;
    }

    /// It ended as it should.
    pub(super) fn completed(&mut self) {
        self.termination = Some(Termination::NORMAL);
    }

    /// The server broke its response before the client had heard of it; an answer of our own follows.
    pub(super) fn broken_unheard(&self) {
        self.count(|traffic| traffic.server_aborts.add(1));
    }

    /// The server broke it in the middle of the response.
    pub(super) fn broken(&mut self, termination: Termination) {
        self.termination = Some(termination);
        self.count(|traffic| {
            traffic.server_aborts.add(1);
            traffic.response_errors.add(1);
        });
    }

    /// It failed before there was a response; the client gets `error`'s answer.
    pub fn failed(&mut self, error: ProxyError) {
        self.leave_queue();
        self.status = error.status().as_u16();
        self.termination = Some(error.termination());
        self.client.answered.set(true);
        if self.status >= 500 {
            self.client.count(|traffic| traffic.unserved.add(1));
        }
        match error {
            ProxyError::BadRequest(_) | ProxyError::Refused(..) => self.request_failed(),
            ProxyError::ClientBroke | ProxyError::ClientGone => {
                self.request_failed();
                self.count(|traffic| traffic.client_aborts.add(1));
            }
            ProxyError::ServerBroke
            | ProxyError::BadResponse
            | ProxyError::ServerTimeout
            | ProxyError::ServerDown => {
                self.count(|traffic| traffic.response_errors.add(1));
            }
            ProxyError::NoServer
            | ProxyError::QueueTimeout
            | ProxyError::Connect
            | ProxyError::ConnectTimeout
            | ProxyError::Killed => {}
        }
    }

    /// A rule has ended it: with a response of that status, or with none.
    pub(super) fn ruled(&mut self, status: Option<u16>, wanted: Wanted) {
        self.leave_queue();
        self.status = status.unwrap_or_default();
        self.termination = Some(Termination::ruled(wanted));
        self.client.answered.set(true);
        self.client.count(|traffic| match wanted {
            Wanted::Rejected | Wanted::Tarpitted => traffic.denied.add(1),
            Wanted::Served => traffic.intercepted.add(1),
        });
    }

    /// The head of its request never became whole: the client left, or was too slow.
    pub(super) fn unread(&mut self, late: bool) {
        self.status = if late { 408 } else { 400 };
        self.termination = Some(Termination::unread(late));
        self.request_failed();
    }

    /// Its client is to blame.
    fn request_failed(&self) {
        self.client.count(|traffic| traffic.request_errors.add(1));
    }

    /// What the log shows of an answer's head.
    pub(super) fn capture(&mut self, head: &[u8]) {
        if let Some(request) = &mut self.request {
            let frontend = self.client.frontend.borrow();
            request.answer_captured = CapturedFields::of_answer(head, &frontend.config.capture);
        }
    }

    /// How long its server may be silent.
    pub(super) fn server_limit(&self) -> Duration {
        self.backend.as_ref().map_or(Duration::MAX, |backend| backend.config.timeout.server)
    }

    /// How long its tunnel may be silent.
    pub(super) fn tunnel_limit(&self) -> Duration {
        self.backend.as_ref().map_or(Duration::MAX, |backend| backend.config.timeout.tunnel)
    }

    /// Keeps its connection for another exchange, if the server still takes any.
    pub(super) fn keep(&self, connection: Box<ServerConnection>) {
        let (Some(backend), Some(server)) = (&self.backend, self.server()) else { return };
        if connection.connection_generation() == server.place.connection_generation()
            && server.admin() != AdminState::Maint
        {
            let mut idle = self.client.worker.idle.borrow_mut();
            idle.put(server.id, connection, backend.config.max_idle, &server.stats.idle);
        }
    }

    /// Counts what passed on its connection to a server.
    fn end_attempt(&mut self) {
        if let Some(passed) = self.attempt.take().map(Attempt::passed) {
            self.client.count(|traffic| passed.count(traffic));
            self.count(|traffic| passed.count(traffic));
        }
    }

    fn elapsed(&self) -> u64 {
        millis(self.started.elapsed())
    }

    /// The tallies of the backend and, when it has one, the server.
    fn tallies(&self) -> impl Iterator<Item = &Tally> {
        let backend = self.backend.as_ref().map(|backend| &backend.live.tally);
        backend.into_iter().chain(self.server().map(|server| &server.stats.tally))
    }

    fn count(&self, what: impl Fn(&Traffic)) {
        self.tallies().for_each(|tally| what(tally.mine()));
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.settle();
    }
}

#[cfg(test)]
mod tests;
