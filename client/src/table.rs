//! The final report as text, for people.

use std::fmt::{self, Display, Formatter};

use crate::report::{Latency, Report};

impl Display for Report {
    /// Tables, then the closing line `N requests, M failed`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} at {}, {:.1} s, {:.0} requests/s",
            self.name,
            self.target,
            self.elapsed_ms as f64 / 1000.0,
            self.rate
        )?;
        heading(f, "node", "version")?;
        for row in &self.nodes {
            let (node, version) =
                (row.node.as_deref().unwrap_or("none"), row.version.as_deref().unwrap_or("-"));
            line(f, node, version, row.requests, row.failed, row.latency)?;
        }
        heading(f, "kind", "")?;
        for row in &self.kinds {
            line(f, row.kind.as_str(), "", row.requests, row.failed, row.latency)?;
        }
        if !self.reasons.is_empty() {
            writeln!(f, "\nfailures")?;
            for reason in &self.reasons {
                writeln!(f, "{:>8}  {:<7} {}", reason.count, reason.kind, reason.cause)?;
            }
        }
        writeln!(
            f,
            "\nlongest gap between successes {} ms, reconnected {} (replayed {})",
            self.longest_gap_ms, self.reconnected, self.replayed
        )?;
        writeln!(f, "{} requests, {} failed", self.requests, self.failed)
    }
}

fn heading(f: &mut Formatter<'_>, first: &str, second: &str) -> fmt::Result {
    writeln!(
        f,
        "\n{first:<12} {second:<12} {:>10} {:>8} {:>10} {:>10} {:>10}",
        "requests", "failed", "p50 ms", "p99 ms", "max ms"
    )
}

fn line(
    f: &mut Formatter<'_>,
    first: &str,
    second: &str,
    requests: u64,
    failed: u64,
    latency: Latency,
) -> fmt::Result {
    let Latency { p50_ms, p99_ms, max_ms } = latency;
    writeln!(
        f,
        "{first:<12} {second:<12} {requests:>10} {failed:>8} {p50_ms:>10.1} {p99_ms:>10.1} {max_ms:>10.1}"
    )
}
