//! The server's side of HTTP/2: connections that many exchanges share, and their streams.
//!
//! A worker keeps its connections to each server; a stream is handed to the engine as if it were a connection of its own.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use http::Method;
use hyper::body::Body as _;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::Local;
use super::body::{FromText, poll_more, pour, put, read_nothing};
use super::paced::ToServer;
use super::text;
use crate::ids::ServerId;
use crate::net::{MemoryStream, Socket, StreamDeadlines, Unit, Watchdog, deadlines};
use crate::proxy::DataWorker;
use crate::proxy::h1::ANSWER;
use crate::upstream::{ServerConnection, StreamOutcome};

/// Streams on one connection; more open another one.
const STREAMS: usize = 100;

/// Bytes of an answer that wait for its client in h2; more wait at the server.
const STREAM_WINDOW: u32 = 64 * 1024;
/// Of all streams of a connection.
const CONNECTION_WINDOW: u32 = 100 * STREAM_WINDOW;
/// Of a head, as h2 counts it: each field takes 32 bytes more than its text (RFC 9113 section 6.5.2).
const HEAD: usize = ANSWER.max_head + 32 * ANSWER.max_fields;

/// Connections of one worker, by server.
#[derive(Debug, Default)]
pub struct H2Connections(RefCell<HashMap<ServerId, Vec<Rc<SharedConnection>>>>);

/// A connection that exchanges share.
#[derive(Debug)]
struct SharedConnection {
    sender: SendRequest<FromText>,
    epoch: u32,
    streams: Cell<usize>,
    /// Nothing new begins on it.
    leaving: Cell<bool>,
    /// When its last stream ended, on the coarse clock.
    since: Cell<u64>,
}

/// Where a stream goes.
#[derive(Debug, Clone, Copy)]
pub struct StreamPlace {
    /// The server.
    pub key: ServerId,
    /// Its address.
    pub address: SocketAddr,
    /// Its epoch: connections of older ones are not used.
    pub epoch: u32,
}

/// A stream's unit of [`SharedConnection::streams`].
struct Taken(Rc<SharedConnection>);

// === impl H2Connections ===

impl H2Connections {
    /// A stream to a server, on a connection that is there unless it has to be `fresh`.
    ///
    /// # Errors
    /// The system's, or `TimedOut` after `limit`.
    pub async fn stream(
        &self,
        place: StreamPlace,
        fresh: bool,
        limit: Duration,
        server: Duration,
        worker: &DataWorker,
    ) -> io::Result<Box<ServerConnection>> {
        let watchdog = &worker.watchdog;
        let there = if fresh { None } else { self.find(place) };
        let reused = there.is_some();
        let shared = match there {
            Some(shared) => shared,
            None => {
                let unit = worker.descriptor(limit).await?;
                let shared = timeout(limit, open(place, unit, server, watchdog)).await??;
                self.0.borrow_mut().entry(place.key).or_default().push(Rc::clone(&shared));
                shared
            }
        };
        shared.streams.set(shared.streams.get() + 1);
        let (near, far) = MemoryStream::pair();
        let outcome = Rc::new(Cell::default());
        let told = Rc::clone(&outcome);
        // How it ends shows at the other end of the memory.
        spawn_local(async move {
            let _ = carry(Taken(shared), far, &told).await;
        });
        let socket = Socket::in_memory(near, Rc::new(StreamDeadlines::new(server)));
        let watched = watchdog.watch(Rc::clone(socket.deadlines()));
        Ok(ServerConnection::within(socket, watched, place.epoch, reused, outcome))
    }

    fn find(&self, place: StreamPlace) -> Option<Rc<SharedConnection>> {
        let mut servers = self.0.borrow_mut();
        let there = servers.get_mut(&place.key)?;
        there.retain(|shared| shared.epoch == place.epoch && !shared.is_over());
        there.iter().find(|shared| shared.streams.get() < STREAMS).cloned()
    }

    /// Lets go of all connections to a server; streams on them are finished.
    pub fn close(&self, key: ServerId) {
        self.0.borrow_mut().remove(&key);
    }

    /// Closes one that carries no stream; says whether there was one.
    pub fn close_one(&self) -> bool {
        let mut servers = self.0.borrow_mut();
        servers.values_mut().any(|there| {
            let idle = there.iter().position(|shared| shared.streams.get() == 0);
            idle.is_some_and(|at| {
                there.swap_remove(at);
                true
            })
        })
    }

    /// Lets go of those that have ended, or have been without a stream for longer than `limit` says for their server.
    pub fn prune(&self, limit: impl Fn(ServerId) -> Duration) {
        let now = deadlines::now();
        self.0.borrow_mut().retain(|key, there| {
            let limit = limit(*key);
            there.retain(|shared| {
                let idle = Duration::from_millis(now.saturating_sub(shared.since.get()));
                !shared.is_over() && (shared.streams.get() > 0 || idle < limit)
            });
            !there.is_empty()
        });
    }
}

