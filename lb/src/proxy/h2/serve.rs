//! The client's side of HTTP/2: one connection, its limits, and its end.
//!
//! A connection ends in two steps (RFC 9113 section 6.8), whether lb stops, it idles, or it shall go: its client is told, and what it sent
//! before it heard of that is still served. It refuses to wait for a client that does not answer.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::Reason;
use h2::server::{Builder, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::spawn_local;

use super::frames::Frames;
use super::paced::Paced;
use super::stream::{ConnectionPhase, Streams};
use crate::net::Ended;
use crate::net::deadlines::WaitKind;
use crate::proxy::{Client, DataWorker};

/// What a client may send before it has to take what it gets, a stream and a connection.
const WINDOW: u32 = 1024 * 1024;

/// Streams that a client may get reset for what is wrong with them, while a connection lasts: h2 counts on, whatever the time between them.
const FAULTS: usize = 1024;

/// A stream of which the first bytes have been read.
struct Begun {
    paced: Paced,
    streams: Rc<Streams>,
}

/// Serves a connection, of which `first` has been read, until it ends; says whether its client may have to read last words.
pub async fn serve(worker: &Rc<DataWorker>, client: &Rc<Client>, first: Vec<u8>) -> bool {
    let config = client.frontend.borrow().config.clone();
    // 408 means nothing to who speaks in frames.
    client.deadlines().await_end(config.timeout.http_request);
    let streams = Streams::new(worker, client);
    let resets = usize::try_from(config.h2_max_resets).unwrap_or(usize::MAX);
    let mut builder = Builder::new();
    builder
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_concurrent_streams(config.h2_max_streams)
        .max_concurrent_reset_streams(usize::try_from(config.h2_max_streams).unwrap_or(usize::MAX))
        .max_header_list_size(u32::try_from(config.max_head).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(resets)
        .max_local_error_reset_streams(Some(resets.max(FAULTS)))
        .max_send_buffer_size(64 * 1024);
    let paced = Paced::new(Frames::of_client(), first.into());
    let begun = Begun { paced, streams: Rc::clone(&streams) };
    let handshake = pin!(builder.handshake::<_, Bytes>(begun));
    let Ok(Ok(mut connection)) = client.deadlines().guard(handshake).await else { return false };
    // One that has not been served yet gets its first answer, whatever ends it.
    let mut begun = false;
    poll_fn(|cx| {
        loop {
            while let Some(ended) = client.deadlines().poll_ended(cx) {
                if !overdue(&streams, &mut connection, ended) {
                    return Poll::Ready(false);
                }
            }
            if client.finishing.get() && begun && streams.phase() == ConnectionPhase::Open {
                leave(&streams, &mut connection);
            }
            if streams.is_unruly() && streams.phase() != ConnectionPhase::Over {
                end(&streams, &mut connection, Reason::ENHANCE_YOUR_CALM);
            }
            let accepted = pin!(connection.accept()).poll(cx);
            if !client.deadlines().is_full() {
                streams.has_flushed();
            }
            let accepted = ready!(accepted);
            // How a connection ends is its client's business.
            let Some(Ok((request, respond))) = accepted else { return Poll::Ready(true) };
            begun = true;
            spawn_local(Rc::clone(&streams).serve(request, respond));
        }
    })
    .await
}

/// Something took too long; says whether there is anything left to be done about it but to close.
fn overdue(streams: &Streams, connection: &mut Connection<Begun, Bytes>, ended: Ended) -> bool {
    if ended != Ended::Overdue(WaitKind::End) {
        return false;
    }
    match streams.phase() {
        ConnectionPhase::Over => return false,
        // Who does not get to the end of a head says nothing else either, whatever is asked.
        ConnectionPhase::Open if !streams.is_arriving() => leave(streams, connection),
        ConnectionPhase::Open | ConnectionPhase::Leaving => end(streams, connection, Reason::NO_ERROR),
    }
    true
}

/// Asks for no more streams; those that are on their way are served.
fn leave(streams: &Streams, connection: &mut Connection<Begun, Bytes>) {
    connection.graceful_shutdown();
    streams.enter_phase(ConnectionPhase::Leaving);
}

/// Ends it as soon as that has been said.
fn end(streams: &Streams, connection: &mut Connection<Begun, Bytes>, why: Reason) {
    // Before its streams hear of it.
    streams.enter_phase(ConnectionPhase::Over);
    connection.abrupt_shutdown(why);
}

impl AsyncRead for Begun {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        ready!(this.paced.poll_read(cx, &this.streams.client().socket, buf))?;
        let frames = &mut this.paced.frames;
        this.streams.head_arrives(frames.is_arriving());
        let (control, replies) = frames.take_control();
        if control > 0 {
            this.streams.control(control, replies);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Begun {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut &self.streams.client().socket).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut &self.streams.client().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut &self.streams.client().socket).poll_shutdown(cx)
    }
}
