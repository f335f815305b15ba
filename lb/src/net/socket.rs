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
    /// Wraps a connected stream.
    pub fn new(stream: TcpStream, deadlines: Rc<StreamDeadlines>) -> Self {
        // A failure means a stream that is gone already; the first read will say so.
        let _ = stream.set_nodelay(true);
        Self { stream: Stream::Tcp(stream), deadlines }
    }

    /// Wraps a stream within the process.
    pub fn in_memory(memory: MemoryStream, deadlines: Rc<StreamDeadlines>) -> Self {
        Self { stream: Stream::Memory(memory), deadlines }
    }

    /// Its signs of life.
    pub fn deadlines(&self) -> &Rc<StreamDeadlines> {
        &self.deadlines
    }

    /// Whether the other side has neither closed nor said anything unasked: one system call, which sees what the event
    /// loop has not been told yet.
    pub fn is_idle_and_alive(&self) -> bool {
        match &self.stream {
            Stream::Tcp(stream) => is_would_block(&peek(stream)),
            Stream::Memory(memory) => !memory.is_readable(),
        }
    }

    /// Whether bytes are there that have not been read: one system call, as [`Socket::is_idle_and_alive`].
    pub fn holds_bytes(&self) -> bool {
        match &self.stream {
            Stream::Tcp(stream) => matches!(peek(stream), Ok(1..)),
            Stream::Memory(memory) => memory.is_readable(),
        }
    }

    /// Whether the event loop may have heard something that has not been read: bytes, the end, or an error. No system call.
    #[inline]
    pub fn may_be_readable(&self) -> bool {
        match &self.stream {
            Stream::Tcp(stream) => is_ok(stream.try_io(Interest::READABLE, || Ok(()))),
            Stream::Memory(memory) => memory.is_readable(),
        }
    }

    /// Whether something that has not been read is there for sure, as far as the event loop has heard. Costs a system call only
    /// when it has heard something; if that was read long ago it is forgotten.
    pub fn has_more(&self) -> bool {
        match &self.stream {
            Stream::Tcp(stream) => {
                self.may_be_readable() && !is_would_block(&stream.try_io(Interest::READABLE, || peek(stream)))
            }
            Stream::Memory(memory) => memory.is_readable(),
        }
    }

    /// Whether there is something to read, or the end.
    #[inline]
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.stream {
            Stream::Tcp(stream) => stream.poll_read_ready(cx),
            Stream::Memory(memory) => memory.poll_readable(cx).map(Ok),
        }
    }

    /// Reads into `room`; 0 is the end of the stream.
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

    /// Whether what is read for it could be written; the kernel has room of its own for a socket, a memory within the process has not.
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

    /// Writes what there is room for.
    #[inline]
    pub fn poll_put(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &self.stream {
            Stream::Tcp(stream) => {
                self.poll_send(stream, cx, || stream.try_io(Interest::WRITABLE, || send(stream, bytes)))
            }
            Stream::Memory(memory) => self.has_put(memory.poll_write(cx, bytes)),
        }
    }

    /// Writes what there is room for, of two pieces at once.
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

    /// Writes what fits right now; for a last word before closing, when nothing else is being written.
    pub fn try_write_final(&self, text: &[u8]) {
        // A waker that is never woken: what does not fit is not said.
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let _ = self.poll_put(&mut cx, text);
    }

    /// Says that nothing more will be written.
    pub fn finish_writing(&self) {
        match &self.stream {
            // Only fails when the stream is gone, and then there is nothing left to say.
            Stream::Tcp(stream) => {
                let _ = socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write);
            }
            Stream::Memory(memory) => memory.end(),
        }
    }

    /// Makes the connection end with a reset when it is dropped: nobody shall take what was sent for all there was to send.
    pub fn abort(&self) {
        match &self.stream {
            // Only fails when the stream is gone.
            Stream::Tcp(stream) => {
                let _ = socket2::SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO));
            }
            Stream::Memory(memory) => memory.abort(),
        }
    }

    /// Reads and drops what the other side still sends, until it closes or `limit` bytes have come.
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

/// Receives; `receive` says how much came, and how much could have.
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
                // It has emptied the kernel's buffer: the next one waits for news instead of asking in vain. The end of the stream is not
                // forgotten by this. It saves a system call for every read.
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

// The system is called without the detour of the C library, which prepares each of these calls for the end of its thread.

#[inline]
fn receive(stream: &TcpStream, buffer: &mut Vec<u8>) -> io::Result<(usize, usize)> {
    let room = buffer.capacity() - buffer.len();
    debug_assert!(room > 0, "without room nothing can be read");
    let (read, _) = rustix::net::recv(stream, rustix::buffer::spare_capacity(buffer), RecvFlags::empty())?;
    Ok((read, room))
}

/// A broken pipe is an error and no signal: Rust's programs ignore that one.
#[inline]
fn send(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(stream, bytes, SendFlags::empty())?)
}

/// Whether it is no error. That the event loop has heard nothing is only a kind, which owns nothing: dropping it would cost a call.
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

// For who speaks another protocol on it.

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
