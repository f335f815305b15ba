//! HTTP/1.1 byte by byte, for either side of a connection: what a test sends is what goes out, what it reads is what came.
//!
//! The framing rules here are a second reading of RFC 9112 §6, independent of the one under test, and strict: anything odd is an error.

mod message;
pub mod strict;
mod unread;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{eventually, within};
use message::Framing;
pub use message::{Head, Message};

/// One end of a TCP connection, and what has arrived on it and not been taken yet.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    inbox: Vec<u8>,
}

// === impl Wire ===

impl Wire {
    /// Wraps a connected stream.
    pub fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a fresh stream takes options");
        Self { stream, inbox: Vec::new() }
    }

    /// Connects.
    ///
    /// # Errors
    /// The system's.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::new(within("a connection", TcpStream::connect(address)).await?))
    }

    /// Its own address.
    pub fn local(&self) -> SocketAddr {
        self.stream.local_addr().expect("a connected stream has an address")
    }

    /// Makes the kernel's buffers small, so that back-pressure comes early.
    pub fn small_buffers(&self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_recv_buffer_size(32 << 10).expect("a buffer size");
        socket.set_send_buffer_size(32 << 10).expect("a buffer size");
    }

    /// Waits until the other side has read what was sent, or has gone.
    pub async fn taken(&self) {
        let Ok(peer) = self.stream.peer_addr() else { return };
        let local = self.local();
        eventually("what was sent is read", async || {
            unread::unread(local, peer).is_none_or(|left| left == 0)
        })
        .await;
    }

    /// Sends all of it.
    ///
    /// # Panics
    /// When the other side has gone.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.expect("the other side takes what is sent");
    }

    /// Sends all of it, if the other side lets us.
    ///
    /// # Errors
    /// The system's.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        within("room to send", self.stream.write_all(bytes.as_ref())).await
    }

    /// Sends `bytes`, which may never end; `sent` counts the bytes that left.
    ///
    /// # Errors
    /// The system's.
    pub async fn push(&mut self, bytes: &[u8], sent: &AtomicUsize) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = self.stream.write(rest).await?;
            sent.fetch_add(written, SeqCst);
            rest = &rest[written..];
        }
        Ok(())
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        // Fails only when the other side has gone, which the next read shows.
        let _ = self.stream.shutdown().await;
    }

    /// Makes the connection end with a reset when it is dropped: what a killed process may look like.
    pub fn reset_on_close(&self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(std::time::Duration::ZERO)).expect("a stream takes options");
    }

    /// Drops the connection with a reset.
    pub fn reset(self) {
        self.reset_on_close();
    }

    /// Takes exactly `count` bytes.
    ///
    /// # Errors
    /// The system's, and `UnexpectedEof`.
    pub async fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.inbox.len() < count {
            self.more().await?;
        }
        Ok(self.inbox.drain(..count).collect())
    }

    /// Takes whatever is there, at least a byte; nothing at the end.
    ///
    /// # Errors
    /// The system's.
    pub async fn take_some(&mut self) -> io::Result<Vec<u8>> {
        if self.inbox.is_empty() {
            match self.more().await {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Vec::new()),
                result => result?,
            }
        }
        Ok(std::mem::take(&mut self.inbox))
    }

    /// Waits, for as long as it takes, until there is something to take, if only the end.
    pub async fn arrived(&self) {
        if self.inbox.is_empty() {
            // Fails only when the connection is broken, which the next read shows.
            let _ = self.stream.readable().await;
        }
    }

    /// Takes everything until the other side closes.
    ///
    /// # Errors
    /// The system's.
    pub async fn take_rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        loop {
            let some = self.take_some().await?;
            if some.is_empty() {
                return Ok(rest);
            }
            rest.extend(some);
        }
    }

    /// Waits for the other side to close without saying anything more; a reset counts, too.
    ///
    /// # Panics
    /// When bytes come.
    pub async fn closed(&mut self) {
        let rest = self.take_rest().await.unwrap_or_default();
        assert!(rest.is_empty(), "closed after {:?}", String::from_utf8_lossy(&rest));
    }

    /// Whether the other side has neither closed nor said anything, as far as this side knows.
    pub fn is_quiet(&self) -> bool {
        let mut byte = [std::mem::MaybeUninit::uninit()];
        let peeked = socket2::SockRef::from(&self.stream).peek(&mut byte);
        self.inbox.is_empty() && matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Reads a head; `None` when the other side closes before its first byte.
    ///
    /// # Errors
    /// The system's, `UnexpectedEof` within the head, `InvalidData` for what is none.
    pub async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = self.inbox.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head: Vec<u8> = self.inbox.drain(..end + 4).collect();
                return Head::parse(head).map(Some);
            }
            match self.more().await {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof && self.inbox.is_empty() => {
                    return Ok(None);
                }
                result => result?,
            }
        }
    }

    /// Reads a whole request; `None` when the client closes instead.
    ///
    /// # Errors
    /// As [`Wire::head`].
    pub async fn try_request(&mut self) -> io::Result<Option<Message>> {
        let Some(head) = self.head().await? else {
            return Ok(None);
        };
        let framing = head.request_framing()?;
        self.message(head, framing).await.map(Some)
    }

    /// Reads a whole answer to a request with `method`; interim ones (1xx but 101) are answers of their own.
    ///
    /// # Errors
    /// As [`Wire::head`], and `UnexpectedEof` when there is none.
    pub async fn try_answer_to(&mut self, method: &str) -> io::Result<Message> {
        let head = self.head().await?.ok_or(ErrorKind::UnexpectedEof)?;
        let framing = head.answer_framing(method)?;
        self.message(head, framing).await
    }

    /// Reads a whole answer to a GET or POST.
    ///
    /// # Errors
    /// As [`Wire::try_answer_to`].
    pub async fn try_answer(&mut self) -> io::Result<Message> {
        self.try_answer_to("GET").await
    }

    /// Reads a whole answer to a GET or POST.
    ///
    /// # Panics
    /// When there is none or it is broken.
    pub async fn answer(&mut self) -> Message {
        match self.try_answer().await {
            Ok(answer) => answer,
            Err(error) => panic!("no answer: {error}; arrived: {:?}", String::from_utf8_lossy(&self.inbox)),
        }
    }

    /// Sends a GET with a Host and reads the answer.
    ///
    /// # Panics
    /// As [`Wire::send`] and [`Wire::answer`].
    pub async fn get(&mut self, target: &str) -> Message {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: lab\r\n\r\n")).await;
        self.answer().await
    }

    /// Reads one chunk of a chunked body; `None` for the last one, whose trailers stay to be read.
    ///
    /// # Errors
    /// The system's, `InvalidData` for what is no chunk.
    pub async fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.line().await?;
        let size = line.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16)
            .map_err(|_| io::Error::new(ErrorKind::InvalidData, format!("no chunk size: {line:?}")))?;
        if size == 0 {
            return Ok(None);
        }
        let mut chunk = self.take(size + 2).await?;
        if chunk.split_off(size) != b"\r\n" {
            return Err(io::Error::new(ErrorKind::InvalidData, "a chunk longer than its size"));
        }
        Ok(Some(chunk))
    }

    /// Reads the trailers after the last chunk.
    ///
    /// # Errors
    /// As [`Wire::head`].
    pub async fn trailers(&mut self) -> io::Result<Vec<(String, String)>> {
        let mut trailers = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(trailers);
            }
            trailers.push(message::field(&line)?);
        }
    }

    async fn message(&mut self, head: Head, framing: Framing) -> io::Result<Message> {
        let (mut body, mut trailers) = (Vec::new(), Vec::new());
        match framing {
            Framing::Length(length) => body = self.take(length).await?,
            Framing::Chunked => {
                while let Some(chunk) = self.chunk().await? {
                    body.extend(chunk);
                }
                trailers = self.trailers().await?;
            }
            Framing::UntilClose => body = self.take_rest().await?,
        }
        Ok(Message { head, body, trailers })
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.inbox.windows(2).position(|bytes| bytes == b"\r\n") {
                let line = self.inbox.drain(..end + 2).take(end).collect();
                return String::from_utf8(line)
                    .map_err(|error| io::Error::new(ErrorKind::InvalidData, error));
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> io::Result<()> {
        if within("bytes", self.stream.read_buf(&mut self.inbox)).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}
