//! A connection that has changed its protocol: bytes both ways, whatever they mean, until both sides have ended.
//!
//! The claim is held to the end: a WebSocket is in flight. Silence in both directions for longer than the tunnel's limit ends it.

use std::future::poll_fn;
use std::task::Poll;

use super::serve::End;
use super::transfer::{Broken, Pump, Trailers, Transfer};
use super::upstream_request::UpstreamRequest;
use crate::http::framing::Framing;
use crate::net::Socket;
use crate::proxy::exchange::Exchange;
use crate::upstream::ServerConnection;

/// One direction.
struct TunnelDirection {
    pump: Pump,
    done: bool,
}

/// Passes bytes until the tunnel ends.
pub(super) async fn run(
    exchange: &mut Exchange,
    asking: &mut UpstreamRequest<'_>,
    connection: Box<ServerConnection>,
) -> End {
    let limit = exchange.tunnel_limit();
    let client = asking.client;
    for deadlines in [client.deadlines(), connection.deadlines()] {
        deadlines.set_write_limit(limit);
        deadlines.disarm();
    }
    client.deadlines().await_bytes(limit);
    let buffers = &mut *asking.buffers;
    let mut up = TunnelDirection::new(std::mem::take(&mut buffers.request_head), false);
    let mut down = TunnelDirection::new(std::mem::take(&mut buffers.response_head), true);
    let (input, answer) = (&mut buffers.input, &mut buffers.answer);
    let pool = &asking.worker.pool;
    poll_fn(|cx| {
        if connection.deadlines().poll_ended(cx).is_some() {
            return Poll::Ready(());
        }
        let before = up.pump.sent() + down.pump.sent();
        let (left, right) = (&client.socket, &connection.socket);
        let broken = up.poll(cx, &mut Transfer { from: left, input: &mut *input, to: right, pool }).is_err()
            || down.poll(cx, &mut Transfer { from: right, input: &mut *answer, to: left, pool }).is_err();
        if broken || up.done && down.done {
            return Poll::Ready(());
        }
        if up.pump.sent() + down.pump.sent() != before {
            // A sign of life of either side is one of the tunnel.
            client.deadlines().await_bytes(limit);
        }
        Poll::Pending
    })
    .await;
    // Whichever side ended or broke it: that is how tunnels end.
    exchange.completed();
    End::Closed
}

// === impl TunnelDirection ===

impl TunnelDirection {
    /// A direction that begins with `text`, if that is wanted.
    fn new(mut text: Vec<u8>, wanted: bool) -> Self {
        if !wanted {
            text.clear();
        }
        let none = Trailers { most: 0, pass: false };
        let pump = Pump::new(text, Framing::UntilClose, Framing::UntilClose, none, None);
        Self { pump, done: false }
    }

    /// Passes what there is; the end of the direction is passed on and the other goes on.
    fn poll(&mut self, cx: &mut std::task::Context<'_>, way: &mut Transfer<'_>) -> Result<(), Broken> {
        if self.done {
            return Ok(());
        }
        match self.pump.poll(cx, way) {
            Poll::Ready(Ok(())) => {
                self.done = true;
                Socket::finish_writing(way.to);
                Ok(())
            }
            Poll::Ready(Err(broken)) => Err(broken),
            Poll::Pending => Ok(()),
        }
    }
}
