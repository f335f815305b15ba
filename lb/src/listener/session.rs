//! One client connection from arrival to close.
//!
//! It takes its seat among those that are allowed at once. It refuses to know what is spoken on it.

use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::task::spawn_local;

use crate::net::{Socket, StreamDeadlines};
use crate::proxy::{Client, DataWorker, Registered, h1};
use crate::topology::{Arrival, ListenState, LiveFrontend, Topology};

/// Serves a connection in a task of its own.
pub(super) fn spawn(worker: &Rc<DataWorker>, arrival: Arrival) {
    if let Some(registered) = register(worker, arrival) {
        spawn_local(h1::session(registered));
    }
}

fn register(worker: &Rc<DataWorker>, arrival: Arrival) -> Option<Registered> {
    let Arrival { stream, peer, frontend, listener, permits } = arrival;
    let (limits, whose) = (frontend.config.timeout, Arc::clone(&frontend.live));
    let Ok(stream) = TcpStream::from_std(stream) else {
        // It is given up when the system has no place for it in its event loop.
        worker.connections.down();
        return None;
    };
    let socket = Socket::new(stream, Rc::new(StreamDeadlines::new(limits.client)));
    let registered = Client::register(worker, peer, (frontend, listener), socket, permits);
    let Registered(client) = &registered;
    client.deadlines().await_request(None, limits.http_request);
    if worker.shared.process.is_stopping() || is_over(&worker.shared.topology.load(), &whose) {
        client.finish();
    }
    Some(registered)
}

/// Whether a frontend was removed or shut down for good: those who have just come to it are served once.
fn is_over(topology: &Topology, frontend: &LiveFrontend) -> bool {
    frontend.open() == ListenState::Stopped || topology.frontend(frontend).is_none()
}
