//! The body of a request on its way to a server.
//!
//! It knows whose turn it is: while it waits for the client the client's silence counts, once it is through the server's does. It
//! never buffers: back-pressure passes through.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::net::Pulse;

/// A request's body.
#[derive(Debug)]
pub enum RequestBody {
    /// None.
    Empty,
    /// What the client sends.
    Stream(Incoming, Rc<Progress>),
}

/// How far a body has come; shared with who waits for the response.
#[derive(Debug)]
pub struct Progress {
    received: Cell<u64>,
    failed: Cell<bool>,
    client: Arc<Pulse>,
    client_limit: Duration,
    /// The server's pulse and limit: it changes when the body goes to another connection.
    server: RefCell<Option<(Arc<Pulse>, Duration)>>,
}

// === impl Progress ===

impl Progress {
    /// Progress of a body of which nothing has been read.
    pub fn new(client: Arc<Pulse>, client_limit: Duration) -> Rc<Self> {
        Rc::new(Self {
            received: Cell::new(0),
            failed: Cell::new(false),
            client,
            client_limit,
            server: RefCell::default(),
        })
    }

    /// Bytes of the body so far, without framing.
    pub fn received(&self) -> u64 {
        self.received.get()
    }

    /// Whether the client failed to send it: broke off, or sent a faulty chunk.
    pub fn is_failed(&self) -> bool {
        self.failed.get()
    }

    /// From the end of the body on, `limit` is what the server may take to say something.
    pub(super) fn goes_to(&self, server: &Arc<Pulse>, limit: Duration) {
        *self.server.borrow_mut() = Some((Arc::clone(server), limit));
    }

    fn finished(&self) {
        self.client.rest();
        if let Some((pulse, limit)) = &*self.server.borrow() {
            pulse.await_bytes(*limit);
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Self::Stream(body, progress) = self.get_mut() else { return Poll::Ready(None) };
        let polled = Pin::new(&mut *body).poll_frame(cx);
        match &polled {
            Poll::Pending => progress.client.await_bytes(progress.client_limit),
            Poll::Ready(None) => progress.finished(),
            Poll::Ready(Some(Err(_))) => {
                progress.failed.set(true);
                progress.client.rest();
            }
            Poll::Ready(Some(Ok(frame))) => {
                progress.client.rest();
                progress
                    .received
                    .set(progress.received() + frame.data_ref().map_or(0, |data| data.len() as u64));
                if body.is_end_stream() {
                    progress.finished();
                }
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Stream(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Stream(body, _) => body.size_hint(),
        }
    }
}
