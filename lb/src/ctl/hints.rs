//! What to do about a rejection or a missing reply, in words.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use super::{PATIENCE, client};

/// Maximum number of listed names.
const LISTED: usize = 50;

/// What to do about a rejection by `socket`, on its own line; empty when the rejection is self-explanatory.
/// `backend`: the backend in question.
pub(super) fn hint(socket: &Path, refusal: &str, backend: Option<&str>) -> String {
    let hint = match refusal.trim_end() {
        "Permission denied" => format!(
            "the level of {} does not allow it: use a socket whose [admin] section says level = \"admin\"",
            socket.display()
        ),
        "No such server." => servers(socket, backend),
        "No such backend." => servers(socket, None),
        "Require 'backend/server'." => {
            format!("name the server as BACKEND/SERVER; {}", servers(socket, None))
        }
        _ => return String::new(),
    };
    format!("\n  = {hint}")
}

fn servers(socket: &Path, backend: Option<&str>) -> String {
    let command =
        backend.map_or("show servers state".to_owned(), |name| format!("show servers state {name}"));
    let answers = client::ask(socket, &command, PATIENCE).unwrap_or_default();
    let rows = answers.iter().filter(|answer| !answer.refused).flat_map(|answer| answer.text.lines());
    let names: Vec<_> = rows
        .filter(|row| row.starts_with(|c: char| c.is_ascii_digit()))
        .filter_map(|row| {
            let mut columns = row.split(' ').skip(1);
            Some(format!("{}/{}", columns.next()?, columns.nth(1)?))
        })
        .collect();
    match names.len() {
        0 => "it has no servers".to_owned(),
        count if count > LISTED => {
            format!("there are {}, and {} more", names[..LISTED].join(", "), count - LISTED)
        }
        _ => format!("there are {}", names.join(", ")),
    }
}

/// The balancer disappeared in the middle of a reply.
pub(super) const WENT_AWAY: &str = "lb went away while waiting: look at the server's state again";

/// The connection to `socket` ended before every command was replied to. `waited`: there was a `wait` among the
/// commands; `empty`: nothing was replied.
pub(super) fn broke_off(socket: &Path, waited: bool, empty: bool) -> String {
    let text = match (waited, empty) {
        (true, _) => WENT_AWAY.to_owned(),
        (_, true) => {
            "it closed without an answer\n  = is it the runtime socket of lb, and is lb still running?"
                .to_owned()
        }
        (_, false) => {
            "lb went away before everything was answered: look at its state before you repeat the command"
                .to_owned()
        }
    };
    format!("lb: {}: {text}", socket.display())
}

/// Why there is no reply from `socket`.
pub(super) fn no_answer(socket: &Path, error: &io::Error, patience: Duration) -> String {
    if let Some(text) = no_socket(socket) {
        return format!("lb: {}: {text}", socket.display());
    }
    let hint = match error.kind() {
        io::ErrorKind::NotFound => {
            "there is no such socket: start lb, or name its socket with -s, $LB_SOCKET or the [admin] section of -c FILE"
                .to_owned()
        }
        io::ErrorKind::ConnectionRefused => "lb is not running (stale socket): start it".to_owned(),
        io::ErrorKind::PermissionDenied => owner(socket),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            format!("no answer within {} s: lb is there and stuck, or stopped", patience.as_secs())
        }
        _ => "check that it is the runtime socket of lb".to_owned(),
    };
    format!("lb: {}: {error}\n  = {hint}", socket.display())
}

/// What is at `socket`, if it is not a socket.
fn no_socket(socket: &Path) -> Option<String> {
    let kind = std::fs::metadata(socket).ok()?.file_type();
    let name = socket.display();
    if kind.is_file() {
        Some(format!(
            "a plain file, not a socket\n  = `socat stdio {name}` leaves one where lb does not run: delete it (rm {name}), start lb, and write \
             socat stdio UNIX-CONNECT:{name}"
        ))
    } else if kind.is_dir() {
        Some("a folder, not a socket\n  = name the socket in it, as in run/lb.sock".to_owned())
    } else {
        None
    }
}

fn owner(socket: &Path) -> String {
    let Ok(metadata) = std::fs::metadata(socket) else {
        return "its folder may not be entered: ask as the user that lb runs as".to_owned();
    };
    let name = |file: &str, id: u32| named(&std::fs::read_to_string(file).unwrap_or_default(), id);
    format!(
        "it belongs to user {}, group {}, with mode {:04o}: ask as that user or as a member of that group",
        name("/etc/passwd", metadata.uid()),
        name("/etc/group", metadata.gid()),
        metadata.permissions().mode() & 0o777
    )
}

/// Looks up the name of a number in a file like `/etc/passwd`; the number itself if there is none.
fn named(file: &str, id: u32) -> String {
    let id = id.to_string();
    let mut lines = file.lines().map(|line| line.split(':'));
    let found = lines.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    });
    found.unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_names() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nlb:x:1000:1000::/:/bin/sh\n";
        assert_eq!(named(passwd, 1000), "lb");
        assert_eq!(named(passwd, 7), "7");
    }
}
