//! Unix listening sockets for the runtime API, and their files.
//!
//! Only two things are replaced at the path: a socket without a listener, and the small file that `socat` leaves
//! when it is started before `lb`. Mode and owner are set on the socket itself, never through a link in its
//! place.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

/// Connections that the kernel queues before they are accepted.
const BACKLOG: i32 = 4096;
/// Maximum size, bytes, of a file that `socat` may have left.
const LARGEST_LEFT: u64 = 4096;
/// What to do when something else is in the place of a socket.
const ELSEWHERE: &str = "remove it, or give another path as `socket` in [admin]";

/// A listening socket and its file.
#[derive(Debug)]
pub struct Listening {
    /// Non-blocking.
    pub listener: UnixListener,
    /// Dropped before the listener.
    pub file: SocketFile,
}

/// The file of a socket. Removed on drop, unless another socket has taken its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode; the inode is not reused while the socket is open.
    identity: (u64, u64),
}

/// Binds and listens, with permission bits `mode`. `is_left` tells whether the content of a file is what `socat`
/// leaves.
///
/// When this process runs as root and the folder belongs to another user, the socket is given to the folder's
/// owner, so that the host's user can reach the socket of a container through a shared folder.
///
/// # Errors
/// The system's error, with the path and what to do about it; `AddrInUse` when another process listens there,
/// `AlreadyExists` when something is there that is not replaced.
pub fn listen(path: &Path, mode: u32, is_left: impl Fn(&[u8]) -> bool) -> io::Result<Listening> {
    let explain = |hint: &str, error: &io::Error| explain(path, hint, error);
    let folder = folder(path);
    std::fs::create_dir_all(folder).map_err(|error| {
        let hint = format!(
            "its folder {} cannot be made: make it for the user that lb runs as, or give another path as `socket` in [admin]",
            folder.display()
        );
        explain(&hint, &error)
    })?;
    if let Some(there) = look(path, is_left)? {
        if there.file_type().is_socket() && answers(path) {
            let error = io::Error::from(io::ErrorKind::AddrInUse);
            return Err(explain("another process answers there: stop it or choose another path", &error));
        }
        std::fs::remove_file(path)
            .map_err(|error| explain("what is in its place cannot be removed", &error))?;
    }
    let hint = "its folder must be writable for the user that lb runs as, and its path shorter than 108 bytes: \
                else give another path as `socket` in [admin]";
    let socket = bind(path, mode).map_err(|error| explain(hint, &error))?;
    let there = std::fs::symlink_metadata(path).map_err(|error| explain("it has gone again", &error))?;
    let file = SocketFile { path: path.to_owned(), identity: (there.dev(), there.ino()) };
    give_access(path, mode, folder)
        .map_err(|error| explain("its mode and its owner cannot be set", &error))?;
    socket.listen(BACKLOG).map_err(|error| explain("it cannot listen", &error))?;
    socket.set_nonblocking(true)?;
    Ok(Listening { listener: UnixListener::from(std::os::fd::OwnedFd::from(socket)), file })
}

/// Checks whether a socket can take the place of what is at `path`, without changing anything.
///
/// # Errors
/// `AlreadyExists` when something is there that is not replaced, with what to do about it.
pub fn check(path: &Path, is_left: impl Fn(&[u8]) -> bool) -> io::Result<()> {
    look(path, is_left).map(|_| ())
}

/// What is at `path`, if a socket may replace it.
fn look(path: &Path, is_left: impl Fn(&[u8]) -> bool) -> io::Result<Option<Metadata>> {
    let there = match std::fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(explain(path, "its folder must be readable for this user", &error)),
    };
    let kind = there.file_type();
    let what = if kind.is_socket() {
        return Ok(Some(there));
    } else if kind.is_file() {
        let small = there.len() <= LARGEST_LEFT;
        if small && std::fs::read(path).is_ok_and(|content| content.is_empty() || is_left(&content)) {
            return Ok(Some(there));
        }
        "a file, not a socket"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_dir() {
        "a folder"
    } else {
        "a pipe or a device"
    };
    let error = io::Error::new(io::ErrorKind::AlreadyExists, format!("{what} is there"));
    Err(explain(path, &format!("lb does not replace it: {ELSEWHERE}"), &error))
}

fn explain(path: &Path, hint: &str, error: &io::Error) -> io::Error {
    let text = format!("cannot open the runtime socket {}: {error} ({hint})", path.display());
    io::Error::new(error.kind(), text)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a process listens on the socket, or may: only a refused connection proves that none does.
fn answers(path: &Path) -> bool {
    let connected = SockAddr::unix(path).and_then(|address| {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // A blocking connect to a socket with a full queue would wait.
        socket.set_nonblocking(true)?;
        socket.connect(&address)
    });
    !connected.is_err_and(|error| {
        matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
    })
}

fn bind(path: &Path, mode: u32) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Linux derives the file's mode from the socket's mode and the umask, so the file is never more accessible
    // than intended.
    #[cfg(target_os = "linux")]
    rustix::fs::fchmod(&socket, rustix::fs::Mode::from_raw_mode(mode))?;
    #[cfg(not(target_os = "linux"))]
    let _ = mode;
    socket.bind(&SockAddr::unix(path)?)?;
    Ok(socket)
}

