//! The body of a response on its way to the client, with the account of its exchange.
//!
//! Whatever happens to the body settles the account: its end, a break, or being dropped by a client that has gone. It never buffers.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::Exchange;
use super::error::Termination;
use crate::upstream::Connection;

/// A response's body.
#[derive(Debug)]
pub enum ReplyBody {
    /// From a server.
    Server(Box<Passing>),
    /// From here, at most once.
    Local(Option<Bytes>),
}

/// A body that passes from a server to a client.
#[derive(Debug)]
pub struct Passing {
    body: Incoming,
    /// Taken when the body is through.
    open: Option<Open>,
    limit: Duration,
}

#[derive(Debug)]
struct Open {
    exchange: Box<Exchange>,
    connection: Connection,
}

// === impl ReplyBody ===

impl ReplyBody {
    /// A body that comes from a server.
    pub fn server(body: Incoming, connection: Connection, exchange: Box<Exchange>) -> Self {
        if body.is_end_stream() {
            Open { exchange, connection }.complete();
            return Self::Local(None);
        }
        let limit = exchange.server_limit();
        Self::Server(Box::new(Passing { body, open: Some(Open { exchange, connection }), limit }))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Server(passing) => passing.poll_frame(cx),
            Self::Local(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Server(passing) => passing.body.is_end_stream(),
            Self::Local(bytes) => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Server(passing) => passing.body.size_hint(),
            Self::Local(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
        }
    }
}

// === impl Passing ===

impl Passing {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let Some(open) = &mut self.open else { return polled };
        match &polled {
            // Only now is it the server's turn: while a slow client is being written to, the server owes nothing.
            Poll::Pending => open.connection.pulse().await_bytes(self.limit),
            Poll::Ready(Some(Ok(_))) => {
                open.connection.pulse().rest();
                if self.body.is_end_stream() {
                    self.complete();
                }
            }
            Poll::Ready(None) => self.complete(),
            Poll::Ready(Some(Err(_))) => {
                if let Some(Open { mut exchange, connection }) = self.open.take() {
                    exchange.broken(Termination::server_broke(connection.ended()));
                }
            }
        }
        polled
    }

    fn complete(&mut self) {
        if let Some(open) = self.open.take() {
            open.complete();
        }
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // The client has gone: the server's connection, in the middle of a response, is of no more use.
        // Its account says so when it is dropped.
        drop(self.open.take());
    }
}

// === impl Open ===

impl Open {
    fn complete(self) {
        let Self { mut exchange, connection } = self;
        exchange.completed();
        exchange.keep(connection);
        Rc::clone(&exchange.client).settle_later(exchange);
    }
}
