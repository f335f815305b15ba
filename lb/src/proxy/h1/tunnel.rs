//! A connection that has changed its protocol: bytes both ways, whatever they mean, until both sides have ended.
//!
//! The claim is held to the end: a WebSocket is in flight. Silence in both directions for longer than the tunnel's limit ends it.

use std::future::poll_fn;
use std::task::Poll;

use super::ask::Asking;
use super::pump::{Broken, Pump, Trailers, Way};
use super::serve::End;
use crate::net::Socket;
use crate::proxy::exchange::Exchange;
use crate::proxy::framing::Framing;
use crate::upstream::Connection;

/// One direction.
struct Lane {
    pump: Pump,
    done: bool,
}

/// Passes bytes until the tunnel ends.
pub(super) async fn run(
    exchange: &mut Exchange,
    asking: &mut Asking<'_>,
    connection: Box<Connection>,
) -> End {
    let limit = exchange.tunnel_limit();
    let client = asking.client;
    for pulse in [client.pulse(), connection.pulse()] {
        pulse.set_write_limit(limit);
        pulse.rest();
    }
    client.pulse().await_bytes(limit);
    let kit = &mut *asking.kit;
    let mut up = Lane::new(std::mem::take(&mut kit.up), false);
    let mut down = Lane::new(std::mem::take(&mut kit.down), true);
    let (input, answer) = (&mut kit.input, &mut kit.answer);
    let kits = &asking.worker.kits;
    poll_fn(|cx| {
        if connection.pulse().poll_ended(cx).is_some() {
            return Poll::Ready(());
        }
        let before = up.pump.sent() + down.pump.sent();
        let (left, right) = (&client.socket, &connection.socket);
        let broken = up.poll(cx, &mut Way { from: left, input: &mut *input, to: right, kits }).is_err()
            || down.poll(cx, &mut Way { from: right, input: &mut *answer, to: left, kits }).is_err();
        if broken || up.done && down.done {
            return Poll::Ready(());
        }
        if up.pump.sent() + down.pump.sent() != before {
            // A sign of life of either side is one of the tunnel.
            client.pulse().await_bytes(limit);
        }
        Poll::Pending
    })
    .await;
    // Whichever side ended or broke it: that is how tunnels end.
    exchange.completed();
    End::Closed
}

// === impl Lane ===

impl Lane {
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
    fn poll(&mut self, cx: &mut std::task::Context<'_>, way: &mut Way<'_>) -> Result<(), Broken> {
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
