//! Agents: a program beside a server that is asked over TCP, and says on a line of text how the server is (HAProxy's `agent-check`).
//!
//! An agent is asked in maintenance too, since it may end what it ordered itself. One that cannot be reached changes nothing. What its
//! words mean is read in `line`; what follows from them is control's business.

mod line;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::probe::{ProbeResult, words};
use crate::config;
use crate::control::{AgentAnswer, Control, jittered, limit_from, spread, weight_from};
use crate::server::{CheckResult, CheckStatus, Server};
use crate::topology::Topology;
use line::AgentLine;

/// Maximum length of a line, bytes.
const LONGEST: usize = 4 * 1024;

/// The settings that a task was started with; when they change, a new task replaces it.
#[derive(Clone)]
pub(super) struct AgentTask {
    pub(super) server: Arc<Server>,
    plan: config::AgentConfig,
    /// Whether it is enabled, and its server has an address.
    pub(super) awake: bool,
}

/// Marks a query as in progress until it is dropped.
struct AgentQuery<'a>(&'a Server);

/// A line, or the reason why there is none.
type Heard = Result<String, ProbeResult>;

/// Queries an agent repeatedly.
pub(super) async fn ask_for_ever(control: Arc<Control>, asked: AgentTask, slots: Arc<Semaphore>) {
    let AgentTask { server, plan, .. } = asked;
    let mut next = Instant::now() + spread(plan.interval);
    loop {
        sleep_until(next).await;
        let Ok(_slot) = slots.acquire().await else { return };
        next = Instant::now() + jittered(plan.interval);
        let Some(address) = address(&server, &plan) else { continue };
        let begun = Instant::now();
        let asking = AgentQuery::new(&server);
        let heard = ask(address, &plan.send, begun + plan.interval).await;
        drop(asking);
        let answer = answer(&control.topology(), &server, heard, begun);
        control.agent_said(&server, answer);
    }
}

fn address(server: &Server, plan: &config::AgentConfig) -> Option<SocketAddr> {
    let own = server.place.address()?;
    let port = if plan.port == 0 { own.port() } else { plan.port };
    Some(SocketAddr::new(plan.address.unwrap_or(own.ip()), port))
}

async fn ask(address: SocketAddr, send: &str, deadline: Instant) -> Heard {
    let mut stream = match timeout_at(deadline, TcpStream::connect(address)).await {
        Err(_) => return Err(ProbeResult::new(CheckStatus::L4Tout, "")),
        Ok(Err(error)) => return Err(ProbeResult::not_connected(&error)),
        Ok(Ok(stream)) => stream,
    };
    match timeout_at(deadline, converse(&mut stream, send)).await {
        Err(_) => Err(ProbeResult::new(CheckStatus::L7Tout, "")),
        Ok(heard) => heard,
    }
}

/// Sends the configured text and reads one line, or everything if the agent closes earlier.
async fn converse(stream: &mut TcpStream, send: &str) -> Heard {
    let broken = |error: &std::io::Error| ProbeResult::new(CheckStatus::L7Rsp, words(error));
    stream.write_all(send.as_bytes()).await.map_err(|error| broken(&error))?;
    let (mut heard, mut part) = (Vec::new(), [0; 512]);
    loop {
        let read = stream.read(&mut part).await.map_err(|error| broken(&error))?;
        heard.extend_from_slice(&part[..read]);
        let end = heard.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        match (end, read) {
            (Some(end), _) => heard.truncate(end),
            (None, 0) if heard.is_empty() => {
                return Err(ProbeResult::new(CheckStatus::L7Rsp, "closed without an answer"));
            }
            (None, 0) => {}
            (None, _) if heard.len() > LONGEST => {
                return Err(ProbeResult::new(CheckStatus::L7Rsp, "its line has no end"));
            }
            (None, _) => continue,
        }
        let text = String::from_utf8_lossy(&heard).replace('\t', " ");
        return Ok(text.chars().filter(|letter| !letter.is_control()).collect());
    }
}

/// Interprets a line for this server.
fn answer(topology: &Topology, server: &Server, heard: Heard, begun: Instant) -> AgentAnswer {
    let took = begun.elapsed();
    let result = |status, code, detail| CheckResult { status, code, took, detail, version: None };
    let said = match heard {
        Ok(said) => said,
        Err(ProbeResult { status, detail, .. }) => {
            let result = result(status, None, detail);
            let said = String::new();
            return AgentAnswer { result, said, up: None, order: None, weight: None, maxconn: None };
        }
    };
    let line = AgentLine::parse(&said);
    let (weight, no_weight) = parted(line.weight.as_deref().map(|word| weight_from(topology, server, word)));
    let (maxconn, no_maxconn) = parted(line.maxconn.as_deref().map(limit_from));
    let (status, code, detail) = line.told(no_weight.or(no_maxconn));
    let (up, order) = (line.up(), line.order);
    AgentAnswer { result: result(status, code, detail), said, up, order, weight, maxconn }
}

fn parted(read: Option<Result<u32, &'static str>>) -> (Option<u32>, Option<&'static str>) {
    let read = read.transpose();
    let wrong = read.err();
    (read.ok().flatten(), wrong)
}

// === impl AgentTask ===

impl AgentTask {
    /// The task for the agent of a server; `None` without one.
    pub(super) fn new(server: &Arc<Server>) -> Option<Self> {
        let plan = server.agent.plan()?;
        let awake = server.place.address().is_some() && server.health.snapshot().agent.is_watched();
        Some(Self { server: Arc::clone(server), plan, awake })
    }
}

impl PartialEq for AgentTask {
    fn eq(&self, other: &Self) -> bool {
        self.awake == other.awake && self.plan == other.plan
    }
}

// === impl AgentQuery ===

impl<'a> AgentQuery<'a> {
    fn new(server: &'a Server) -> Self {
        server.health.set_asking(true);
        Self(server)
    }
}

impl Drop for AgentQuery<'_> {
    fn drop(&mut self) {
        self.0.health.set_asking(false);
    }
}
