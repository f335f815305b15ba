//! Steady traffic on many connections, each response checked to the byte, and a record of which server sent it.
//!
//! It is simpler than the sample's client and knows no mercy: a connection that ends when it should not is a failure, too.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::{Message, Wire, eventually};

/// Traffic that goes on until it is stopped.
#[derive(Debug)]
pub struct Traffic {
    record: Arc<Mutex<Record>>,
    stop: Arc<std::sync::atomic::AtomicBool>,
    connections: JoinSet<()>,
}

/// What came of it.
#[derive(Debug, Default, Clone)]
pub struct Record {
    /// Good answers by node and version, as `api0 v1`.
    pub answers: BTreeMap<String, u64>,
    /// What went wrong, one line each.
    pub failures: Vec<String>,
}

/// One request of a mix and what its answer must be.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The bytes to send.
    pub request: Vec<u8>,
    /// The body that must come back, when the test knows it.
    pub body: Option<Vec<u8>>,
}

/// Makes the next request of a connection: its number and the request's.
pub type Mix = fn(usize, usize) -> Probe;

/// Between two requests of a connection.
const PACE: Duration = Duration::from_millis(4);

/// What a real node understands: plain, with a body, chunked, slow, large.
pub fn mixed(connection: usize, number: usize) -> Probe {
    let text = format!("message {number} of {connection}");
    let probe = |request: String, body: Option<String>| Probe {
        request: request.into_bytes(),
        body: body.map(String::into_bytes),
    };
    match (connection + number) % 5 {
        0 => probe(
            format!("POST /echo HTTP/1.1\r\nHost: lab\r\nContent-Length: {}\r\n\r\n{text}", text.len()),
            Some(text),
        ),
        1 => {
            let chunks = format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len());
            probe(
                format!("POST /echo HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"),
                Some(text),
            )
        }
        2 => probe("GET /slow?ms=15 HTTP/1.1\r\nHost: lab\r\n\r\n".to_owned(), None),
        3 => {
            let body = (0..20_000).map(api::pattern_byte).collect();
            Probe { request: b"GET /bytes?n=20000 HTTP/1.1\r\nHost: lab\r\n\r\n".to_vec(), body: Some(body) }
        }
        _ => gets(connection, number),
    }
}

/// GETs only.
pub fn gets(_: usize, _: usize) -> Probe {
    Probe { request: b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n".to_vec(), body: None }
}

// === impl Traffic ===

impl Traffic {
    /// Starts it, on so many kept connections.
    pub fn start(frontend: SocketAddr, connections: usize, mix: Mix) -> Self {
        let (record, stop) = (Arc::default(), Arc::default());
        let mut running = JoinSet::new();
        for connection in 0..connections {
            let run = Connection { frontend, connection, mix, record: Arc::clone(&record), wire: None };
            running.spawn(run.run(Arc::clone(&stop)));
        }
        Self { record, stop, connections: running }
    }

    /// What has come of it so far.
    pub fn record(&self) -> Record {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `count` more requests have been answered well; failures end the wait, too.
    pub async fn more(&self, count: u64) {
        let goal = self.record().total() + count;
        eventually("traffic that flows", async || {
            let record = self.record();
            record.total() >= goal || !record.failures.is_empty()
        })
        .await;
    }

    /// Lets every connection finish its request, and returns what came of it all.
    ///
    /// # Panics
    /// When a connection's task has panicked.
    pub async fn stop(mut self) -> Record {
        self.stop.store(true, std::sync::atomic::Ordering::SeqCst);
        while let Some(ended) = self.connections.join_next().await {
            ended.expect("the traffic's own code is right");
        }
        self.record()
    }
}

// === impl Record ===

impl Record {
    /// Good answers.
    pub fn total(&self) -> u64 {
        self.answers.values().sum()
    }

    /// Asserts that nothing failed and something happened.
    ///
    /// # Panics
    /// When not.
    pub fn assert_clean(&self) {
        let shown: Vec<_> = self.failures.iter().take(10).collect();
        assert!(self.failures.is_empty(), "{} of {} failed: {shown:#?}", shown.len(), self.total());
        assert!(self.total() > 0, "nothing was answered");
    }
}

/// One client connection, opened again when the balancer said that it closes it.
struct Connection {
    frontend: SocketAddr,
    connection: usize,
    mix: Mix,
    record: Arc<Mutex<Record>>,
    wire: Option<Wire>,
}

impl Connection {
    async fn run(mut self, stop: Arc<std::sync::atomic::AtomicBool>) {
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in 0.. {
            pace.tick().await;
            if stop.load(std::sync::atomic::Ordering::SeqCst) {
                return;
            }
            let probe = (self.mix)(self.connection, number);
            let result = self.exchange(&probe).await;
            let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(who) => *record.answers.entry(who).or_default() += 1,
                Err(why) => {
                    let request = String::from_utf8_lossy(&probe.request);
                    record.failures.push(format!("{:?}: {why}", request.lines().next().unwrap_or_default()));
                }
            }
        }
    }

    async fn exchange(&mut self, probe: &Probe) -> Result<String, String> {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => Wire::connect(self.frontend).await.map_err(|error| format!("not connected: {error}"))?,
        };
        wire.try_send(&probe.request).await.map_err(|error| format!("not sent: {error}"))?;
        let answer = wire.try_answer().await.map_err(|error| format!("not answered: {error}"))?;
        if answer.status() != 200 {
            return Err(format!("{} {}", answer.line, String::from_utf8_lossy(&answer.body)));
        }
        if probe.body.as_ref().is_some_and(|body| *body != answer.body) {
            return Err(format!("{} bytes came back altered", answer.body.len()));
        }
        if !answer.lists("connection", "close") {
            self.wire = Some(wire);
        }
        Ok(signature(&answer))
    }
}

fn signature(answer: &Message) -> String {
    let field = |name| answer.field(name).unwrap_or("?");
    format!("{} {}", field("x-node"), field("x-version"))
}
