//! A stream that stamps its [`StreamDeadlines`] and can be asked, from outside, whether it is still alive: a TCP connection, or a [`MemoryStream`] within
//! the process.
//!
//! It refuses to enforce anything: what is overdue is the watchdog's business.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use rustix::net::{RecvFlags, SendFlags};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::{MemoryStream, StreamDeadlines};

/// A stream.
#[derive(Debug)]
pub struct Socket {
    stream: Stream,
    deadlines: Rc<StreamDeadlines>,
}

/// Where bytes are read to.
pub trait ReadTarget {
    /// A buffer that can take at least one more. It is only asked for when there is something to read.
    fn room(&mut self) -> &mut Vec<u8>;
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Memory(MemoryStream),
}

// === impl ReadTarget ===

impl ReadTarget for Vec<u8> {
    #[inline]
    fn room(&mut self) -> &mut Vec<u8> {
        self
    }
}

// === impl Socket ===

impl Socket {
    /// Wraps a connected TCP stream.
    pub fn new(stream: TcpStream, deadlines: Rc<StreamDeadlines>) -> Self {
        // On failure the connection is gone; the first read reports it.
        let _ = stream.set_nodelay(true);
        Self { stream: Stream::Tcp(stream), deadlines }
    }

    /// Wraps one end of a stream inside the process.
    pub fn in_memory(memory: MemoryStream, deadlines: Rc<StreamDeadlines>) -> Self {
        Self { stream: Stream::Memory(memory), deadlines }
    }

    /// Its deadlines.
    pub fn deadlines(&self) -> &Rc<StreamDeadlines> {
        &self.deadlines
    }

    /// Whether the peer has neither closed nor sent anything unexpected. One system call, which also sees
    /// what the event loop has not reported yet.
    pub fn is_idle_and_alive(&self) -> bool {
        match &self.stream {
            Stream::Tcp(stream) => is_would_block(&peek(stream)),
            Stream::Memory(memory) => !memory.is_readable(),
        }
    }

    /// Whether unread bytes have arrived. One system call, like [`Socket::is_idle_and_alive`].
    pub fn holds_bytes(&self) -> bool {
        match &self.stream {
            Stream::Tcp(stream) => matches!(peek(stream), Ok(1..)),
            Stream::Memory(memory) => memory.is_readable(),
        }
    }

    /// Whether the event loop may have reported bytes, the end or an error that was not read yet. No system
    /// call.
    #[inline]
    pub fn may_be_readable(&self) -> bool {
        match &self.stream {
            Stream::Tcp(stream) => is_ok(stream.try_io(Interest::READABLE, || Ok(()))),
            Stream::Memory(memory) => memory.is_readable(),
        }
    }

    /// Whether something unread is certainly there, as far as the event loop has reported. Makes a system
    /// call only after a report; clears a report that has been read already.
    pub fn has_more(&self) -> bool {
        match &self.stream {
            Stream::Tcp(stream) => {
                self.may_be_readable() && !is_would_block(&stream.try_io(Interest::READABLE, || peek(stream)))
            }
            Stream::Memory(memory) => memory.is_readable(),
        }
    }

