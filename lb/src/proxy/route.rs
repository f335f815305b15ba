//! From a frontend to a claimed server: the route, the pick, the queue.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::time::{Instant, timeout_at};

use super::Client;
use super::error::ProxyError;
use super::exchange::Exchange;
use super::h1::request::Persistence;
use crate::balance::{Pick, Tried};
use crate::ids::ServerId;
use crate::server::{Claim, Queue, Waiting};
use crate::stick::CookieMatch;
use crate::topology::{Backend, Frontend, Topology};

/// What a request would like of the pick.
#[derive(Debug, Clone, Copy)]
pub(super) struct PickHints {
    /// What a hash goes by.
    pub(super) key: u64,
    /// What the backend's cookie says, if it has one.
    pub(super) asked: Option<CookieMatch>,
    /// The server that its client is bound to.
    bound: Option<ServerId>,
}

/// When an exchange that has no server yet gets one.
#[derive(Debug, Clone, Copy)]
pub(super) enum PickTime {
    /// When there is room on any.
    Any,
    /// When there is room on the one that its client is bound to.
    Bound(ServerId),
    /// Nobody is there.
    Never,
}

/// What came of a wait.
enum Served {
    /// A server has room, in the backend as it is now.
    By(Claim, Arc<Backend>),
    /// No server can be waited for.
    Nowhere,
    /// The request leads elsewhere by now.
    Elsewhere,
}

// === impl PickHints ===

impl PickHints {
    /// The wish of a request: its cookie goes before its key in the backend's stick table.
    pub(super) fn new(key: u64, ties: Option<&Persistence>, backend: &Backend) -> Self {
        let Some(Persistence { asked, bound, .. }) = ties else {
            return Self { key, asked: None, bound: None };
        };
        let by_cookie = asked.and_then(|asked| asked.server);
        let bound = by_cookie.or_else(|| backend.bound(bound.as_ref()?));
        Self { key, asked: *asked, bound }
    }

    /// The same for a request that led to `former` before, whose cookie may have been taken out of it there: what that meant it means in
    /// `backend` as well, if that has a cookie of the same name.
    pub(super) fn again(
        self,
        key: u64,
        ties: Option<&Persistence>,
        former: &Backend,
        backend: &Backend,
    ) -> Self {
        let mut wish = Self::new(key, ties, backend);
        let meant = self.asked.and_then(|asked| asked.server);
        if let (None, Some(meant), Some(before), Some(jar)) = (wish.bound, meant, &former.jar, &backend.jar)
            && before.name() == jar.name()
            && let Some(server) = before.cookie_of(meant).and_then(|cookie| jar.server_of(cookie))
        {
            wish.bound = Some(server);
            if let Some(asked) = &mut wish.asked {
                asked.means(server);
            }
        }
        wish
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
            by_cookie.into_iter().for_each(CookieMatch::declined);
        }
        declined
    }
}

