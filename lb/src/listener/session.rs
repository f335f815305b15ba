//! One client connection from accept to close.
//!
//! It holds a slot of `maxconn`. The protocol is decided elsewhere.

use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::task::spawn_local;

use crate::net::{Socket, StreamDeadlines};
use crate::proxy::{Client, DataWorker, Registered, h1};
use crate::topology::{Arrival, ListenState, LiveFrontend, Topology};

/// Serves a connection in its own task.
pub(super) fn spawn(worker: &Rc<DataWorker>, arrival: Arrival) {
    if let Some(registered) = register(worker, arrival) {
        spawn_local(h1::session(registered));
    }
}

fn register(worker: &Rc<DataWorker>, arrival: Arrival) -> Option<Registered> {
    let Arrival { stream, peer, frontend, listener, permits } = arrival;
    let (limits, whose) = (frontend.config.timeout, Arc::clone(&frontend.live));
    let Ok(stream) = TcpStream::from_std(stream) else {
        // It is dropped when the event loop cannot register it.
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

/// Whether a frontend was removed or shut down. New connections to it are served once.
fn is_over(topology: &Topology, frontend: &LiveFrontend) -> bool {
    frontend.open() == ListenState::Stopped || topology.frontend(frontend).is_none()
}
