//! Instructions and system calls of a request, counted by valgrind and strace.
//!
//! Each proxy runs twice, with N and with 2N requests; the difference is N requests without start and end. They come in waves, one on
//! each connection, as under load: a proxy that wakes up once for many of them is not counted as if it woke up for each. Counts
//! depend little on what else the machine does; they say nothing of what a system call costs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use tokio::time::sleep;

use super::calls;
use super::machine::find;
use super::proxy::{Kind, Proxy};
use super::stage::{Stage, Under, blocking};
use super::table;
use crate::client::{Buffer, Client};

/// How long a tool may take to write what it has counted.
const WRITE: Duration = Duration::from_secs(30);
/// Between two looks for it.
const LOOK: Duration = Duration::from_millis(20);
/// Calls that are made less often than this a request are not named.
const RARE: f64 = 0.01;

/// User-mode instructions a request.
pub(super) async fn instructions(
    stage: &Stage,
    proxies: &[Proxy],
    number: usize,
    size: usize,
) -> anyhow::Result<()> {
    let number = number.next_multiple_of(stage.clients);
    let title = format!("### Instructions in user space, {number} requests of {}", table::bytes(size));
    let Some(valgrind) = find("valgrind") else {
        println!("\n{title}\n\nvalgrind is not installed (apt-get install valgrind): not counted");
        return Ok(());
    };
    let mut counted = Vec::new();
    for proxy in proxies {
        let wrapper = |file: &Path| {
            let mut out = OsString::from("--callgrind-out-file=");
            out.push(file);
            vec![valgrind.clone().into(), "--tool=callgrind".into(), "-q".into(), out]
        };
        let Some([once, twice]) = pair(stage, proxy, number, size, wrapper, calls::callgrind).await else {
            continue;
        };
        counted.push((proxy, (twice as f64 - once as f64) / number as f64));
    }
    println!("\n{title}\n\n| proxy | instructions a request | to HAProxy |\n|---|--:|--:|");
    let haproxy = counted.iter().find(|(proxy, _)| proxy.kind == Kind::HaProxy).map(|(_, count)| *count);
    for (proxy, count) in counted {
        let ratio = haproxy.map_or("–".into(), |haproxy| format!("{:.2}", count / haproxy));
        println!("| {} | {count:.0} | {ratio} |", proxy.name);
    }
    Ok(())
}

/// System calls a request.
pub(super) async fn system_calls(
    stage: &Stage,
    proxies: &[Proxy],
    number: usize,
    size: usize,
) -> anyhow::Result<()> {
    let number = number.next_multiple_of(stage.clients);
    println!("\n### System calls, {number} requests of {}\n", table::bytes(size));
    let Some(strace) = find("strace") else {
        println!("strace is not installed (apt-get install strace): not counted");
        return Ok(());
    };
    println!("| proxy | calls a request | of which |\n|---|--:|---|");
    for proxy in proxies {
        // With -D the proxy is our child, and strace ends with it.
        let wrapper = |file: &Path| {
            let strace = strace.clone().into();
            vec![strace, "-D".into(), "-f".into(), "-c".into(), "-o".into(), file.into()]
        };
        let Some([once, twice]) = pair(stage, proxy, number, size, wrapper, calls::strace).await else {
            continue;
        };
        let (total, named) = difference(&once, &twice, number);
        println!("| {} | {total:.2} | {named} |", proxy.name);
    }
    Ok(())
}

/// The calls of a request, in all and by name.
fn difference(once: &BTreeMap<String, u64>, twice: &BTreeMap<String, u64>, number: usize) -> (f64, String) {
    let mut each: Vec<_> = twice
        .iter()
        .map(|(name, &count)| {
            let before = once.get(name).copied().unwrap_or_default();
            (name, (count as f64 - before as f64) / number as f64)
        })
        .collect();
    each.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let named: Vec<_> = each
        .iter()
        .filter(|(_, count)| *count >= RARE)
        .map(|(name, count)| format!("{name} {count:.2}"))
        .collect();
    (each.iter().map(|(_, count)| count).sum(), named.join(", "))
}

/// What a tool counts in N and in 2N requests; says so when a proxy cannot be run under it.
async fn pair<T>(
    stage: &Stage,
    proxy: &Proxy,
    number: usize,
    size: usize,
    wrapper: impl Fn(&Path) -> Vec<OsString>,
    read: impl Fn(&str) -> Option<T>,
) -> Option<[T; 2]> {
    let once = run(stage, proxy, number, size, &wrapper, &read).await;
    let both = match once {
        Ok(once) => run(stage, proxy, 2 * number, size, &wrapper, &read).await.map(|twice| [once, twice]),
        Err(error) => Err(error),
    };
    both.inspect_err(|error| eprintln!("versus: {} is not counted: {error:#}", proxy.name)).ok()
}

async fn run<T>(
    stage: &Stage,
    proxy: &Proxy,
    number: usize,
    size: usize,
    wrapper: impl Fn(&Path) -> Vec<OsString>,
    read: impl Fn(&str) -> Option<T>,
) -> anyhow::Result<T> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("counted");
    let started = stage.start_under(proxy, Under { wrapper: wrapper(&file), timeless: true }).await?;
    let (address, connections) = (started.address, stage.clients);
    let requests = move || {
        let clients = (0..connections).map(|_| Client::connect(address)).collect::<Result<Vec<_>, _>>();
        let (mut clients, mut buffer, path) = (clients?, Buffer::default(), format!("/{size}"));
        for _ in 0..number / connections {
            for client in &mut clients {
                client.ask(&path)?;
            }
            for client in &mut clients {
                let answer = client.hear(&mut buffer, |_| ())?;
                ensure!(answer.status == 200, "it answers with {}", answer.status);
            }
        }
        Ok(())
    };
    blocking(requests).await?;
    started.process.stop().await?;
    let deadline = Instant::now() + WRITE;
    loop {
        let text = fs::read_to_string(&file).unwrap_or_default();
        if let Some(counted) = read(&text) {
            return Ok(counted);
        }
        if Instant::now() > deadline {
            bail!("the tool has written nothing that can be read: {text:?}");
        }
        sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_and_end_divide_out() {
        let calls =
            |all: &[(&str, u64)]| all.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let once = calls(&[("read", 250), ("write", 210), ("mmap", 30)]);
        let twice = calls(&[("read", 450), ("write", 410), ("mmap", 30), ("epoll_wait", 50)]);
        let (total, named) = difference(&once, &twice, 100);
        assert_eq!(named, "read 2.00, write 2.00, epoll_wait 0.50");
        assert_eq!(total, 4.5);
    }
}
