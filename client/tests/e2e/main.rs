//! End-to-end tests of the judge: against an honest node, against one that is meddled with, and as a process.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

#[cfg(unix)]
mod health;
mod honest;
mod meddler;
mod meddling;
#[cfg(unix)]
mod process;
mod reconnecting;

use std::net::SocketAddr;
use std::time::Duration;

use client::{Mix, Options, Report};
use tokio_util::sync::CancellationToken;

/// Small, quick requests at full speed over one connection, without waiting for the target.
fn quick(target: SocketAddr, mix: Mix, requests: u64) -> Options {
    Options {
        target: target.into(),
        mix,
        requests: Some(requests),
        connections: 1,
        rate: 0,
        wait_ready: Duration::ZERO,
        slow: Duration::from_millis(20),
        pause: Duration::from_millis(1),
        quiet: true,
        ..Options::default()
    }
}

async fn judge(options: Options) -> Report {
    client::run(options, CancellationToken::new()).await.unwrap()
}

async fn node() -> api::Node {
    api::Node::start(api::Options::local("api1", "v2")).await.unwrap()
}
