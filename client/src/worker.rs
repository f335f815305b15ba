//! One worker: one connection, one request after the other. Here is decided what a standard client may recover from by itself.

use std::sync::Arc;
use std::time::Instant;

use http::header::CONNECTION;
use http::{Response, Version};
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::exchange::{NodeIdentity, Plan};
use crate::fault::Reason;
use crate::mix::Kind;
use crate::run::Shared;

pub(crate) struct Worker {
    shared: Arc<Shared>,
    connection: Option<Connection>,
    random: fastrand::Rng,
}

/// What became of one request.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) kind: Kind,
    pub(crate) started: Instant,
    pub(crate) ended: Instant,
    /// The node that responded; also of a failed request, if its response had begun.
    pub(crate) identity: Option<NodeIdentity>,
    /// What the node said, for the kinds that say something.
    pub(crate) result: Result<Option<String>, Reason>,
    /// Whether any byte of the request was written.
    pub(crate) sent: bool,
    /// New connections in place of one that the peer had closed.
    pub(crate) reconnected: u64,
    /// Whether it was sent a second time after it may have been seen once.
    pub(crate) replayed: bool,
}

/// What is known of a request while it runs; it survives a timeout.
#[derive(Default)]
struct Trace {
    identity: Option<NodeIdentity>,
    sent: bool,
    reconnected: u64,
    replayed: bool,
    /// The answer says that the connection ends with it.
    last: bool,
    /// The meter of the connection when the request began on it.
    mark: (u64, u64),
}

// === impl Worker ===

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, connection: None, random: fastrand::Rng::new() }
    }

    /// Sends requests until there are none left or `stop`; a request that was begun is always finished.
    pub(crate) async fn work(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let Some(ticket) = self.shared.pace.take(Instant::now()) else {
                self.shared.tally().close(Instant::now());
                return;
            };
            let due = tokio::time::sleep_until(ticket.due.into());
            if stop.run_until_cancelled(due).await.is_none() {
                return;
            }
            let outcome = self.request(ticket.kind).await;
            self.shared.record(&outcome);
            // At full speed against a target on this runtime a worker must not keep the others waiting.
            tokio::task::yield_now().await;
        }
    }

    async fn request(&mut self, kind: Kind) -> Outcome {
        let plan = Plan::new(kind, &self.shared.options, &mut self.random);
        let mut trace = Trace::default();
        let started = Instant::now();
        let limit = self.shared.options.timeout;
        let result = tokio::time::timeout(limit, self.exchange(&plan, kind, &mut trace))
            .await
            .unwrap_or(Err(Reason::Timeout));
        let ended = Instant::now();
        trace.sent |= self.traffic(&trace).0;
        // What is left on a connection after a failure is anybody's guess; a WebSocket has used its own up. One that was
        // announced to end is let go here: the next is no reconnection.
        if result.is_err() || kind == Kind::Ws || trace.last {
            self.connection = None;
        }
        let Trace { identity, sent, reconnected, replayed, .. } = trace;
        Outcome { kind, started, ended, identity, result, sent, reconnected, replayed }
    }

    async fn exchange(
        &mut self,
        plan: &Plan,
        kind: Kind,
        trace: &mut Trace,
    ) -> Result<Option<String>, Reason> {
        let mut reused = self.usable(trace).await;
        loop {
            let fault = match self.attempt(plan, trace).await {
                Ok(said) => return Ok(said),
                Err(fault) => fault,
            };
            let (written, read) = self.traffic(trace);
            // RFC 9112 §9.3.1: only a reused connection, only before any answer; if bytes of the request have left, only
            // what may be done twice.
            if !reused || read || !fault.is_disconnect() || (written && !kind.is_idempotent()) {
                return Err(fault);
            }
            reused = false;
            trace.sent |= written;
            trace.replayed |= written;
            trace.reconnected += 1;
            self.connection = None;
        }
    }

    /// Whether there is a connection from before; one that the peer has closed meanwhile is let go.
    async fn usable(&mut self, trace: &mut Trace) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        if connection.is_closed().await {
            self.connection = None;
            trace.reconnected += 1;
        }
        self.connection.is_some()
    }

    async fn attempt(&mut self, plan: &Plan, trace: &mut Trace) -> Result<Option<String>, Reason> {
        let target = &self.shared.options.target;
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(target).await?),
        };
        trace.mark = connection.meter().totals();
        let sent = Instant::now();
        let response = connection.send(plan.request(target)?).await?;
        trace.identity = NodeIdentity::of(&response);
        trace.last = is_last(&response);
        plan.check(response, trace.identity.as_ref(), sent).await
    }

    /// Whether anything was written, and read, since the request began on this connection.
    fn traffic(&self, trace: &Trace) -> (bool, bool) {
        let totals = self.connection.as_ref().map_or(trace.mark, |connection| connection.meter().totals());
        (totals.0 > trace.mark.0, totals.1 > trace.mark.1)
    }
}

/// Whether the peer announces to close the connection behind this answer (RFC 9112 §9.3).
fn is_last<B>(response: &Response<B>) -> bool {
    let says = |option: &str| {
        let values =
            response.headers().get_all(CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|said| said.trim().eq_ignore_ascii_case(option))
    };
    says("close") || (response.version() == Version::HTTP_10 && !says("keep-alive"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_connection_is_announced_by_its_options_and_version() {
        for (version, connection, last) in [
            (Version::HTTP_11, None, false),
            (Version::HTTP_11, Some("keep-alive"), false),
            (Version::HTTP_11, Some("close"), true),
            (Version::HTTP_11, Some("x-trace, Close"), true),
            (Version::HTTP_11, Some("closed"), false),
            (Version::HTTP_10, None, true),
            (Version::HTTP_10, Some("Keep-Alive"), false),
        ] {
            let mut response = Response::builder().version(version);
            if let Some(options) = connection {
                response = response.header(CONNECTION, options);
            }
            assert_eq!(is_last(&response.body(()).unwrap()), last, "{version:?} {connection:?}");
        }
    }
}
