//! From a frontend to a claimed server: the route, the pick, the queue.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Client;
use super::error::ProxyError;
use super::exchange::Exchange;
use super::h1::request::Ties;
use crate::balance::{Pick, Tried};
use crate::server::{Claim, Queue, ServerId, Waiting};
use crate::stick::Asked;
use crate::topology::{Backend, Frontend, Topology};

/// What a request would like of the pick.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    /// What a hash goes by.
    pub(super) key: u64,
    /// What the backend's cookie says, if it has one.
    pub(super) asked: Option<Asked>,
    /// The server that its client is bound to.
    bound: Option<ServerId>,
}

/// When an exchange that has no server yet gets one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Later {
    /// When there is room on any.
    Any,
    /// When there is room on the one that its client is bound to.
    Bound(ServerId),
    /// Nobody is there.
    Never,
}

// === impl Wish ===

impl Wish {
    /// The wish of a request: its cookie goes before its key in the backend's stick table.
    pub(super) fn new(key: u64, ties: Option<&Ties>, backend: &Backend) -> Self {
        let Some(Ties { asked, bound, .. }) = ties else { return Self { key, asked: None, bound: None } };
        let by_cookie = asked.and_then(|asked| asked.server);
        let bound = by_cookie.or_else(|| backend.bound(bound.as_ref()?));
        Self { key, asked: *asked, bound }
    }

    /// Whether the client is bound to that server.
    pub(super) fn is_bound_to(&self, server: ServerId) -> bool {
        self.bound == Some(server)
    }

    /// Whether the client was bound to another server than the one it got. Then it is not bound any more.
    pub(super) fn is_declined(&mut self, got: ServerId) -> bool {
        let declined = self.bound.is_some_and(|bound| bound != got);
        if declined {
            self.bound = None;
            let by_cookie = self.asked.as_mut().filter(|asked| asked.server.is_some());
            by_cookie.into_iter().for_each(Asked::declined);
        }
        declined
    }
}

/// The backend that takes this client's requests now.
pub(super) fn backend(client: &Client) -> Result<Arc<Backend>, ProxyError> {
    let topology = client.worker.shared.topology.load();
    let frontend = client.frontend.borrow();
    match topology.frontend(&frontend.live) {
        Some(frontend) => backend_of(&topology, frontend),
        None => backend_of_gone(&topology, &frontend),
    }
}

/// The same for a request that begins: the client follows its frontend's configuration.
#[inline]
pub(super) fn begin(client: &Client) -> Result<Arc<Backend>, ProxyError> {
    let mut present = client.worker.present.borrow_mut();
    let topology: &Topology = present.load();
    let known = client.frontend.borrow();
    let Some(frontend) = topology.frontend(&known.live) else { return backend_of_gone(topology, &known) };
    if !Arc::ptr_eq(frontend, &known) {
        drop(known);
        client.follow(frontend);
    }
    backend_of(topology, frontend)
}

/// The snapshot in force.
#[cold]
pub(super) fn in_force(client: &Client) -> Arc<Topology> {
    client.worker.shared.topology.load_full()
}

/// Whether that snapshot is the one in force.
#[cold]
pub(super) fn is_in_force(client: &Client, topology: &Arc<Topology>) -> bool {
    Arc::ptr_eq(&client.worker.shared.topology.load(), topology)
}

#[inline]
fn backend_of(topology: &Topology, frontend: &Frontend) -> Result<Arc<Backend>, ProxyError> {
    let backend = topology.backend(&frontend.config.backend).ok_or(ProxyError::NoServer)?;
    if backend.live.unpublished.load(Relaxed) {
        return Err(ProxyError::NoServer);
    }
    Ok(Arc::clone(backend))
}

/// A frontend that a reload removed still finishes its connections: by the route of the one that has its address now, else by its last.
#[cold]
fn backend_of_gone(topology: &Topology, gone: &Frontend) -> Result<Arc<Backend>, ProxyError> {
    backend_of(topology, topology.successor(gone).map_or(gone, |successor| successor))
}

