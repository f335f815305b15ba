//! Interleaved rounds: in each, every proxy in turn has the same load, so that what changes on the machine changes for all.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::time::sleep;

use super::args::Args;
use super::load::Run;
use super::proxy::{Kind, Proxy};
use super::stage::{Stage, Started, blocking};
use crate::client::{Buffer, Client};

/// How many requests at least have to share a new server connection.
const REUSED: u64 = 100;

/// How long a proxy gets before it is measured, seconds.
const WARM_UP: u64 = 1;

/// Between two scrapes.
const SCRAPE: Duration = Duration::from_secs(1);

/// A proxy's round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    /// CPU time of a request, µs.
    pub(super) cpu: f64,
    pub(super) rate: f64,
    /// Part of its core that it used.
    pub(super) busy: f64,
    /// New connections to servers.
    pub(super) opened: u64,
}

/// All its rounds.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) rounds: Vec<Round>,
}

/// Loads every proxy in every round; each round begins with another one. They are started again for each round: how a process happens to
/// lie in memory makes a difference of several percent, for as long as it runs.
pub(super) async fn measure(
    args: &Args,
    stage: &Stage,
    proxies: &[Proxy],
    size: usize,
) -> anyhow::Result<Vec<Measured>> {
    let run = |seconds| Run { connections: args.connections, seconds, size };
    let mut measured: Vec<_> = proxies
        .iter()
        .map(|proxy| Measured { name: proxy.name.clone(), kind: proxy.kind, rounds: Vec::new() })
        .collect();
    for number in 0..args.rounds {
        let mut line = Vec::new();
        for turn in 0..proxies.len() {
            let turn = (number + turn) % proxies.len();
            let proxy = &proxies[turn];
            let mut started = stage.start(proxy).await?;
            round(stage, &mut started, &run(WARM_UP))
                .await
                .with_context(|| format!("{}, warming up", proxy.name))?;
            let round = round(stage, &mut started, &run(args.seconds))
                .await
                .with_context(|| format!("{}, round {}", proxy.name, number + 1))?;
            line.push(format!("{} {:.2} µs", proxy.name, round.cpu));
            measured[turn].rounds.push(round);
        }
        eprintln!("versus: {size} B, round {} of {}: {}", number + 1, args.rounds, line.join(", "));
    }
    Ok(measured)
}

/// Scrapes `pages` every second, if there are any, until this is dropped or a scrape fails.
async fn scrapes(pages: Option<SocketAddr>) -> anyhow::Error {
    let Some(pages) = pages else { return std::future::pending().await };
    loop {
        let scrape = blocking(move || {
            let answer = Client::connect(pages)?.get("/metrics", &mut Buffer::default(), |_| ())?;
            ensure!(answer.status == 200, "it is answered with {}", answer.status);
            Ok(())
        });
        if let Err(fault) = scrape.await {
            return fault;
        }
        sleep(SCRAPE).await;
    }
}

async fn round(stage: &Stage, proxy: &mut Started, run: &Run) -> anyhow::Result<Round> {
    let opened = stage.opened().await?;
    let before = proxy.process.cpu()?;
    let load = tokio::select! {
        load = run.against(&stage.machine, proxy.address) => load?,
        fault = scrapes(proxy.pages) => return Err(fault.context("a scrape")),
    };
    let cpu = proxy.process.cpu()?.saturating_sub(before);
    proxy.process.alive()?;
    let opened = stage.opened().await?.saturating_sub(opened);
    let expected = 2 * run.connections as u64 + load.requests / REUSED;
    ensure!(
        opened <= expected,
        "{} opened {opened} server connections for {} requests: it does not keep them, so this would be no fair comparison",
        proxy.name,
        load.requests
    );
    ensure!(
        cpu > Duration::ZERO,
        "{} used no CPU time that /proc can show: --seconds is too short",
        proxy.name
    );
    Ok(Round {
        cpu: cpu.as_secs_f64() * 1e6 / load.requests as f64,
        rate: load.requests as f64 / load.took.as_secs_f64(),
        busy: cpu.as_secs_f64() / load.took.as_secs_f64(),
        opened,
    })
}
