//! The rolling deployment: what an operator does by hand, with a limit on every wait.
//!
//! Everything goes through the runtime socket and the processes' signals; no shortcut into `lb` is taken.

use std::time::{Duration, Instant};

use anyhow::bail;

use crate::narrate::Narrator;
use crate::node::Node;
use crate::sample::{FIRST_VERSION, Sample};
use crate::topology::BACKEND;

/// How long requests in flight may take to end.
const DRAIN_LIMIT: Duration = Duration::from_secs(60);
/// How long a new node may take to pass the balancer's checks.
const UP_LIMIT: Duration = Duration::from_secs(20);
/// How long traffic may take to reach a new node.
const TRAFFIC_LIMIT: Duration = Duration::from_secs(20);
/// How often the balancer is asked.
const POLL_EVERY: Duration = Duration::from_millis(20);
/// How many seconds of traffic every version gets before the next step.
const TRAFFIC_TIME: Duration = Duration::from_secs(4);

/// Rolls `version` over all nodes, one after the other, under traffic.
///
/// # Errors
/// The first step that fails or takes too long: the nodes after it keep their version.
pub(crate) async fn roll(sample: &mut Sample, version: &str, narrator: &Narrator) -> anyhow::Result<()> {
    keep_going(sample, TRAFFIC_TIME, narrator).await?;
    narrator.say(format_args!("deploying {version} over {FIRST_VERSION}, one node after the other"));
    for name in &sample.topology.names() {
        replace(sample, name, version, narrator).await?;
        keep_going(sample, TRAFFIC_TIME / 2, narrator).await?;
    }
    narrator.say(format_args!("every node runs {version}; {} s more of traffic", TRAFFIC_TIME.as_secs()));
    keep_going(sample, TRAFFIC_TIME, narrator).await
}

/// Takes one node out, stops it, starts it at the new version and puts it back.
async fn replace(sample: &mut Sample, name: &str, version: &str, narrator: &Narrator) -> anyhow::Result<()> {
    let say = |text: std::fmt::Arguments<'_>| narrator.say(format_args!("{name}: {text}"));

    sample.socket.order(&format!("disable server {BACKEND}/{name}")).await?;
    let before = sample.socket.server(BACKEND, name).await?;
    say(format_args!("disabled, {} in flight, {} queued", before.scur, before.qcur));
    let drained = wait_until_drained(sample, name).await?;
    say(format_args!("drained in {}", millis(drained)));

    let old = sample.take(name)?;
    let address = old.address;
    let stopped = old.stop().await?;
    say(format_args!("stopped cleanly in {}", millis(stopped)));

    let mut new = Node::spawn(name, version, address, sample.topology.folder())?;
    let started = new.wait_until_healthy().await?;
    sample.insert(new);
    say(format_args!("{version} healthy in {}", millis(started)));

    let already = sample.socket.server(BACKEND, name).await?.stot;
    sample.socket.order(&format!("enable server {BACKEND}/{name}")).await?;
    // `UP 1/3` is a server that has not passed a check since: only the bare word says that it has.
    let up = sample.wait_for("every server is UP", UP_LIMIT, |stat| stat.status == "UP").await?;
    let answering = sample
        .wait_for("the new node gets requests", TRAFFIC_LIMIT, |stat| {
            stat.server != name || stat.stot > already
        })
        .await?;
    say(format_args!("enabled, UP and answering in {}", millis(up + answering)));
    Ok(())
}

/// Returns when nothing is in flight on the server and nothing waits for it.
async fn wait_until_drained(sample: &mut Sample, name: &str) -> anyhow::Result<Duration> {
    let started = Instant::now();
    loop {
        sample.check_alive()?;
        let stat = sample.socket.server(BACKEND, name).await?;
        if stat.status != "MAINT" {
            bail!("{name} is {} and not MAINT: somebody else gives orders", stat.status);
        }
        if stat.scur == 0 && stat.qcur == 0 {
            return Ok(started.elapsed());
        }
        if started.elapsed() > DRAIN_LIMIT {
            bail!(
                "{name} has {} in flight and {} queued after {} s",
                stat.scur,
                stat.qcur,
                DRAIN_LIMIT.as_secs()
            );
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}

/// Lets the traffic go on for a while, and fails when a part of the sample ends meanwhile.
async fn keep_going(sample: &mut Sample, time: Duration, narrator: &Narrator) -> anyhow::Result<()> {
    match tokio::time::timeout(time, sample.watch(narrator)).await {
        Ok(ended) => ended,
        Err(_elapsed) => Ok(()),
    }
}

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
