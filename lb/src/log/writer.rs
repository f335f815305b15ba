//! The thread of one log, which writes what it is handed, and the way to it.
//!
//! It ends when it is told to, or when there is no way to it any more. It refuses to make anybody wait.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use super::LogLine;
use super::target::{BATCH, OpenTarget};
use super::trouble::Trouble;
use crate::config;
use crate::counters::Counter;

/// Bytes of lines that may wait to be written; more are lost, as are more lines than the configuration lets wait.
pub(super) const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Bytes that the text of an event is taken for.
const EVENT: usize = 512;

/// A way to a log's thread; clones lead to the same one.
#[derive(Clone)]
pub(super) struct Writer {
    lines: SyncSender<WriterMessage>,
    counts: Arc<LogCounters>,
    /// Most lines that may wait.
    most: u64,
}

#[derive(Debug)]
struct LogCounters {
    /// Lines that have been handed over and not been taken.
    waiting: AtomicU64,
    /// Their bytes.
    bytes: AtomicUsize,
    /// Lines of this log that were lost because too many waited.
    overflown: AtomicU64,
    trouble: Trouble,
    /// Those of all logs that were lost.
    dropped: Arc<Counter>,
}

/// The thread behind a [`Writer`].
#[derive(Debug)]
pub(super) struct Thread {
    thread: JoinHandle<()>,
    /// Says nothing, and is closed when the thread ends.
    running: Receiver<()>,
}

enum WriterMessage {
    Line(Box<dyn LogLine>),
    /// So many, with a line feed each.
    Written(Vec<u8>, u64),
    Reopen,
    End,
}

fn run(messages: &Receiver<WriterMessage>, mut target: OpenTarget, counts: &LogCounters) {
    let mut batch = Vec::with_capacity(BATCH);
    while let Ok(first) = messages.recv() {
        let mut next = Some(first);
        let mut lines = 0;
        let mut end = false;
        target.look();
        while let Some(message) = next.take() {
            let bytes = message.bytes();
            let (count, lost) = match message {
                WriterMessage::Line(line) => (1, target.take(&*line, &mut batch)),
                WriterMessage::Written(text, count) => (count, target.take_written(&text, &mut batch)),
                WriterMessage::Reopen => {
                    target.reopen();
                    (0, 0)
                }
                WriterMessage::End => {
                    end = true;
                    (0, 0)
                }
            };
            counts.waiting.fetch_sub(count, Relaxed);
            counts.bytes.fetch_sub(bytes, Relaxed);
            counts.lost(lost, target.take_error().as_ref());
            lines += count - lost;
            if batch.len() < BATCH && !end {
                next = messages.try_recv().ok();
            }
        }
        if let Some(error) = target.take_not_opened() {
            counts.trouble.not_opened(&error);
        }
        match target.write(&batch) {
            Err(error) => counts.lost(lines, Some(&error)),
            Ok(()) if lines > 0 => counts.trouble.works(),
            Ok(()) => {}
        }
        batch.clear();
        if end {
            return;
        }
    }
}

// === impl Writer ===

impl Writer {
    /// Opens a log's target and starts its thread.
    ///
    /// # Errors
    /// The target cannot be had; the error names it.
    pub(super) fn start(config: &config::LogConfig, dropped: &Arc<Counter>) -> io::Result<(Self, Thread)> {
        let target = OpenTarget::new(config)?;
        let (lines, waiting) = sync_channel(config.buffer);
        let counts = Arc::new(LogCounters {
            waiting: AtomicU64::new(0),
            bytes: AtomicUsize::new(0),
            overflown: AtomicU64::new(0),
            trouble: Trouble::new(config),
            dropped: Arc::clone(dropped),
        });
        let writer = Self { lines, counts: Arc::clone(&counts), most: config.buffer as u64 };
        let (alive, running) = sync_channel(1);
        let thread = std::thread::Builder::new().name("lb-log".into()).spawn(move || {
            run(&waiting, target, &counts);
            drop(alive);
        })?;
        Ok((writer, Thread { thread, running }))
    }

    /// Hands over a line; it is dropped and counted when too many wait.
    pub(super) fn send(&self, line: Box<dyn LogLine>) {
        self.hand_over(WriterMessage::Line(line), 1);
    }

    /// The same for `count` lines that have been written already, each with its line feed.
    pub(super) fn send_written(&self, text: Vec<u8>, count: u64) {
        self.hand_over(WriterMessage::Written(text, count), count);
    }

    fn hand_over(&self, message: WriterMessage, count: u64) {
        let LogCounters { waiting, bytes, overflown, dropped, .. } = &*self.counts;
        let size = message.bytes();
        // However many come at once, they find room where none wait.
        let before = waiting.fetch_add(count, Relaxed);
        let held = bytes.fetch_add(size, Relaxed) + size;
        let is_full = before > 0 && (before + count > self.most || held > MOST_BYTES);
        if is_full || self.lines.try_send(message).is_err() {
            waiting.fetch_sub(count, Relaxed);
            bytes.fetch_sub(size, Relaxed);
            overflown.fetch_add(count, Relaxed);
            dropped.add_shared(count);
        }
    }

    /// Bytes of the lines that wait.
    pub(super) fn bytes(&self) -> usize {
        self.counts.bytes.load(Relaxed)
    }

    /// What has become of the log since this was asked last, as sentences.
    pub(super) fn news(&self) -> Vec<String> {
        self.counts.trouble.news(self.counts.overflown.load(Relaxed))
    }

    /// Opens a log file anew, after it was moved away.
    pub(super) fn reopen(&self) {
        // When the channel is full the file is full of work, too; the next signal tries again.
        let _ = self.lines.try_send(WriterMessage::Reopen);
    }

    /// Ends the thread when it has written what was sent before.
    pub(super) fn end(&self) {
        // When the channel is full it ends as well, once nobody has a way to it.
        let _ = self.lines.try_send(WriterMessage::End);
    }
}

// === impl LogCounters ===

impl LogCounters {
    /// Counts lines that could not be written, and says why the first time.
    fn lost(&self, count: u64, error: Option<&io::Error>) {
        if count > 0 {
            self.dropped.add_shared(count);
            self.trouble.fails(count, error);
        }
    }
}

// === impl WriterMessage ===

impl WriterMessage {
    /// How many bytes it holds, nearly.
    fn bytes(&self) -> usize {
        match self {
            Self::Line(line) => size_of_val(&**line) + EVENT,
            Self::Written(text, _) => text.capacity(),
            Self::Reopen | Self::End => 0,
        }
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("counts", &self.counts).finish_non_exhaustive()
    }
}

// === impl Thread ===

impl Thread {
    pub(super) fn is_running(&self) -> bool {
        self.running.try_recv() == Err(TryRecvError::Empty)
    }

    /// Waits for its end, but not beyond `deadline`.
    pub(super) fn join(self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        if self.running.recv_timeout(left) == Err(RecvTimeoutError::Disconnected) {
            // A panic of the thread has been printed; there is nothing to add.
            let _ = self.thread.join();
        }
    }
}
