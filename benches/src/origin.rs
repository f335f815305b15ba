//! An origin that costs next to nothing: one read and one write an answer, on one thread, from answers prepared at the start.
//!
//! It is strict HTTP/1.1, so that a proxy which sends it anything else is found out: a request is a GET with a body of nothing, one
//! Host field, and lines that end with CRLF. Everything else is answered with 400 and the connection is closed.
//!
//! | path | answer |
//! |---|---|
//! | `/health` | 200, empty |
//! | `/SIZE` | 200 and a body of so many bytes ([`body`]), for the sizes it was started with |
//! | `/seen` | 200 and the head of the request, as it came |
//! | `/opened` | 200 and how many connections have carried a request for a `/SIZE` |

mod request;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread::JoinHandle;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};

use request::Request;

/// Longest head of a request.
const LONGEST_HEAD: usize = 64 * 1024;

/// A running origin. It ends, and closes every connection, when this is dropped.
#[derive(Debug)]
pub struct Origin {
    addresses: Vec<SocketAddr>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the connections of an origin share.
struct Pages {
    sized: Vec<Page>,
    opened: Cell<u64>,
}

struct Page {
    path: String,
    answer: Box<[u8]>,
}

// === impl Origin ===

impl Origin {
    /// Serves `addresses` from a thread of its own. Bodies are there in each of `sizes`.
    ///
    /// # Errors
    /// The first address that cannot be had.
    pub fn start(addresses: &[SocketAddr], sizes: &[usize]) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listeners = addresses
            .iter()
            .map(|address| runtime.block_on(TcpListener::bind(address)))
            .collect::<io::Result<Vec<_>>>()?;
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        let sized = sizes
            .iter()
            .map(|&size| Page { path: format!("/{size}"), answer: answer("200 OK", "", &body(size)) })
            .collect();
        let (end, ended) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("origin".into()).spawn(move || {
            let pages = Rc::new(Pages { sized, opened: Cell::new(0) });
            let tasks = LocalSet::new();
            for listener in listeners {
                tasks.spawn_local(accept(listener, Rc::clone(&pages)));
            }
            // It ends when the handle is gone, whether or not it says so.
            tasks.block_on(&runtime, async {
                let _ = ended.await;
            });
        })?;
        Ok(Self { addresses, end: Some(end), thread: Some(thread) })
    }

    /// Where it listens, in the order in which it was told to.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed.
            let _ = thread.join();
        }
    }
}

/// The body of so many bytes. Its bytes tell their place, so that one which is put together wrongly is seen.
pub fn body(size: usize) -> Vec<u8> {
    (b'a'..=b'w').cycle().take(size).collect()
}

async fn accept(listener: TcpListener, pages: Rc<Pages>) {
    while let Ok((stream, _)) = listener.accept().await {
        let pages = Rc::clone(&pages);
        spawn_local(async move {
            // A client that goes away is how every connection ends.
            let _ = pages.serve(stream).await;
        });
    }
}

// === impl Pages ===

impl Pages {
    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = Vec::with_capacity(1024);
        let mut counted = false;
        loop {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
            while let Some(end) = head_end(&buffer) {
                let keep = match Request::parse(&buffer[..end]) {
                    Ok(request) => {
                        self.answer(&mut stream, &request, &mut counted).await?;
                        request.keep_alive
                    }
                    Err(fault) => {
                        let text = answer("400 Bad Request", "connection: close\r\n", fault.as_bytes());
                        stream.write_all(&text).await?;
                        false
                    }
                };
                if !keep {
                    return Ok(());
                }
                buffer.drain(..end);
            }
            if buffer.len() > LONGEST_HEAD {
                return Ok(());
            }
        }
    }

    async fn answer(
        &self,
        stream: &mut TcpStream,
        request: &Request<'_>,
        counted: &mut bool,
    ) -> io::Result<()> {
        if let Some(page) = self.sized.iter().find(|page| page.path == request.path) {
            if !std::mem::replace(counted, true) {
                self.opened.set(self.opened.get() + 1);
            }
            return stream.write_all(&page.answer).await;
        }
        let other = match request.path {
            "/health" => answer("200 OK", "", b""),
            "/seen" => answer("200 OK", "", request.head.as_bytes()),
            "/opened" => answer("200 OK", "", self.opened.get().to_string().as_bytes()),
            _ => answer("404 Not Found", "", b"no such page"),
        };
        stream.write_all(&other).await
    }
}

fn head_end(buffer: &[u8]) -> Option<usize> {
    Some(buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4)
}

fn answer(status: &str, fields: &str, body: &[u8]) -> Box<[u8]> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n{fields}\r\n");
    [head.as_bytes(), body].concat().into()
}
