//! The runtime socket: HAProxy's runtime API on a Unix socket (HAProxy manual, management, section 9.3).
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
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::config::{self, Level};
use crate::control::{Control, Event};
use crate::net::unix;
use session::Session;

/// Connections to one socket at a time; the next ones wait to be accepted.
const CONNECTIONS: usize = 64;
/// Pause after a failed accept: descriptors are short, and asking again at once frees none.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A runtime socket that is bound and listens.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    level: Level,
}

/// Parses a line and looks its commands up, without running them; returns how many of them `level` may run. For benches and fuzzing.
pub fn recognise(line: &[u8], level: Level) -> usize {
    line::parse(line).commands.iter().filter(|words| commands::find(words, level).is_ok()).count()
}

/// Binds a runtime socket.
///
/// # Errors
/// The system's error, with the path and what to do about it.
pub fn bind(config: &config::Admin) -> io::Result<Listener> {
    Ok(Listener { socket: unix::listen(&config.socket, config.mode)?, level: config.level })
}

/// Serves a runtime socket until it is dropped; its connections end with it.
pub async fn serve(listener: Listener, control: Arc<Control>) {
    let Listener { socket, level } = listener;
    let socket = match tokio::net::UnixListener::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => {
            return control
                .say(&Event::Notice { text: &format!("a runtime socket cannot be served: {error}") });
        }
    };
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    // The semaphore is never closed.
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        match socket.accept().await {
            Ok((stream, _)) => {
                let session = Session::new(Arc::clone(&control), level, &stream);
                connections.spawn(async move {
                    connection::run(stream, session).await;
                    drop(slot);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
        }
    }
}
