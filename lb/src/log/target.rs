//! The destination of a log: a stream that takes batches of lines, or a socket that takes one line a datagram.
//!
//! Datagrams never wait: what the daemon does not take is lost. A file that was moved or deleted is noticed and
//! opened again.

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

/// Maximum number of bytes in one write.
pub(super) const BATCH: usize = 64 * 1024;

/// How often the path of an open file is checked while lines are written.
const LOOK: Duration = Duration::from_secs(1);

/// An open destination, with the header of its lines.
pub(super) struct OpenTarget {
    way: Transport,
    frame: SyslogHeader,
    /// Maximum size of a datagram, bytes.
    length: usize,
    /// The last error of sending a line.
    error: Option<io::Error>,
    /// The last error of opening the file again.
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

    /// Takes a line: appends it to `batch`, or sends it at once where each line is a datagram. Returns the
    /// number of lost lines.
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

    /// Like [`Self::take`], for complete lines: each has its time and ends with a line feed.
    pub(super) fn take_written(&mut self, lines: &[u8], batch: &mut Vec<u8>) -> u64 {
        if self.is_stream() {
            batch.extend_from_slice(lines);
            return 0;
        }
        let each = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        each.map(|line| self.send(Level::Info, |out| out.extend_from_slice(line), batch)).sum()
    }

    /// Takes the error of sending, if there was one since the last call.
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

    /// Writes a batch.
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

    /// Checks now and then whether the file is still at its path; opens it again when it is not.
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
        // If it cannot be opened now, it may be possible later; meanwhile lines go to the old file.
        if let Transport::File { file, path, .. } = &mut self.way {
            match open(path) {
                Ok(new) => *file = new,
                Err(error) => self.not_opened = Some(error),
            }
        }
    }

    /// Takes the error of opening the file again, if there was one since the last call.
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

/// Opens a file to append to, or a pipe that has a reader. Non-blocking: a reload must not hang on a pipe without
/// a reader.
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

/// Makes writes blocking again; they happen on the log's own thread. A line is written completely or not at all.
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

/// Whether `path` is the open file. A pipe counts as never moved.
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

/// Unconnected, so that a restarted daemon is found again.
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
