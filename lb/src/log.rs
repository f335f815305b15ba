//! Log lines: each log has its own thread that writes them, and no sender ever waits for it.
//!
//! Events are sent as single lines; access lines are buffered by their thread and sent as text ([`line_buffer`]).
//! When a target cannot keep up (a full disk, a slow reader, a syslog daemon that is gone) its lines are dropped
//! and counted. Logs can be replaced at run time: senders are given the new sinks, and lines that were sent
//! before are still written.

pub mod date;
mod line_buffer;
mod shorten;
mod sinks;
mod syslog;
mod target;
mod trouble;
mod writer;
mod zone;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config;
use crate::counters::Counter;

use sinks::LogSink;
use writer::{Thread, Writer};

pub use crate::config::LogLevel as Level;
pub use line_buffer::{LineBuffer, before_sleep};
pub use sinks::LogSinks;
pub use zone::find as find_time_zone;

/// Time for the last lines to be written at the end of the process.
const LAST_LINES: Duration = Duration::from_secs(1);

/// A value that is written as a log line.
pub trait LogLine: Send {
    /// Writes the line, without a line feed.
    fn write(&self, out: &mut Vec<u8>);

    /// Its severity, for targets that use it.
    fn level(&self) -> Level {
        Level::Info
    }

    /// Whether the line contains its own time. Otherwise targets without a date put one before it.
    fn is_dated(&self) -> bool {
        true
    }
}

/// The logs of the process; clones share them.
#[derive(Debug, Clone)]
pub struct Log(Arc<Logs>);

#[derive(Debug)]
struct Logs {
    now: Mutex<Now>,
    /// Lines lost by any log, including former ones.
    dropped: Arc<Counter>,
}

#[derive(Debug)]
struct Now {
    sinks: LogSinks,
    /// Threads of `sinks`, and of former logs that still have lines to write.
    threads: Vec<Thread>,
}

/// Opened logs that are not in use yet.
#[derive(Debug)]
pub struct PreparedLogs {
    sinks: LogSinks,
    threads: Vec<Thread>,
}

/// Opens logs.
///
/// # Errors
/// A target cannot be opened; the error names it.
pub fn start(configs: &[config::LogConfig]) -> io::Result<Log> {
    let dropped = Arc::default();
    let PreparedLogs { sinks, threads } = prepare(configs, &LogSinks::default(), &dropped)?;
    Ok(Log(Arc::new(Logs { now: Mutex::new(Now { sinks, threads }), dropped })))
}

/// Opens what is not open in `former`.
fn prepare(
    configs: &[config::LogConfig],
    former: &LogSinks,
    dropped: &Arc<Counter>,
) -> io::Result<PreparedLogs> {
    let mut threads = Vec::new();
    let mut way = |config: &config::LogConfig| {
        let writer = match former.writer_for(config) {
            Some(writer) => writer,
            None => {
                let (writer, thread) = Writer::start(config, dropped)?;
                threads.push(thread);
                writer
            }
        };
        Ok(LogSink::new(config, writer))
    };
    let sinks = configs.iter().map(&mut way).collect::<io::Result<_>>()?;
    Ok(PreparedLogs { sinks, threads })
}

// === impl Log ===

impl Log {
    /// The sinks of the current logs.
    pub fn sinks(&self) -> LogSinks {
        self.now().sinks.clone()
    }

    /// Opens what is new in `configs`; `None` if nothing changed. Logs are not affected until
    /// [`Log::replace`]; if that is not called, at most empty files are left behind. May look up names.
    ///
    /// # Errors
    /// A target cannot be opened; the error names it.
    pub fn prepare(&self, configs: &[config::LogConfig]) -> io::Result<Option<PreparedLogs>> {
        let former = self.sinks();
        if former.are(configs) {
            return Ok(None);
        }
        prepare(configs, &former, &self.0.dropped).map(Some)
    }

    /// Replaces the logs. The thread of a removed one ends when its last sink is dropped and everything is
    /// written.
    pub fn replace(&self, PreparedLogs { sinks, threads }: PreparedLogs) {
        let mut now = self.now();
        now.threads.retain(Thread::is_running);
        now.threads.extend(threads);
        now.sinks = sinks;
    }

    /// Lines lost so far.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.get()
    }

    /// Returns new reports: a log fails, or works again.
    pub fn news(&self) -> Vec<String> {
        self.sinks().writers().flat_map(Writer::news).collect()
    }

    /// Bytes of queued lines, and their maximum.
    pub fn bytes(&self) -> (usize, usize) {
        let sinks = self.sinks();
        (sinks.writers().map(Writer::bytes).sum(), sinks.writers().count() * writer::MOST_BYTES)
    }

    /// Reopens log files, after they were moved.
    pub fn reopen(&self) {
        self.sinks().writers().for_each(Writer::reopen);
    }

    /// Writes everything that was sent before and ends the threads. A stuck target loses what it has not
    /// taken after a second.
    pub fn end(&self) {
        let (sinks, threads) = {
            let mut now = self.now();
            (std::mem::take(&mut now.sinks), std::mem::take(&mut now.threads))
        };
        sinks.writers().for_each(Writer::end);
        drop(sinks);
        let deadline = Instant::now() + LAST_LINES;
        threads.into_iter().for_each(|thread| thread.join(deadline));
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: AsRef<str> + Send> LogLine for T {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_ref().as_bytes());
    }
}
