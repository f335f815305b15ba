//! From a request to a server's answer, with as many attempts as it takes: the retry rules, once for all versions of HTTP.
//!
//! A failed connect goes to another server, whatever the method. A request is sent again only when nothing is lost by it: not a byte of
//! it has left, or its method is idempotent, it has no body, and not a byte of an answer came (RFC 9110 section 9.2.2).

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::error::ProxyError;
use super::exchange::Exchange;
use super::h1::request::Persistence;
use super::route::PickHints;
use super::{DataWorker, h2, route};
use crate::balance::Tried;
use crate::config::{Protocol, Timeouts};
use crate::ids::ServerId;
use crate::net::limits;
use crate::server::{Claim, Server};
use crate::topology::Backend;
use crate::upstream::{self, ServerConnection};

/// A request on its way out, as often as it takes.
pub(super) trait OutgoingRequest {
    /// What a server answers.
    type Answer;

    /// Why it waits no longer for what it has begun to wait for: its client has left, or its server has gone down.
    fn poll_interrupted(&mut self, cx: &mut Context<'_>) -> Option<ProxyError>;

    /// Writes it for another backend than before, and reads what picks a server there: the key of its hash, and what binds its client.
    /// Nothing when its head has left already, so that it is as it was.
    fn write_again(&mut self, backend: &Backend) -> Option<(u64, Option<Box<Persistence>>)>;

    /// Sends it to the server that the exchange has claimed; to a new connection when `fresh`.
    async fn attempt(
        &mut self,
        exchange: &mut Exchange,
        backend: &Backend,
        server: &Server,
        wish: &PickHints,
        fresh: bool,
    ) -> Result<Self::Answer, Failed>;
}

/// Why an attempt failed, and whether another is safe.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed {
    pub(super) error: ProxyError,
    pub(super) retry: bool,
    /// It failed on a connection that had been used before.
    pub(super) reused: bool,
    /// The same server would fail again at once. Not where an idle connection had died, nor where making one has taken its time already.
    pub(super) pause: bool,
}

/// Where a request goes, and what has become of it so far.
pub(super) struct Turn {
    backend: Arc<Backend>,
    wish: PickHints,
    /// Nothing before a first attempt that had not to wait.
    past: Option<Box<Past>>,
}

/// What has become of a request.
#[derive(Default)]
struct Past {
    /// Servers that failed.
    tried: Tried,
    /// The server of the last attempt.
    last: Option<ServerId>,
    /// Idle connections are not to be trusted any more.
    fresh: bool,
}

impl Turn {
    /// A request that leads to `backend`.
    #[inline]
    pub(super) fn new(backend: Arc<Backend>, wish: PickHints) -> Self {
        Self { backend, wish, past: None }
    }
}

/// Sends `outgoing` to servers of its backend until one answers or nothing more may be tried.
pub(super) async fn until_answered<O: OutgoingRequest>(
    exchange: &mut Exchange,
    turn: &mut Turn,
    outgoing: &mut O,
) -> Result<O::Answer, ProxyError> {
    exchange.routed(&turn.backend);
    exchange.asked(turn.wish.asked);
    let mut claim = match route::claim(&turn.backend, &turn.wish, &Tried::default()) {
        Some(claim) => claim,
        // In a box of its own, as all that is rare: futures are copied when they begin.
        None => Box::pin(choose(exchange, outgoing, turn)).await?,
    };
    loop {
        let server = take(exchange, claim, turn);
        let fresh = turn.past.as_ref().is_some_and(|past| past.fresh);
        match outgoing.attempt(exchange, &turn.backend, &server, &turn.wish, fresh).await {
            Ok(answer) => return Ok(answer),
            Err(failed) => {
                claim = Box::pin(choose_again(exchange, outgoing, turn, server, failed)).await?;
            }
        }
    }
}

/// Claims a server for another attempt, if there may be one.
async fn choose_again<O: OutgoingRequest>(
    exchange: &mut Exchange,
    outgoing: &mut O,
    turn: &mut Turn,
    server: Arc<Server>,
    failed: Failed,
) -> Result<Claim, ProxyError> {
    let past = turn.past.get_or_insert_default();
    // That an idle connection had died says nothing of the server: one more attempt makes up for it, and it takes a new connection, since
    // the other idle ones may have died as well.
    past.fresh |= failed.reused;
    let spent = exchange.retries() >= turn.backend.config.retries + u32::from(past.fresh);
    // A server that has gone down says nothing of the request, which goes on elsewhere however often it has been tried.
    if !failed.retry || failed.error != ProxyError::ServerDown && spent {
        return Err(failed.error);
    }
    exchange.retry();
    // A stale idle connection must not break stickiness.
    if !(failed.reused && turn.wish.is_bound_to(server.id)) {
        past.tried.add(server.id);
    }
    past.last = Some(server.id);
    if failed.pause {
        while_there(outgoing, turn_around(exchange, &turn.backend, &server, &past.tried)).await?;
    }
    decide_again(exchange, outgoing, turn)?;
    choose(exchange, outgoing, turn).await
}

