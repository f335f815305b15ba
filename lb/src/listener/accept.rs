//! The accept loop of one listening socket.
//!
//! A connection is served only when there is room for it: with `maxconn` clients one waits here, the others in the kernel's queue, and
//! nobody is turned away. A place is taken for a client that is there, so that a listener that nobody comes to keeps none.
//! It refuses to serve: each connection goes to the worker with the fewest.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::unix::AsyncFd;

use crate::net;
use crate::topology::{Arrival, Listen, Shared};

/// After the system has run out of something, it is given this long to recover.
const BREATH: Duration = Duration::from_millis(50);

/// Accepts until it is told to stop.
pub(super) async fn run(shared: Arc<Shared>, listen: Listen) {
    let stop = listen.stop.clone();
    tokio::select! {
        () = stop.cancelled() => {}
        // Registering fails only when the process is out of descriptors or memory, and then the listener stays silent, not wrong.
        _ = accept(shared, listen) => {}
    }
}

async fn accept(shared: Arc<Shared>, listen: Listen) -> io::Result<()> {
    let listener = net::watch(listen.listener)?;
    loop {
        match next(&listener).await {
            Ok((stream, peer)) => {
                // Nobody closes a room.
                let Some(place) = listen.frontend.room.enter().await else { return Ok(()) };
                if shared.process.room.is_full() {
                    shared.process.full.add_shared(1);
                }
                let Some(permit) = shared.process.room.enter().await else { return Ok(()) };
                shared.process.connection_pace.turn().await;
                shared.process.session_pace.turn().await;
                let topology = shared.topology.load();
                let Some(frontend) = topology.frontend(&listen.frontend).cloned() else { continue };
                frontend.live.tally.mine().connections.add(1);
                let listener = frontend.config.socket_stats.then(|| Arc::clone(&listen.live));
                if let Some(listener) = &listener {
                    listener.tally.mine().connections.add(1);
                }
                let permits = [place, permit];
                shared.workers.place(Arrival { stream, peer, frontend, listener, permits });
            }
            // The client gave up while it waited.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => tokio::time::sleep(BREATH).await,
        }
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
