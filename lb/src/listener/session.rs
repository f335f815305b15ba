//! One client connection from arrival to close.
//!
//! It holds the connection's share of the limits. It refuses to know what is spoken on it.

use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;

use crate::counters::Gauge;
use crate::net::{Pulse, Socket};
use crate::proxy::h1;
use crate::proxy::{Client, Worker};
use crate::topology::Arrival;

/// Serves a connection; `connections` is its worker's count, which it leaves at the end.
pub(super) async fn run(worker: Rc<Worker>, arrival: Arrival, connections: Arc<Gauge>) {
    let Arrival { stream, peer, frontend, permit } = arrival;
    let live = Arc::clone(&frontend.live);
    let _place = OnDrop(|| connections.down());
    let Ok(stream) = TcpStream::from_std(stream) else { return };
    worker.shared.process.connections.up();
    live.sessions.up();
    let _counted = OnDrop(|| {
        worker.shared.process.connections.down();
        live.sessions.down();
    });
    let limits = frontend.config.timeout;
    let socket = Socket::new(stream, Arc::new(Pulse::new(limits.client)));
    let watched = worker.watchdog.watch(Arc::clone(socket.pulse()));
    let registered = Client::register(&worker, peer, frontend, socket, watched.leash());
    let client = &registered.client;
    client.pulse().await_request(None, limits.http_request);
    if worker.shared.process.is_stopping() {
        client.finish();
    }
    h1::session(&worker, client, &watched).await;
    drop(permit);
}

/// Does something when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
