//! The runtime socket: HAProxy's runtime API on a Unix socket or an address (HAProxy manual, management, section 9.3).
//!
//! A line becomes words ([`line`]), words become an entry of the table ([`commands`]), the entry's function asks
//! [`Control`] and makes an [`answer`]. To add a command is to add an entry and its function. Nothing here holds state
//! of the balancer, and nothing here changes it but through `Control`.

mod answer;
mod commands;
mod connection;
mod help;
mod input;
mod line;
mod names;
mod session;
pub(crate) mod time;

#[cfg(test)]
pub(crate) mod tests;

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use crate::config::{self, Level, RuntimeSocketAddress};
use crate::control::{Control, Event, Origin};
use crate::net::{bind, unix};
use session::Session;

/// Connections to one socket at a time; for the next ones those make room that are idle.
const CONNECTIONS: usize = 64;
/// Pause after a failed accept: descriptors are short, and asking again at once frees none.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A runtime socket that is bound and listens.
#[derive(Debug)]
pub struct Listener {
    bound: BoundSocket,
    level: Level,
}

#[derive(Debug)]
enum BoundSocket {
    Unix(unix::Listening),
    Tcp(TcpListener),
}

// === impl Listener ===

impl Listener {
    /// Where it is: its path, or its address with the port that it got.
    pub fn place(&self) -> String {
        match &self.bound {
            BoundSocket::Unix(socket) => {
                let address = socket.listener.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                path.map_or_else(|| "unnamed".to_owned(), |path| path.display().to_string())
            }
            BoundSocket::Tcp(socket) => {
                socket.local_addr().map_or_else(|_| "unknown".to_owned(), |address| address.to_string())
            }
        }
    }
}

/// A runtime command as the manual describes it.
#[derive(Debug)]
pub struct CommandReference {
    /// Words and arguments.
    pub syntax: &'static str,
    /// The minimum level of the socket.
    pub level: Level,
    /// What it does.
    pub about: &'static str,
    /// Accepted because programs expect it, without effect.
    pub is_inert: bool,
}

/// All runtime commands by name.
pub fn reference() -> impl Iterator<Item = CommandReference> {
    commands::TABLE.iter().chain(&commands::CLOSING).map(|entry| CommandReference {
        syntax: entry.syntax,
        level: entry.level,
        about: entry.about,
        is_inert: entry.is_inert(),
    })
}

/// Parses a line and looks its commands up, without running them; returns how many of them `level` may run. For benches and fuzzing.
pub fn recognise(line: &[u8], level: Level) -> usize {
    line::parse(line).commands.iter().filter(|words| commands::find(words, level).is_ok()).count()
}

/// Binds a runtime socket.
///
/// # Errors
/// The system's error, with the path and what to do about it.
pub fn bind(config: &config::RuntimeSocket) -> io::Result<Listener> {
    let bound = match &config.socket {
        RuntimeSocketAddress::Unix(path) => {
            BoundSocket::Unix(unix::listen(path, config.mode, is_left_by_socat)?)
        }
        RuntimeSocketAddress::Tcp(address) => BoundSocket::Tcp(bind::listen(*address)?),
    };
    Ok(Listener { bound, level: config.level })
}

/// Finds out whether a runtime socket could be bound in place of what is there; changes nothing.
///
/// # Errors
/// Something is there that lb does not replace, with what to do about it.
pub fn check(socket: &Path) -> io::Result<()> {
    unix::check(socket, is_left_by_socat)
}

/// Whether a file holds nothing but runtime commands: `socat` leaves it when it is started before `lb`.
fn is_left_by_socat(content: &[u8]) -> bool {
    content.split(|byte| *byte == b'\n').all(|text| {
        let commands = line::parse(text).commands;
        commands.iter().all(|words| words.is_empty() || commands::find(words, Level::Admin).is_ok())
    })
}

/// What connections come from.
trait Accept: Sync {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection, and who is there.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Stream, Origin)>> + Send;
}

/// Serves a runtime socket until it is dropped; its connections end with it. When the process begins to stop its file and the socket go
/// at once, for a successor; connections that are there go on.
pub async fn serve(listener: Listener, control: Arc<Control>) {
    let Listener { bound, level } = listener;
    let served = match bound {
        BoundSocket::Unix(unix::Listening { listener, file }) => {
            match tokio::net::UnixListener::from_std(listener) {
                Ok(socket) => return accept_all(control, level, socket, Some(file)).await,
                Err(error) => error,
            }
        }
        BoundSocket::Tcp(socket) => match tokio::net::TcpListener::from_std(socket) {
            Ok(socket) => return accept_all(control, level, socket, None).await,
            Err(error) => error,
        },
    };
    control.emit(&Event::Notice { text: &format!("a runtime socket cannot be served: {served}") });
}

async fn accept_all(
    control: Arc<Control>,
    level: Level,
    socket: impl Accept,
    file: Option<unix::SocketFile>,
) {
    let group = control.readers().group(CONNECTIONS);
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = control.stop_begun() => break,
            accepted = socket.next() => accepted,
        };
        match accepted {
            Ok((stream, origin)) => {
                let session = Session::new(Arc::clone(&control), group.admit().await, level, origin);
                connections.spawn(connection::run(stream, session));
            }
            Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
        }
    }
    // In this order: the file's number is not used again while the socket is open.
    drop(file);
    drop(socket);
    while connections.join_next().await.is_some() {}
}

// === impl Accept ===

impl Accept for tokio::net::UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn next(&self) -> io::Result<(Self::Stream, Origin)> {
        let (stream, _) = self.accept().await?;
        let peer = stream.peer_cred().ok();
        let (pid, uid) = (peer.and_then(|peer| peer.pid()), peer.map(|peer| peer.uid()));
        Ok((stream, Origin::Socket { pid, uid }))
    }
}

impl Accept for tokio::net::TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn next(&self) -> io::Result<(Self::Stream, Origin)> {
        let (stream, peer) = self.accept().await?;
        // An answer is written whole: waiting for more of it only delays it.
        let _ = stream.set_nodelay(true);
        Ok((stream, Origin::Address(peer)))
    }
}
