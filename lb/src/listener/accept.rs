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

/// After the system has run out of something, it is given this long to recover.
const BREATH: Duration = Duration::from_millis(50);

/// Accepts until it is told to stop.
pub(super) async fn run(shared: Arc<Shared>, listen: Listen) {
    let Listen { listener, mut door, stop } = listen;
    // Registering fails only when the process is out of descriptors or memory, and then the listener stays silent, not wrong.
    let Ok(listener) = net::watch(listener) else { return };
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = next(&listener) => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(&shared, &mut door, stream, peer).await,
            // The client gave up while it waited.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => {
                // The operator hears of it.
                shared.process.shortages.accepts.add_shared(1);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = sleep(BREATH) => {}
                }
            }
        }
    }
}

/// Lets in connections that a listener has left behind.
pub(super) async fn admit_all(shared: Arc<Shared>, accepted: Vec<(TcpStream, SocketAddr)>, mut door: Door) {
    for (stream, peer) in accepted {
        admit(&shared, &mut door, stream, peer).await;
    }
}

/// Waits until there is room for a connection, and passes it to the worker that shall serve it.
async fn admit(shared: &Shared, door: &mut Door, stream: TcpStream, peer: SocketAddr) {
    let mut seat = None;
    loop {
        let moved = Arc::clone(&door.moved);
        let mut moved = pin!(moved.notified());
        // Whoever passes the address on does so before it says so.
        moved.as_mut().enable();
        door.look_up(&shared.topology.load());
        let live = Arc::clone(&door.frontend.live);
        let place = tokio::select! {
            place = live.room.enter() => place,
            () = moved => continue,
        };
        // Nobody closes a room.
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
            // The address has passed to another frontend meanwhile, whose room it is then.
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

/// The next connection. It is known to no event loop yet: it will be to that of its worker, which may be another one.
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
