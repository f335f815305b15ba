//! An origin that costs next to nothing: one prepared answer for whatever ends a request head.
//!
//! It refuses to be a web server: no bodies, no pipelining, no errors. It is what the balancer is measured against, not what is measured.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves `addresses` from a thread of its own until the process ends; returns what was really bound.
///
/// # Errors
/// The first address that cannot be had.
pub fn start(addresses: &[SocketAddr], size: usize) -> io::Result<Vec<SocketAddr>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut answer =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {size}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + size, b'x');
    let answer: Arc<[u8]> = answer.into();
    let listeners = addresses
        .iter()
        .map(|address| runtime.block_on(TcpListener::bind(address)))
        .collect::<io::Result<Vec<_>>>()?;
    let bound = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
    std::thread::Builder::new().name("origin".into()).spawn(move || {
        runtime.block_on(async {
            for listener in listeners {
                tokio::spawn(accept(listener, Arc::clone(&answer)));
            }
            std::future::pending::<()>().await;
        });
    })?;
    Ok(bound)
}

async fn accept(listener: TcpListener, answer: Arc<[u8]>) {
    while let Ok((stream, _)) = listener.accept().await {
        let answer = Arc::clone(&answer);
        tokio::spawn(async move {
            // A client that goes away is how every connection ends.
            let _ = serve(stream, &answer).await;
        });
    }
}

async fn serve(mut stream: TcpStream, answer: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = Vec::with_capacity(4096);
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            stream.write_all(answer).await?;
        }
    }
}