/// Claims a server, and waits for one if it has to.
async fn choose<O: OutgoingRequest>(
    exchange: &mut Exchange,
    outgoing: &mut O,
    turn: &mut Turn,
) -> Result<Claim, ProxyError> {
    loop {
        let Turn { backend, wish, past } = turn;
        let tried = &past.get_or_insert_default().tried;
        if let Some(claim) = route::claim(backend, wish, tried) {
            return Ok(claim);
        }
        let waited = route::wait(exchange, backend, wish, tried);
        if let Some((claim, present)) = while_there(outgoing, waited).await?? {
            exchange.rerouted(&present);
            turn.backend = present;
            return Ok(claim);
        }
        decide_again(exchange, outgoing, turn)?;
    }
}

/// Puts a claim into the account.
#[inline]
fn take(exchange: &mut Exchange, claim: Claim, turn: &mut Turn) -> Arc<Server> {
    let server = Arc::clone(claim.server());
    exchange.claimed(claim);
    let declined = turn.wish.is_declined(server.id);
    if declined {
        exchange.asked(turn.wish.asked);
    }
    let last = turn.past.as_ref().and_then(|past| past.last);
    if declined || last.is_some_and(|last| last != server.id) {
        exchange.redispatched();
    }
    server
}

/// Decides again where a request leads, by the snapshot in force: backend, protocol and account, and what picks a server.
fn decide_again<O: OutgoingRequest>(
    exchange: &mut Exchange,
    outgoing: &mut O,
    turn: &mut Turn,
) -> Result<(), ProxyError> {
    let present = route::backend(&exchange.client)?;
    exchange.rerouted(&present);
    let former = std::mem::replace(&mut turn.backend, present);
    let backend = &turn.backend;
    if !backend.reads_as(&former)
        && let Some((key, ties)) = outgoing.write_again(backend)
    {
        turn.wish = turn.wish.again(key, ties.as_deref(), &former, backend);
        exchange.asked(turn.wish.asked);
        exchange.sticks_no_more();
        exchange.sticks(ties.and_then(|ties| ties.bound));
    }
    Ok(())
}

/// Waits before another attempt on the same server, as HAProxy does; an attempt on another one comes at once. A server that starts again
/// refuses connections for a while, and attempts without a pause would all be made within that time.
///
/// Nothing is claimed meanwhile, so that a drain is not held up, and an order that the server gets now is followed.
async fn turn_around(exchange: &Exchange, backend: &Backend, server: &Server, tried: &Tried) {
    const LONGEST: Duration = Duration::from_secs(1);
    let limit = backend.config.timeout.connect.min(LONGEST);
    let epoch = server.place.connection_generation();
    let mut usable = true;
    let over = || {
        // What does not go to this backend any more is decided about by whoever asked for the pause.
        let Ok(present) = route::backend(&exchange.client) else { return true };
        let came_back = server.is_usable() && !usable;
        usable = server.is_usable();
        came_back
            || present.live.id != backend.live.id
            || server.place.connection_generation() != epoch
            || present.rotation.has_other(tried)
    };
    backend.live.queue.pause(limit, over).await;
}

/// Does something that may take time, for as long as the client is there, and its server is well.
pub(super) async fn while_there<O: OutgoingRequest, T>(
    outgoing: &mut O,
    work: impl Future<Output = T>,
) -> Result<T, ProxyError> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        outgoing.poll_interrupted(cx).map_or(Poll::Pending, |error| Poll::Ready(Err(error)))
    })
    .await
}

/// The newest idle connection to a server. What cannot be replayed is worth a system call: a server that has just died has closed its
/// connections already.
pub(super) fn take_idle(
    worker: &DataWorker,
    server: &Server,
    replayable: bool,
) -> Option<Box<ServerConnection>> {
    loop {
        let connection = worker.idle.borrow_mut().take(server.id, server.place.connection_generation())?;
        if replayable || connection.socket.is_idle_and_alive() {
            return Some(connection);
        }
    }
}

/// A new connection to a server, or a stream of one that exchanges share.
pub(super) async fn connect(
    exchange: &Exchange,
    backend: &Backend,
    server: &Server,
    fresh: bool,
) -> Result<Box<ServerConnection>, Failed> {
    let failed = |error| {
        exchange.connect_failed();
        server.place.request_lookup();
        Failed { error, retry: true, reused: false, pause: error != ProxyError::ConnectTimeout }
    };
    let epoch = server.place.connection_generation();
    let address = server.place.address().ok_or_else(|| failed(ProxyError::Connect))?;
    let Timeouts { connect, server: silence, .. } = backend.config.timeout;
    let worker = &exchange.client.worker;
    let connected = match backend.config.protocol {
        Protocol::Http1 => match worker.descriptor(connect).await {
            Ok(unit) => upstream::connect((address, epoch), unit, connect, silence, &worker.watchdog).await,
            Err(error) => Err(error),
        },
        Protocol::H2c => {
            let place = h2::StreamPlace { key: server.id, address, epoch };
            worker.servers.stream(place, fresh, connect, silence, worker).await
        }
    };
    connected.map_err(|error| {
        if limits::is_shortage(&error) {
            // It says nothing about the server.
            worker.shared.process.shortages.connects.add_shared(1);
            return Failed { error: ProxyError::Connect, retry: true, reused: false, pause: true };
        }
        failed(if error.kind() == std::io::ErrorKind::TimedOut {
            ProxyError::ConnectTimeout
        } else {
            ProxyError::Connect
        })
    })
}
