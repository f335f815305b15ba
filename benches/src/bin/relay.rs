//! The floor under every proxy: `relay LISTEN SERVER…` gives each client connection one server connection and moves bytes both ways,
//! on one thread with one epoll loop, until its standard input ends.
//!
//! It parses nothing, so a request costs the four system calls that no proxy can do without (and its share of the loop's): read from the client, write to the
//! server, read the answer, write it to the client. It is no proxy: it cannot balance requests, retry, or add a field.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

/// Bytes that are moved at once.
const PIECE: usize = 64 * 1024;

/// Free buffers: a connection has one only while it moves bytes.
#[derive(Default)]
struct Buffers(RefCell<Vec<Box<[u8]>>>);

/// The side that has sent something.
#[derive(Clone, Copy)]
enum Side {
    Client,
    Server,
}

// === impl Buffers ===

impl Buffers {
    fn take(&self) -> Box<[u8]> {
        self.0.borrow_mut().pop().unwrap_or_else(|| vec![0; PIECE].into())
    }

    fn give(&self, buffer: Box<[u8]>) {
        self.0.borrow_mut().push(buffer);
    }
}

fn main() -> ExitCode {
    let addresses: Result<Vec<SocketAddr>, _> = std::env::args().skip(1).map(|text| text.parse()).collect();
    let Some((listen, servers)) = addresses.as_ref().ok().and_then(|all| all.split_first()) else {
        return usage();
    };
    if servers.is_empty() {
        return usage();
    }
    match run(*listen, servers) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relay: {listen}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: relay LISTEN SERVER…");
    ExitCode::from(2)
}

fn run(listen: SocketAddr, servers: &[SocketAddr]) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(listen))?;
    let tasks = LocalSet::new();
    tasks.spawn_local(accept(listener, servers.to_vec()));
    tasks.block_on(&runtime, async { tokio::io::stdin().read_to_end(&mut Vec::new()).await })?;
    // Standard input may be read on a thread of its own; it is not waited for.
    runtime.shutdown_background();
    Ok(())
}

async fn accept(listener: TcpListener, servers: Vec<SocketAddr>) {
    let buffers = Rc::new(Buffers::default());
    for server in servers.into_iter().cycle() {
        let Ok((client, _)) = listener.accept().await else { return };
        let buffers = Rc::clone(&buffers);
        spawn_local(async move {
            // Either side that goes away is how every connection ends.
            let _ = relay(client, server, &buffers).await;
        });
    }
}

async fn relay(mut client: TcpStream, server: SocketAddr, buffers: &Buffers) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    loop {
        let (from, buffer, read) = receive(&mut client, &mut server, buffers).await?;
        if read == 0 {
            return Ok(());
        }
        let to = match from {
            Side::Client => &mut server,
            Side::Server => &mut client,
        };
        to.write_all(&buffer[..read]).await?;
        buffers.give(buffer);
    }
}

/// The next bytes from either side; a read that finds nothing gives its buffer back before it waits.
async fn receive(
    client: &mut TcpStream,
    server: &mut TcpStream,
    buffers: &Buffers,
) -> io::Result<(Side, Box<[u8]>, usize)> {
    poll_fn(|context| {
        let mut buffer = buffers.take();
        for (from, stream) in [(Side::Client, &mut *client), (Side::Server, &mut *server)] {
            let mut room = ReadBuf::new(&mut buffer);
            if let Poll::Ready(result) = Pin::new(stream).poll_read(context, &mut room) {
                let read = room.filled().len();
                return Poll::Ready(result.map(|()| (from, buffer, read)));
            }
        }
        buffers.give(buffer);
        Poll::Pending
    })
    .await
}
