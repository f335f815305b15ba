//! One connection to a server, and an exchange on it.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::RequestBody;
use crate::counters::Held;
use crate::net::watchdog::Leash;
use crate::net::{Ended, Pulse, Socket, Watchdog};

/// What bounds a connection.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For establishing it.
    pub connect: Duration,
    /// For each silence of the server.
    pub server: Duration,
    /// For a response's head, bytes.
    pub max_head: usize,
    /// For a response's fields.
    pub max_headers: usize,
}

/// A connection to a server that carries one exchange at a time.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<RequestBody>,
    socket: Socket,
    leash: Leash,
    /// The server's epoch when it was made: an older one is not used again.
    epoch: u32,
    exchanges: u32,
    /// Bytes received before this exchange.
    received_before: u64,
    /// While it is idle: since when, and its unit of the server's gauge.
    pub(super) idle: Option<(Instant, Held)>,
}

/// Why a request got no response.
#[derive(Debug)]
pub struct SendError {
    /// hyper's word for it.
    pub cause: hyper::Error,
    /// The request, when not a byte of it has been sent.
    pub unsent: Option<Request<RequestBody>>,
    /// Whether a byte of a response had come.
    pub answer_begun: bool,
    /// Why the watchdog ended the connection, if it did.
    pub ended: Option<Ended>,
}

/// Opens a connection; the task that drives it runs on this thread.
///
/// # Errors
/// The system's, or `TimedOut` after `limits.connect`.
pub async fn connect(
    address: SocketAddr,
    epoch: u32,
    limits: &Limits,
    watchdog: &Rc<Watchdog>,
) -> io::Result<Connection> {
    let stream = timeout(limits.connect, TcpStream::connect(address)).await??;
    let socket = Socket::new(stream, Arc::new(Pulse::new(limits.server)));
    let mut builder = Builder::new();
    builder.max_buf_size(limits.max_head.max(8192)).max_headers(limits.max_headers);
    let (sender, driver) = builder.handshake(TokioIo::new(socket.clone())).await.map_err(io::Error::other)?;
    let watched = watchdog.watch(Arc::clone(socket.pulse()));
    let leash = watched.leash();
    tokio::task::spawn_local(async move {
        // Whoever waits for a response hears of an error; without one there is nobody to tell.
        let _ = watched.guard(driver.with_upgrades()).await;
    });
    Ok(Connection { sender, socket, leash, epoch, exchanges: 0, received_before: 0, idle: None })
}

// === impl Connection ===

impl Connection {
    /// Sends a request and waits for the head of its response.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send(
        &mut self,
        request: Request<RequestBody>,
        limit: Duration,
    ) -> Result<Response<Incoming>, SendError> {
        self.exchanges += 1;
        self.received_before = self.pulse().received();
        match request.body() {
            RequestBody::Empty => self.pulse().await_bytes(limit),
            RequestBody::Stream(_, progress) => progress.goes_to(self.pulse(), limit),
        }
        self.sender.try_send_request(request).await.map_err(|mut error| SendError {
            unsent: error.take_message(),
            cause: error.into_error(),
            answer_begun: self.pulse().received() > self.received_before,
            ended: self.leash.ended(),
        })
    }

    /// Whether it has carried an exchange.
    pub fn was_used(&self) -> bool {
        self.exchanges > 0
    }

    /// Whether it has carried an exchange before the present one.
    pub fn is_reused(&self) -> bool {
        self.exchanges > 1
    }

    /// Whether it can carry another exchange: waits for the last to be tidied away, which takes no network.
    pub async fn is_ready(&mut self) -> bool {
        self.sender.is_ready() || self.sender.ready().await.is_ok()
    }

    /// Whether it is known to be closed.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Whether the server has neither closed it nor said anything unasked; costs a system call.
    pub fn is_quiet(&self) -> bool {
        self.socket.is_quiet()
    }

    /// The server's epoch when it was made.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Its signs of life.
    pub fn pulse(&self) -> &Arc<Pulse> {
        self.socket.pulse()
    }

    /// Bytes received in the present exchange.
    pub fn received(&self) -> u64 {
        self.pulse().received() - self.received_before
    }

    /// Why the watchdog ended it, if it did.
    pub fn ended(&self) -> Option<Ended> {
        self.leash.ended()
    }
}
