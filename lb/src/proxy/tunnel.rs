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
use crate::net::{Pulse, Socket};
use crate::upstream::Connection;

/// Leaves a tunnel for the client's task to run when its HTTP is over.
pub(super) fn open(
    client_side: OnUpgrade,
    connection: &Connection,
    server_side: OnUpgrade,
    exchange: Box<Exchange>,
) {
    let client = Rc::clone(&exchange.client);
    let tunnel = Tunnel {
        exchange,
        server: Arc::clone(connection.pulse()),
        received_before: connection.pulse().received() - connection.received(),
        completed: false,
    };
    *client.tunnel.borrow_mut() = Some(Box::pin(run(client_side, server_side, tunnel)));
}

/// An open tunnel's account; it is settled however the tunnel ends.
struct Tunnel {
    exchange: Box<Exchange>,
    server: Arc<Pulse>,
    received_before: u64,
    completed: bool,
}

async fn run(client_side: OnUpgrade, server_side: OnUpgrade, mut tunnel: Tunnel) {
    let client_pulse = Arc::clone(tunnel.exchange.client.pulse());
    let Some(limit) = tunnel.exchange.backend().map(|backend| backend.config.timeout.tunnel) else { return };
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
    tunnel.completed = true;
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

impl Drop for Tunnel {
    fn drop(&mut self) {
        let bytes_out = self.server.received() - self.received_before;
        if self.completed { self.exchange.completed(bytes_out) } else { self.exchange.abandoned(bytes_out) }
    }
}
