//! One connection to a server.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::counters::GaugeGuard;
use crate::net::{Socket, StreamDeadlines, Unit, WatchGuard, Watchdog};

/// A connection to a server that carries one exchange at a time. It changes hands often and lives in a box.
#[derive(Debug)]
pub struct ServerConnection {
    /// The stream.
    pub socket: Socket,
    /// Ends what is done on it when the server is silent for too long.
    _watched: WatchGuard,
    /// The server's epoch when it was made: an older one is not used again.
    epoch: u32,
    exchanges: u32,
    /// Its descriptor; a stream has none.
    _unit: Option<Unit>,
    /// A stream of a shared connection, and what became of it.
    stream: Option<Rc<Cell<StreamOutcome>>>,
    /// While it is idle: since when, on the coarse clock, and its unit of the server's gauge.
    pub(super) idle: Option<(u64, GaugeGuard)>,
}

/// What is known of a stream of a shared connection that got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StreamOutcome {
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
) -> io::Result<Box<ServerConnection>> {
    let stream = timeout(limit, TcpStream::connect(address)).await??;
    let socket = Socket::new(stream, Rc::new(StreamDeadlines::new(server)));
    let watched = watchdog.watch(Rc::clone(socket.deadlines()));
    let _unit = Some(unit);
    Ok(Box::new(ServerConnection {
        socket,
        _watched: watched,
        epoch,
        exchanges: 0,
        _unit,
        stream: None,
        idle: None,
    }))
}

// === impl ServerConnection ===

impl ServerConnection {
    /// A stream of a connection that exchanges share, which was there before if it is `reused`; `outcome` tells what became of
    /// it.
    pub fn within(
        socket: Socket,
        watched: WatchGuard,
        epoch: u32,
        reused: bool,
        outcome: Rc<Cell<StreamOutcome>>,
    ) -> Box<Self> {
        Box::new(Self {
            socket,
            _watched: watched,
            epoch,
            exchanges: reused.into(),
            _unit: None,
            stream: Some(outcome),
            idle: None,
        })
    }

    fn outcome(&self) -> StreamOutcome {
        self.stream.as_ref().map_or(StreamOutcome::Unknown, |outcome| outcome.get())
    }

    /// Whether the server is known not to have processed what was sent.
    pub fn is_unsent(&self) -> bool {
        matches!(self.outcome(), StreamOutcome::Unsent | StreamOutcome::Refused)
    }

    /// Another exchange begins on it; whether it has carried one before.
    pub fn begin(&mut self) -> bool {
        self.exchanges += 1;
        self.exchanges > 1
    }

    /// Whether it has carried an exchange before the present one, so that it may have ended of that and not of what was sent on it.
    pub fn is_reused(&self) -> bool {
        self.exchanges > 1 && matches!(self.outcome(), StreamOutcome::Unknown | StreamOutcome::Unsent)
    }

    /// Whether the event loop has heard of its end, or of something that nobody asked for.
    pub fn is_closed_or_dirty(&self) -> bool {
        self.socket.has_more()
    }

    /// The server's epoch when it was made.
    pub fn connection_generation(&self) -> u32 {
        self.epoch
    }

    /// Its signs of life.
    pub fn deadlines(&self) -> &Rc<StreamDeadlines> {
        self.socket.deadlines()
    }
}
