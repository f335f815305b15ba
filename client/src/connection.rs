//! One connection of the judge, with a meter on the socket: after a failure it is known whether any byte of the request was
//! written and whether any byte of the answer came.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use crate::exchange::Outgoing;
use crate::fault::Reason;
use crate::options::Target;

/// A connection to the target; dropping it closes the socket.
pub(crate) struct Connection {
    sender: SendRequest<Outgoing>,
    meter: Arc<Meter>,
    _driver: AbortOnDropHandle<()>,
}

/// Bytes over a socket.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    written: AtomicU64,
    read: AtomicU64,
}

struct Metered {
    stream: TcpStream,
    meter: Arc<Meter>,
}

// === impl Connection ===

impl Connection {
    /// Dials the target.
    ///
    /// # Errors
    /// [`Reason::Connect`], with the system's words.
    pub(crate) async fn open(target: &Target) -> Result<Self, Reason> {
        let refused = |error: io::Error| Reason::Connect(plain(&error));
        let stream = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(refused)?;
        stream.set_nodelay(true).map_err(refused)?;
        let meter = Arc::new(Meter::default());
        let io = TokioIo::new(Metered { stream, meter: Arc::clone(&meter) });
        let (sender, connection) = handshake(io).await?;
        let driver = tokio::spawn(async move {
            // Its errors reach the exchange that suffers from them.
            let _ = connection.with_upgrades().await;
        });
        Ok(Self { sender, meter, _driver: AbortOnDropHandle::new(driver) })
    }

    /// Whether the peer has closed it, as far as the runtime can know without sending.
    pub(crate) async fn is_closed(&mut self) -> bool {
        // One turn of the runtime, so that an end which has already arrived is seen.
        tokio::task::yield_now().await;
        self.sender.ready().await.is_err() || self.sender.is_closed()
    }

    pub(crate) async fn send(&mut self, request: Request<Outgoing>) -> Result<Response<Incoming>, Reason> {
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }
}

/// The system's words without its number, which differs between systems.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

// === impl Meter ===

impl Meter {
    /// Bytes written and read so far.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.written.load(Ordering::Relaxed), self.read.load(Ordering::Relaxed))
    }

    fn wrote(&self, result: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = result {
            self.written.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
    }
}

// === impl Metered ===

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.meter.read.fetch_add((buffer.filled().len() - before) as u64, Ordering::Relaxed);
        result
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.meter.wrote(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.meter.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
