//! Moves bytes from one socket to another inside the kernel (`splice(2)`).
//!
//! A pipe belongs to one transfer at a time and is always empty afterwards. There are no pipes on other systems
//! than Linux; callers copy instead.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use tokio::io::Interest;

use super::{Socket, Unit};

/// The default size of a pipe on Linux. Larger ones brought no gain.
const CAPACITY: usize = 64 * 1024;

/// A pipe between two sockets.
#[derive(Debug)]
pub struct Pipe {
    out: OwnedFd,
    into: OwnedFd,
    held: usize,
    _units: [Unit; 2],
}

// === impl Pipe ===

impl Pipe {
    /// A new pipe that holds `units` of the budget; `None` where the system cannot splice.
    pub fn new(units: [Unit; 2]) -> Option<Self> {
        #[cfg(target_os = "linux")]
        {
            use rustix::pipe::{PipeFlags, pipe_with};
            let (out, into) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
            Some(Self { out, into, held: 0, _units: units })
        }
        #[cfg(not(target_os = "linux"))]
        {
            drop(units);
            None
        }
    }

    /// Bytes taken from one socket and not yet given to the other.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Takes up to `most` bytes from a socket; 0 means the end of the stream. The pipe must be empty.
    pub fn poll_take(&mut self, cx: &mut Context<'_>, from: &Socket, most: u64) -> Poll<io::Result<usize>> {
        let most = usize::try_from(most).map_or(CAPACITY, |most| most.min(CAPACITY));
        let Some(stream) = from.tcp() else { return Poll::Ready(Err(io::ErrorKind::Unsupported.into())) };
        loop {
            match stream.try_io(Interest::READABLE, || splice(stream, &self.into, most)) {
                Ok(taken) => {
                    self.held += taken;
                    from.has_read(taken);
                    return Poll::Ready(Ok(taken));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(stream.poll_read_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Gives what it holds to a socket, as much as fits.
    pub fn poll_give(&mut self, cx: &mut Context<'_>, to: &Socket) -> Poll<io::Result<usize>> {
        let Self { out, held, .. } = self;
        let Some(stream) = to.tcp() else { return Poll::Ready(Err(io::ErrorKind::Unsupported.into())) };
        let give = || stream.try_io(Interest::WRITABLE, || splice(&*out, stream, *held));
        let given = ready!(to.poll_send(stream, cx, give))?;
        *held -= given;
        Poll::Ready(Ok(given))
    }

    /// Whether bytes can be spliced: both must be TCP connections.
    pub fn fits(from: &Socket, to: &Socket) -> bool {
        from.tcp().is_some() && to.tcp().is_some()
    }
}

#[cfg(target_os = "linux")]
fn splice(from: impl std::os::fd::AsFd, to: impl std::os::fd::AsFd, most: usize) -> io::Result<usize> {
    use rustix::pipe::SpliceFlags;
    let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
    Ok(rustix::pipe::splice(from, None, to, None, most, flags)?)
}

#[cfg(not(target_os = "linux"))]
fn splice(_: impl std::os::fd::AsFd, _: impl std::os::fd::AsFd, _: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}