/// The backend that takes this client's requests now.
pub(super) fn backend(client: &Client) -> Result<Arc<Backend>, ProxyError> {
    let topology = client.worker.shared.topology.load();
    let frontend = client.frontend.borrow();
    // One that is gone since is as if no rule had matched.
    let routed =
        client.routed.get().and_then(|id| topology.backends.iter().find(|backend| backend.live.id == id));
    if let Some(backend) = routed {
        return published(backend);
    }
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

/// Makes the client follow its frontend's configuration, as a request that begins does; says whether that has changed.
#[cold]
pub(super) fn follow(client: &Client) -> bool {
    let topology = client.worker.shared.topology.load();
    let known = Arc::clone(&client.frontend.borrow());
    let changed = topology.frontend(&known.live).filter(|frontend| !Arc::ptr_eq(frontend, &known));
    if let Some(frontend) = changed {
        client.follow(frontend);
    }
    changed.is_some()
}

#[inline]
fn backend_of(topology: &Topology, frontend: &Frontend) -> Result<Arc<Backend>, ProxyError> {
    published(topology.backend(&frontend.config.backend).ok_or(ProxyError::NoServer)?)
}

/// A backend, unless an operator has taken it out.
#[inline]
pub(super) fn published(backend: &Arc<Backend>) -> Result<Arc<Backend>, ProxyError> {
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

/// Whether a server that takes this client's requests is there beside the one that it is on, which has gone down.
pub(super) fn has_another(client: &Client) -> bool {
    let backend = backend(client);
    backend.is_ok_and(|backend| backend.rotation.servers().any(|server| !client.is_on(server.id)))
}

/// Picks a server of the backend's present rotation and counts the exchange in on it; nothing when it has to [`wait`].
#[inline]
pub(super) fn claim(backend: &Backend, wish: &PickHints, tried: &Tried) -> Option<Claim> {
    pick(backend, wish, tried).ok()
}

#[inline]
fn pick(backend: &Backend, wish: &PickHints, tried: &Tried) -> Result<Claim, PickTime> {
    if let Some(bound) = wish.bound.filter(|bound| !tried.contains(*bound)) {
        match backend.pick_bound(bound) {
            Pick::Claimed(claim) => return Ok(claim),
            Pick::Full => return Err(PickTime::Bound(bound)),
            Pick::Nobody => {}
        }
    }
    if backend.live.queue.is_occupied() {
        return Err(PickTime::Any);
    }
    match backend.pick(wish.key, tried) {
        Pick::Claimed(claim) => Ok(claim),
        Pick::Nobody => Err(PickTime::Never),
        Pick::Full => Err(PickTime::Any),
    }
}

/// The same for one that may have to wait: in the queue of the server that its client is bound to, and in that of all servers. Tells the
/// backend as it is by then. Nothing when the request leads elsewhere by now, or is read in another way there: then everything is to be
/// decided again.
pub(super) async fn wait(
    exchange: &mut Exchange,
    backend: &Arc<Backend>,
    wish: &PickHints,
    tried: &Tried,
) -> Result<Option<(Claim, Arc<Backend>)>, ProxyError> {
    let mut backend = Arc::clone(backend);
    let mut picked = pick(&backend, wish, tried);
    if let Err(PickTime::Bound(bound)) = picked {
        match wait_for(exchange, &backend, bound).await? {
            Served::By(claim, backend) => return Ok(Some((claim, backend))),
            Served::Elsewhere => return Ok(None),
            // Its server takes nobody any more: it is like the others.
            Served::Nowhere => {
                let former = std::mem::replace(&mut backend, self::backend(&exchange.client)?);
                if !backend.reads_as(&former) {
                    return Ok(None);
                }
                picked = pick(&backend, &PickHints { bound: None, ..*wish }, tried);
            }
        }
    }
    match picked {
        Ok(claim) => return Ok(Some((claim, backend))),
        Err(PickTime::Never) => return Err(ProxyError::NoServer),
        Err(PickTime::Any | PickTime::Bound(_)) => {}
    }
    let queue = &backend.live.queue;
    let place = queue.enter();
    let pick = |backend: &Backend| backend.pick(wish.key, tried);
    match in_line(exchange, queue, place, &backend, pick).await? {
        Served::By(claim, backend) => {
            if backend.rotation.has_room() {
                queue.room_made();
            }
            Ok(Some((claim, backend)))
        }
        Served::Elsewhere => Ok(None),
        Served::Nowhere => Err(ProxyError::NoServer),
    }
}

/// Waits for room on the one server that the client is bound to; nowhere when that takes nobody any more, or too many wait already.
async fn wait_for(
    exchange: &mut Exchange,
    backend: &Arc<Backend>,
    bound: ServerId,
) -> Result<Served, ProxyError> {
    let Some(server) = backend.servers.iter().find(|server| server.id == bound) else {
        return Ok(Served::Nowhere);
    };
    let Some(place) = server.wait_bound() else { return Ok(Served::Nowhere) };
    let pick = |backend: &Backend| backend.pick_bound(bound);
    let served = in_line(exchange, &server.bound, place, backend, pick).await?;
    if matches!(served, Served::Nowhere) {
        exchange.unqueued();
    }
    Ok(served)
}

/// Waits until `pick` says of the backend as it is then something else than that there is no room, or until the request leads elsewhere.
async fn in_line(
    exchange: &mut Exchange,
    queue: &Queue,
    place: Waiting,
    backend: &Arc<Backend>,
    pick: impl Fn(&Backend) -> Pick,
) -> Result<Served, ProxyError> {
    let begun = Instant::now();
    // Room that was made before the place was taken has woken nobody: the first looks at once, the others are woken by who is before
    // them, so that nobody overtakes and no room stays empty.
    let mut my_turn = place.is_first();
    exchange.queued(place);
    loop {
        let turn = queue.turn();
        tokio::pin!(turn);
        turn.as_mut().enable();
        // A reload may have changed the backend meanwhile, or where the request leads.
        let present = self::backend(&exchange.client).inspect_err(|_| queue.room_made())?;
        if !present.reads_as(backend) {
            exchange.unqueued();
            // The turn that may have been this one's is that of the next.
            queue.room_made();
            return Ok(Served::Elsewhere);
        }
        if my_turn {
            match pick(&present) {
                Pick::Claimed(claim) => {
                    exchange.served();
                    return Ok(Served::By(claim, present));
                }
                Pick::Nobody => return Ok(Served::Nowhere),
                Pick::Full => {}
            }
        }
        let deadline = begun + present.config.timeout.queue;
        timeout_at(deadline, turn).await.map_err(|_| ProxyError::QueueTimeout)?;
        my_turn = true;
    }
}
