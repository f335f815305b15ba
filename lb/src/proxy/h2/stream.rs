//! One stream of a client: a request to the engine, and its answer.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::body::{FromText, Received, poll_more, pour, put};
use super::send::{SendError, send, unless};
use super::text;
use crate::config::Protocol;
use crate::http::framing::{Framing, RequestFraming};
use crate::net::{MemoryStream, Socket, StreamDeadlines, Unit, deadlines, lane};
use crate::proxy::{Client, DataWorker, h1, route};

/// How long resets are remembered, milliseconds.
const MEMORY: u64 = 1000;

/// Least bytes of a message of gRPC with its frame, roughly: a client may tell twice of room for each.
const SMALL_MESSAGE: u64 = 24;

/// Bytes of answers that h2 is given for one connection before they have been sent.
const SHARE: usize = 256 * 1024;
/// The same while memory for clients that do not read is short.
const SHORT_SHARE: usize = 16 * 1024;

/// How long a client may take to hear that its connection ends.
const LEAVE: Duration = Duration::from_secs(3);

/// How far a connection is from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionPhase {
    /// It takes streams.
    Open,
    /// Its client has been asked for no more of them.
    Leaving,
    /// It closes.
    Over,
}

/// What the streams of a connection share.
#[derive(Debug)]
pub(super) struct Streams {
    worker: Rc<DataWorker>,
    /// The connection.
    client: Rc<Client>,
    phase: Cell<ConnectionPhase>,
    open: Cell<usize>,
    /// A head is on its way.
    arriving: Cell<bool>,
    resets: Cell<u32>,
    /// Since when resets are counted, on the coarse clock.
    since: Cell<u64>,
    /// Frames that carry nothing, and bytes that h2 answered to them, in the second that began at [`Self::control_since`].
    control: Cell<(u32, u64)>,
    control_since: Cell<u64>,
    /// Bytes that had been sent when it began.
    control_sent: Cell<u64>,
    /// Bytes of answers that h2 has, as far as is known.
    given: Cell<usize>,
    /// Streams that wait until it has fewer.
    waiting: RefCell<Vec<Waker>>,
    /// There were too many of them.
    unruly: Cell<bool>,
    /// A stream uses the one connection to a server that is promised to every client.
    promised: Cell<bool>,
    /// It is free again.
    freed: Notify,
}

/// The right of a stream to a connection to a server: the promised one, or one of those that are spare.
#[derive(Debug)]
enum Right {
    Promised(Rc<Streams>),
    Spare {
        _unit: Unit,
    },
    /// It goes to a connection that streams share.
    None,
}

/// A stream's unit of [`Streams::open`].
#[derive(Debug)]
struct OpenStream {
    streams: Rc<Streams>,
    done: bool,
}

/// An answer that has begun.
struct OpenResponse {
    response: Response<()>,
    body: FromText,
    /// Ends with the answer, whatever the client would still send.
    upload: Option<AbortOnDropHandle<()>>,
}

// === impl Streams ===

impl Streams {
    /// A connection without a stream.
    pub(super) fn new(worker: &Rc<DataWorker>, client: &Rc<Client>) -> Rc<Self> {
        let (worker, client) = (Rc::clone(worker), Rc::clone(client));
        Rc::new(Self {
            worker,
            client,
            phase: Cell::new(ConnectionPhase::Open),
            open: Cell::new(0),
            arriving: Cell::new(false),
            resets: Cell::new(0),
            since: Cell::new(deadlines::now()),
            control: Cell::default(),
            control_since: Cell::new(deadlines::now()),
            control_sent: Cell::new(0),
            given: Cell::new(0),
            waiting: RefCell::default(),
            unruly: Cell::new(false),
            promised: Cell::new(false),
            freed: Notify::new(),
        })
    }

