//! Log lines on their way out: a thread of its own writes them, and nobody ever waits for it.
//!
//! An event hands over what its line is made of, and the thread formats it; who has many lines gathers them and hands over their text.
//! When the target cannot keep up (a full disk, a slow reader, a syslog daemon that has gone) lines are dropped and counted. This module
//! refuses to know what lines say.

pub mod date;
mod gathered;
mod syslog;
mod target;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::config;
use crate::counters::Counter;

use target::{BATCH, Target};

pub use gathered::{Gathered, before_sleep};
pub use syslog::Level;

/// How long the last lines may take at the end of the process.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Something that becomes a line.
pub trait Line: Send {
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

/// A way to the log; clones lead to the same one.
#[derive(Clone)]
pub struct Log {
    lines: SyncSender<Message>,
    counts: Arc<Counts>,
    /// Most lines that may wait.
    most: u64,
}

#[derive(Debug, Default)]
struct Counts {
    /// Lines that have been handed over and not been taken.
    waiting: AtomicU64,
    dropped: Counter,
}

/// The thread behind a [`Log`].
#[derive(Debug)]
pub struct LogThread {
    thread: JoinHandle<()>,
    /// Says nothing, and is closed when the thread ends.
    running: Receiver<()>,
}

enum Message {
    Line(Box<dyn Line>),
    /// So many, with a line feed each.
    Written(Vec<u8>, u64),
    Reopen,
    End,
}

/// Starts the thread.
///
/// # Errors
/// The target cannot be had; the error names it.
pub fn start(config: &config::Log) -> io::Result<(Log, LogThread)> {
    let target = Target::new(config)?;
    let (lines, waiting) = sync_channel(config.buffer);
    let log = Log { lines, counts: Arc::default(), most: config.buffer as u64 };
    let counts = Arc::clone(&log.counts);
    let (alive, running) = sync_channel(1);
    let thread = std::thread::Builder::new().name("lb-log".into()).spawn(move || {
        run(&waiting, target, &counts);
        drop(alive);
    })?;
    Ok((log, LogThread { thread, running }))
}

fn run(messages: &Receiver<Message>, mut target: Target, counts: &Counts) {
    let mut batch = Vec::with_capacity(BATCH);
    while let Ok(first) = messages.recv() {
        let mut next = Some(first);
        let mut lines = 0;
        let mut end = false;
        target.look();
        while let Some(message) = next.take() {
            let (count, lost) = match message {
                Message::Line(line) => (1, target.take(&*line, &mut batch)),
                Message::Written(text, count) => (count, target.take_written(&text, &mut batch)),
                Message::Reopen => {
                    target.reopen();
                    (0, 0)
                }
                Message::End => {
                    end = true;
                    (0, 0)
                }
            };
            counts.waiting.fetch_sub(count, Relaxed);
            counts.dropped.add_shared(lost);
            lines += count - lost;
            if batch.len() < BATCH && !end {
                next = messages.try_recv().ok();
            }
        }
        if target.write(&batch).is_err() {
            counts.dropped.add_shared(lines);
        }
        batch.clear();
        if end {
            return;
        }
    }
}

// === impl Log ===

impl Log {
    /// Hands over a line; it is dropped and counted when too many wait.
    pub fn send(&self, line: Box<dyn Line>) {
        self.hand_over(Message::Line(line), 1);
    }

    /// The same for `count` lines that have been written already, each with its line feed.
    fn send_written(&self, text: Vec<u8>, count: u64) {
        self.hand_over(Message::Written(text, count), count);
    }

    fn hand_over(&self, message: Message, count: u64) {
        let waiting = &self.counts.waiting;
        // However many come at once, they find room where none wait.
        let before = waiting.fetch_add(count, Relaxed);
        if (before > 0 && before + count > self.most) || self.lines.try_send(message).is_err() {
            waiting.fetch_sub(count, Relaxed);
            self.counts.dropped.add_shared(count);
        }
    }

    /// Lines lost so far.
    pub fn dropped(&self) -> u64 {
        self.counts.dropped.get()
    }

    /// Opens a log file anew, after it was moved away.
    pub fn reopen(&self) {
        // When the channel is full the file is full of work, too; the next signal tries again.
        let _ = self.lines.try_send(Message::Reopen);
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl LogThread {
    /// Has everything written that was sent before, and ends the thread. A target that is stuck is not waited for: what it has not
    /// taken after a second is lost.
    pub fn end(self, log: &Log) {
        let told = log.lines.try_send(Message::End).is_ok();
        if told && self.running.recv_timeout(LAST_LINES) == Err(RecvTimeoutError::Disconnected) {
            // A panic of the thread has been printed; there is nothing to add.
            let _ = self.thread.join();
        }
    }
}

impl<T: AsRef<str> + Send> Line for T {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_ref().as_bytes());
    }
}
