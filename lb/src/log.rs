//! Log lines on their way out: a thread of its own writes them, and nobody ever waits for it.
//!
//! Whoever has a line hands over what it is made of; the thread formats and writes. When the target cannot keep up (a full disk, a
//! slow reader) lines are dropped and counted. This module refuses to know what lines say.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::config::LogTarget;
use crate::counters::Counter;

/// Lines that may wait to be written.
const WAITING: usize = 16 * 1024;
/// Bytes that are written in one go at most.
const BATCH: usize = 64 * 1024;

/// How long the last lines may take at the end of the process.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Something that becomes a line.
pub trait Line: Send {
    /// Writes it, without the line feed.
    fn write(&self, out: &mut Vec<u8>);
}

/// A way to the log; clones lead to the same one.
#[derive(Clone)]
pub struct Log {
    lines: SyncSender<Message>,
    dropped: Arc<Counter>,
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
    Reopen,
    End,
}

enum Target {
    Stderr,
    Stdout,
    File(File, Box<Path>),
}

/// Starts the thread.
///
/// # Errors
/// The target file cannot be opened; the error names it.
pub fn start(target: &LogTarget) -> io::Result<(Log, LogThread)> {
    let target = match target {
        LogTarget::Stderr => Target::Stderr,
        LogTarget::Stdout => Target::Stdout,
        LogTarget::File(path) => Target::File(open(path)?, path.as_path().into()),
    };
    let (lines, waiting) = sync_channel(WAITING);
    let log = Log { lines, dropped: Arc::default() };
    let dropped = Arc::clone(&log.dropped);
    let (alive, running) = sync_channel(1);
    let thread = std::thread::Builder::new().name("lb-log".into()).spawn(move || {
        run(&waiting, target, &dropped);
        drop(alive);
    })?;
    Ok((log, LogThread { thread, running }))
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
        let hint = "its folder must exist and be writable for this user";
        io::Error::new(error.kind(), format!("cannot open the log {}: {error} ({hint})", path.display()))
    })
}

fn run(waiting: &Receiver<Message>, mut target: Target, dropped: &Counter) {
    let mut batch = Vec::with_capacity(BATCH);
    while let Ok(first) = waiting.recv() {
        let mut next = Some(first);
        let mut lines = 0;
        let mut end = false;
        while let Some(message) = next.take() {
            match message {
                Message::Line(line) => {
                    line.write(&mut batch);
                    batch.push(b'\n');
                    lines += 1;
                }
                Message::Reopen => target.reopen(),
                Message::End => end = true,
            }
            if batch.len() < BATCH && !end {
                next = waiting.try_recv().ok();
            }
        }
        if target.write(&batch).is_err() {
            dropped.add_shared(lines);
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
    #[inline]
    pub fn send(&self, line: Box<dyn Line>) {
        if self.lines.try_send(Message::Line(line)).is_err() {
            self.dropped.add_shared(1);
        }
    }

    /// Lines lost so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    /// Opens a log file anew, after it was moved away.
    pub fn reopen(&self) {
        // When the channel is full the file is full of work, too; the next signal tries again.
        let _ = self.lines.try_send(Message::Reopen);
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("dropped", &self.dropped).finish_non_exhaustive()
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

// === impl Target ===

impl Target {
    fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        match self {
            Self::Stderr => io::stderr().lock().write_all(batch),
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(batch)?;
                stdout.flush()
            }
            Self::File(file, _) => file.write_all(batch),
        }
    }

    fn reopen(&mut self) {
        if let Self::File(file, path) = self
            && let Ok(new) = open(path)
        {
            *file = new;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_arrive_in_order_and_a_moved_file_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
        let (log, thread) = start(&LogTarget::File(path.clone())).unwrap();
        log.send(Box::new("one"));
        log.send(Box::new("two"));
        // The thread writes before it takes the next message; the file shows when it is done.
        while std::fs::read(&path).unwrap().len() < 8 {
            std::thread::yield_now();
        }
        std::fs::rename(&path, &moved).unwrap();
        log.reopen();
        log.send(Box::new("three"));
        thread.end(&log);
        assert_eq!(std::fs::read_to_string(moved).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "three\n");
        assert_eq!(log.dropped(), 0);
    }

    #[test]
    fn a_stuck_writer_costs_lines_and_never_time() {
        struct Stuck(std::sync::Mutex<std::sync::mpsc::Receiver<()>>);
        impl Line for Stuck {
            fn write(&self, _: &mut Vec<u8>) {
                let _ = self.0.lock().unwrap().recv();
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let (log, thread) = start(&LogTarget::File(folder.path().join("log"))).unwrap();
        let (free, stuck) = std::sync::mpsc::channel();
        log.send(Box::new(Stuck(std::sync::Mutex::new(stuck))));
        (0..2 * WAITING).for_each(|_| log.send(Box::new("line")));
        assert!(log.dropped() >= WAITING as u64 - 1);
        drop(free);
        thread.end(&log);
    }
}
