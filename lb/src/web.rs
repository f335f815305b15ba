//! Pages, metrics and readiness over HTTP, on the control side: a scrape never adds to a request's latency.
//!
//! Everything is bounded: connections, heads, forms, the wait for each, and how long a connection may live. It refuses to change state
//! itself (forms go to [`Control`], if the configuration lets them), and to be reached by the clients of the balancer unless the
//! configuration says so.

mod action;
mod guard;
mod history;
mod listen_address;
mod live;
mod login;
mod page;
mod reading;
mod routes;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::{ServiceBuilder, service_fn};

use crate::control::{Control, Event};
use crate::net::bind;
use crate::readers::{ReaderSlot, ServiceReaders};
use guard::RequestGuard;
use live::Live;
use reading::Reading;

/// Maximum number of connections. Further ones replace connections that are idle or whose reader is stuck.
const CONNECTIONS: usize = if cfg!(test) { 80 } else { 256 };
/// Limit for a request head, and between two requests.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Maximum size of a request head, bytes.
const HEAD_SIZE: usize = 16 * 1024;
/// Maximum number of header fields.
const HEAD_FIELDS: usize = 64;
/// A connection is closed after this time, so that a slow reader cannot hold it forever.
const LIFETIME: Duration = Duration::from_secs(60);
/// Time left to a connection for its current response, when it should close.
const GRACE: Duration = Duration::from_secs(5);
/// Pause after a failed accept, usually for lack of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// What responses are built from.
struct Site {
    control: Arc<Control>,
    guard: RequestGuard,
    live: Live,
}

/// The deadline of a response.
#[derive(Clone)]
struct Until {
    stop: CancellationToken,
    deadline: Instant,
}

/// Bound listeners that do not serve yet.
#[derive(Debug)]
pub struct Web(Vec<std::net::TcpListener>);

/// Binds all `addresses`; there may be none.
///
/// # Errors
/// The first address that cannot be bound, with what to do about it.
pub fn bind(addresses: &[SocketAddr]) -> io::Result<Web> {
    addresses.iter().map(|address| bind::listen(*address)).collect::<io::Result<_>>().map(Web)
}

// === impl Web ===

impl Web {
    /// The bound addresses, with the real number where the port was 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Serves until `stop` is cancelled and responses in progress are sent. The listeners are closed before,
    /// when the process begins to stop, so that a successor can bind them; open connections continue.
    pub async fn serve(self, control: Arc<Control>, stop: CancellationToken) {
        let group = control.readers().group(CONNECTIONS);
        let guard = RequestGuard::new(control.config().stats);
        let site = Arc::new(Site { control, guard, live: Live::new() });
        let sampling = tokio::spawn(live::run(Arc::clone(&site), stop.clone()));
        let mut accepting = JoinSet::new();
        for listener in self.0 {
            match TcpListener::from_std(listener) {
                Ok(listener) => {
                    accepting.spawn(accept(listener, Arc::clone(&site), group.clone(), stop.clone()));
                }
                Err(error) => {
                    site.control
                        .emit(&Event::Notice { text: &format!("status pages are not served: {error}") });
                }
            }
        }
        accepting.join_all().await;
        // Sampling ends with `stop`; without listeners there are no viewers.
        sampling.abort();
    }
}

async fn accept(listener: TcpListener, site: Arc<Site>, group: ServiceReaders, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        let arrival = async {
            let (stream, peer) = listener.accept().await?;
            Ok::<_, io::Error>((stream, peer, group.admit().await))
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = site.control.stop_begun() => break,
            accepted = arrival => match accepted {
                Ok((stream, peer, place)) => {
                    connections.spawn(serve(stream, peer, place, Arc::clone(&site), stop.clone()));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    connections.join_all().await;
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    place: ReaderSlot,
    site: Arc<Site>,
    stop: CancellationToken,
) {
    // Answers are small: waiting to fill a segment only delays them. Without the option they still arrive.
    let _ = stream.set_nodelay(true);
    let until = Until { stop: stop.clone(), deadline: Instant::now() + LIFETIME };
    let place = Arc::new(place);
    let stream = Reading::new(stream, Arc::clone(&place));
    let mine = Arc::clone(&place);
    let service = ServiceBuilder::new().map_response(routes::harden).service(service_fn(move |request| {
        let (site, place, until) = (Arc::clone(&site), Arc::clone(&mine), until.clone());
        async move { Ok::<_, Infallible>(routes::answer(request, &site, peer, &place, until).await) }
    }));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_SIZE)
        .max_headers(HEAD_FIELDS)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    // How a connection ends is its client's business.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = place.ended() => return,
        () = stop.cancelled() => {}
        () = tokio::time::sleep(LIFETIME) => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = tokio::time::timeout(GRACE, connection) => {}
        () = place.ended() => {}
    }
}

// === impl Site ===

impl Site {
    /// What our page proves itself with, where it may change something.
    fn token(&self) -> Option<&str> {
        self.guard.is_open().then(|| self.guard.token.text())
    }
}

// === impl Until ===

impl Until {
    async fn over(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep_until(self.deadline) => {}
        }
    }
}

#[cfg(test)]
mod tests;
