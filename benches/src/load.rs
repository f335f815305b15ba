//! A load that costs little itself: on one thread, every connection asks again as soon as it has its answer.
//!
//! A proxy that waits for its load is measured too slow and too dear. So an answer is read whole where it is new, and the following ones on the same
//! connection are only counted: they begin with the same status and have the same size, or the run fails. It refuses whatever
//! [`client`](crate::client) does, and any error ends it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::timeout;

use crate::client;

/// Bytes that are read at once; one buffer serves all connections. It is what many clients read at once: of a client that empties the whole
/// connection each time a proxy hears more often, and of one that reads crumbs less often.
const PIECE: usize = 32 * 1024;
/// What every answer begins with.
const SUCCESS: &[u8] = b"HTTP/1.1 200 ";
/// How long a connection may go on after the time is up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The address of the proxy.
    pub address: SocketAddr,
    /// For what.
    pub path: String,
    /// How many connections do so at once.
    pub connections: usize,
    /// For how long.
    pub time: Duration,
}

/// A run without an error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Answers that came, whole.
    pub requests: u64,
    /// How long that took.
    pub took: Duration,
}

/// What all connections share.
struct Shared {
    request: String,
    end: Instant,
    buffer: RefCell<Box<[u8]>>,
}

/// A connection.
struct Asking {
    stream: TcpStream,
    shared: Rc<Shared>,
}

// === impl Plan ===

impl Plan {
    /// Runs it on this thread.
    ///
    /// # Errors
    /// The first one on any connection: the system's, an answer that is no success, one of another size than the first, or none in time.
    pub fn run(&self) -> io::Result<Load> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, self.play())
    }

    async fn play(&self) -> io::Result<Load> {
        let started = Instant::now();
        let shared = Rc::new(Shared {
            // As short as other loads' requests are: their fields cost a proxy more than anything else.
            request: format!("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", self.path, self.address),
            end: started + self.time,
            buffer: RefCell::new(vec![0; PIECE].into()),
        });
        let mut all = JoinSet::new();
        for _ in 0..self.connections {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let asking = Asking { stream, shared: Rc::clone(&shared) };
            all.spawn_local(asking.run());
        }
        let mut requests = 0;
        let rest = async {
            while let Some(answered) = all.join_next().await {
                requests += answered.map_err(io::Error::other)??;
            }
            Ok(())
        };
        match timeout(self.time + PATIENCE, rest).await {
            Ok(ended) => ended.map(|()| Load { requests, took: started.elapsed() }),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "an answer that does not end")),
        }
    }
}

// === impl Asking ===

impl Asking {
    /// Asks until the time is up; says how many answers came.
    async fn run(mut self) -> io::Result<u64> {
        let (mut answered, mut size) = (0, None);
        while Instant::now() < self.shared.end {
            self.stream.write_all(self.shared.request.as_bytes()).await?;
            match size {
                Some(size) => self.hear(size).await?,
                None => size = Some(self.hear_first().await?),
            }
            answered += 1;
        }
        Ok(answered)
    }

    /// Reads the first answer; says its size with its head.
    async fn hear_first(&mut self) -> io::Result<usize> {
        let mut start = Vec::new();
        let size = loop {
            self.read(usize::MAX, |bytes| start.extend_from_slice(bytes)).await?;
            if let Some((answer, head)) = client::head_of(&start)? {
                break head + answer.length;
            }
        };
        if !start.starts_with(SUCCESS) {
            return Err(invalid("an answer that is no success"));
        }
        let left =
            size.checked_sub(start.len()).ok_or_else(|| invalid("bytes after the end of the answer"))?;
        self.skip(left).await?;
        Ok(size)
    }

    /// Reads an answer of that size.
    async fn hear(&mut self, size: usize) -> io::Result<()> {
        let mut fine = true;
        let read = self.read(size, |bytes| fine = bytes.starts_with(SUCCESS)).await?;
        if !fine {
            return Err(invalid("an answer that is no success, or comes in crumbs"));
        }
        self.skip(size - read).await
    }

    async fn skip(&mut self, mut left: usize) -> io::Result<()> {
        while left > 0 {
            left -= self.read(left, |_| ()).await?;
        }
        Ok(())
    }

    /// Reads what has come; more than `most` bytes of it are an error.
    async fn read(&mut self, most: usize, mut take: impl FnMut(&[u8])) -> io::Result<usize> {
        let Self { stream, shared } = self;
        poll_fn(|cx| {
            let mut buffer = shared.buffer.borrow_mut();
            let mut room = ReadBuf::new(&mut buffer);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut room))?;
            let bytes = room.filled();
            take(bytes);
            Poll::Ready(match bytes.len() {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                read if read > most => Err(invalid("bytes after the end of the answer")),
                read => Ok(read),
            })
        })
        .await
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Origin;

    fn plan(origin: &Origin, path: &str) -> Plan {
        let address = origin.addresses()[0];
        Plan { address, path: path.into(), connections: 4, time: Duration::from_millis(100) }
    }

    #[test]
    fn every_answer_is_counted_and_any_other_is_an_error() {
        let origin = Origin::start(&[SocketAddr::from(([127, 0, 0, 1], 0))], &[0, 100, 400_000]).unwrap();
        for path in ["/0", "/100", "/400000"] {
            let Load { requests, took } = plan(&origin, path).run().unwrap();
            assert!(requests >= 4 && took >= Duration::from_millis(100), "{path}: {requests} in {took:?}");
        }
        let error = plan(&origin, "/none").run().unwrap_err();
        assert_eq!(error.to_string(), "an answer that is no success");
    }
}
