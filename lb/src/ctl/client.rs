//! One exchange with one socket, bounded in time and size.
//!
//! The client appends a marker command to each line. A reply without the marker is incomplete, and only commands
//! that were replied to count as done.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use super::answers::{self, ASK_SEVERITY, CommandReply};
use super::hints;
use crate::config;

/// Maximum size of a reply, bytes.
const LONGEST_ANSWER: u64 = 64 << 20;
/// The marker.
const MARK: &str = "lb-ctl-end";

/// Why the reply is missing or incomplete, and what to do about it.
#[derive(Debug)]
pub(super) struct NoAnswer {
    text: String,
    /// Whether the balancer is gone, as opposed to slow.
    pub(super) gone: bool,
    /// Replies received before the connection ended.
    pub(super) answered: Vec<CommandReply>,
}

/// Sends `command` and reads to the end. The write side stays open: a balancer takes a closed one for an
/// interruption.
///
/// # Errors
/// There was no reply, or the connection ended before every command was replied to.
pub(super) fn ask(socket: &Path, command: &str, patience: Duration) -> Result<Vec<CommandReply>, NoAnswer> {
    let marked = can_be_marked(command);
    let sent = if marked { format!("{command};echo {MARK}") } else { command.to_owned() };
    let received = exchange(socket, &sent, patience).map_err(|error| NoAnswer {
        text: hints::no_answer(socket, &error, patience),
        gone: error.kind() != io::ErrorKind::TimedOut,
        answered: Vec::new(),
    })?;
    let mut answers = answers::split(&String::from_utf8_lossy(&received));
    // A line that was rejected as a whole has one reply, without that to the severity.
    let is_whole = match answers.last() {
        _ if !received.is_empty() && !received.starts_with(b"\n") => true,
        Some(last) if marked => is_mark(last),
        Some(_) => true,
        None => !received.is_empty() && ends_by_itself(command),
    };
    if is_whole {
        answers.pop_if(|last| marked && is_mark(last));
        return Ok(answers);
    }
    let waited = waits_for_something(command) && !received.is_empty();
    Err(NoAnswer {
        text: hints::broke_off(socket, waited, received.is_empty()),
        gone: true,
        answered: answers,
    })
}

/// Whether a marker can follow: not after a payload, which would include it, and not after a command that ends
/// the connection.
fn can_be_marked(command: &str) -> bool {
    !command.contains("<<") && !command.contains('\n') && !ends_by_itself(command) && !command.ends_with('\\')
}

/// Whether one of its commands is `quit`.
fn ends_by_itself(command: &str) -> bool {
    command.split([';', '\n']).any(|command| command.split_whitespace().next() == Some("quit"))
}

fn waits_for_something(command: &str) -> bool {
    command.split([';', '\n']).any(|command| command.split_whitespace().next() == Some("wait"))
}

/// HAProxy before 3.0 has no `echo` and replies with an error.
fn is_mark(answer: &CommandReply) -> bool {
    answer.text.trim_end() == MARK || (answer.refused && answer.text.starts_with("Unknown command: 'echo"))
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
            // What is in the buffer was sent before the peer closed with unread bytes of ours.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(received),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("the answer is longer than {} MiB", LONGEST_ANSWER >> 20)))
}

fn connect(place: &Path, patience: Duration) -> io::Result<Socket> {
    let (domain, address) = match place.to_str().and_then(config::RuntimeSocketAddress::parse) {
        Some(config::RuntimeSocketAddress::Tcp(address)) => (Domain::for_address(address), address.into()),
        Some(config::RuntimeSocketAddress::Unix(path)) => (Domain::UNIX, SockAddr::unix(path)?),
        None => (Domain::UNIX, SockAddr::unix(place)?),
    };
    let socket = Socket::new(domain, Type::STREAM, None)?;
    // Also bounds how long connecting may wait for a balancer that accepts no connection.
    socket.set_write_timeout(Some(patience))?;
    match domain {
        Domain::UNIX => socket.connect(&address)?,
        _ => socket.connect_timeout(&address, patience)?,
    }
    Ok(socket)
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_follows_where_a_command_can() {
        for (command, can) in [
            ("show stat", true),
            ("wait 30s;show info", true),
            ("show info;quit", false),
            ("add map m <<\na b\n", false),
            ("show info\nshow stat", false),
            ("echo \\", false),
        ] {
            assert_eq!(can_be_marked(command), can, "{command:?}");
        }
    }
}
