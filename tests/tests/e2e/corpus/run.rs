//! One case, run in one way: the client's side of it.
//!
//! Behind the case's bytes comes a good request on the same connection, and then one on a connection of its own: the first tells
//! whether client and `lb` agree on where the case ended, the second which connection to the server is used again.

use std::sync::Arc;
use std::time::Duration;

use tests::strict::{self, Message};
use tests::{PATIENCE, Running, Wire, eventually};
use tokio::time::{Instant, timeout_at};

use super::case::{Case, End, Outcome};
use super::escape::shown;
use super::judge;
use super::script::{FRESH, PROBE, PROBED, Pace, Script, Seen};

/// A case, and the server and frontend that it has to itself.
#[derive(Debug)]
pub(super) struct Trial {
    /// Of its backend.
    pub(super) name: String,
    pub(super) case: Arc<Case>,
    pub(super) pace: Pace,
    script: Script,
}

/// What the client has seen.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) bytes: Vec<u8>,
    /// Whether the connection is closed.
    pub(super) ended: bool,
    pub(super) answers: Vec<Message>,
    /// What follows them and is no answer, or no whole one.
    pub(super) rest: Vec<u8>,
    /// Why it is none.
    pub(super) fault: Option<String>,
}

// === impl Trial ===

impl Trial {
    pub(super) async fn new(name: String, case: Arc<Case>, pace: Pace) -> Self {
        // Whether bytes behind an answer come with it or later makes a difference, and is the case's to say.
        let behind = case.passed.server_end != End::Stays && case.outcomes.contains(&Outcome::Passed);
        let script = Script::start(&case, if behind { Pace::AtOnce } else { pace }).await;
        Self { name, case, pace, script }
    }

    pub(super) fn server(&self) -> std::net::SocketAddr {
        self.script.origin.address()
    }

    /// Runs it; returns what is wrong, for a person to read.
    pub(super) async fn run(&self, lab: &Running) -> Result<(), String> {
        let heard = self.exchange(lab).await;
        let fresh = self.fresh(lab).await;
        let verdict = match fresh {
            Ok(()) => self.judged(&heard).await,
            Err(fault) => Err(fault),
        };
        verdict.map_err(|fault| self.report(&fault, &heard))
    }

    async fn exchange(&self, lab: &Running) -> Heard {
        let mut client =
            Wire::connect(lab.frontend_named(&format!("fe_{}", self.name))).await.expect("lb listens");
        let mut heard = Heard::default();
        let (case, methods) = (&self.case, self.methods());
        let in_order = case.client_later.is_empty() && case.server_later.is_empty();
        let mut first = case.client.clone();
        if in_order && !case.alone {
            first.extend(PROBE);
        }
        self.pace.send(&mut client, &first).await;
        if !case.client_later.is_empty() {
            heard.read(&mut client, &methods, |heard| !heard.answers.is_empty()).await;
            self.pace.send(&mut client, &case.client_later).await;
        }
        if case.finishes {
            client.finish().await;
        }
        if !case.server_later.is_empty() {
            let answers = case.passed.answers.len();
            heard.read(&mut client, &methods, |heard| heard.answers.len() >= answers).await;
            self.script.origin.release(1);
            eventually("the late bytes sent", async || {
                let seen = self.script.seen();
                seen.late || seen.connections.iter().all(|connection| connection.closed)
            })
            .await;
        }
        if !in_order && !case.alone {
            self.pace.send(&mut client, PROBE).await;
        }
        let answers = case.passed.answers.len();
        let alone = case.alone && !case.finishes && case.passed.client_end != End::Closes;
        heard
            .read(&mut client, &methods, |heard| {
                let probed = heard.answers.last().is_some_and(|answer| answer.body == PROBED.as_bytes());
                probed || (alone && heard.answers.len() >= answers)
            })
            .await;
        heard
    }