    /// Ready when bytes or the end can be read.
    #[inline]
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.stream {
            Stream::Tcp(stream) => stream.poll_read_ready(cx),
            Stream::Memory(memory) => memory.poll_readable(cx).map(Ok),
        }
    }

    /// Reads into `room`; 0 means the end of the stream.
    #[inline]
    pub fn poll_read(&self, cx: &mut Context<'_>, room: &mut impl ReadTarget) -> Poll<io::Result<usize>> {
        let read = match &self.stream {
            Stream::Tcp(stream) => ready!(poll_receive(stream, cx, || receive(stream, room.room())))?,
            Stream::Memory(memory) => {
                let buffer = room.room();
                let spare = buffer.capacity() - buffer.len();
                ready!(memory.poll_read(cx, &mut buffer.limit(spare)))?
            }
        };
        self.has_read(read);
        Poll::Ready(Ok(read))
    }

    /// Ready when received bytes can be passed on. The kernel buffers for a socket; a stream inside the
    /// process has no such buffer.
    #[inline]
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Stream::Memory(memory) = &self.stream else { return Poll::Ready(()) };
        let room = memory.poll_room(cx);
        if room.is_pending() {
            self.deadlines.on_full();
        } else {
            self.deadlines.on_write(0);
        }
        room
    }

    /// Writes as much as fits.
    #[inline]
    pub fn poll_put(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &self.stream {
            Stream::Tcp(stream) => {
                self.poll_send(stream, cx, || stream.try_io(Interest::WRITABLE, || send(stream, bytes)))
            }
            Stream::Memory(memory) => self.has_put(memory.poll_write(cx, bytes)),
        }
    }

    /// Writes as much as fits of two slices at once.
    #[inline]
    pub fn poll_put_both(
        &self,
        cx: &mut Context<'_>,
        first: &[u8],
        second: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &self.stream {
            Stream::Tcp(stream) => {
                let both = [io::IoSlice::new(first), io::IoSlice::new(second)];
                self.poll_send(stream, cx, || stream.try_write_vectored(&both))
            }
            Stream::Memory(memory) => self.has_put(memory.poll_write(cx, first)),
        }
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// The system's.
    pub async fn put_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let put = poll_fn(|cx| self.poll_put(cx, rest)).await?;
            rest = &rest[put..];
        }
        Ok(())
    }

    /// Writes what fits right now: a final message before closing, when nothing else is being written.
    pub fn try_write_final(&self, text: &[u8]) {
        // Never woken: what does not fit is dropped.
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let _ = self.poll_put(&mut cx, text);
    }

    /// Closes the writing side.
    pub fn finish_writing(&self) {
        match &self.stream {
            // Fails only when the connection is gone already.
            Stream::Tcp(stream) => {
                let _ = socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write);
            }
            Stream::Memory(memory) => memory.end(),
        }
    }

    /// Makes the connection end with a reset when it is dropped, so that the peer cannot take a truncated
    /// message for a complete one.
    pub fn abort(&self) {
        match &self.stream {
            // Fails only when the connection is gone already.
            Stream::Tcp(stream) => {
                let _ = socket2::SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO));
            }
            Stream::Memory(memory) => memory.abort(),
        }
    }

    /// Reads and discards what the peer still sends, until it closes or `limit` bytes have arrived.
    pub async fn drain(&self, limit: usize) {
        let mut taken = 0;
        let mut scrap = Vec::with_capacity(4096);
        while taken < limit {
            scrap.clear();
            match poll_fn(|cx| self.poll_read(cx, &mut scrap)).await {
                Ok(0) | Err(_) => return,
                Ok(read) => taken += read,
            }
        }
    }

    /// The TCP connection, if it is one.
    pub(super) fn tcp(&self) -> Option<&TcpStream> {
        match &self.stream {
            Stream::Tcp(stream) => Some(stream),
            Stream::Memory(_) => None,
        }
    }

    #[inline]
    pub(super) fn has_read(&self, bytes: usize) {
        self.deadlines.on_read(bytes);
    }

    #[inline]
    pub(super) fn poll_send(
        &self,
        stream: &TcpStream,
        cx: &mut Context<'_>,
        send: impl Fn() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match send() {
                Ok(written) => {
                    self.deadlines.on_write(written);
                    return Poll::Ready(Ok(written));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.deadlines.on_full();
                    ready!(stream.poll_write_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn has_put(&self, put: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &put {
            Poll::Ready(Ok(count)) => self.deadlines.on_write(*count),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.deadlines.on_full(),
        }
        put
    }
}

/// Receives; `receive` returns how many bytes came and how many were asked for.
#[inline]
fn poll_receive(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    mut receive: impl FnMut() -> io::Result<(usize, usize)>,
) -> Poll<io::Result<usize>> {
    loop {
        let mut emptied = None;
        let received = stream.try_io(Interest::READABLE, || {
            let (read, room) = receive()?;
            if cfg!(target_os = "linux") && read > 0 && read < room {
                // The kernel's buffer is empty: the next read waits for the event loop instead of
                // making a system call in vain. The end of the stream is still seen. This saves
                // one system call for each read.
                emptied = Some(read);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(read)
        });
        match (emptied, received) {
            (None, Ok(read)) => return Poll::Ready(Ok(read)),
            (Some(read), told) => {
                // As in `is_ok`.
                std::mem::forget(told);
                return Poll::Ready(Ok(read));
            }
            (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(stream.poll_read_ready(cx))?;
            }
            (None, Err(error)) => return Poll::Ready(Err(error)),
        }
    }
}

// Direct system calls: the C library's wrappers add cancellation points to each of these.

#[inline]
fn receive(stream: &TcpStream, buffer: &mut Vec<u8>) -> io::Result<(usize, usize)> {
    let room = buffer.capacity() - buffer.len();
    debug_assert!(room > 0, "without room nothing can be read");
    let (read, _) = rustix::net::recv(stream, rustix::buffer::spare_capacity(buffer), RecvFlags::empty())?;
    Ok((read, room))
}

/// A broken pipe is reported as an error, not by a signal: Rust programs ignore SIGPIPE.
#[inline]
fn send(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(stream, bytes, SendFlags::empty())?)
}

/// Like `is_ok`. The `WouldBlock` of the event loop owns no heap data, so that forgetting it saves the call to
/// its destructor.
#[inline]
fn is_ok<T>(told: io::Result<T>) -> bool {
    let is_ok = told.is_ok();
    std::mem::forget(told);
    is_ok
}

fn peek(stream: &TcpStream) -> io::Result<usize> {
    let mut byte = [MaybeUninit::uninit()];
    socket2::SockRef::from(stream).peek(&mut byte)
}

fn is_would_block(result: &io::Result<usize>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

// `AsyncRead` and `AsyncWrite`, for h2 and hyper.

impl AsyncRead for &Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let read = match &self.stream {
            Stream::Tcp(stream) => {
                let room = buf.remaining();
                ready!(poll_receive(stream, cx, || Ok((stream.try_read_buf(buf)?, room))))?
            }
            Stream::Memory(memory) => ready!(memory.poll_read(cx, buf))?,
        };
        self.has_read(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for &Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_put(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finish_writing();
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_shutdown(cx)
    }
}
