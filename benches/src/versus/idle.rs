//! Memory of idle client connections: what a process holds before, and with so many that have each made a request.
//!
//! It is the process' own memory; the kernel's part of a socket is the same for all and not in it.

use anyhow::{Context as _, ensure};

use super::proxy::Proxy;
use super::stage::{Stage, blocking};
use super::table;
use crate::client::{Buffer, Client};

pub(super) async fn measure(
    stage: &Stage,
    proxies: &[Proxy],
    number: usize,
    size: usize,
) -> anyhow::Result<()> {
    println!("\n### {number} idle connections, each after a request of {}\n", table::bytes(size));
    println!("| proxy | RSS before, MB | RSS a connection, bytes | PSS a connection, bytes |");
    println!("|---|--:|--:|--:|");
    for proxy in proxies {
        // A fresh process: one that had load keeps what it freed, and would seem to grow less.
        let started = stage.start(proxy).await?;
        let before = started.process.memory_at_rest().await?;
        let (address, path) = (started.address, format!("/{size}"));
        let open = move || {
            let mut buffer = Buffer::default();
            let mut clients = Vec::with_capacity(number);
            for count in 0..number {
                let opened = Client::connect(address).and_then(|mut client| {
                    let answer = client.get(&path, &mut buffer, |_| ())?;
                    Ok((client, answer))
                });
                let (client, answer) = opened.with_context(|| format!("connection {count}"))?;
                ensure!(answer.status == 200, "connection {count} is answered with {}", answer.status);
                clients.push(client);
            }
            Ok((clients, path))
        };
        let (mut clients, path) = blocking(open).await.with_context(|| proxy.name.clone())?;
        let after = started.process.memory_at_rest().await?;
        // Only if each is still there was it idle, and not closed.
        let again = move || {
            let mut buffer = Buffer::default();
            for (count, client) in clients.iter_mut().enumerate() {
                client
                    .get(&path, &mut buffer, |_| ())
                    .with_context(|| format!("idle connection {count} was not kept"))?;
            }
            Ok(())
        };
        blocking(again).await.with_context(|| proxy.name.clone())?;
        let growth = |after: u64, before: u64| (after as f64 - before as f64) / number as f64;
        println!(
            "| {} | {:.1} | {:.0} | {:.0} |",
            proxy.name,
            before.rss as f64 / f64::from(1 << 20),
            growth(after.rss, before.rss),
            growth(after.pss, before.pss),
        );
        started.process.stop().await?;
    }
    Ok(())
}
