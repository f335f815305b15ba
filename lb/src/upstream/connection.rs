//! One connection to a server.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::counters::Held;
use crate::net::{Pulse, Socket, Watchdog, Watched};

/// A connection to a server that carries one exchange at a time. It changes hands often and lives in a box.
#[derive(Debug)]
pub struct Connection {
    /// The stream.
    pub socket: Socket,
    /// Ends what is done on it when the server is silent for too long.
    _watched: Watched,
    /// The server's epoch when it was made: an older one is not used again.
    epoch: u32,
    exchanges: u32,
    /// A stream of a shared connection, and whether the server is known not to have seen what was sent on it.
    stream: Option<Rc<Cell<bool>>>,
    /// While it is idle: since when, on the coarse clock, and its unit of the server's gauge.
    pub(super) idle: Option<(u64, Held)>,
}

/// Opens a connection within `limit`; each write to it may take `server` to find room.
///
/// # Errors
/// The system's, or `TimedOut`.
pub async fn connect(
    address: SocketAddr,
    epoch: u32,
    limit: Duration,
    server: Duration,
    watchdog: &Rc<Watchdog>,
) -> io::Result<Box<Connection>> {
    let stream = timeout(limit, TcpStream::connect(address)).await??;
    let socket = Socket::new(stream, Rc::new(Pulse::new(server)));
    let watched = watchdog.watch(Rc::clone(socket.pulse()));
    Ok(Box::new(Connection { socket, _watched: watched, epoch, exchanges: 0, stream: None, idle: None }))
}

// === impl Connection ===

impl Connection {
    /// A stream of a connection that exchanges share, which was there before if it is `reused`; `unsent` becomes true when the
    /// server is known not to have seen it.
    pub fn within(
        socket: Socket,
        watched: Watched,
        epoch: u32,
        reused: bool,
        unsent: Rc<Cell<bool>>,
    ) -> Box<Self> {
        Box::new(Self {
            socket,
            _watched: watched,
            epoch,
            exchanges: reused.into(),
            stream: Some(unsent),
            idle: None,
        })
    }

    /// Whether the server is known not to have seen what was sent.
    pub fn is_unsent(&self) -> bool {
        self.stream.as_ref().is_some_and(|unsent| unsent.get())
    }

    /// Another exchange begins on it; whether it has carried one before.
    pub fn begin(&mut self) -> bool {
        self.exchanges += 1;
        self.is_reused()
    }

    /// Whether it has carried an exchange before the present one.
    pub fn is_reused(&self) -> bool {
        self.exchanges > 1
    }

    /// Whether the event loop has heard of its end, or of something that nobody asked for.
    pub fn is_stale(&self) -> bool {
        self.socket.has_more()
    }

    /// The server's epoch when it was made.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Its signs of life.
    pub fn pulse(&self) -> &Rc<Pulse> {
        self.socket.pulse()
    }
}
