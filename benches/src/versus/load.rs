//! One run of the load against a proxy, in a process of its own.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::machine::Machine;
use super::proxy::beside;
use crate::load::Load;

/// What is to be run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) connections: usize,
    pub(super) seconds: u64,
    pub(super) size: usize,
}

// === impl Run ===

impl Run {
    /// Runs it against a proxy.
    pub(super) async fn against(&self, machine: &Machine, address: SocketAddr) -> anyhow::Result<Load> {
        let mut command = machine.load(&beside("load")?);
        command.arg(address.to_string()).arg(format!("/{}", self.size));
        command.arg(self.connections.to_string()).arg(self.seconds.to_string()).kill_on_drop(true);
        let output = command.output().await.context("load")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim_end());
        let report = String::from_utf8_lossy(&output.stdout);
        parse(&report).with_context(|| format!("load said {report:?}"))
    }
}

fn parse(report: &str) -> Option<Load> {
    let (requests, seconds) = report.trim_end().split_once(' ')?;
    let took = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    let load = Load { requests: requests.parse().ok()?, took };
    (load.requests > 0 && !took.is_zero()).then_some(load)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_and_nothing_is_none() {
        let load = Load { requests: 21_407, took: Duration::from_millis(1012) };
        assert_eq!(parse("21407 1.012\n"), Some(load));
        for bad in ["", "21407\n", "0 1.0\n", "5 0\n", "x 1\n", "5 x\n", "5 -1\n"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
