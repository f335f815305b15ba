//! From a frontend to a claimed server: the route, the pick, the queue.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::time::{Instant, timeout_at};

use super::error::ProxyError;
use super::exchange::Exchange;
use super::{Client, Worker};
use crate::balance::{Pick, Tried};
use crate::server::Claim;
use crate::topology::Backend;

/// The backend that takes this client's requests now.
pub(super) fn backend(worker: &Worker, client: &Client) -> Result<Arc<Backend>, ProxyError> {
    let topology = worker.shared.topology.load();
    // A frontend that a reload removed still finishes its connections, by its last route.
    let frontend = topology.frontend(&client.frontend.live).unwrap_or(&client.frontend);
    let backend = topology.backend(&frontend.config.backend).ok_or(ProxyError::NoServer)?;
    if backend.live.unpublished.load(Relaxed) {
        return Err(ProxyError::NoServer);
    }
    Ok(Arc::clone(backend))
}

/// Picks a server of the backend's present rotation and counts the exchange in on it, waiting in the queue while all are full.
pub(super) async fn claim(
    exchange: &mut Exchange,
    backend: &Arc<Backend>,
    key: u64,
    tried: &Tried,
) -> Result<Claim, ProxyError> {
    if !backend.live.queue.is_occupied() {
        match backend.pick(key, tried) {
            Pick::Claimed(claim) => return Ok(claim),
            Pick::Nobody => return Err(ProxyError::NoServer),
            Pick::Full => {}
        }
    }
    wait(exchange, Arc::clone(backend), key, tried).await
}

async fn wait(
    exchange: &mut Exchange,
    mut backend: Arc<Backend>,
    key: u64,
    tried: &Tried,
) -> Result<Claim, ProxyError> {
    let queue = Arc::clone(&backend.live.queue);
    let place = queue.enter();
    let deadline = Instant::now() + backend.config.timeout.queue;
    // Room that was made before the place was taken has woken nobody: the first looks at once, the others are woken by who is before
    // them, so that nobody overtakes and no room stays empty.
    let mut my_turn = place.is_first();
    exchange.queued(place);
    loop {
        let turn = queue.turn();
        tokio::pin!(turn);
        turn.as_mut().enable();
        if my_turn {
            match backend.pick(key, tried) {
                Pick::Claimed(claim) => {
                    exchange.served();
                    if backend.rotation.has_room() {
                        backend.live.queue.room_made();
                    }
                    return Ok(claim);
                }
                Pick::Nobody => return Err(ProxyError::NoServer),
                Pick::Full => {}
            }
        }
        timeout_at(deadline, turn).await.map_err(|_| ProxyError::QueueTimeout)?;
        my_turn = true;
        backend = self::backend(&exchange.worker, &exchange.client)?;
    }
}
