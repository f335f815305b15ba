//! An answer on its way to the client, to its last byte, and what becomes of both connections then.
//!
//! The claim is held until then. Early answers pass while the request is still being sent.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::serve::{End, answer};
use super::transfer::{Broken, Pump, Trailers, Transfer};
use super::upstream_request::{Upload, UpstreamRequest, UpstreamResponse};
use super::{ANSWER, tunnel};
use crate::http::framing::Framing;
use crate::net::Ended;
use crate::proxy::Client;
use crate::proxy::error::{ProxyError, Termination};
use crate::proxy::exchange::Exchange;
use crate::upstream::ServerConnection;

/// Why an answer did not get through.
enum DeliveryError {
    /// The server broke it, or the watchdog.
    Server(Option<Ended>),
    /// The client has gone.
    Client,
}

/// Brings an answer to the client; says how the client's connection ends, if it does.
pub(super) async fn deliver(
    exchange: &mut Exchange,
    asking: &mut UpstreamRequest<'_>,
    answered: UpstreamResponse,
) -> Option<End> {
    let UpstreamResponse { connection, head } = answered;
    exchange.answered(head.status);
    if head.status == 101 {
        return Some(Box::pin(tunnel::run(exchange, asking, connection)).await);
    }
    asking.answered();
    let text = std::mem::take(&mut asking.buffers.response_head);
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
            if head.reusable && whole && asking.buffers.answer.is_empty() {
                exchange.keep(connection);
            }
            let quiet = || whole && asking.buffers.input.is_empty() && !client.socket.has_more();
            match head.keep {
                true => None,
                false if quiet() => Some(End::Closed),
                false => Some(End::Linger),
            }
        }
        Err(DeliveryError::Server(None)) if download.sent() == 0 => {
            exchange.broken_unheard();
            asking.buffers.response_head = download.end(&asking.worker.pool);
            asking.end_upload();
            let (whole, head) = (asking.state == Upload::Done, asking.head);
            return Box::pin(answer(exchange, asking.buffers, head, ProxyError::BadResponse, whole)).await;
        }
        Err(DeliveryError::Server(ended)) => {
            exchange.broken(Termination::server_broke(ended));
            cut_off(client, head.framed);
            Some(End::Closed)
        }
        // Dropping the account says so.
        Err(DeliveryError::Client) => {
            cut_off(client, head.framed);
            Some(End::Closed)
        }
    };
    asking.buffers.response_head = download.end(&asking.worker.pool);
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
    asking: &mut UpstreamRequest<'_>,
    connection: &ServerConnection,
) -> Poll<Result<(), DeliveryError>> {
    if let Some(ended) = connection.deadlines().poll_ended(cx) {
        return Poll::Ready(Err(DeliveryError::Server(Some(ended))));
    }
    let mut way = Transfer {
        from: &connection.socket,
        input: &mut asking.buffers.answer,
        to: &asking.client.socket,
        pool: &asking.worker.pool,
    };
    match download.poll(cx, &mut way) {
        Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
        Poll::Ready(Err(Broken::Source | Broken::Faulty)) => {
            return Poll::Ready(Err(DeliveryError::Server(None)));
        }
        Poll::Ready(Err(Broken::Sink(_))) => return Poll::Ready(Err(DeliveryError::Client)),
        Poll::Pending => {}
    }
    if asking.state == Upload::Going {
        match asking.poll_upload(cx, connection) {
            Poll::Ready(Ok(())) => asking.state = Upload::Done,
            // A server that takes no more of it may answer all the same.
            Poll::Ready(Err(Broken::Sink(_))) => asking.state = Upload::Refused,
            // It will never be whole, and its server may wait for the rest for as long as it likes.
            Poll::Ready(Err(Broken::Source | Broken::Faulty)) => {
                return Poll::Ready(Err(DeliveryError::Client));
            }
            Poll::Pending => return Poll::Pending,
        }
    }
    // In the very turn in which the request ends, too: nothing else would wake this when the client leaves.
    match asking.poll_watch(cx) {
        Ok(()) => Poll::Pending,
        Err(_) => Poll::Ready(Err(DeliveryError::Client)),
    }
}
