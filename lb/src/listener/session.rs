//! One client connection from arrival to close.
//!
//! It holds the connection's share of the limits, ends it when it is silent or when somebody asks, and gives the last word that
//! HTTP owes: 408 for a request that did not come in time. It refuses to look into requests.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::counters::Gauge;
use crate::net::pulse::Wait;
use crate::net::{Ended, Pulse, Socket, Watched};
use crate::proxy::h1::{self, End};
use crate::proxy::{Client, Worker};
use crate::topology::Arrival;

/// Bytes and time that a client may still send after the last answer, so that it can read it.
const LINGER: (usize, Duration) = (256 * 1024, Duration::from_secs(1));

const TOO_LATE: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

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
    serve(&worker, client, &watched).await;
    drop(permit);
}

async fn serve(worker: &Rc<Worker>, client: &Rc<Client>, watched: &Watched) {
    let linger = match watched.guard(h1::serve(worker, client)).await {
        Ok(End::Linger) => true,
        Ok(End::Closed | End::Http2(_)) | Err(Ended::Killed) => false,
        Err(Ended::Overdue(wait)) => {
            last_word(client, wait);
            true
        }
    };
    if linger {
        self::linger(client).await;
    }
}

fn last_word(client: &Client, wait: Wait) {
    let owed = match wait {
        // A connection on which nothing ever came is closed without a word: browsers open them in advance.
        Wait::Head => client.pulse().received() > 0,
        Wait::Bytes => !client.answered.get(),
        Wait::KeepAlive | Wait::Room | Wait::End => false,
    };
    if owed {
        let tally = client.frontend.live.tally.mine();
        tally.request_errors.add(1);
        tally.status(408);
        client.socket.last_word(TOO_LATE);
    }
}

/// Closes in two steps, so that the client can read the last answer before the kernel tells it that what it sent was not read.
async fn linger(client: &Client) {
    let (bytes, time) = LINGER;
    client.socket.finish_writing();
    // Either limit will do.
    let _ = timeout(time, client.socket.drain(bytes)).await;
}

/// Does something when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
