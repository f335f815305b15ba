//! A connection that has changed its protocol: bytes both ways, whatever they mean, until one side ends it.
//!
//! The claim is held to the end: a WebSocket is in flight. The tunnel runs in its client's task, so that whatever ends the client ends it;
//! silence in both directions for longer than the tunnel's limit does.

use std::rc::Rc;
use std::sync::Arc;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::Exchange;
use crate::net::Socket;

/// Leaves a tunnel for the client's task to run when its HTTP is over.
pub(super) fn open(client_side: OnUpgrade, server_side: OnUpgrade, exchange: Box<Exchange>) {
    let client = Rc::clone(&exchange.client);
    *client.tunnel.borrow_mut() = Some(Box::pin(run(client_side, server_side, exchange)));
}

async fn run(client_side: OnUpgrade, server_side: OnUpgrade, mut exchange: Box<Exchange>) {
    let client_pulse = Arc::clone(exchange.client.pulse());
    let Some(limit) = exchange.backend().map(|backend| backend.config.timeout.tunnel) else { return };
    // One side may be gone already; then there is nothing to pass.
    let Ok((client, server)) = tokio::try_join!(client_side, server_side) else { return };
    let (Some((mut client, client_early)), Some((server, server_early))) = (unwrap(client), unwrap(server))
    else {
        return;
    };
    // A sign of life of either side is one of the tunnel, and the client's is the one that is watched.
    let mut server = server.echoing(Arc::clone(&client_pulse));
    client_pulse.set_write_limit(limit);
    client_pulse.await_bytes(limit);
    // Whichever side broke it: that is how tunnels end.
    let _ = pass(&mut client, &client_early, &mut server, &server_early).await;
    exchange.completed();
}

/// The stream below an upgrade, and what had been read of it already.
fn unwrap(upgraded: Upgraded) -> Option<(Socket, bytes::Bytes)> {
    let parts = upgraded.downcast::<TokioIo<Socket>>().ok()?;
    Some((parts.io.into_inner(), parts.read_buf))
}

/// Copies both ways; the end of one direction is passed on and the other goes on.
async fn pass<A, B>(
    client: &mut A,
    client_early: &[u8],
    server: &mut B,
    server_early: &[u8],
) -> std::io::Result<()>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    const BUFFER: usize = 16 * 1024;
    server.write_all(client_early).await?;
    client.write_all(server_early).await?;
    tokio::io::copy_bidirectional_with_sizes(client, server, BUFFER, BUFFER).await?;
    Ok(())
}