    /// The connection.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn phase(&self) -> ConnectionPhase {
        self.phase.get()
    }

    /// Goes on towards the end, whatever is overdue so far.
    pub(super) fn enter_phase(&self, phase: ConnectionPhase) {
        self.phase.set(phase);
        self.client.deadlines().resume();
        if phase == ConnectionPhase::Over {
            self.client.deadlines().await_end(LEAVE);
        } else {
            self.settle();
        }
    }

    /// Whether the client breaks off too much.
    pub(super) fn is_unruly(&self) -> bool {
        self.unruly.get()
    }

    /// Whether a head is on its way.
    pub(super) fn is_arriving(&self) -> bool {
        self.arriving.get()
    }

    /// A head begins to arrive, or is whole. It gets the time of any head, whatever else goes on meanwhile.
    pub(super) fn head_arrives(&self, arriving: bool) {
        if self.arriving.replace(arriving) == arriving || self.phase.get() == ConnectionPhase::Over {
            return;
        }
        if arriving {
            self.client.deadlines().await_end(self.client.frontend.borrow().config.timeout.http_request);
        } else {
            self.settle();
        }
    }

    /// Waits for what the connection has to say next.
    fn settle(&self) {
        let deadlines = self.client.deadlines();
        match self.phase.get() {
            ConnectionPhase::Over => {}
            // Its time runs already, or was forgotten with what was overdue.
            _ if self.arriving.get() => {
                if deadlines.is_resting() {
                    deadlines.await_end(self.client.frontend.borrow().config.timeout.http_request);
                }
            }
            _ if self.open.get() > 0 => deadlines.disarm(),
            ConnectionPhase::Open => {
                deadlines.await_end(self.client.frontend.borrow().config.timeout.http_keep_alive);
            }
            ConnectionPhase::Leaving => deadlines.await_end(LEAVE),
        }
    }

    fn enter(self: &Rc<Self>) -> OpenStream {
        self.open.set(self.open.get() + 1);
        self.settle();
        OpenStream { streams: Rc::clone(self), done: false }
    }

    /// Too many of them make work for nothing (CVE-2023-44487): the connection ends.
    fn reset(&self) {
        if deadlines::now().saturating_sub(self.since.get()) > MEMORY {
            self.since.set(deadlines::now());
            self.resets.set(0);
        }
        self.resets.set(self.resets.get() + 1);
        if self.resets.get() > self.client.frontend.borrow().config.h2_max_resets
            && !self.unruly.replace(true)
        {
            self.client.deadlines().wake();
        }
    }

    /// Frames that carry nothing have come. More than are allowed in a second end the connection; those that tell of room for what it was
    /// sent are expected: two for each small message.
    pub(super) fn control(&self, count: u32, replies: u64) {
        let sent = self.client.deadlines().sent();
        if deadlines::now().saturating_sub(self.control_since.get()) > MEMORY {
            self.control_since.set(deadlines::now());
            self.control_sent.set(sent);
            self.control.set((0, 0));
        }
        let (before, answered) = self.control.get();
        let (count, answered) = (before.saturating_add(count), answered + replies);
        self.control.set((count, answered));
        let most = self.client.frontend.borrow().config.h2_max_control_frames;
        let messages = sent.saturating_sub(self.control_sent.get()).saturating_sub(answered) / SMALL_MESSAGE;
        if u64::from(count) > u64::from(most) + 2 * messages && !self.unruly.replace(true) {
            self.client.deadlines().wake();
        }
    }

    /// How much of an answer h2 may be given now. A client that does not read would let it keep a window's worth for each stream.
    pub(super) fn poll_share(&self, cx: &mut Context<'_>) -> Poll<usize> {
        let most = if lane::is_short() { SHORT_SHARE } else { SHARE };
        let share = most.saturating_sub(self.given.get());
        if share == 0 {
            let mut waiting = self.waiting.borrow_mut();
            if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                waiting.push(cx.waker().clone());
            }
            return Poll::Pending;
        }
        Poll::Ready(share)
    }

    /// h2 has been given a part of an answer.
    pub(super) fn gives(&self, count: usize) {
        self.given.set(self.given.get() + count);
    }

    /// h2 has sent everything.
    pub(super) fn has_flushed(&self) {
        self.given.set(0);
        if !self.waiting.borrow().is_empty() {
            self.waiting.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Serves one stream.
    pub(super) async fn serve(
        self: Rc<Self>,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
    ) {
        // The connection itself has time limits, too. Where its stream leads, the stream says.
        let _ = route::begin(&self.client);
        let mut open = self.enter();
        let Some(right) = unless(|cx| respond.poll_reset(cx), self.right()).await else { return };
        let Some(_right) = right else {
            // Nothing has been done with it, so that its client may send it again (RFC 9113 section 8.7).
            respond.send_reset(Reason::REFUSED_STREAM);
            open.done = true;
            return;
        };
        let asked = self.ask(request);
        let Some(answer) = unless(|cx| respond.poll_reset(cx), asked).await else { return };
        // The engine has no answer.
        let Ok(OpenResponse { response, body, upload }) = answer else {
            respond.send_reset(Reason::INTERNAL_ERROR);
            return;
        };
        open.done = body.is_end_stream();
        let Ok(mut to) = respond.send_response(response, open.done) else {
            respond.send_reset(Reason::INTERNAL_ERROR);
            return;
        };
        if !open.done {
            let limit = self.client.frontend.borrow().config.timeout.client;
            let cut = send(body, &mut to, &self, limit).await.err();
            // A body that broke is no fault of the client's.
            open.done = cut != Some(SendError::Reset);
            match cut {
                // Frees what h2 still has of it, too.
                Some(SendError::Stalled) => to.send_reset(Reason::CANCEL),
                Some(SendError::Broken) => to.send_reset(Reason::INTERNAL_ERROR),
                Some(SendError::Reset) | None => {}
            }
        }
        drop(upload);
    }

    /// Waits until the stream may have a connection to a server, so that the streams of one client do not take the descriptors of others;
    /// nothing when there was none within the time of a queue.
    async fn right(self: &Rc<Self>) -> Option<Right> {
        let Ok(backend) = route::backend(&self.client) else { return Some(Right::None) };
        if backend.config.protocol == Protocol::H2c {
            return Some(Right::None);
        }
        let spare = &self.worker.shared.process.descriptors.spare;
        let limit = backend.config.timeout.queue;
        let deadline = Instant::now() + limit;
        loop {
            if !self.promised.replace(true) {
                return Some(Right::Promised(Rc::clone(self)));
            }
            if let Some(unit) = spare.one() {
                return Some(Right::Spare { _unit: unit });
            }
            self.worker.make_pipes_go();
            tokio::select! {
                unit = spare.wait(limit) => return unit.map(|unit| Right::Spare { _unit: unit }),
                () = self.freed.notified() => {}
                () = sleep_until(deadline) => return None,
            }
        }
    }

    /// Asks the engine.
    async fn ask(&self, request: Request<RecvStream>) -> io::Result<OpenResponse> {
        let (head, body) = request.into_parts();
        let asked = RequestFraming { head: head.method == Method::HEAD };
        let mut text = Vec::with_capacity(512);
        let written = text::write_request(&head, !body.is_end_stream(), &mut text);
        let (near, far) = MemoryStream::pair();
        let far = Rc::new(far);
        let upload = match written {
            Ok(framing) if text::may_say_te(&head.headers) => {
                self.start(near);
                put(&far, &text).await?;
                (framing != Framing::None).then(|| {
                    let far = Rc::clone(&far);
                    AbortOnDropHandle::new(spawn_local(async move {
                        if pour(Received(body), &far, framing).await.is_err() {
                            far.abort();
                        }
                    }))
                })
            }
            _ => return Ok(refusal(far)),
        };
        let mut buffer = BytesMut::new();
        loop {
            let (mut response, framing) = match text::read_response(&buffer, asked) {
                Some(read) => {
                    let read = read.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
                    buffer.advance(read.size);
                    (read.message, read.framing)
                }
                None if poll_fn(|cx| poll_more(cx, &far, &mut buffer)).await? == 0 => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                None => continue,
            };
            // Interim answers do not pass.
            if response.status().is_informational() {
                continue;
            }
            *response.version_mut() = http::Version::HTTP_2;
            let body = FromText::new(far, buffer, framing);
            return Ok(OpenResponse { response, body, upload });
        }
    }

    /// Lets the engine serve the other end.
    fn start(&self, near: MemoryStream) {
        let worker = Rc::clone(&self.worker);
        let limits = self.client.frontend.borrow().config.timeout;
        let deadlines = Rc::new(StreamDeadlines::new(limits.client));
        deadlines.await_request(None, limits.http_request);
        let registered = Client::stream_of(&worker, &self.client, Socket::in_memory(near, deadlines));
        spawn_local(async move { h1::serve_once(&registered).await });
    }
}

fn refusal(far: Rc<MemoryStream>) -> OpenResponse {
    let body = FromText::new(far, BytesMut::new(), Framing::None);
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    OpenResponse { response, body, upload: None }
}

// === impl Right ===

impl Drop for Right {
    fn drop(&mut self) {
        if let Self::Promised(streams) = self {
            streams.promised.set(false);
            streams.freed.notify_one();
        }
    }
}

// === impl OpenStream ===

impl Drop for OpenStream {
    fn drop(&mut self) {
        let streams = &self.streams;
        streams.open.set(streams.open.get() - 1);
        if !self.done {
            streams.reset();
        }
        if streams.open.get() == 0 {
            streams.settle();
        }
    }
}
