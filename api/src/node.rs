//! One running node: its listener, its connections, and the two ways it ends. Knows nothing of paths.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::options::Options;
use crate::routes;
use crate::state::State;

/// How long to wait when the system has no descriptor left for a new connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A node that serves on the current runtime. Dropping it ends it at once, like [`Node::kill`].
pub struct Node {
    addr: SocketAddr,
    grace: Duration,
    state: Arc<State>,
    life: Life,
}

/// Leave for one connection, for as long as it is held: by whoever serves it, and by the WebSocket that takes it over.
#[derive(Clone)]
pub(crate) struct Slot {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// What every task of a node shares: how it is told to end, and how its end is awaited.
#[derive(Clone)]
pub(crate) struct Life {
    stop: CancellationToken,
    kill: CancellationToken,
    tasks: TaskTracker,
}

// === impl Node ===

impl Node {
    /// Waits the start-up delay, then listens and serves in the background.
    ///
    /// # Errors
    /// When the address cannot be bound, or the name or version cannot be a header's value.
    pub async fn start(options: Options) -> io::Result<Self> {
        let state = Arc::new(State::new(&options)?);
        tokio::time::sleep(options.startup_delay).await;
        let listener = TcpListener::bind(options.bind).await?;
        let addr = listener.local_addr()?;
        let life = Life {
            stop: CancellationToken::new(),
            kill: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let slots = Arc::new(Semaphore::new(options.maxconn as usize));
        life.spawn(accept(listener, slots, life.clone(), Arc::clone(&state)));
        Ok(Self { addr, grace: options.grace, state, life })
    }

    /// Where it listens, with the port it was given.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its name, as `x-node` says it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// Its version label, as `x-version` says it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.state.version
    }

    /// Request heads seen since the start, without those of `/health`.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.state.count()
    }

    /// Requests for `/health` seen since the start.
    #[must_use]
    pub fn health_checks(&self) -> u64 {
        self.state.health_checks()
    }

    /// When the last request head was seen, `/health` left out; `None` before the first.
    #[must_use]
    pub fn last_request_at(&self) -> Option<Instant> {
        self.state.last_request_at()
    }

    /// Returns once [`Node::count`] is at least `count`.
    pub async fn reached(&self, count: u64) {
        self.state.reached(count).await;
    }

    /// Whether `/health` answers 200.
    #[must_use]
    pub fn healthy(&self) -> bool {
        self.state.health() == StatusCode::OK
    }

    /// Makes `/health` answer 200, or 503.
    pub fn set_healthy(&self, healthy: bool) {
        self.state.set_health(if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE });
    }

    /// Stops gracefully: listens no more, closes idle connections, lets requests and streams in flight finish within the
    /// grace period, cuts the rest. Returns whether all of them finished.
    pub async fn stop(&self) -> bool {
        self.life.stop.cancel();
        self.life.tasks.close();
        if tokio::time::timeout(self.grace, self.life.tasks.wait()).await.is_ok() {
            return !self.life.kill.is_cancelled();
        }
        self.kill();
        self.life.tasks.wait().await;
        false
    }

    /// Ends at once, as `kill -9` does: the listener and every socket are dropped as they are.
    /// [`Node::closed`] tells when that has happened.
    pub fn kill(&self) {
        self.life.kill.cancel();
        self.life.tasks.close();
    }

    /// Returns once every socket is closed, after [`Node::stop`] or [`Node::kill`].
    pub async fn closed(&self) {
        self.life.tasks.wait().await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("name", &self.name()).field("addr", &self.addr).finish_non_exhaustive()
    }
}

// === impl Life ===

impl Life {
    /// Runs `task` in the background until it is done or the node is killed.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let kill = self.kill.clone();
        self.tasks.spawn(async move {
            let _ = kill.run_until_cancelled_owned(task).await;
        });
    }

    /// Returns when the node is to stop and the runtime has looked at its sockets once more: what had arrived by then
    /// is served, not reset.
    async fn stopping(&self) {
        self.stop.cancelled().await;
        tokio::task::yield_now().await;
    }
}

async fn accept(listener: TcpListener, slots: Arc<Semaphore>, life: Life, state: Arc<State>) {
    let mut stopping = std::pin::pin!(life.stopping());
    loop {
        tokio::select! {
            biased;
            () = &mut stopping => break,
            // Beyond the limit a connection stays in the system's backlog.
            (slot, accepted) = next(&listener, &slots) => match accepted {
                Ok((stream, _)) => life.spawn(serve(stream, slot, life.clone(), Arc::clone(&state))),
                Err(error) => {
                    eprintln!("{}: cannot accept: {error}", state.name);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    // For their clients the connections in the backlog are open: closing the listener would reset them. They are no more
    // than the backlog holds, and may exceed the limit.
    while let Some(Ok((stream, _))) = listener.accept().now_or_never() {
        life.spawn(serve(stream, None, life.clone(), Arc::clone(&state)));
    }
}

async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (Option<Slot>, io::Result<(TcpStream, SocketAddr)>) {
    // Fails only when closed, which this semaphore never is.
    let permit = Arc::clone(slots).acquire_owned().await.ok();
    let slot = permit.map(|permit| Slot { _permit: Arc::new(permit) });
    (slot, listener.accept().await)
}

async fn serve(stream: TcpStream, slot: Option<Slot>, life: Life, state: Arc<State>) {
    // Refused only by a socket that is closed already, which serving finds out by itself.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|mut request: Request<Incoming>| {
        if let Some(slot) = &slot {
            request.extensions_mut().insert(slot.clone());
        }
        let (life, state) = (life.clone(), Arc::clone(&state));
        async move { Ok::<_, Infallible>(routes::answer(&life, &state, request).await) }
    });
    // No timer: the peer is the balancer, which decides itself how long an idle connection is worth keeping.
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = life.stopping() => connection.as_mut().graceful_shutdown(),
    }
    // An error is the client's doing: it has gone away or spoken no HTTP. It knows.
    let _ = connection.await;
}
