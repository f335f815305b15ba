//! From a request to a server's answer, with as many attempts as it takes: the retry rules, once for all versions of HTTP.
//!
//! A failed connect goes to another server, whatever the method. A request is sent again only when nothing is lost by it: not a byte of
//! it has left, or its method is idempotent, it has no body, and not a byte of an answer came (RFC 9110 section 9.2.2).

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::error::ProxyError;
use super::exchange::Exchange;
use super::route::Wish;
use super::{Worker, h2, route};
use crate::balance::Tried;
use crate::config::{Protocol, Timeouts};
use crate::net::limits;
use crate::server::Server;
use crate::topology::Backend;
use crate::upstream::{self, Connection};

/// A request on its way out, as often as it takes.
pub(super) trait Outgoing {
    /// What a server answers.
    type Answer;

    /// Whether the client has left while it waits.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> bool;

    /// Sends it to the server that the exchange has claimed; to a new connection when `fresh`.
    async fn attempt(
        &mut self,
        exchange: &mut Exchange,
        backend: &Backend,
        server: &Server,
        wish: &Wish,
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
}

/// Sends `outgoing` to servers of `backend` until one answers or nothing more may be tried.
pub(super) async fn until_answered<O: Outgoing>(
    exchange: &mut Exchange,
    mut backend: Arc<Backend>,
    mut wish: Wish,
    outgoing: &mut O,
) -> Result<O::Answer, ProxyError> {
    exchange.routed(&backend);
    exchange.asked(wish.asked);
    let mut tried = Tried::default();
    let mut last = None;
    let mut fresh = false;
    loop {
        let claim = match route::claim(&backend, &wish, &tried) {
            Some(claim) => claim,
            // In a box of its own: nearly nobody waits, and futures are copied when they begin.
            None => {
                let claim = Box::pin(route::wait(exchange, &backend, &wish, &tried));
                while_there(outgoing, claim).await??
            }
        };
        let server = Arc::clone(claim.server());
        exchange.claimed(claim);
        let declined = wish.is_declined(server.id);
        if declined {
            exchange.asked(wish.asked);
        }
        if declined || last.is_some_and(|last| last != server.id) {
            exchange.redispatched();
        }
        let failed = match outgoing.attempt(exchange, &backend, &server, &wish, fresh).await {
            Ok(answer) => return Ok(answer),
            Err(failed) => failed,
        };
        // That an idle connection had died says nothing of the server: one more attempt makes up for it, and it takes a new
        // connection, since the other idle ones may have died as well.
        fresh |= failed.reused;
        if !failed.retry || exchange.retries() >= backend.config.retries + u32::from(fresh) {
            return Err(failed.error);
        }
        exchange.retry();
        // Who is bound to a server does not leave it for that.
        if !(failed.reused && wish.is_bound_to(server.id)) {
            tried.add(server.id);
        }
        last = Some(server.id);
        backend = route::backend(&exchange.client)?;
    }
}

/// Does something that may take time, for as long as the client is there.
pub(super) async fn while_there<O: Outgoing, T>(
    outgoing: &mut O,
    work: impl Future<Output = T>,
) -> Result<T, ProxyError> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        if outgoing.poll_left(cx) { Poll::Ready(Err(ProxyError::ClientGone)) } else { Poll::Pending }
    })
    .await
}

/// The newest idle connection to a server. What cannot be replayed is worth a system call: a server that has just died has closed its
/// connections already.
pub(super) fn take_idle(worker: &Worker, server: &Server, replayable: bool) -> Option<Box<Connection>> {
    loop {
        let connection = worker.idle.borrow_mut().take(server.id.get(), server.place.epoch())?;
        if replayable || connection.socket.is_quiet() {
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
) -> Result<Box<Connection>, Failed> {
    let failed = |error| {
        exchange.connect_failed();
        server.place.doubt();
        Failed { error, retry: true, reused: false }
    };
    let epoch = server.place.epoch();
    let address = server.place.address().ok_or_else(|| failed(ProxyError::Connect))?;
    let Timeouts { connect, server: silence, .. } = backend.config.timeout;
    let worker = &exchange.client.worker;
    let connected = match backend.config.protocol {
        Protocol::Http1 => match worker.descriptor(connect).await {
            Ok(unit) => upstream::connect((address, epoch), unit, connect, silence, &worker.watchdog).await,
            Err(error) => Err(error),
        },
        Protocol::H2c => {
            let place = h2::Place { key: server.id.get(), address, epoch };
            worker.servers.stream(place, fresh, connect, silence, worker).await
        }
    };
    connected.map_err(|error| {
        if limits::is_shortage(&error) {
            // It says nothing about the server.
            worker.shared.process.shortages.connects.add_shared(1);
            return Failed { error: ProxyError::Connect, retry: true, reused: false };
        }
        failed(if error.kind() == std::io::ErrorKind::TimedOut {
            ProxyError::ConnectTimeout
        } else {
            ProxyError::Connect
        })
    })
}
