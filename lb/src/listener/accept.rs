//! The accept loop of one listening socket.
//!
//! A connection is served only when there is room for it: with `maxconn` clients one waits here, the others in the kernel's queue, and
//! nobody is turned away. A place is taken for a client that is there, so that a listener that nobody comes to keeps none. What has been
//! accepted is always passed on, also when the listener closes. It refuses to serve: each connection goes to the worker with the fewest.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::time::sleep;

use crate::net;
use crate::topology::{Arrival, Door, Listen, Shared};

/// Pause after the system has run out of a resource.
const BREATH: Duration = Duration::from_millis(50);

/// Accepts connections until it is stopped.
pub(super) async fn run(shared: Arc<Shared>, listen: Listen) {
    let Listen { listener, mut door, stop } = listen;
    // Fails only when the process is out of descriptors or memory; then the listener accepts nothing.
    let Ok(listener) = net::watch(listener) else { return };
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = next(&listener) => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(&shared, &mut door, stream, peer).await,
            // The client disconnected while it waited in the kernel's queue.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => {
                // Reported to the operator by the sampler.
                shared.process.shortages.accepts.add_shared(1);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = sleep(BREATH) => {}
                }
            }
        }
    }
}

/// Admits connections that a closed listener has left behind.
pub(super) async fn admit_all(shared: Arc<Shared>, accepted: Vec<(TcpStream, SocketAddr)>, mut door: Door) {
    for (stream, peer) in accepted {
        admit(&shared, &mut door, stream, peer).await;
    }
}

/// Waits for a slot for the connection, then passes it to the worker that will serve it.
async fn admit(shared: &Shared, door: &mut Door, stream: TcpStream, peer: SocketAddr) {
    let mut seat = None;
    loop {
        let moved = Arc::clone(&door.moved);
        let mut moved = pin!(moved.notified());
        // Register before reading the frontend, so that no change is missed.
        moved.as_mut().enable();
        door.look_up(&shared.topology.load());
        let live = Arc::clone(&door.frontend.live);
        let place = tokio::select! {
            place = live.room.enter() => place,
            () = moved => continue,
        };
        // The semaphore is never closed.
        let Some(place) = place else { return };
        let permit = match seat.take() {
            Some(permit) => permit,
            None => {
                if shared.process.room.is_full() {
                    shared.process.full.add_shared(1);
                }
                let Some(permit) = shared.process.room.enter().await else { return };
                shared.process.connection_pace.turn().await;
                shared.process.session_pace.turn().await;
                permit
            }
        };
        door.look_up(&shared.topology.load());
        if door.frontend.live.id != live.id {
            // The address now belongs to another frontend: take a slot of that one.
            seat = Some(permit);
            continue;
        }
        let frontend = Arc::clone(&door.frontend);
        frontend.live.tally.mine().connections.add(1);
        let listener = frontend.config.socket_stats.then(|| Arc::clone(&door.listener));
        if let Some(listener) = &listener {
            listener.tally.mine().connections.add(1);
        }
        let permits = [place, permit];
        shared.workers.place(Arrival { stream, peer, frontend, listener, permits });
        return;
    }
}

/// The next connection. It is not registered with any event loop yet, because its worker may be another one.
async fn next(listener: &AsyncFd<TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    loop {
        let mut ready = listener.readable().await?;
        if let Ok(accepted) = ready.try_io(|listener| listener.get_ref().accept()) {
            let (stream, peer) = accepted?;
            stream.set_nonblocking(true)?;
            return Ok((stream, peer));
        }
    }
}
