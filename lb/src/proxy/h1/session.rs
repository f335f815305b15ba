//! One client connection, or one stream of one, from its first byte to its last word.
//!
//! It ends what is silent for too long, says what HTTP owes then (408), and closes so that the last answer can be read. It refuses to look
//! into requests.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

use super::serve::{End, serve, serve_stream, unread};
use crate::net::Ended;
use crate::net::deadlines::WaitKind;
use crate::proxy::{Client, Registered, h2};

/// Bytes and time that a client may still send after the last answer, so that it can read it.
const LINGER: (usize, Duration) = (256 * 1024, Duration::from_secs(1));

const TOO_LATE: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Serves a connection to its end.
pub async fn session(registered: Registered) {
    let Registered(client) = &registered;
    let ended = {
        let mut serving = pin!(serve(client));
        // As `Pulse::guard` does it, but smaller: this is what an idle connection costs.
        poll_fn(|cx| match client.deadlines().poll_ended(cx) {
            Some(ended) if !client.is_reprieved(ended) => Poll::Ready(Err(ended)),
            _ => serving.as_mut().poll(cx).map(Ok),
        })
        .await
    };
    let linger = match ended {
        Ok(End::Linger) => true,
        Ok(End::Closed) | Err(Ended::Killed) => false,
        // It was quiet, and is closed as HAProxy does it.
        Err(Ended::Overdue(WaitKind::KeepAlive)) if client.finishing.get() => false,
        Ok(End::Http2(first)) => {
            // However it ends, its streams have ended by themselves.
            Box::pin(h2::serve(&client.worker, client, first)).await
        }
        Err(Ended::Overdue(wait)) => {
            last_word(client, wait);
            true
        }
    };
    if linger {
        Box::pin(self::linger(client)).await;
    }
}

/// Serves a stream to the end of its one exchange.
pub async fn serve_once(registered: &Registered) {
    let Registered(client) = registered;
    let worker = &client.worker;
    let ended = {
        let serving = pin!(serve_stream(worker, client));
        client.deadlines().guard(serving).await
    };
    if let Err(Ended::Overdue(wait)) = ended {
        last_word(client, wait);
    }
    client.socket.finish_writing();
}

fn last_word(client: &Rc<Client>, wait: WaitKind) {
    let owed = match wait {
        // A connection on which nothing ever came is closed without a word: browsers open them in advance.
        WaitKind::Head if client.deadlines().received() > 0 => {
            unread(client, true);
            true
        }
        // The account of the exchange has said so.
        WaitKind::Bytes => !client.answered.get(),
        WaitKind::Head | WaitKind::KeepAlive | WaitKind::Room | WaitKind::End => false,
    };
    if owed {
        client.socket.try_write_final(TOO_LATE);
    }
}

/// Closes in two steps, so that the client can read the last answer before the kernel tells it that what it sent was not read.
async fn linger(client: &Client) {
    let (bytes, time) = LINGER;
    client.socket.finish_writing();
    // Either limit will do.
    let _ = timeout(time, client.socket.drain(bytes)).await;
}
