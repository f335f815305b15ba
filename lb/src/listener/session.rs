//! One client connection from arrival to close.
//!
//! It takes its seat among those that are allowed at once. It refuses to know what is spoken on it.

use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::task::spawn_local;

use crate::counters::Gauge;
use crate::net::{Pulse, Socket};
use crate::proxy::{Client, Registered, Seat, Worker, h1};
use crate::topology::Arrival;

/// Serves a connection in a task of its own; `connections` is its worker's count, which it leaves at the end.
pub(super) fn spawn(worker: &Rc<Worker>, arrival: Arrival, connections: Arc<Gauge>) {
    if let Some(registered) = register(worker, arrival, connections) {
        spawn_local(h1::session(registered));
    }
}

fn register(worker: &Rc<Worker>, arrival: Arrival, connections: Arc<Gauge>) -> Option<Registered> {
    let Arrival { stream, peer, frontend, listener, permits } = arrival;
    let seat = Seat::take(permits, connections, &worker.shared, &frontend.live, listener);
    let limits = frontend.config.timeout;
    // It is given up when the system has no place for it in its event loop.
    let stream = TcpStream::from_std(stream).ok()?;
    let socket = Socket::new(stream, Rc::new(Pulse::new(limits.client)));
    let registered = Client::register(worker, peer, frontend, socket, seat);
    let Registered(client) = &registered;
    client.pulse().await_request(None, limits.http_request);
    if worker.shared.process.is_stopping() {
        client.finish();
    }
    Some(registered)
}
