//! The thread that writes one log, and the handle to it.
//!
//! The thread ends when it is told to, or when the last handle is dropped. Senders never wait.

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

/// Maximum bytes of queued lines. Beyond this, or beyond the configured number of lines, lines are dropped.
pub(super) const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The size that an event's text is assumed to have, bytes.
const EVENT: usize = 512;

/// A handle to a log's thread; clones share it.
#[derive(Clone)]
pub(super) struct Writer {
    lines: SyncSender<WriterMessage>,
    counts: Arc<LogCounters>,
    /// Maximum number of queued lines.
    most: u64,
}

#[derive(Debug)]
struct LogCounters {
    /// Queued lines.
    waiting: AtomicU64,
    /// Bytes of queued lines.
    bytes: AtomicUsize,
    /// Lines of this log that were dropped because the queue was full.
    overflown: AtomicU64,
    trouble: Trouble,
    /// Lines that all logs have lost.
    dropped: Arc<Counter>,
}

/// The thread behind a [`Writer`].
#[derive(Debug)]
pub(super) struct Thread {
    thread: JoinHandle<()>,
    /// Never carries a value; closes when the thread ends.
    running: Receiver<()>,
}

enum WriterMessage {
    Line(Box<dyn LogLine>),
    /// Complete lines, and their number.
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
    /// The target cannot be opened; the error names it.
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

    /// Queues a line; drops and counts it when the queue is full.
    pub(super) fn send(&self, line: Box<dyn LogLine>) {
        self.hand_over(WriterMessage::Line(line), 1);
    }

    /// Like [`Self::send`], for `count` complete lines in one text.
    pub(super) fn send_written(&self, text: Vec<u8>, count: u64) {
        self.hand_over(WriterMessage::Written(text, count), count);
    }

    fn hand_over(&self, message: WriterMessage, count: u64) {
        let LogCounters { waiting, bytes, overflown, dropped, .. } = &*self.counts;
        let size = message.bytes();
        // A batch always fits into an empty queue, however large it is.
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

    /// Bytes of queued lines.
    pub(super) fn bytes(&self) -> usize {
        self.counts.bytes.load(Relaxed)
    }

    /// Returns new reports about lost lines, as sentences.
    pub(super) fn news(&self) -> Vec<String> {
        self.counts.trouble.news(self.counts.overflown.load(Relaxed))
    }

    /// Reopens the log file, after it was moved.
    pub(super) fn reopen(&self) {
        // If the channel is full, the thread is busy; the next signal tries again.
        let _ = self.lines.try_send(WriterMessage::Reopen);
    }

    /// Ends the thread after it has written what was sent before.
    pub(super) fn end(&self) {
        // If the channel is full, the thread ends when the last handle is dropped.
        let _ = self.lines.try_send(WriterMessage::End);
    }
}

// === impl LogCounters ===

impl LogCounters {
    /// Counts lines that could not be written; reports the first error.
    fn lost(&self, count: u64, error: Option<&io::Error>) {
        if count > 0 {
            self.dropped.add_shared(count);
            self.trouble.fails(count, error);
        }
    }
}

// === impl WriterMessage ===

impl WriterMessage {
    /// Its approximate size, bytes.
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

    /// Waits for the thread to end, until `deadline`.
    pub(super) fn join(self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        if self.running.recv_timeout(left) == Err(RecvTimeoutError::Disconnected) {
            // A panic of the thread has been printed already.
            let _ = self.thread.join();
        }
    }
}
