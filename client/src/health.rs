//! Whether traffic flows: what a running client tells `client healthcheck`, and how that asks.
//!
//! One line over a loopback port, and nothing to leave behind: it works in an image without a shell on a read-only root,
//! and a client that has died, hangs or is paused does not answer. No request is read, so that no peer can keep it waiting.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::run::Shared;

/// How long a client may take to answer `client healthcheck`.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long to wait when the system has no descriptor left for a new connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The longest answer that is read.
const MAX_LINE: u64 = 1024;
/// What the line of a healthy client begins with.
const HEALTHY: &str = "healthy: ";

/// What the books say about now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pulse {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    /// The time since the last good answer; `None` before the first.
    pub(crate) since_success: Option<Duration>,
    /// Whether requests are still being sent.
    pub(crate) sending: bool,
}

/// The answer to `client healthcheck`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Health {
    pub(crate) healthy: bool,
    text: String,
}

// === impl Pulse ===

impl Pulse {
    /// Healthy is: still sending, nothing has failed so far, and the last good answer is not `stalled` ago.
    pub(crate) fn health(self, stalled: Duration) -> Health {
        let books = format!("{} requests, {} failed", self.requests, self.failed);
        let flows = self.since_success.is_some_and(|since| since < stalled);
        let last = match self.since_success {
            Some(since) => format!("last good answer {} ms ago", since.as_millis()),
            None => "no good answer yet".into(),
        };
        let sending = if self.sending { "" } else { ", sending is over" };
        Health {
            healthy: self.sending && self.failed == 0 && flows,
            text: format!("{books}, {last}{sending}"),
        }
    }
}

// === impl Health ===

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.healthy { HEALTHY } else { "unhealthy: " }, self.text)
    }
}

/// Replies to each connection, for as long as it is polled; `run` is empty while the client waits for its target.
pub(crate) async fn answer(listener: TcpListener, run: Arc<OnceLock<Arc<Shared>>>) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let health = match run.get() {
            Some(shared) => shared.tally().pulse(Instant::now()).health(shared.options.stalled_after),
            None => Health { healthy: false, text: "waiting for the target's first good answer".into() },
        };
        // One line fits into any new socket's buffer; a peer that does not wait for it does not need an error either.
        let _ = stream.write_all(format!("{health}\n").as_bytes()).await;
    }
}

/// Asks the client that answers at `addr`; returns its line.
///
/// # Errors
/// When no reply comes in time, or it is not that of a client.
pub(crate) async fn ask(addr: SocketAddr) -> io::Result<Health> {
    let line = tokio::time::timeout(PATIENCE, fetch(addr))
        .await
        .map_err(|_| {
            io::Error::new(io::ErrorKind::TimedOut, format!("{addr} did not answer in {PATIENCE:?}"))
        })?
        .map_err(|error| io::Error::other(format!("cannot ask {addr}: {error}")))?;
    parse(&line).ok_or_else(|| io::Error::other(format!("what answers at {addr} is no client: {line:?}")))
}

async fn fetch(addr: SocketAddr) -> io::Result<String> {
    let mut line = String::new();
    TcpStream::connect(addr).await?.take(MAX_LINE).read_to_string(&mut line).await?;
    Ok(line)
}

/// A line without its end is the last word of a client that died while it spoke.
fn parse(line: &str) -> Option<Health> {
    let line = line.strip_suffix('\n')?;
    let (healthy, text) = match line.strip_prefix(HEALTHY) {
        Some(text) => (true, text),
        None => (false, line.strip_prefix("unhealthy: ")?),
    };
    Some(Health { healthy, text: text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALLED: Duration = Duration::from_secs(5);

    fn pulse(failed: u64, since_ms: Option<u64>, sending: bool) -> Pulse {
        Pulse { requests: 9, failed, since_success: since_ms.map(Duration::from_millis), sending }
    }

    #[test]
    fn healthy_is_sending_without_failure_and_lately() {
        for (pulse, healthy, line) in [
            (pulse(0, Some(7), true), true, "healthy: 9 requests, 0 failed, last good answer 7 ms ago"),
            (pulse(0, Some(4999), true), true, "healthy: 9 requests, 0 failed, last good answer 4999 ms ago"),
            (
                pulse(0, Some(5000), true),
                false,
                "unhealthy: 9 requests, 0 failed, last good answer 5000 ms ago",
            ),
            (pulse(1, Some(7), true), false, "unhealthy: 9 requests, 1 failed, last good answer 7 ms ago"),
            (pulse(0, None, true), false, "unhealthy: 9 requests, 0 failed, no good answer yet"),
            (
                pulse(0, Some(7), false),
                false,
                "unhealthy: 9 requests, 0 failed, last good answer 7 ms ago, sending is over",
            ),
        ] {
            let health = pulse.health(STALLED);
            assert_eq!((health.healthy, health.to_string().as_str()), (healthy, line));
            assert_eq!(parse(&format!("{line}\n")), Some(health));
        }
    }

    #[test]
    fn what_is_no_whole_line_of_a_client_is_no_answer() {
        for bad in ["", "\n", "healthy: 9 requ", "HTTP/1.1 400 Bad Request\r\n", "very healthy: yes\n"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
