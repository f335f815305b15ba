//! One connection to a server.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::counters::Held;
use crate::net::{Pulse, Socket, Unit, Watchdog, Watched};

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
    /// Its descriptor; a stream has none.
    _unit: Option<Unit>,
    /// A stream of a shared connection, and what became of it.
    stream: Option<Rc<Cell<Fate>>>,
    /// While it is idle: since when, on the coarse clock, and its unit of the server's gauge.
    pub(super) idle: Option<(u64, Held)>,
}

/// What is known of a stream of a shared connection that got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fate {
    /// Nothing: its connection may have died.
    #[default]
    Unknown,
    /// The server has not processed it, and takes nothing more on its connection.
    Unsent,
    /// The server has not processed it, and its connection goes on.
    Refused,
    /// It was reset, and its connection goes on.
    Reset,
}

/// Opens a connection on the descriptor of `unit` within `limit`; each write to it may take `server` to find room.
///
/// # Errors
/// The system's, or `TimedOut`.
pub async fn connect(
    (address, epoch): (SocketAddr, u32),
    unit: Unit,
    limit: Duration,
    server: Duration,
    watchdog: &Rc<Watchdog>,
) -> io::Result<Box<Connection>> {
    let stream = timeout(limit, TcpStream::connect(address)).await??;
    let socket = Socket::new(stream, Rc::new(Pulse::new(server)));
    let watched = watchdog.watch(Rc::clone(socket.pulse()));
    let _unit = Some(unit);
    Ok(Box::new(Connection {
        socket,
        _watched: watched,
        epoch,
        exchanges: 0,
        _unit,
        stream: None,
        idle: None,
    }))
}

// === impl Connection ===

impl Connection {
    /// A stream of a connection that exchanges share, which was there before if it is `reused`; `fate` tells what became of
    /// it.
    pub fn within(
        socket: Socket,
        watched: Watched,
        epoch: u32,
        reused: bool,
        fate: Rc<Cell<Fate>>,
    ) -> Box<Self> {
        Box::new(Self {
            socket,
            _watched: watched,
            epoch,
            exchanges: reused.into(),
            _unit: None,
            stream: Some(fate),
            idle: None,
        })
    }

    fn fate(&self) -> Fate {
        self.stream.as_ref().map_or(Fate::Unknown, |fate| fate.get())
    }

    /// Whether the server is known not to have processed what was sent.
    pub fn is_unsent(&self) -> bool {
        matches!(self.fate(), Fate::Unsent | Fate::Refused)
    }

    /// Another exchange begins on it; whether it has carried one before.
    pub fn begin(&mut self) -> bool {
        self.exchanges += 1;
        self.exchanges > 1
    }

    /// Whether it has carried an exchange before the present one, so that it may have ended of that and not of what was sent on it.
    pub fn is_reused(&self) -> bool {
        self.exchanges > 1 && matches!(self.fate(), Fate::Unknown | Fate::Unsent)
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
