//! The accept loop of one listening socket.
//!
//! It takes a connection only when there is room for it: with `maxconn` clients the kernel's queue fills and nobody is turned away.
//! It refuses to serve: each connection goes to the worker with the fewest.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;

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
    let listener = TcpListener::from_std(listen.listener)?;
    loop {
        let Ok(permit) = Arc::clone(&shared.process.slots).acquire_owned().await else { return Ok(()) };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let topology = shared.topology.load();
                let Some(frontend) = topology.frontend(&listen.frontend).cloned() else { continue };
                frontend.live.tally.mine().connections.add(1);
                if let Some(arrival) = arrival(stream, peer, frontend, permit) {
                    shared.workers.place(arrival);
                }
            }
            // The client gave up while it waited.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => tokio::time::sleep(BREATH).await,
        }
    }
}

fn arrival(
    stream: TcpStream,
    peer: std::net::SocketAddr,
    frontend: Arc<crate::topology::Frontend>,
    permit: OwnedSemaphorePermit,
) -> Option<Arrival> {
    let stream = stream.into_std().ok()?;
    Some(Arrival { stream, peer, frontend, permit })
}
