//! A TCP stream that stamps its [`Pulse`] and can be asked, from outside, whether it is still alive.
//!
//! It refuses to enforce anything: what is overdue is the watchdog's business.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

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
        loop {
            match self.stream.try_read_buf(buf) {
                Ok(read) => {
                    if read > 0 && buf.remaining() > 0 {
                        self.forget_readable();
                    }
                    self.pulse.on_read(read);
                    self.echo.iter().for_each(|echo| echo.on_life());
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.stream.poll_read_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Socket {
    /// A read that did not fill its buffer has emptied the kernel's: the next one waits for news instead of asking in vain. The end of the
    /// stream is not forgotten by this. It saves a system call for every read.
    #[inline]
    fn forget_readable(&self) {
        if cfg!(target_os = "linux") {
            let _ = self.stream.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
        }
    }

    #[inline]
    fn poll_send(
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
