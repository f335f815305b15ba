//! The server of one case: it answers as the case says, and writes down every byte that reaches it.
//!
//! It never answers before a request is whole (but for what the case sends at the head), and never reads on behind a fault.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tests::strict::{self, Message};
use tests::{Conn, Origin, Wire};

use super::case::Case;

/// What follows the case on the client's connection.
pub(super) const PROBE: &[u8] = b"GET /probe HTTP/1.1\r\nHost: lab\r\n\r\n";
/// What follows on another one.
pub(super) const FRESH: &[u8] = b"GET /fresh HTTP/1.1\r\nHost: lab\r\n\r\n";
/// The body of the answer to both; nothing else that is sent contains it.
pub(super) const PROBED: &str = "the probe's answer";

/// How bytes go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    AtOnce,
    ByteByByte,
    /// In two pieces, the first of this many bytes.
    Cut(usize),
}

/// The server, and what it has seen.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) origin: Origin,
    seen: Arc<Mutex<Seen>>,
}

/// What the server of a case has seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) connections: Vec<Connection>,
    /// Requests in the order of their ends, each with the number of its connection.
    pub(super) requests: Vec<(usize, Message)>,
    /// Whether the bytes that come late have been sent.
    pub(super) late: bool,
}

/// One connection to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Connection {
    pub(super) bytes: Vec<u8>,
    /// Why they are no requests.
    pub(super) fault: Option<String>,
    /// Whether it is closed, by whomever.
    pub(super) closed: bool,
}

// === impl Pace ===

impl Pace {
    /// Sends the bytes; that the other side does not take them any more is an outcome, too.
    pub(super) async fn send(self, wire: &mut Wire, bytes: &[u8]) {
        match self {
            Self::AtOnce => drop(wire.try_send(bytes).await),
            Self::ByteByByte => {
                for byte in bytes {
                    if wire.try_send([*byte]).await.is_err() {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            }
            Self::Cut(at) => {
                let (first, rest) = bytes.split_at(at.min(bytes.len()));
                let _ = wire.try_send(first).await;
                // Not a wait for anything: the gap is what is tried.
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                let _ = wire.try_send(rest).await;
            }
        }
    }
}

// === impl Script ===

impl Script {
    pub(super) async fn start(case: &Arc<Case>, pace: Pace) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (ours, case) = (Arc::clone(&seen), Arc::clone(case));
        let origin = Origin::script(move |conn| {
            let (seen, case) = (Arc::clone(&ours), Arc::clone(&case));
            async move {
                let number = conn.number;
                lock(&seen).connection(number);
                serve(conn, &case, pace, &seen).await;
                lock(&seen).connection(number).closed = true;
            }
        })
        .await;
        Self { origin, seen }
    }

    /// What it has seen so far.
    pub(super) fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(mut conn: Conn, case: &Case, pace: Pace, seen: &Mutex<Seen>) {
    let (number, mut inbox, mut head_answered) = (conn.number, Vec::new(), false);
    loop {
        let parsed = strict::request(&inbox);
        if !head_answered && inbox.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            head_answered = true;
            if !inbox.starts_with(b"GET /probe ") && !inbox.starts_with(b"GET /fresh ") {
                pace.send(&mut conn, &case.server_at_head).await;
            }
        }
        match parsed {
            Ok(Some((request, used))) => {
                inbox.drain(..used);
                let count = lock(seen).request(number, request.clone());
                if is_probe(&request) {
                    let answer = crate::ok(PROBED);
                    pace.send(&mut conn, answer.as_bytes()).await;
                } else if !answer(&mut conn, case, pace, &request, count, seen).await {
                    return;
                }
            }
            Ok(None) => {
                conn.arrived().await;
                match conn.take_some().await {
                    Ok(bytes) if !bytes.is_empty() => {
                        lock(seen).connection(number).bytes.extend(&bytes);
                        inbox.extend(bytes);
                    }
                    _ => return,
                }
            }
            Err(fault) => {
                lock(seen).connection(number).fault = Some(fault);
                return;
            }
        }
    }
}

/// Answers request number `count`; false when the connection is to be closed.
async fn answer(
    conn: &mut Conn,
    case: &Case,
    pace: Pace,
    request: &Message,
    count: usize,
    seen: &Mutex<Seen>,
) -> bool {
    let scripted = !(case.server.is_empty() && case.server_at_head.is_empty());
    if !scripted {
        let body = format!("answer {count}");
        let body = if request.method() == b"HEAD" { "" } else { &*body };
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{body}");
        pace.send(conn, answer.as_bytes()).await;
        return true;
    }
    match case.server.get(count) {
        Some(answer) => pace.send(conn, answer).await,
        // More requests than answers: what lb made of the case is wrong, and the client shall see which.
        None if count > 0 => pace.send(conn, crate::answer("500 One Too Many", "").as_bytes()).await,
        None => {}
    }
    if count + 1 >= case.server.len() && !case.server_later.is_empty() {
        conn.released().await;
        pace.send(conn, &case.server_later).await;
        lock(seen).late = true;
    }
    !(case.server_closes && count + 1 >= case.server.len())
}

/// Whether it is none of the case's own.
pub(super) fn is_probe(request: &Message) -> bool {
    matches!(request.target(), b"/probe" | b"/fresh")
}

// === impl Seen ===

impl Seen {
    fn connection(&mut self, number: usize) -> &mut Connection {
        if self.connections.len() <= number {
            self.connections.resize(number + 1, Connection::default());
        }
        &mut self.connections[number]
    }

    /// Notes a request; returns how many of the case there were before.
    fn request(&mut self, connection: usize, request: Message) -> usize {
        let before = self.of_case().count();
        self.requests.push((connection, request));
        before
    }

    /// The requests of the case itself.
    pub(super) fn of_case(&self) -> impl Iterator<Item = &(usize, Message)> {
        self.requests.iter().filter(|(_, request)| !is_probe(request))
    }

    /// The connections on which that target was asked for.
    pub(super) fn asked(&self, target: &[u8]) -> Vec<usize> {
        let asked = self.requests.iter().filter(|(_, request)| request.target() == target);
        asked.map(|(connection, _)| *connection).collect()
    }
}
