//! A TCP stream that stamps its [`Pulse`] and can be asked, from outside, whether it is still alive.
//!
//! It refuses to enforce anything: what is overdue is the watchdog's business.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::Pulse;

/// A handle to a TCP stream; clones share the stream.
#[derive(Debug, Clone)]
pub struct Socket {
    stream: Arc<TcpStream>,
    pulse: Arc<Pulse>,
    /// Told of every sign of life as well.
    echo: Option<Arc<Pulse>>,
}

// === impl Socket ===

impl Socket {
    /// Wraps a connected stream.
    pub fn new(stream: TcpStream, pulse: Arc<Pulse>) -> Self {
        // A failure means a stream that is gone already; the first read will say so.
        let _ = stream.set_nodelay(true);
        Self { stream: Arc::new(stream), pulse, echo: None }
    }

    /// The same stream, whose signs of life also count for `other`.
    #[must_use]
    pub fn echoing(self, other: Arc<Pulse>) -> Self {
        Self { echo: Some(other), ..self }
    }

    /// Its signs of life.
    pub fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// Whether the other side has neither closed nor said anything unasked: one system call, which sees what the event
    /// loop has not been told yet.
    pub fn is_quiet(&self) -> bool {
        let mut byte = [std::mem::MaybeUninit::uninit()];
        let peeked = socket2::SockRef::from(&*self.stream).peek(&mut byte);
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Writes what fits right now; for a last word before closing, when nothing else is being written.
    pub fn last_word(&self, text: &[u8]) {
        if let Ok(written) = self.stream.try_write(text) {
            self.pulse.on_write(written);
        }
    }

    /// Says that nothing more will be written.
    pub fn finish_writing(&self) {
        // Only fails when the stream is gone, and then there is nothing left to say.
        let _ = socket2::SockRef::from(&*self.stream).shutdown(std::net::Shutdown::Write);
    }

    /// Reads and drops what the other side still sends, until it closes or `limit` bytes have come.
    pub async fn drain(&self, limit: usize) {
        let mut taken = 0;
        let mut scrap = [0; 4096];
        while taken < limit && self.stream.readable().await.is_ok() {
            match self.stream.try_read(&mut scrap) {
                Ok(0) => return,
                Ok(read) => taken += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        self.poll_receive(cx, buf).map_ok(|_| ())
    }
}

impl Socket {
    /// Reads into the spare room of `buffer`, which must have some; 0 is the end of the stream.
    #[inline]
    pub fn poll_fill(&self, cx: &mut Context<'_>, buffer: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        debug_assert!(buffer.len() < buffer.capacity(), "without room nothing can be read");
        let room = buffer.capacity() - buffer.len();
        self.poll_receive(cx, &mut buffer.limit(room))
    }

    /// Writes what there is room for.
    #[inline]
    pub fn poll_put(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, |stream| stream.try_write(bytes))
    }

    /// Writes what there is room for, of two pieces at once.
    #[inline]
    pub fn poll_put_both(
        &self,
        cx: &mut Context<'_>,
        first: &[u8],
        second: &[u8],
    ) -> Poll<io::Result<usize>> {
        let both = [io::IoSlice::new(first), io::IoSlice::new(second)];
        self.poll_send(cx, |stream| stream.try_write_vectored(&both))
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// The system's.
    pub async fn put_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let put = std::future::poll_fn(|cx| self.poll_put(cx, rest)).await?;
            rest = &rest[put..];
        }
        Ok(())
    }

    /// Whether there is something to read, or the end.
    #[inline]
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_read_ready(cx)
    }

    /// Makes the connection end with a reset when it is dropped: nobody shall take what was sent for all there was to send.
    pub fn abort(&self) {
        // Only fails when the stream is gone.
        let _ = socket2::SockRef::from(&*self.stream).set_linger(Some(std::time::Duration::ZERO));
    }

    /// Whether the event loop may have heard something that has not been read: bytes, the end, or an error. No system call.
    #[inline]
    pub fn has_news(&self) -> bool {
        self.stream.try_io(Interest::READABLE, || Ok(())).is_ok()
    }

    /// Whether something that has not been read is there for sure, as far as the event loop has heard. Costs a system call only when it
    /// has heard something; if that was read long ago it is forgotten.
    pub fn has_more(&self) -> bool {
        let peek = || {
            let mut byte = [std::mem::MaybeUninit::uninit()];
            socket2::SockRef::from(&*self.stream).peek(&mut byte)
        };
        !matches!(self.stream.try_io(Interest::READABLE, peek), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn has_read(&self, bytes: usize) {
        self.pulse.on_read(bytes);
        self.echo.iter().for_each(|echo| echo.on_life());
    }

    #[inline]
    fn poll_receive(&self, cx: &mut Context<'_>, buffer: &mut impl BufMut) -> Poll<io::Result<usize>> {
        loop {
            match self.stream.try_read_buf(buffer) {
                Ok(read) => {
                    if read > 0 && buffer.has_remaining_mut() {
                        self.forget_readable();
                    }
                    self.has_read(read);
                    return Poll::Ready(Ok(read));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.stream.poll_read_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// A read that did not fill its buffer has emptied the kernel's: the next one waits for news instead of asking in vain. The end of the
    /// stream is not forgotten by this. It saves a system call for every read.
    #[inline]
    fn forget_readable(&self) {
        if cfg!(target_os = "linux") {
            let _ = self.stream.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
        }
    }

    #[inline]
    pub(super) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        send: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match send(&self.stream) {
                Ok(written) => {
                    self.pulse.on_write(written);
                    self.echo.iter().for_each(|echo| echo.on_life());
                    return Poll::Ready(Ok(written));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.pulse.on_full();
                    ready!(self.stream.poll_write_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

// Without vectored writes hyper copies head and body together and sends them at once: for all but big bodies that costs less than the
// kernel's walk over a vector.
impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, |stream| stream.try_write(buf))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finish_writing();
        Poll::Ready(Ok(()))
    }
}
