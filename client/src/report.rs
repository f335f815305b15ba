//! The final report: what `--json` prints and what tests read. Plain data.

use serde::Serialize;

use crate::fault::Failure;
use crate::mix::Kind;

/// What a run has found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The client's name.
    pub name: String,
    /// Where requests went.
    pub target: String,
    /// The mix, as `--mix` takes it.
    pub mix: String,
    /// How long judging took, milliseconds.
    pub elapsed_ms: u64,
    /// Requests made and judged.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// New connections in place of an idle one that the peer had closed: no failure. Replays are included.
    pub reconnected: u64,
    /// Idempotent requests that were sent twice, because a reused connection was closed before any byte of the answer: no failure.
    pub replayed: u64,
    /// Requests a second, over the whole run.
    pub rate: f64,
    /// The longest time between two consecutive successes of the whole client while it was sending, milliseconds.
    pub longest_gap_ms: u64,
    /// Of all successes.
    pub latency: Latency,
    /// By kind.
    pub kinds: Vec<KindReport>,
    /// By node and version.
    pub nodes: Vec<NodeReport>,
    /// Failures grouped by kind and cause.
    pub reasons: Vec<ReasonReport>,
    /// Failures one by one, the first `--keep-failures` of them.
    pub failures: Vec<Failure>,
    /// Failures that are counted but not listed.
    pub failures_not_listed: u64,
}

/// Times from before connecting to the last byte, milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// Half took no longer.
    pub p50_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// None took longer.
    pub max_ms: f64,
}

/// One kind of request.
#[derive(Clone, Debug, Serialize)]
pub struct KindReport {
    /// The kind.
    pub kind: Kind,
    /// Requests of it.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// Of its successes.
    pub latency: Latency,
}

/// One version of one node, or what no node has answered.
#[derive(Clone, Debug, Serialize)]
pub struct NodeReport {
    /// As `x-node` said; `None` for failures that no node has answered.
    pub node: Option<String>,
    /// As `x-version` said.
    pub version: Option<String>,
    /// Requests it answered.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// Of its successes.
    pub latency: Latency,
}

/// Failures of one kind with one cause.
#[derive(Clone, Debug, Serialize)]
pub struct ReasonReport {
    /// The kind.
    pub kind: Kind,
    /// The cause, see [`crate::Reason::cause`].
    pub cause: String,
    /// How many.
    pub count: u64,
}

// === impl Report ===

impl Report {
    /// Whether something was judged and none of it failed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.requests > 0 && self.failed == 0
    }
}
