//! Servers for `lb` to talk to that do exactly what a test wants, right or wrong.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

use crate::{Message, Wire, eventually};

/// A server run by a script. Dropping it closes everything.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    seen: Arc<Seen>,
    accepting: AbortHandle,
}

/// An address that neither takes nor refuses connections.
#[derive(Debug)]
pub struct Deaf {
    /// Where it is.
    pub address: SocketAddr,
    _socket: socket2::Socket,
    _queued: Vec<TcpStream>,
}

/// An address that refuses connections until it is opened; no other process can take it.
#[derive(Debug)]
pub struct Closed {
    /// Where it is.
    pub address: SocketAddr,
    socket: socket2::Socket,
}

/// What an origin has seen so far.
#[derive(Debug)]
struct Seen {
    releases: Semaphore,
    accepted: AtomicUsize,
    open: AtomicUsize,
    requests: Mutex<Vec<Message>>,
}

/// A connection to an origin; a [`Wire`] that writes down the requests it reads.
#[derive(Debug)]
pub struct Conn {
    wire: Wire,
    /// Which connection of its origin it is, from 0.
    pub number: usize,
    seen: Arc<Seen>,
}

// === impl Origin ===

impl Origin {
    /// A server whose every connection is in the hands of `script`; the connection closes when the script ends.
    ///
    /// # Panics
    /// When no address is free.
    pub async fn script<F>(script: impl Fn(Conn) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        Self::on(listener, address, script)
    }

    /// A good server: keep-alive, every request answered with the bytes that `answer` makes of it.
    pub async fn http(answer: impl Fn(&Message) -> String + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::script(move |mut conn| {
            let answer = Arc::clone(&answer);
            async move {
                while let Some(request) = conn.request().await {
                    if conn.try_send(answer(&request)).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await
    }

    /// A good server that answers everything with 200 and its name. A request for `/hold` waits for [`Origin::release`].
    pub async fn named(name: &str) -> Self {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len());
        Self::script(move |mut conn| {
            let answer = answer.clone();
            async move {
                while let Some(request) = conn.request().await {
                    if request.target() == "/hold" {
                        conn.released().await;
                    }
                    if conn.try_send(&answer).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await
    }

    /// An address that neither takes nor refuses connections, as that of a vanished machine; it lives as long as the result.
    pub async fn deaf() -> Deaf {
        let (address, socket) = bound();
        socket.listen(0).expect("a listener");
        // Whoever comes after the queue is full gets no answer at all.
        let mut queued = Vec::new();
        let short = Duration::from_millis(100);
        while let Ok(stream) = tokio::time::timeout(short, TcpStream::connect(address)).await {
            queued.push(stream.expect("room in the queue"));
        }
        Deaf { address, _socket: socket, _queued: queued }
    }

    /// An address that refuses connections until it is opened.
    pub fn closed() -> Closed {
        let (address, socket) = bound();
        Closed { address, socket }
    }

    /// An address where nothing listens: connections are refused.
    pub async fn nobody() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("a bound listener has an address")
    }

    fn on<F>(listener: TcpListener, address: SocketAddr, script: impl Fn(Conn) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let seen = Arc::new(Seen {
            releases: Semaphore::new(0),
            accepted: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            requests: Mutex::default(),
        });
        let ours = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            // The connections are this task's: they end with it.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = ours.accepted.fetch_add(1, SeqCst);
                ours.open.fetch_add(1, SeqCst);
                let run = script(Conn { wire: Wire::new(stream), number, seen: Arc::clone(&ours) });
                connections.spawn(run);
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, seen, accepting: accepting.abort_handle() }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections taken so far.
    pub fn accepted(&self) -> usize {
        self.seen.accepted.load(SeqCst)
    }

    /// Connections whose script has not ended.
    pub fn open(&self) -> usize {
        self.seen.open.load(SeqCst)
    }

    /// Requests read whole so far.
    pub fn requests(&self) -> Vec<Message> {
        self.seen.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many those are.
    pub fn count(&self) -> usize {
        self.requests().len()
    }

    /// Lets `count` calls of [`Conn::released`] go on.
    pub fn release(&self, count: usize) {
        self.seen.releases.add_permits(count);
    }

    /// The only request so far.
    ///
    /// # Panics
    /// When there is none or more than one.
    pub fn request(&self) -> Message {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "one request: {requests:?}");
        requests.remove(0)
    }

    /// Closes everything as it is, and returns the requests that were read before that.
    pub async fn kill(self) -> Vec<Message> {
        self.accepting.abort();
        eventually("everything closed", async || self.accepting.is_finished() && self.open() == 0).await;
        self.requests()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A socket on a free port, which does not listen yet.
fn bound() -> (SocketAddr, socket2::Socket) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    let address = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("an address");
    (address, socket)
}

// === impl Closed ===

impl Closed {
    /// Takes connections from now on, each in the hands of `script`.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn open<F>(self, script: impl Fn(Conn) -> F + Send + 'static) -> Origin
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Self { address, socket } = self;
        socket.listen(128).and_then(|()| socket.set_nonblocking(true)).expect("a listener");
        Origin::on(TcpListener::from_std(socket.into()).expect("an event loop"), address, script)
    }
}

// === impl Conn ===

impl Conn {
    /// Reads a whole request and writes it down; `None` when the other side closes or breaks instead.
    pub async fn request(&mut self) -> Option<Message> {
        let request = self.wire.try_request().await.ok().flatten()?;
        self.seen.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        Some(request)
    }

    /// Waits until the test lets it go on.
    pub async fn released(&self) {
        self.seen.releases.acquire().await.expect("never closed").forget();
    }

    /// Sends zeroes until the other side has gone.
    pub async fn pour(&mut self) {
        while self.wire.push(&[0; 65536], &AtomicUsize::new(0)).await.is_ok() {}
    }

    /// Waits for the other side to close.
    pub async fn gone(&mut self) {
        let _ = self.wire.take_rest().await;
    }
}

impl Deref for Conn {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.wire
    }
}

impl DerefMut for Conn {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.seen.open.fetch_sub(1, SeqCst);
    }
}
