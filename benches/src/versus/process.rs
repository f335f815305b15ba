//! A process that was started here: what it has cost, how much memory it holds, and its end.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// How long a process may take to stop.
const STOP: Duration = Duration::from_secs(30);
/// How long memory may take to come to rest.
const REST: Duration = Duration::from_secs(30);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(250);

/// It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    name: String,
    pid: Pid,
    child: Child,
    said: PathBuf,
}

/// What a process holds, in bytes: `rss` resident, `pss` the same with shared pages divided among the processes that share them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) rss: u64,
    pub(super) pss: u64,
}

// === impl Process ===

impl Process {
    /// Starts it; what it says on its standard error goes to the file `said` and is shown if it fails.
    pub(super) fn start(
        name: &str,
        command: &mut Command,
        output: Stdio,
        said: PathBuf,
    ) -> anyhow::Result<Self> {
        let errors = fs::File::create(&said).with_context(|| said.display().to_string())?;
        let child = command
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        let pid =
            child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).context("a process without id")?;
        Ok(Self { name: name.to_owned(), pid, child, said })
    }

    /// Its standard output, for a caller that reads it.
    pub(super) fn output(&mut self) -> Option<tokio::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Fails if it has ended.
    pub(super) fn alive(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} has ended ({status}): {}", self.name, self.said()),
        }
    }

    fn said(&self) -> String {
        let text = fs::read_to_string(&self.said).unwrap_or_default();
        if text.trim().is_empty() { "it said nothing".into() } else { text.trim().to_owned() }
    }

    /// CPU time of it and its children, in user and system mode.
    pub(super) fn cpu(&self) -> anyhow::Result<Duration> {
        let all: Vec<Stat> = fs::read_dir("/proc")?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let pid = entry.file_name().to_str()?.parse().ok()?;
                stat(pid, &fs::read_to_string(entry.path().join("stat")).ok()?)
            })
            .collect();
        let ticks = ticks(&all, self.pid.as_raw_nonzero().get())
            .with_context(|| format!("{} is not in /proc: {}", self.name, self.said()))?;
        Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
    }

    /// Its memory, when two looks have found the same.
    pub(super) async fn memory_at_rest(&self) -> anyhow::Result<Memory> {
        let deadline = Instant::now() + REST;
        let mut last = self.memory()?;
        loop {
            sleep(LOOK).await;
            let now = self.memory()?;
            if now.rss == last.rss {
                return Ok(now);
            }
            if Instant::now() > deadline {
                bail!("the memory of {} does not come to rest", self.name);
            }
            last = now;
        }
    }

    fn memory(&self) -> anyhow::Result<Memory> {
        let file = format!("/proc/{}/smaps_rollup", self.pid.as_raw_nonzero());
        let text = fs::read_to_string(&file).with_context(|| file.clone())?;
        memory(&text).with_context(|| format!("{file} has no Rss and Pss"))
    }

    /// Asks it to stop, and waits until it has.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        kill_process(self.pid, Signal::TERM).with_context(|| self.name.clone())?;
        match timeout(STOP, self.child.wait()).await {
            Ok(status) => status.map(|_| ()).with_context(|| self.name.clone()),
            Err(_) => bail!("{} does not stop", self.name),
        }
    }
}

/// A line of `/proc/PID/stat`, as far as it is needed.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    pid: i32,
    parent: i32,
    /// User and system time of itself, and of the children it has waited for.
    ticks: u64,
}

fn stat(pid: i32, line: &str) -> Option<Stat> {
    // The name in parentheses may hold spaces and parentheses.
    let fields: Vec<&str> = line.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum::<Option<u64>>()?;
    Some(Stat { pid, parent: fields.get(1)?.parse().ok()?, ticks })
}

/// The ticks of a process and of everybody below it.
fn ticks(all: &[Stat], root: i32) -> Option<u64> {
    let own = all.iter().find(|stat| stat.pid == root)?.ticks;
    let below: u64 =
        all.iter().filter(|stat| stat.parent == root).filter_map(|stat| ticks(all, stat.pid)).sum();
    Some(own + below)
}

fn memory(text: &str) -> Option<Memory> {
    let bytes = |name| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    };
    Some(Memory { rss: bytes("Rss:")?, pss: bytes("Pss:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_name() {
        let line = "42 (a) b (c) S 7 42 42 0 -1 4194560 100 0 0 0 11 22 3 4 20 0 2 0 1 2 3";
        assert_eq!(stat(42, line), Some(Stat { pid: 42, parent: 7, ticks: 40 }));
        assert_eq!(stat(42, "42 (a) S 7 42"), None);
    }

    #[test]
    fn the_time_of_children_counts_and_that_of_strangers_does_not() {
        let stat = |pid, parent, ticks| Stat { pid, parent, ticks };
        let all = [stat(1, 0, 1000), stat(5, 1, 10), stat(6, 5, 20), stat(7, 6, 30), stat(8, 1, 500)];
        assert_eq!(ticks(&all, 5), Some(60));
        assert_eq!(ticks(&all, 9), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "5500-7f [rollup]\nRss:      1000 kB\nPss:       900 kB\nPss_Dirty:  1 kB\n";
        assert_eq!(memory(text), Some(Memory { rss: 1_024_000, pss: 921_600 }));
        assert_eq!(memory("Rss: x kB\n"), None);
    }
}
