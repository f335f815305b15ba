//! An answer on its way to the client, to its last byte, and what becomes of both connections then.
//!
//! The claim is held until then. Early answers pass while the request is still being sent.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::ask::{Answered, Asking, Upload};
use super::pump::{Broken, Pump, Trailers, Way};
use super::serve::{End, answer};
use super::{ANSWER, tunnel};
use crate::net::Ended;
use crate::proxy::Client;
use crate::proxy::error::{ProxyError, Termination};
use crate::proxy::exchange::Exchange;
use crate::proxy::framing::Framing;
use crate::upstream::Connection;

/// Why an answer did not get through.
enum Cut {
    /// The server broke it, or the watchdog.
    Server(Option<Ended>),
    /// The client has gone.
    Client,
}

/// Brings an answer to the client; says how the client's connection ends, if it does.
pub(super) async fn deliver(
    exchange: &mut Exchange,
    asking: &mut Asking<'_>,
    answered: Answered,
) -> Option<End> {
    let Answered { connection, head } = answered;
    exchange.answered(head.status);
    if head.status == 101 {
        return Some(Box::pin(tunnel::run(exchange, asking, connection)).await);
    }
    asking.answered();
    let text = std::mem::take(&mut asking.kit.down);
    let limit = Some(exchange.server_limit());
    let trailers = Trailers { most: ANSWER.max_head, pass: head.trailers };
    let mut download = Pump::new(text, head.framing, head.framed, trailers, limit);
    let mut turns = 0_u32;
    let delivered = poll_fn(|cx| {
        turns += 1;
        poll_deliver(cx, &mut download, asking, &connection)
    })
    .await;
    if turns == 1 {
        exchange.ended_at_once();
    }
    let client = asking.client;
    let end = match delivered {
        Ok(()) => {
            exchange.completed();
            let whole = asking.state == Upload::Done;
            if head.reusable && whole && asking.kit.answer.is_empty() {
                exchange.keep(connection);
            }
            let quiet = || whole && asking.kit.input.is_empty() && !client.socket.has_more();
            match head.keep {
                true => None,
                false if quiet() => Some(End::Closed),
                false => Some(End::Linger),
            }
        }
        Err(Cut::Server(None)) if download.sent() == 0 => {
            exchange.broken_unheard();
            asking.kit.down = download.end(&asking.worker.kits);
            asking.end_upload();
            let (whole, head) = (asking.state == Upload::Done, asking.head);
            return Box::pin(answer(exchange, asking.kit, head, ProxyError::BadResponse, whole)).await;
        }
        Err(Cut::Server(ended)) => {
            exchange.broken(Termination::server_broke(ended));
            cut_off(client, head.framed);
            Some(End::Closed)
        }
        // Dropping the account says so.
        Err(Cut::Client) => {
            cut_off(client, head.framed);
            Some(End::Closed)
        }
    };
    asking.kit.down = download.end(&asking.worker.kits);
    asking.end_upload();
    end
}

/// Ends a connection in the midst of an answer.
fn cut_off(client: &Client, framed: Framing) {
    if framed == Framing::UntilClose {
        // An ordinary end would make the part look like the whole.
        client.socket.abort();
    }
}

fn poll_deliver(
    cx: &mut Context<'_>,
    download: &mut Pump,
    asking: &mut Asking<'_>,
    connection: &Connection,
) -> Poll<Result<(), Cut>> {
    if let Some(ended) = connection.pulse().poll_ended(cx) {
        return Poll::Ready(Err(Cut::Server(Some(ended))));
    }
    let mut way = Way {
        from: &connection.socket,
        input: &mut asking.kit.answer,
        to: &asking.client.socket,
        kits: &asking.worker.kits,
    };
    match download.poll(cx, &mut way) {
        Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
        Poll::Ready(Err(Broken::Source | Broken::Faulty)) => return Poll::Ready(Err(Cut::Server(None))),
        Poll::Ready(Err(Broken::Sink(_))) => return Poll::Ready(Err(Cut::Client)),
        Poll::Pending => {}
    }
    if asking.state == Upload::Going {
        match asking.poll_upload(cx, connection) {
            Poll::Ready(Ok(())) => asking.state = Upload::Done,
            // A server that takes no more of it may answer all the same.
            Poll::Ready(Err(Broken::Sink(_))) => asking.state = Upload::Refused,
            // It will never be whole, and its server may wait for the rest for as long as it likes.
            Poll::Ready(Err(Broken::Source | Broken::Faulty)) => return Poll::Ready(Err(Cut::Client)),
            Poll::Pending => return Poll::Pending,
        }
    }
    // In the very turn in which the request ends, too: nothing else would wake this when the client leaves.
    match asking.poll_watch(cx) {
        Ok(()) => Poll::Pending,
        Err(_) => Poll::Ready(Err(Cut::Client)),
    }
}
