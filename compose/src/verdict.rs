//! The verdict: what all clients saw, merged, and whether anything speaks against the run.
//!
//! It believes the clients' reports and exit statuses only, and counts nothing itself.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::process::Ended;

/// What one client reports (`client --json`).
#[derive(Debug, Deserialize)]
struct Report {
    requests: u64,
    failed: u64,
    reconnected: u64,
    longest_gap_ms: f64,
    nodes: Vec<Answers>,
}

/// The answers that one client got from one node at one version.
#[derive(Debug, Deserialize)]
struct Answers {
    node: String,
    version: String,
    requests: u64,
}

/// All reports together.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    clients: usize,
    requests: u64,
    failed: u64,
    reconnected: u64,
    longest_gap_ms: f64,
    /// Answers by node and version.
    nodes: BTreeMap<(String, String), u64>,
    /// What speaks against the run in addition to failed requests.
    objections: Vec<String>,
}

// === impl Verdict ===

impl Verdict {
    /// Adds what a client reported at its end.
    ///
    /// # Errors
    /// When the report cannot be read, or says that nothing failed while the exit status says otherwise.
    pub(crate) fn add(&mut self, client: &Ended) -> anyhow::Result<()> {
        let report: Report = serde_json::from_str(client.output.trim())
            .with_context(|| format!("no report; it ended with {}", client.status))?;
        let clean = client.status.success();
        let failed = report.failed;
        self.merge(report);
        if !clean && failed == 0 {
            bail!("it reports no failure, but ended with {}", client.status);
        }
        Ok(())
    }

    fn merge(&mut self, report: Report) {
        self.clients += 1;
        self.requests += report.requests;
        self.failed += report.failed;
        self.reconnected += report.reconnected;
        self.longest_gap_ms = self.longest_gap_ms.max(report.longest_gap_ms);
        for answers in report.nodes {
            *self.nodes.entry((answers.node, answers.version)).or_default() += answers.requests;
        }
    }

    /// Notes what speaks against the run.
    pub(crate) fn object(&mut self, objection: String) {
        self.objections.push(objection);
    }

    /// Every one of these nodes has to have answered at this version.
    pub(crate) fn require_version(&mut self, nodes: &[String], version: &str) {
        for node in nodes {
            if !self.nodes.contains_key(&(node.clone(), version.to_owned())) {
                self.object(format!("no client saw {node} at {version}"));
            }
        }
    }

    /// Whether requests were sent, none failed, and nothing else speaks against the run.
    pub(crate) fn is_clean(&self) -> bool {
        self.requests > 0 && self.failed == 0 && self.objections.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: fn(&(String, String)) -> usize, least: usize| {
            self.nodes.keys().map(column).fold(least, usize::max)
        };
        let node_width = width(|(node, _)| node.len(), "node".len());
        let version_width = width(|(_, version)| version.len(), "version".len());
        writeln!(f, "\n{:node_width$}  {:version_width$}  {:>9}", "node", "version", "answers")?;
        for ((node, version), answers) in &self.nodes {
            writeln!(f, "{node:node_width$}  {version:version_width$}  {answers:>9}")?;
        }
        writeln!(
            f,
            "\n{} clients, {} reconnected, longest gap between two answers {:.0} ms",
            self.clients, self.reconnected, self.longest_gap_ms
        )?;
        for objection in &self.objections {
            writeln!(f, "not clean: {objection}")?;
        }
        writeln!(f, "{} requests, {} failed", self.requests, self.failed)
    }
}

#[cfg(test)]
mod tests;
