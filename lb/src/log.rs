//! Log lines on their way out: each log has a thread of its own that writes them, and nobody ever waits for it.
//!
//! An event hands over its line; who has many lines gathers them and hands over their text. When a target cannot keep up (a full disk, a
//! slow reader, a syslog daemon that has gone) its lines are dropped and counted. Logs are replaced while everything runs: who writes to them
//! is told, and what was handed over before is written all the same. This module refuses to know what lines say.

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

/// How long the last lines may take at the end of the process.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Something that becomes a line.
pub trait LogLine: Send {
    /// Writes it, without the line feed.
    fn write(&self, out: &mut Vec<u8>);

    /// How much it matters, for targets that want to know.
    fn level(&self) -> Level {
        Level::Info
    }

    /// Whether it says itself when it happened; else targets without a date of their own put one before it.
    fn is_dated(&self) -> bool {
        true
    }
}

/// The logs of the process; clones are the same ones.
#[derive(Debug, Clone)]
pub struct Log(Arc<Logs>);

#[derive(Debug)]
struct Logs {
    now: Mutex<Now>,
    /// Lines lost by any of them, also by those that are no more.
    dropped: Arc<Counter>,
}

#[derive(Debug)]
struct Now {
    sinks: LogSinks,
    /// Those of `sinks`, and former ones that have not written everything yet.
    threads: Vec<Thread>,
}

/// Logs that have been opened and are not in use yet.
#[derive(Debug)]
pub struct PreparedLogs {
    sinks: LogSinks,
    threads: Vec<Thread>,
}

/// Opens logs.
///
/// # Errors
/// A target cannot be had; the error names it.
pub fn start(configs: &[config::LogConfig]) -> io::Result<Log> {
    let dropped = Arc::default();
    let PreparedLogs { sinks, threads } = prepare(configs, &LogSinks::default(), &dropped)?;
    Ok(Log(Arc::new(Logs { now: Mutex::new(Now { sinks, threads }), dropped })))
}

/// Opens what `former` does not have open.
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
    /// The sinks to the logs that there are now.
    pub fn sinks(&self) -> LogSinks {
        self.now().sinks.clone()
    }

    /// Opens what is new in `configs`; nothing when there is nothing to change. Until it is put in use nothing has changed, and when it is not, no
    /// more than empty files is left of it. It may have to look up names.
    ///
    /// # Errors
    /// A target cannot be had; the error names it.
    pub fn prepare(&self, configs: &[config::LogConfig]) -> io::Result<Option<PreparedLogs>> {
        let former = self.sinks();
        if former.are(configs) {
            return Ok(None);
        }
        prepare(configs, &former, &self.0.dropped).map(Some)
    }

    /// Puts other logs in use. The thread of one that is not among them ends when nobody has a way to it any more and all is written.
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

    /// What has become of logs since this was asked last: that one fails, or works again.
    pub fn news(&self) -> Vec<String> {
        self.sinks().writers().flat_map(Writer::news).collect()
    }

    /// Bytes of lines that wait to be written, and how many may wait at most.
    pub fn bytes(&self) -> (usize, usize) {
        let sinks = self.sinks();
        (sinks.writers().map(Writer::bytes).sum(), sinks.writers().count() * writer::MOST_BYTES)
    }

    /// Opens log files anew, after they were moved away.
    pub fn reopen(&self) {
        self.sinks().writers().for_each(Writer::reopen);
    }

    /// Has everything written that was sent before, and ends the threads. A target that is stuck is not waited for: what it has not
    /// taken after a second is lost.
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
