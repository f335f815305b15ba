//! Where lines go: a stream that takes many at once, or a socket that takes each by itself.
//!
//! A datagram never waits: what a daemon does not take is lost. A file that was moved away or deleted is noticed and opened anew.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::shorten::shorten;
use super::syslog::SyslogHeader;
use super::{Level, LogLine};
use crate::config::{self, LogTarget};
use crate::net::bind;

/// Bytes that are written in one go at most.
pub(super) const BATCH: usize = 64 * 1024;

/// How often a file is looked for in its place while lines are written.
const LOOK: Duration = Duration::from_secs(1);

/// A target and what is written around lines.
pub(super) struct OpenTarget {
    way: Transport,
    frame: SyslogHeader,
    /// Most bytes of a datagram.
    length: usize,
    /// Why a line could not be sent.
    error: Option<io::Error>,
    /// Why a file could not be opened again.
    not_opened: Option<io::Error>,
}

enum Transport {
    Stderr,
    Stdout,
    File {
        file: File,
        path: PathBuf,
        looked: Instant,
    },
    Udp(UdpSocket, SocketAddr),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixDatagram, PathBuf),
}

// === impl OpenTarget ===

impl OpenTarget {
    pub(super) fn new(config: &config::LogConfig) -> io::Result<Self> {
        let way = match &config.target {
            LogTarget::Stderr => Transport::Stderr,
            LogTarget::Stdout => Transport::Stdout,
            LogTarget::File(path) => {
                Transport::File { file: open(path)?, path: path.clone(), looked: Instant::now() }
            }
            LogTarget::Udp { host, port } => udp(host, *port)?,
            LogTarget::Unix(path) => unix(path)?,
        };
        let frame = SyslogHeader::new(config, std::process::id());
        Ok(Self { way, frame, length: config.length, error: None, not_opened: None })
    }

    /// Takes a line: into `batch`, or out at once where each goes by itself. Says how many were lost.
    pub(super) fn take(&mut self, line: &dyn LogLine, batch: &mut Vec<u8>) -> u64 {
        if !self.is_stream() {
            return self.send(line.level(), |out| line.write(out), batch);
        }
        if !line.is_dated() {
            self.frame.write_date(batch, now());
        }
        line.write(batch);
        batch.push(b'\n');
        0
    }

    /// The same for lines that end with a line feed each and say themselves when they happened.
    pub(super) fn take_written(&mut self, lines: &[u8], batch: &mut Vec<u8>) -> u64 {
        if self.is_stream() {
            batch.extend_from_slice(lines);
            return 0;
        }
        let each = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        each.map(|line| self.send(Level::Info, |out| out.extend_from_slice(line), batch)).sum()
    }

    /// Why lines could not be sent, since this was asked last.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    fn send(&mut self, level: Level, write: impl FnOnce(&mut Vec<u8>), scrap: &mut Vec<u8>) -> u64 {
        scrap.clear();
        self.frame.write(scrap, level, now());
        let (begin, most) = (scrap.len(), self.length - 1);
        write(scrap);
        if scrap.len() > most && begin + 2 <= most && scrap[begin..].starts_with(b"{") {
            let mut object = scrap.split_off(begin);
            shorten(&mut object, most - begin);
            scrap.extend_from_slice(&object);
        }
        scrap.truncate(most);
        scrap.push(b'\n');
        let sent = match &self.way {
            Transport::Udp(socket, to) => socket.send_to(scrap, to),
            #[cfg(unix)]
            Transport::Unix(socket, to) => socket.send_to(scrap, to),
            Transport::Stderr | Transport::Stdout | Transport::File { .. } => Ok(0),
        };
        scrap.clear();
        let is_lost = sent.is_err();
        self.error = sent.err().or(self.error.take());
        is_lost.into()
    }

    /// Writes what was taken.
    pub(super) fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        match &mut self.way {
            _ if batch.is_empty() => Ok(()),
            Transport::Stderr => io::stderr().lock().write_all(batch),
            Transport::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(batch)?;
                stdout.flush()
            }
            Transport::File { file, .. } => file.write_all(batch),
            _ => Ok(()),
        }
    }

    /// Looks, now and then, whether a file is still in its place, and opens it anew when it is not.
    pub(super) fn look(&mut self) {
        if let Transport::File { file, path, looked } = &mut self.way
            && looked.elapsed() >= LOOK
        {
            *looked = Instant::now();
            if !is_at(file, path) {
                self.reopen();
            }
        }
    }

    pub(super) fn reopen(&mut self) {
        // What cannot be opened now may be there later; until then lines go where they went.
        if let Transport::File { file, path, .. } = &mut self.way {
            match open(path) {
                Ok(new) => *file = new,
                Err(error) => self.not_opened = Some(error),
            }
        }
    }

    /// Why the file could not be opened again, since this was asked last.
    pub(super) fn take_not_opened(&mut self) -> Option<io::Error> {
        self.not_opened.take()
    }

    fn is_stream(&self) -> bool {
        matches!(self.way, Transport::Stderr | Transport::Stdout | Transport::File { .. })
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Opens a file to append to, or a pipe that is being read. Nothing waits: a reload must not hang on a pipe that nobody reads.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    options.open(path).and_then(writes_wait).map_err(|error| {
        let hint = if is_pipe(path) {
            "nobody reads this pipe: start its reader first"
        } else {
            "its folder must exist and be writable for this user"
        };
        io::Error::new(error.kind(), format!("cannot open the log {}: {error} ({hint})", path.display()))
    })
}

/// Lets writes wait for room again, in the log's own thread: a line is written whole or not at all.
#[cfg(unix)]
fn writes_wait(file: File) -> io::Result<File> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let flags = fcntl_getfl(&file)?;
    fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file)
}

#[cfg(not(unix))]
fn writes_wait(file: File) -> io::Result<File> {
    Ok(file)
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    std::fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_: &Path) -> bool {
    false
}

/// Whether `path` leads to the open file; what is no file (a pipe) never moves.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(open) = file.metadata() else { return true };
    if !open.is_file() {
        return true;
    }
    std::fs::metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (open.dev(), open.ino()))
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

fn udp(host: &str, port: u16) -> io::Result<Transport> {
    let failed = |error: io::Error| {
        let hint = "`target` in [log] must name a host that is known when it is opened";
        io::Error::new(error.kind(), format!("cannot log to {host}:{port}: {error} ({hint})"))
    };
    let nobody = || failed(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    let to = (host, port).to_socket_addrs().map_err(failed)?.next().ok_or_else(nobody)?;
    Ok(Transport::Udp(bind::datagrams_to(to).map_err(failed)?, to))
}

/// Not connected: a daemon that is started again is found again.
#[cfg(unix)]
fn unix(path: &Path) -> io::Result<Transport> {
    let socket = std::os::unix::net::UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok(Transport::Unix(socket, path.to_owned()))
}

#[cfg(not(unix))]
fn unix(path: &Path) -> io::Result<Transport> {
    let text = format!("cannot log to {}: there are no Unix sockets here", path.display());
    Err(io::Error::new(io::ErrorKind::Unsupported, text))
}
