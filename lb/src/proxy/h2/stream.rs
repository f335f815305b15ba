//! One stream of a client: a request to the engine, and its answer.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::task::spawn_local;
use tokio_util::task::AbortOnDropHandle;

use super::body::{FromText, poll_more, pour, put};
use super::text;
use crate::net::{Duct, Ended, Pulse, Socket, pulse};
use crate::proxy::framing::{Asked, Framing};
use crate::proxy::{Client, Worker, h1};

/// How long resets are remembered, milliseconds.
const MEMORY: u64 = 1000;

/// What the streams of a connection share.
#[derive(Debug)]
pub(super) struct Streams {
    worker: Rc<Worker>,
    /// The connection.
    client: Rc<Client>,
    open: Cell<usize>,
    resets: Cell<u32>,
    /// Since when resets are counted, on the coarse clock.
    since: Cell<u64>,
}

/// A stream's unit of [`Streams::open`].
#[derive(Debug)]
struct Open {
    streams: Rc<Streams>,
    done: bool,
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    body: FromText,
    open: Open,
    /// Ends with the answer, whatever the client would still send.
    _upload: Option<AbortOnDropHandle<()>>,
}

// === impl Streams ===

impl Streams {
    /// A connection without a stream.
    pub(super) fn new(worker: &Rc<Worker>, client: &Rc<Client>) -> Rc<Self> {
        let (worker, client) = (Rc::clone(worker), Rc::clone(client));
        Rc::new(Self {
            worker,
            client,
            open: Cell::new(0),
            resets: Cell::new(0),
            since: Cell::new(pulse::now()),
        })
    }

    fn enter(self: &Rc<Self>) -> Open {
        self.open.set(self.open.get() + 1);
        self.client.pulse().rest();
        Open { streams: Rc::clone(self), done: false }
    }

    /// Too many of them make work for nothing (CVE-2023-44487): the connection ends.
    fn reset(&self) {
        if pulse::now().saturating_sub(self.since.get()) > MEMORY {
            self.since.set(pulse::now());
            self.resets.set(0);
        }
        self.resets.set(self.resets.get() + 1);
        if self.resets.get() > self.client.frontend.config.h2_max_resets {
            self.client.pulse().end(Ended::Killed);
        }
    }

    /// Serves one stream.
    ///
    /// # Errors
    /// The engine has no answer: the stream is reset.
    pub(super) async fn serve(self: Rc<Self>, request: Request<Incoming>) -> io::Result<Response<Answer>> {
        let open = self.enter();
        let (head, body) = request.into_parts();
        let asked = Asked { head: head.method == Method::HEAD };
        let mut text = Vec::with_capacity(512);
        let written = text::write_request(&head, !body.is_end_stream(), &mut text);
        let (near, far) = Duct::pair();
        let far = Rc::new(far);
        let upload = match written {
            Ok(framing) if text::may_say_te(&head.headers) => {
                self.start(near);
                put(&far, &text).await?;
                (framing != Framing::None).then(|| {
                    let far = Rc::clone(&far);
                    AbortOnDropHandle::new(spawn_local(async move {
                        if pour(body, &far, framing).await.is_err() {
                            far.abort();
                        }
                    }))
                })
            }
            _ => return Ok(refusal(far, open)),
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
            // hyper has no way to pass them on.
            if response.status().is_informational() {
                continue;
            }
            *response.version_mut() = http::Version::HTTP_2;
            let body = FromText::new(far, buffer, framing);
            return Ok(response.map(|()| Answer { body, open, _upload: upload }));
        }
    }

    /// Lets the engine serve the other end.
    fn start(&self, near: Duct) {
        let worker = Rc::clone(&self.worker);
        let limits = self.client.frontend.config.timeout;
        let pulse = Rc::new(Pulse::new(limits.client));
        pulse.await_request(None, limits.http_request);
        let registered = Client::stream_of(&worker, &self.client, Socket::within(near, pulse));
        spawn_local(async move { h1::serve_once(&registered).await });
    }
}

fn refusal(far: Rc<Duct>, open: Open) -> Response<Answer> {
    let body = FromText::new(far, BytesMut::new(), Framing::None);
    let mut response = Response::new(Answer { body, open, _upload: None });
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

// === impl Open ===

impl Drop for Open {
    fn drop(&mut self) {
        let streams = &self.streams;
        streams.open.set(streams.open.get() - 1);
        if !self.done {
            streams.reset();
        }
        if streams.open.get() == 0 {
            streams.client.pulse().await_end(streams.client.frontend.config.timeout.http_keep_alive);
        }
    }
}

// === impl Answer ===

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        // A body that broke is no fault of the client's.
        self.open.done |= self.body.is_end_stream() || !matches!(frame, Some(Ok(_)));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.open.done |= self.body.is_end_stream();
    }
}
