//! A bad proxy: passes bytes between the judge and an honest node, and does one wrong on the way back.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// What is done to an answer. Offsets count from the end of its head.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wrong {
    /// The first connections are closed without a byte, those after them are served well.
    DropFirst(usize),
    /// These bytes instead of the node's.
    Instead(&'static str),
    /// One bit of this byte of the body.
    Flip(usize),
    /// The connection is closed after these many bytes of the body.
    Cut(usize),
    /// The connection is closed within the head.
    CutHead,
    /// Nothing comes after the head.
    Stall,
    /// The node's signature is taken away.
    Unsign,
    /// Another node's name in the signature.
    Forge,
    /// A used connection is closed when a request that begins with this arrives.
    HangUp(&'static str),
    /// The connection is closed behind an answer that ends with this.
    CloseAfter(&'static str),
}

pub(crate) struct Meddler {
    pub(crate) addr: SocketAddr,
    _accepting: AbortOnDropHandle<()>,
}

impl Meddler {
    pub(crate) async fn before(node: SocketAddr, wrong: Wrong) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            for number in 0.. {
                let (near, _) = listener.accept().await.unwrap();
                if matches!(wrong, Wrong::DropFirst(first) if number < first) {
                    continue;
                }
                // A test ends while its connections are open: their errors mean nothing.
                tokio::spawn(async move {
                    let _ = pass(near, node, wrong).await;
                });
            }
        });
        Self { addr, _accepting: AbortOnDropHandle::new(accepting) }
    }
}

async fn pass(mut near: TcpStream, node: SocketAddr, wrong: Wrong) -> std::io::Result<()> {
    let mut far = TcpStream::connect(node).await?;
    let (mut ask, mut answer) = ([0; 4096], [0; 4096]);
    // The head until it is whole, then how much of the body has been passed on.
    let mut head = Vec::new();
    let mut body = None;
    let mut rest;
    loop {
        tokio::select! {
            read = near.read(&mut ask) => {
                let piece = &ask[..read?];
                match wrong {
                    Wrong::Instead(text) => {
                        near.write_all(text.as_bytes()).await?;
                        return hang_up(near).await;
                    }
                    Wrong::HangUp(method) if body.is_some() && piece.starts_with(method.as_bytes()) => {
                        return hang_up(near).await;
                    }
                    _ if piece.is_empty() => return Ok(()),
                    _ => far.write_all(piece).await?,
                }
            }
            read = far.read(&mut answer) => {
                let piece = &mut answer[..read?];
                if piece.is_empty() {
                    return hang_up(near).await;
                }
                let (from, piece) = match body {
                    Some(passed) => (passed, piece),
                    None => {
                        head.extend_from_slice(piece);
                        let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
                        rest = head.split_off(end + 4);
                        if let Wrong::CutHead = wrong {
                            near.write_all(&head[..20]).await?;
                            return hang_up(near).await;
                        }
                        near.write_all(&signature(&head, wrong)).await?;
                        (0, rest.as_mut_slice())
                    }
                };
                body = Some(from + piece.len());
                if meddle(&mut near, piece, from, wrong).await? {
                    return hang_up(near).await;
                }
            }
        }
    }
}

/// Passes a piece of the body on; returns whether the connection is to be closed now.
async fn meddle(near: &mut TcpStream, piece: &mut [u8], from: usize, wrong: Wrong) -> std::io::Result<bool> {
    let mut close = false;
    let mut keep = piece.len();
    match wrong {
        Wrong::Flip(at) if (from..from + piece.len()).contains(&at) => piece[at - from] ^= 1,
        Wrong::Cut(at) if from + piece.len() >= at => {
            keep = at - from;
            close = true;
        }
        Wrong::Stall => keep = 0,
        Wrong::CloseAfter(end) => close = piece.ends_with(end.as_bytes()),
        _ => {}
    }
    near.write_all(&piece[..keep]).await?;
    Ok(close)
}

fn signature(head: &[u8], wrong: Wrong) -> Vec<u8> {
    let text = String::from_utf8(head.to_vec()).unwrap();
    match wrong {
        Wrong::Unsign => text.replace("x-node", "y-node").into_bytes(),
        Wrong::Forge => text.replace("x-node: api1", "x-node: api9").into_bytes(),
        _ => text.into_bytes(),
    }
}

/// Closes for writing and takes what still comes: dropping a socket with unread bytes would be a reset.
async fn hang_up(mut near: TcpStream) -> std::io::Result<()> {
    near.shutdown().await?;
    let mut rest = [0; 4096];
    while near.read(&mut rest).await? > 0 {}
    Ok(())
}
