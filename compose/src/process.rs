//! One child process of the sample: started, asked to stop, waited for, and killed when its owner goes.
//!
//! Every wait has a limit. It knows nothing of what the child does.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::role::Role;

/// The most that a child's standard output may say.
const OUTPUT_LIMIT: u64 = 1 << 20;

/// How long a child may take from SIGTERM to its end.
pub(crate) const STOP_LIMIT: Duration = Duration::from_secs(35);

/// Where a child's standard error goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    /// Into its log file.
    Logged,
    /// Onto the terminal, each line behind the child's name.
    Shown,
}

/// A running child.
pub(crate) struct Process {
    name: String,
    child: Child,
    /// What the child says on standard output.
    output: JoinHandle<std::io::Result<String>>,
    log: PathBuf,
}

/// How a child ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) output: String,
}

// === impl Process ===

impl Process {
    /// Starts this program again in another role. Its log is `<name>.log` in `folder`.
    ///
    /// # Errors
    /// When the log cannot be written or the process cannot be started.
    pub(crate) fn spawn(
        name: &str,
        role: Role,
        arguments: Vec<OsString>,
        lines: Lines,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find the program itself")?;
        let log = folder.join(format!("{name}.log"));
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = Command::new(program)
            .arg(role.word())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(if lines == Lines::Shown { Stdio::piped() } else { Stdio::from(file) })
            // Its own group: Ctrl-C on the terminal reaches `compose`, which stops its children in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(show(name.to_owned(), stderr));
        }
        let stdout = child.stdout.take().context("no standard output")?;
        let output = tokio::spawn(async move {
            let mut text = String::new();
            stdout.take(OUTPUT_LIMIT).read_to_string(&mut text).await?;
            Ok(text)
        });
        Ok(Self { name: name.to_owned(), child, output, log })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The number of the process, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// How the child ended; `None` while it runs.
    ///
    /// # Errors
    /// The system does not tell.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("cannot get the state of {}", self.name))
    }

    /// Fails when the child has ended, with where its log is.
    ///
    /// # Errors
    /// The way it ended.
    pub(crate) fn check_alive(&mut self) -> anyhow::Result<()> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                let last: Vec<&str> = log.lines().rev().take(5).collect();
                let last: String = last.iter().rev().map(|line| format!("\n  {line}")).collect();
                anyhow::bail!("{} has ended ({status}){last}", self.name)
            }
        }
    }

    /// Asks the child to stop (SIGTERM). One that has ended already is left alone.
    pub(crate) fn terminate(&self) {
        // The child is not reaped before it is waited for, so the number cannot be another process's.
        if let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            // An error means that it has ended: `finish` will tell how.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Waits for the end of the child and takes what it said.
    ///
    /// # Errors
    /// When it has not ended within [`STOP_LIMIT`]; it is killed then.
    pub(crate) async fn finish(mut self) -> anyhow::Result<Ended> {
        let name = self.name;
        // `wait` would close it, and the child takes that for the end of its parent: a second signal.
        let _lifeline = self.child.stdin.take();
        let ended = tokio::time::timeout(STOP_LIMIT, async {
            let status = self.child.wait().await.with_context(|| format!("cannot wait for {name}"))?;
            let output = self.output.await.context("reading broke off")?;
            let output = output.with_context(|| format!("cannot read the output of {name}"))?;
            Ok(Ended { status, output })
        });
        match ended.await {
            Ok(ended) => ended,
            Err(_elapsed) => {
                self.child.start_kill().ok();
                anyhow::bail!("{name} had not ended {} s after SIGTERM: killed", STOP_LIMIT.as_secs())
            }
        }
    }

    /// [`terminate`](Self::terminate), then [`finish`](Self::finish).
    ///
    /// # Errors
    /// As `finish`.
    pub(crate) async fn stop(self) -> anyhow::Result<Ended> {
        self.terminate();
        self.finish().await
    }
}

/// Prints the lines of a child behind its name.
async fn show(name: String, from: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        println!("{name} | {line}");
    }
}