async fn open(
    place: StreamPlace,
    unit: Unit,
    server: Duration,
    watchdog: &Rc<Watchdog>,
) -> io::Result<Rc<SharedConnection>> {
    let stream = TcpStream::connect(place.address).await?;
    let socket = Socket::new(stream, Rc::new(StreamDeadlines::new(server)));
    let deadlines = Rc::clone(socket.deadlines());
    let watched = watchdog.watch(Rc::clone(&deadlines));
    let mut builder = Builder::new(Local);
    builder
        .max_send_buf_size(64 * 1024)
        .max_concurrent_reset_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        // Answers that wait for their clients must not hold up the others.
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(u32::try_from(HEAD).unwrap_or(u32::MAX));
    let io = TokioIo::new(ToServer::new(socket));
    let (sender, driver) = builder.handshake(io).await.map_err(io::Error::other)?;
    spawn_local(async move {
        let (_watched, _unit) = (watched, unit);
        // Its streams hear of its end.
        let _ = deadlines.guard(std::pin::pin!(driver)).await;
    });
    let (streams, leaving, since) = (Cell::new(0), Cell::new(false), Cell::new(deadlines::now()));
    Ok(Rc::new(SharedConnection { sender, epoch: place.epoch, streams, leaving, since }))
}

impl SharedConnection {
    /// Whether nothing new can begin on it.
    fn is_over(&self) -> bool {
        self.leaving.get() || self.sender.is_closed()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.streams.set(self.0.streams.get() - 1);
        self.0.since.set(deadlines::now());
    }
}

/// Carries one exchange between the engine and a stream; tells its `outcome` when there is no answer.
async fn carry(taken: Taken, memory: MemoryStream, outcome: &Cell<StreamOutcome>) -> io::Result<()> {
    let memory = Rc::new(memory);
    let mut buffer = BytesMut::new();
    let (mut request, framing) = loop {
        if let Some(read) = text::read_request(&buffer) {
            let read = read.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            buffer.advance(read.size);
            break (read.message, read.framing);
        }
        if poll_fn(|cx| poll_more(cx, &memory, &mut buffer)).await? == 0 {
            return Ok(());
        }
    };
    let is_head = request.method() == Method::HEAD;
    // hyper does not tell when the server wants the body. By asking for it, it tells that the head has been handed over and that the
    // server has given room for more, which is as good.
    let awaited = text::take_expect(request.headers_mut()).then(|| Rc::new(Cell::new(true)));
    let request =
        request.map(|()| FromText::new(Rc::clone(&memory), buffer, framing).awaited(awaited.clone()));
    let mut sender = taken.0.sender.clone();
    let mut sending = std::pin::pin!(sender.try_send_request(request));
    let response = poll_fn(|cx| {
        if let Poll::Ready(sent) = sending.as_mut().poll(cx) {
            return Poll::Ready(Some(sent));
        }
        // The engine has given up: dropping the request resets the stream.
        memory.poll_unread(cx).map(|()| None)
    })
    .await;
    let response = match response {
        None => return Ok(()),
        Some(Ok(response)) => response,
        Some(Err(mut error)) => {
            let unsent = error.take_message().is_some();
            outcome.set(if unsent { StreamOutcome::Unsent } else { fate_of(error.error()) });
            if matches!(outcome.get(), StreamOutcome::Unknown | StreamOutcome::Unsent) {
                taken.0.leaving.set(true);
            }
            memory.abort();
            return Ok(());
        }
    };
    let (head, mut body) = response.into_parts();
    if let Some(awaited) = awaited {
        awaited.set(false);
    }
    // What is not what it was said to be must not look like it (RFC 9113 section 8.1.1).
    if text::is_declared_empty(&head.headers) && read_nothing(&mut body, &memory).await.is_err() {
        outcome.set(StreamOutcome::Reset);
        memory.abort();
        return Ok(());
    }
    let mut text = Vec::with_capacity(512);
    let framing = text::write_response(&head, !body.is_end_stream(), is_head, &mut text);
    put(&memory, &text).await?;
    if !body.is_end_stream() && pour(body, &memory, framing).await.is_err() {
        memory.abort();
        return Ok(());
    }
    memory.end();
    Ok(())
}

/// What an error says of the stream that it ended. Only the server's own word is trusted that it has done nothing with a request: by
/// refusing the stream, or by leaving with a last stream before this one, which is when a stream hears of a GOAWAY (RFC 9113 section 8.7).
fn fate_of(error: &hyper::Error) -> StreamOutcome {
    let Some(cause) = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>()) else {
        return StreamOutcome::Unknown;
    };
    match (cause.is_go_away(), cause.is_reset()) {
        (true, _) if cause.is_remote() => StreamOutcome::Unsent,
        (_, true) if cause.is_remote() && cause.reason() == Some(h2::Reason::REFUSED_STREAM) => {
            StreamOutcome::Refused
        }
        (_, true) => StreamOutcome::Reset,
        _ => StreamOutcome::Unknown,
    }
}
