//! Pages and metrics on the `[stats]` address: the status page, `/stats;csv`, `/stats.json`, `/metrics`, `/healthz`, `/readyz`.
//!
//! It runs on the control side with its own limits, so that a scrape never adds to a request's latency. It reads state and changes
//! nothing.

mod page;
mod ready;
mod routes;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::control::Control;
use crate::net::bind;

/// Connections to the pages at once.
const CONNECTIONS: usize = 256;
/// For a request's head to come.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// A connection is closed after this long, whatever it does: whoever scrapes comes again.
const CONNECTION_TIME: Duration = Duration::from_secs(600);
/// Bytes of a request's head.
const HEAD_SIZE: usize = 16 * 1024;

/// The listening sockets of the pages.
#[derive(Debug)]
pub struct Web(Vec<std::net::TcpListener>);

/// Binds the addresses; none means that there are no pages.
///
/// # Errors
/// The first address that cannot be had.
pub fn bind(addresses: &[SocketAddr]) -> io::Result<Web> {
    addresses.iter().map(|address| bind::listen(*address)).collect::<io::Result<_>>().map(Web)
}

// === impl Web ===

impl Web {
    /// The addresses that it really has.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Serves until it is told to stop; readiness says 503 before that, while the process finishes.
    pub async fn serve(self, control: Arc<Control>, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        let mut listeners = JoinSet::new();
        for listener in self.0 {
            if let Ok(listener) = TcpListener::from_std(listener) {
                listeners.spawn(accept(listener, Arc::clone(&control), Arc::clone(&slots)));
            }
        }
        stop.cancelled().await;
    }
}

async fn accept(listener: TcpListener, control: Arc<Control>, slots: Arc<Semaphore>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(permit) = Arc::clone(&slots).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: the traffic's connections will free some.
            tokio::task::yield_now().await;
            continue;
        };
        let control = Arc::clone(&control);
        connections.spawn(async move {
            // A client that is too slow or breaks off harms nobody but itself.
            let _ = timeout(CONNECTION_TIME, serve(stream, control)).await;
            drop(permit);
        });
    }
}

async fn serve(stream: TcpStream, control: Arc<Control>) -> hyper::Result<()> {
    // It only changes when small answers leave.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let answer = routes::answer(&control, request.method(), request.uri());
        async { Ok::<_, Infallible>(answer) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_SIZE)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

#[cfg(test)]
mod tests;