/// Sets mode and owner of the socket that was bound at `path`, or fails when it is no longer there.
#[cfg(target_os = "linux")]
fn give_access(path: &Path, mode: u32, folder: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::PermissionsExt as _;

    use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid, chownat, fstat, open};

    // `O_PATH | O_NOFOLLOW` refers to the file itself: a link that replaces it later is not followed.
    let socket = open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let there = fstat(&socket)?;
    let is_socket = rustix::fs::FileType::from_raw_mode(there.st_mode).is_socket();
    // A second hard link would be a socket of another user.
    if !is_socket || there.st_nlink != 1 || there.st_uid != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("something else was put in its place"));
    }
    if there.st_mode & 0o777 != mode {
        let handle = format!("/proc/self/fd/{}", socket.as_raw_fd());
        std::fs::set_permissions(handle, std::fs::Permissions::from_mode(mode))?;
    }
    let owner = std::fs::metadata(folder)?;
    if rustix::process::geteuid().is_root() && (owner.uid(), owner.gid()) != (there.st_uid, there.st_gid) {
        let (user, group) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
        chownat(&socket, "", Some(user), Some(group), AtFlags::EMPTY_PATH)?;
    }
    Ok(())
}

/// Sets mode and owner of the socket that was bound at `path`.
#[cfg(not(target_os = "linux"))]
fn give_access(path: &Path, mode: u32, folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    let (owner, mine) = (std::fs::metadata(folder)?, std::fs::symlink_metadata(path)?);
    if rustix::process::geteuid().is_root() && (owner.uid(), owner.gid()) != (mine.uid(), mine.gid()) {
        std::os::unix::fs::lchown(path, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A successor may have created its own socket there.
        let is_mine = std::fs::symlink_metadata(&self.path)
            .is_ok_and(|there| (there.dev(), there.ino()) == self.identity);
        if is_mine {
            // It may be gone, or the folder read-only; the next process replaces it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn nothing(_: &[u8]) -> bool {
        false
    }

    fn by_socat(content: &[u8]) -> bool {
        content == b"show info\n"
    }

    #[test]
    fn stale_sockets_and_what_socat_leaves_are_replaced_and_the_mode_is_set() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/lb.sock");
        for (content, mode) in [("", 0o640), ("show info\n", 0o666)] {
            std::fs::create_dir_all(folder.path().join("run")).unwrap();
            // The socket of the previous round has no listener any more.
            let _ = std::fs::remove_file(&path);
            std::fs::write(&path, content).unwrap();
            let Listening { listener, file } = listen(&path, mode, by_socat).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
            let refused = listen(&path, mode, by_socat).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AddrInUse, "{refused}");
            std::mem::forget(file);
            drop(listener);
            assert!(path.exists());
        }
        listen(&path, 0o660, nothing).expect("a stale socket is replaced");
        assert!(!path.exists(), "its file goes with a socket");
    }

    /// Breaks when a configuration file, or the target of a link, is deleted because `socket` names it.
    #[test]
    fn nothing_else_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("lb.toml"), "[admin]").unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        std::os::unix::fs::symlink(at("lb.toml"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
        for name in ["lb.toml", "folder", "link", "dangling"] {
            for result in [check(&at(name), by_socat), listen(&at(name), 0o666, by_socat).map(drop)] {
                let text = result.unwrap_err().to_string();
                assert!(text.contains(name) && text.contains(ELSEWHERE), "{text}");
            }
        }
        assert_eq!(std::fs::read(at("lb.toml")).unwrap(), b"[admin]");
        assert!(at("link").is_symlink() && at("folder").is_dir() && !at("nowhere").exists());
        let datagrams = std::os::unix::net::UnixDatagram::bind(at("log")).unwrap();
        assert_eq!(listen(&at("log"), 0o660, nothing).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(datagrams);
        check(&at("log"), nothing).unwrap();
        check(&at("nothing"), nothing).unwrap();
    }

    #[test]
    fn the_file_of_a_successor_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lb.sock");
        let first = listen(&path, 0o660, nothing).unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = listen(&path, 0o660, nothing).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("run"), "").unwrap();
        let text = listen(&folder.path().join("run/lb.sock"), 0o660, nothing).unwrap_err().to_string();
        assert!(text.contains("its folder") && text.contains("`socket` in [admin]"), "{text}");
    }
}
