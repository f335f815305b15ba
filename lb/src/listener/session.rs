//! One client connection from arrival to close, by hyper's HTTP/1.1.
//!
//! It holds the connection's share of the limits, ends it when it is silent or when somebody asks, and gives the last word that
//! HTTP owes: 408 for a request that did not come in time. It refuses to look into requests.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::Service;

use crate::counters::Gauge;
use crate::layer;
use crate::net::pulse::Wait;
use crate::net::{Ended, Pulse, Socket, Watched};
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
    let ended = watched.guard(http(worker, client)).await;
    let faulty = match ended {
        Ok(Ok(())) => {
            if let Some(tunnel) = client.take_tunnel() {
                // However it ends, its account has been settled.
                let _ = watched.guard(tunnel).await;
                return;
            }
            false
        }
        Ok(Err(error)) => {
            let faulty = error.is_parse();
            if faulty {
                count_error(client);
            }
            faulty
        }
        Err(Ended::Overdue(wait)) => {
            last_word(client, wait);
            true
        }
        Err(Ended::Killed) => false,
    };
    if faulty {
        linger(client).await;
    }
}

/// HTTP/1.1 until the connection closes or changes its protocol.
async fn http(worker: &Rc<Worker>, client: &Rc<Client>) -> hyper::Result<()> {
    let config = &client.frontend.config;
    let stack = layer::stack(worker, client);
    let service = service_fn(move |request: Request<Incoming>| stack.clone().call(request));
    let mut builder = http1::Builder::new();
    builder.max_buf_size(config.max_head.max(8192)).max_headers(config.max_headers);
    let connection = builder.serve_connection(TokioIo::new(client.socket.clone()), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let mut told = false;
    std::future::poll_fn(|cx| {
        if client.finishing.get() && !told {
            told = true;
            connection.as_mut().graceful_shutdown();
        }
        let polled = connection.as_mut().poll(cx);
        if polled.is_pending() {
            client.settle_sent();
            expect_next(client);
        }
        polled
    })
    .await
}

/// Between two requests the client owes the next one.
fn expect_next(client: &Client) {
    if !client.is_busy() && client.requests.get() > 0 && client.pulse().is_resting() {
        let limits = client.frontend.config.timeout;
        client.pulse().await_request(Some(limits.http_keep_alive), limits.http_request);
    }
}

fn last_word(client: &Client, wait: Wait) {
    let owed = match wait {
        // A connection on which nothing ever came is closed without a word: browsers open them in advance.
        Wait::Head => client.pulse().received() > 0,
        Wait::Bytes => !client.answered.get(),
        Wait::KeepAlive | Wait::Room => false,
    };
    if owed {
        count_error(client);
        client.frontend.live.tally.mine().status(408);
        client.socket.last_word(TOO_LATE);
    }
}

fn count_error(client: &Client) {
    client.frontend.live.tally.mine().request_errors.add(1);
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
