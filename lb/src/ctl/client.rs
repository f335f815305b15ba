//! One exchange with one socket, bounded in time and size.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use super::answers::{self, ASK_SEVERITY, Answer};
use super::teach;
use crate::config;

/// Longest answer, bytes.
const LONGEST_ANSWER: u64 = 64 << 20;

/// Why there was no answer, and what to do about it.
#[derive(Debug)]
pub(super) struct NoAnswer(String);

/// Sends `command` and reads to the end. The write side stays open: a balancer takes a closed one for an interruption.
pub(super) fn ask(socket: &Path, command: &str, patience: Duration) -> Result<Vec<Answer>, NoAnswer> {
    let explain = |error: io::Error| NoAnswer(teach::no_answer(socket, &error, patience));
    let received = exchange(socket, command, patience).map_err(explain)?;
    if received.is_empty() {
        return Err(explain(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(answers::split(&String::from_utf8_lossy(&received)))
}

fn exchange(socket: &Path, command: &str, patience: Duration) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + patience;
    let mut stream = connect(socket, patience)?;
    stream.write_all(format!("{ASK_SEVERITY}{command}\n").as_bytes())?;
    let mut received = Vec::new();
    let mut chunk = [0; 16 * 1024];
    while (received.len() as u64) < LONGEST_ANSWER {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(received),
            Ok(read) => received.extend_from_slice(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What is in the buffer was answered before the other side closed over unread bytes of ours.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset && !received.is_empty() => {
                return Ok(received);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("the answer is longer than {} MiB", LONGEST_ANSWER >> 20)))
}

fn connect(place: &Path, patience: Duration) -> io::Result<Socket> {
    let (domain, address) = match place.to_str().and_then(config::Socket::parse) {
        Some(config::Socket::Tcp(address)) => (Domain::for_address(address), address.into()),
        Some(config::Socket::Unix(path)) => (Domain::UNIX, SockAddr::unix(path)?),
        None => (Domain::UNIX, SockAddr::unix(place)?),
    };
    let socket = Socket::new(domain, Type::STREAM, None)?;
    // It also bounds how long connecting may wait for a balancer that accepts nobody.
    socket.set_write_timeout(Some(patience))?;
    match domain {
        Domain::UNIX => socket.connect(&address)?,
        _ => socket.connect_timeout(&address, patience)?,
    }
    Ok(socket)
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
