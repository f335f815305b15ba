//! The client's side of HTTP/2: one connection, its limits, and its end.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Local;
use super::stream::Streams;
use crate::proxy::{Client, Worker};

/// A stream of which the first bytes have been read.
struct Begun {
    first: Bytes,
    client: Rc<Client>,
}

/// Serves a connection, of which `first` has been read, until it ends.
pub async fn serve(worker: &Rc<Worker>, client: &Rc<Client>, first: Vec<u8>) {
    let config = &client.frontend.config;
    // 408 means nothing to who speaks in frames.
    client.pulse().await_end(config.timeout.http_request);
    let streams = Streams::new(worker, client);
    let resets = usize::try_from(config.h2_max_resets).unwrap_or(usize::MAX);
    let mut builder = Builder::new(Local);
    builder
        .max_concurrent_streams(config.h2_max_streams)
        .max_header_list_size(u32::try_from(config.max_head).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(resets.min(20))
        .max_local_error_reset_streams(resets)
        .max_send_buf_size(64 * 1024)
        .auto_date_header(false);
    let begun = Begun { first: first.into(), client: Rc::clone(client) };
    let service = service_fn(move |request| Rc::clone(&streams).serve(request));
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(begun), service));
    let mut told = false;
    poll_fn(|cx| {
        if client.finishing.get() && !told {
            told = true;
            // In two steps: what the client sends before it hears of the end is still served (RFC 9113 section 6.8).
            connection.as_mut().graceful_shutdown();
        }
        // How a connection ends is its client's business.
        connection.as_mut().poll(cx).map(|_| ())
    })
    .await;
}

impl AsyncRead for Begun {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut &self.client.socket).poll_read(cx, buf);
        }
        let count = self.first.len().min(buf.remaining());
        buf.put_slice(&self.first[..count]);
        self.first.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Begun {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut &self.client.socket).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut &self.client.socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut &self.client.socket).poll_shutdown(cx)
    }
}