/// Picks a server of the backend's present rotation and counts the exchange in on it; nothing when it has to [`wait`].
#[inline]
pub(super) fn claim(backend: &Backend, wish: &Wish, tried: &Tried) -> Option<Claim> {
    pick(backend, wish, tried).ok()
}

#[inline]
fn pick(backend: &Backend, wish: &Wish, tried: &Tried) -> Result<Claim, Later> {
    if let Some(bound) = wish.bound.filter(|bound| !tried.contains(*bound)) {
        match backend.pick_bound(bound) {
            Pick::Claimed(claim) => return Ok(claim),
            Pick::Full => return Err(Later::Bound(bound)),
            Pick::Nobody => {}
        }
    }
    if backend.live.queue.is_occupied() {
        return Err(Later::Any);
    }
    match backend.pick(wish.key, tried) {
        Pick::Claimed(claim) => Ok(claim),
        Pick::Nobody => Err(Later::Never),
        Pick::Full => Err(Later::Any),
    }
}

/// The same for one that may have to wait: in the queue of the server that its client is bound to, and in that of all servers.
pub(super) async fn wait(
    exchange: &mut Exchange,
    backend: &Backend,
    wish: &Wish,
    tried: &Tried,
) -> Result<Claim, ProxyError> {
    let mut picked = pick(backend, wish, tried);
    if let Err(Later::Bound(bound)) = picked {
        if let Some(claim) = wait_for(exchange, backend, bound).await? {
            return Ok(claim);
        }
        // Its server takes nobody any more: it is like the others.
        picked = pick(backend, &Wish { bound: None, ..*wish }, tried);
    }
    match picked {
        Ok(claim) => return Ok(claim),
        Err(Later::Never) => return Err(ProxyError::NoServer),
        Err(Later::Any | Later::Bound(_)) => {}
    }
    let queue = &backend.live.queue;
    let place = queue.enter();
    // A reload may have changed the backend meanwhile.
    let pick = |client: &Client| Ok(self::backend(client)?.pick(wish.key, tried));
    let claimed = in_line(exchange, queue, place, backend.config.timeout.queue, pick).await?;
    if claimed.is_some() && self::backend(&exchange.client).is_ok_and(|backend| backend.rotation.has_room()) {
        queue.room_made();
    }
    claimed.ok_or(ProxyError::NoServer)
}

/// Waits for room on the one server that the client is bound to; nothing when that takes nobody any more, or too many wait already.
async fn wait_for(
    exchange: &mut Exchange,
    backend: &Backend,
    bound: ServerId,
) -> Result<Option<Claim>, ProxyError> {
    let Some(server) = backend.servers.iter().find(|server| server.id == bound) else { return Ok(None) };
    let Some(place) = server.wait_bound() else { return Ok(None) };
    let patience = backend.config.timeout.queue;
    let claimed =
        in_line(exchange, &server.bound, place, patience, |_| Ok(backend.pick_bound(bound))).await?;
    if claimed.is_none() {
        exchange.unbound();
    }
    Ok(claimed)
}

/// Waits until `pick` says something else than that there is no room; nothing when there is nobody.
async fn in_line(
    exchange: &mut Exchange,
    queue: &Queue,
    place: Waiting,
    patience: Duration,
    pick: impl Fn(&Client) -> Result<Pick, ProxyError>,
) -> Result<Option<Claim>, ProxyError> {
    let deadline = Instant::now() + patience;
    // Room that was made before the place was taken has woken nobody: the first looks at once, the others are woken by who is before
    // them, so that nobody overtakes and no room stays empty.
    let mut my_turn = place.is_first();
    exchange.queued(place);
    loop {
        let turn = queue.turn();
        tokio::pin!(turn);
        turn.as_mut().enable();
        if my_turn {
            match pick(&exchange.client)? {
                Pick::Claimed(claim) => {
                    exchange.served();
                    return Ok(Some(claim));
                }
                Pick::Nobody => return Ok(None),
                Pick::Full => {}
            }
        }
        timeout_at(deadline, turn).await.map_err(|_| ProxyError::QueueTimeout)?;
        my_turn = true;
    }
}