    /// The methods that the client's answers belong to.
    fn methods(&self) -> Vec<String> {
        let Case { client, passed, .. } = &*self.case;
        let method = |line: &[u8]| {
            let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
            String::from_utf8_lossy(&line[..end]).into_owned()
        };
        let mut methods = vec![method(client)];
        methods.extend(
            passed.requests.iter().skip(1).map(|sight| method(sight.line.as_ref().unwrap_or(client))),
        );
        methods
    }

    /// Whatever the case was: the next client is served, and gets its own response.
    async fn fresh(&self, lab: &Running) -> Result<(), String> {
        let mut client =
            Wire::connect(lab.frontend_named(&format!("fe_{}", self.name))).await.expect("lb listens");
        let mut heard = Heard::default();
        let _ = client.try_send(FRESH).await;
        heard.read(&mut client, &[], |heard| !heard.answers.is_empty()).await;
        match &heard.answers[..] {
            [answer] if answer.body == PROBED.as_bytes() && answer.status() == 200 => Ok(()),
            _ => Err(format!("the next client got {}", shown(&heard.bytes))),
        }
    }

    /// Some things at the server take their time: closed connections.
    async fn judged(&self, heard: &Heard) -> Result<(), String> {
        let deadline = Instant::now() + LIMIT;
        loop {
            match judge::verdict(&self.case, heard, &self.script.seen()) {
                Err(judge::Wrong::Yet(fault)) if Instant::now() > deadline => return Err(fault),
                Err(judge::Wrong::Yet(_)) => tokio::time::sleep(super::POLL).await,
                Err(judge::Wrong::ForEver(fault)) => return Err(fault),
                Ok(()) => return Ok(()),
            }
        }
    }

    fn report(&self, fault: &str, heard: &Heard) -> String {
        let case = &self.case;
        let mut report = format!("{fault}\n");
        report += &format!("  client sent  {}\n", shown(&[&case.client[..], &case.client_later].concat()));
        let end = if heard.ended { "then the end" } else { "still open" };
        report += &format!("  client got   {} {end}\n", shown(&heard.bytes));
        let Seen { connections, .. } = self.script.seen();
        for connection in connections {
            let end = connection.fault.unwrap_or_else(|| format!("closed {}", connection.closed));
            report += &format!("  server saw   {} {end}\n", shown(&connection.bytes));
        }
        if !case.server.is_empty() {
            report += &format!("  server sent  {}\n", shown(&case.server.concat()));
        }
        report
    }
}

/// How long a case waits for what should come at once; met only by one that fails.
const LIMIT: Duration = PATIENCE.saturating_sub(Duration::from_secs(10));

// === impl Heard ===

impl Heard {
    /// Reads until `enough`, the end, or [`LIMIT`].
    async fn read(&mut self, client: &mut Wire, methods: &[String], enough: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + LIMIT;
        loop {
            self.parse(methods);
            if self.ended || self.fault.is_some() && self.bytes.len() > 1 << 20 || enough(self) {
                return;
            }
            match timeout_at(deadline, client.take_some()).await {
                Ok(Ok(bytes)) if !bytes.is_empty() => self.bytes.extend(bytes),
                Ok(_) => self.ended = true,
                Err(_) => return,
            }
        }
    }

    /// What a client has that got these bytes.
    #[cfg(test)]
    pub(super) fn of(bytes: &[u8], ended: bool, methods: &[String]) -> Self {
        let mut heard = Self { bytes: bytes.to_vec(), ended, ..Self::default() };
        heard.parse(methods);
        heard
    }

    fn parse(&mut self, methods: &[String]) {
        let (mut at, mut finals) = (0, 0);
        self.answers.clear();
        self.fault = None;
        while at < self.bytes.len() {
            let method = methods.get(finals).map_or("GET", String::as_str);
            match strict::answer(&self.bytes[at..], method, self.ended) {
                Ok(Some((answer, used))) => {
                    finals += usize::from(answer.status() >= 200 || answer.status() == 101);
                    self.answers.push(answer);
                    at += used;
                }
                Ok(None) => break,
                Err(fault) => {
                    self.fault = Some(fault);
                    break;
                }
            }
        }
        self.rest = self.bytes[at..].to_vec();
    }
}
