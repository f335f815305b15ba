//! One run of wrk, and what it says about it.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::machine::Machine;

/// A run without an error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    pub(super) requests: u64,
    /// A second, as it came out.
    pub(super) rate: f64,
}

/// What is to be run.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) wrk: &'a Path,
    pub(super) connections: usize,
    pub(super) seconds: u64,
    pub(super) size: usize,
}

// === impl Run ===

impl Run<'_> {
    /// Runs it against a proxy. Any error that wrk counts is an error here, with its whole report.
    pub(super) async fn against(&self, machine: &Machine, address: SocketAddr) -> anyhow::Result<Load> {
        let mut command = machine.load(self.wrk);
        command.args(["-t1", "--timeout", "30s"]);
        command.arg(format!("-c{}", self.connections)).arg(format!("-d{}s", self.seconds));
        command.arg(format!("http://{address}/{}", self.size)).kill_on_drop(true);
        let output = command.output().await.context("wrk")?;
        let report = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!("wrk ended with {}:\n{report}{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        parse(&report).map_err(|fault| anyhow::anyhow!("{fault}:\n{report}"))
    }
}

fn parse(report: &str) -> Result<Load, &'static str> {
    for (sign, fault) in [
        ("Socket errors:", "wrk met socket errors"),
        ("Non-2xx or 3xx responses:", "wrk got answers that say no success"),
    ] {
        if report.contains(sign) {
            return Err(fault);
        }
    }
    let requests = report
        .lines()
        .find_map(|line| line.split_once(" requests in ")?.0.trim().parse().ok())
        .ok_or("wrk does not say how many requests it made")?;
    let rate = report
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok())
        .ok_or("wrk does not say how many requests it made a second")?;
    if requests == 0 {
        return Err("wrk got no answer");
    }
    Ok(Load { requests, rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "Running 1s test @ http://127.0.0.1:9/128\n  1 threads and 64 connections\n  Thread Stats   Avg\n\
        \x20 21407 requests in 1.01s, 4.31MB read\nRequests/sec:  21178.56\nTransfer/sec:      4.26MB\n";

    #[test]
    fn a_report_is_read_and_any_error_in_it_is_one() {
        assert_eq!(parse(REPORT), Ok(Load { requests: 21_407, rate: 21_178.56 }));
        for line in
            ["  Socket errors: connect 0, read 0, write 0, timeout 1\n", "  Non-2xx or 3xx responses: 3\n"]
        {
            assert!(parse(&REPORT.replace("Requests/sec", &format!("{line}Requests/sec"))).is_err());
        }
        assert!(parse(&REPORT.replace("21407", "0")).is_err());
        assert!(parse("").is_err());
    }
}
