//! A server of HTTP/2 frame by frame (RFC 9113 section 4): it says what no library would, and reads no header block.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tests::Wire;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::frames::{
    ACK, DATA, END_HEADERS, Frame, GOAWAY, HEADERS, PING, PREFACE, RESET, SETTINGS, WINDOW, frame,
};

/// The codes of RFC 9113 section 7 that are used here.
pub(super) const NO_ERROR: u32 = 0;
pub(super) const INTERNAL_ERROR: u32 = 2;
pub(super) const REFUSED_STREAM: u32 = 7;

/// A server that follows a script on each connection. It ends, with its connections, when it is dropped.
pub(crate) struct Frames {
    address: SocketAddr,
    /// Requests so far.
    seen: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

/// One connection.
pub(crate) struct Peer {
    wire: Wire,
    seen: Arc<AtomicUsize>,
    greeted: bool,
    /// What has come of each request's body.
    bodies: HashMap<u32, Vec<u8>>,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(super) stream: u32,
    /// Which it is, of all that its server has seen.
    pub(super) number: usize,
    /// It has no body, or the body has come.
    ended: bool,
}

// === impl Frames ===

impl Frames {
    /// Speaks with each connection as `script` says, until it says no more or the connection ends.
    pub(crate) async fn start<F>(script: impl Fn(Peer) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&seen);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let peer = Peer {
                    wire: Wire::new(stream),
                    seen: Arc::clone(&counter),
                    greeted: false,
                    bodies: HashMap::new(),
                };
                let speaking = script(peer);
                // How a connection ends is its client's business.
                connections.spawn(async move { drop(speaking.await) });
            }
        });
        Self { address, seen, _tasks: tasks }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests so far.
    pub(crate) fn seen(&self) -> usize {
        self.seen.load(SeqCst)
    }
}

// === impl Peer ===

impl Peer {
    /// Waits for the next request's head.
    pub(crate) async fn request(&mut self) -> io::Result<Asked> {
        if !self.greeted {
            assert_eq!(self.wire.take(PREFACE.len()).await?, PREFACE);
            self.frame(SETTINGS, 0, 0, &[]).await?;
            self.greeted = true;
        }
        loop {
            let next = self.next().await?;
            if next.kind == HEADERS {
                let number = self.seen.fetch_add(1, SeqCst) + 1;
                return Ok(Asked { stream: next.stream, number, ended: next.ends_its_stream() });
            }
        }
    }

    /// Waits until `count` bytes of a request's body have come, or its end, and gives what there is.
    pub(crate) async fn body(&mut self, asked: Asked, count: usize) -> io::Result<Vec<u8>> {
        let mut ended = asked.ended;
        while !ended && self.bodies[&asked.stream].len() < count {
            let next = self.next().await?;
            ended = next.kind == DATA && next.stream == asked.stream && next.ends_its_stream();
        }
        Ok(self.bodies[&asked.stream].clone())
    }

    /// Reads a frame, and does for it what has to be done.
    async fn next(&mut self) -> io::Result<Frame> {
        let next = Frame::read(&mut self.wire).await?;
        let Frame { kind, flags, stream, payload } = &next;
        match *kind {
            HEADERS => drop(self.bodies.insert(*stream, Vec::new())),
            DATA => {
                self.bodies.entry(*stream).or_default().extend(payload);
                let length = u32::try_from(payload.len()).unwrap();
                for whose in [0, *stream] {
                    if length > 0 {
                        self.frame(WINDOW, 0, whose, &length.to_be_bytes()).await?;
                    }
                }
            }
            SETTINGS | PING if flags & ACK == 0 => {
                let answer = if *kind == PING { &payload[..] } else { &[] };
                self.frame(*kind, ACK, 0, answer).await?;
            }
            _ => {}
        }
        Ok(next)
    }

    /// Says 200, with fields of which neither name nor value is long.
    pub(crate) async fn head(&mut self, asked: Asked, fields: &[(&str, &str)], last: bool) -> io::Result<()> {
        // In HPACK's words: `:status: 200` is in its table, and fields are literals.
        let mut block = vec![0x88];
        for (name, value) in fields {
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).unwrap());
                block.extend(text.as_bytes());
            }
        }
        self.frame(HEADERS, END_HEADERS | u8::from(last), asked.stream, &block).await
    }

    /// Says a piece of a body.
    pub(crate) async fn data(&mut self, asked: Asked, bytes: &[u8], last: bool) -> io::Result<()> {
        self.frame(DATA, u8::from(last), asked.stream, bytes).await
    }

    /// Answers with a body.
    pub(crate) async fn answer(&mut self, asked: Asked, bytes: &[u8]) -> io::Result<()> {
        self.head(asked, &[], false).await?;
        for piece in bytes.chunks(16 * 1024) {
            self.data(asked, piece, false).await?;
        }
        self.data(asked, &[], true).await
    }

    /// Resets a stream.
    pub(crate) async fn reset(&mut self, asked: Asked, code: u32) -> io::Result<()> {
        self.frame(RESET, 0, asked.stream, &code.to_be_bytes()).await
    }

    /// Takes no streams after `last`.
    pub(crate) async fn leave(&mut self, last: u32) -> io::Result<()> {
        let payload = [last.to_be_bytes(), NO_ERROR.to_be_bytes()].concat();
        self.frame(GOAWAY, 0, 0, &payload).await
    }

    async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        self.wire.try_send(frame(kind, flags, stream, payload)).await
    }
}
