//! Unix listening sockets for the runtime API.
//!
//! It replaces whatever dead thing lies at the path (a stale socket, or the plain file that `socat` leaves behind when it is
//! started before `lb`), and refuses to take a path on which somebody still listens.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Binds and listens, non-blocking, with permission bits `mode`.
///
/// When this process runs as root and the folder belongs to somebody else, the socket is handed to the folder's owner: that is how
/// the host's user can reach the socket of a container through a shared folder.
///
/// # Errors
/// The system's error, with the path and what to do about it.
pub fn listen(path: &Path, mode: u32) -> io::Result<UnixListener> {
    let explain = |hint: &str, error: &io::Error| {
        io::Error::new(
            error.kind(),
            format!("cannot open the runtime socket {}: {error} ({hint})", path.display()),
        )
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| explain("its folder cannot be made", &error))?;
    if UnixStream::connect(path).is_ok() {
        let error = io::Error::from(io::ErrorKind::AddrInUse);
        return Err(explain("another process answers there: stop it or choose another path", &error));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(explain("something is in its place and cannot be removed", &error));
        }
        _ => {}
    }
    let hint = "the folder must be writable for this user, and the path shorter than 108 bytes";
    let listener = UnixListener::bind(path).map_err(|error| explain(hint, &error))?;
    listener.set_nonblocking(true)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(|error| explain("its mode cannot be set", &error))?;
    hand_to_owner(path, folder)
        .map_err(|error| explain("it cannot be handed to its folder's owner", &error))?;
    Ok(listener)
}

fn hand_to_owner(path: &Path, folder: &Path) -> io::Result<()> {
    let owner = std::fs::metadata(folder)?;
    let mine = std::fs::metadata(path)?;
    let other = (owner.uid(), owner.gid()) != (mine.uid(), mine.gid());
    if rustix::process::geteuid().is_root() && other {
        std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_file_in_its_place_is_replaced_and_the_mode_is_set() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/lb.sock");
        std::fs::create_dir(folder.path().join("run")).unwrap();
        std::fs::write(&path, "left by socat").unwrap();
        let listener = listen(&path, 0o640).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        let refused = listen(&path, 0o640).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse, "{refused}");
        drop(listener);
        listen(&path, 0o660).expect("a stale socket is replaced");
    }
}
