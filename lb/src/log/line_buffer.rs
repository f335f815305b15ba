//! Buffers one thread's log lines. Under load, many lines are passed to the log's thread at once, so that few of
//! them cost a thread switch.
//!
//! It has no timer: the owner calls [`LineBuffer::hand_over`] regularly. Lines are also handed over before the
//! thread sleeps (at most once every [`PAUSE`]) and when the buffer is dropped.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use super::LogSinks;
use super::writer::Writer;
use crate::config::LogFormat;

/// Buffered bytes, per format, that cause an immediate hand-over.
const MOST: usize = 32 * 1024;
/// Minimum interval between hand-overs before sleep.
const PAUSE: Duration = Duration::from_millis(2);

thread_local! {
    static MINE: RefCell<Weak<LineBuffer>> = const { RefCell::new(Weak::new()) };
}

/// Lines written but not handed over yet. Used by one thread.
#[derive(Debug)]
pub struct LineBuffer {
    /// One buffer for each format in use.
    lines: RefCell<Box<[Lines]>>,
    wanted: Cell<bool>,
    handed_over: Cell<Option<Instant>>,
}

/// Lines of one format, for all logs that use it.
#[derive(Debug)]
pub(super) struct Lines {
    format: LogFormat,
    writers: Vec<Writer>,
    text: Vec<u8>,
    count: u64,
}

/// Hands lines over before the thread sleeps.
pub fn before_sleep() {
    if let Some(mine) = MINE.with_borrow(Weak::upgrade) {
        mine.before_sleep();
    }
}

// === impl LineBuffer ===

impl LineBuffer {
    /// An empty buffer, registered for this thread.
    pub fn new(sinks: &LogSinks) -> Rc<Self> {
        let line_buffer = Rc::new(Self {
            lines: RefCell::default(),
            wanted: Cell::new(false),
            handed_over: Cell::new(None),
        });
        line_buffer.turn_to(sinks);
        MINE.set(Rc::downgrade(&line_buffer));
        line_buffer
    }

    /// Sends buffered lines to the former sinks and later lines to `sinks`.
    pub fn turn_to(&self, sinks: &LogSinks) {
        self.hand_over();
        let lines = sinks.for_exchanges();
        self.wanted.set(!lines.is_empty());
        self.lines.replace(lines);
    }

    /// Whether any log takes access lines.
    #[inline]
    pub fn are_wanted(&self) -> bool {
        self.wanted.get()
    }

    /// Adds a line: `write` is called once for each format in use, and must not write a line feed.
    #[inline]
    pub fn add(&self, write: impl Fn(LogFormat, &mut Vec<u8>)) {
        for lines in &mut *self.lines.borrow_mut() {
            write(lines.format, &mut lines.text);
            lines.text.push(b'\n');
            lines.count += 1;
            if lines.text.len() >= MOST {
                lines.hand_over();
            }
        }
    }

    /// Passes all buffered lines to the logs' threads.
    pub fn hand_over(&self) {
        self.lines.borrow_mut().iter_mut().for_each(Lines::hand_over);
    }

    fn before_sleep(&self) {
        if self.lines.borrow().iter().any(|lines| lines.count > 0) {
            let now = Instant::now();
            if self.handed_over.get().is_none_or(|last| now - last >= PAUSE) {
                self.handed_over.set(Some(now));
                self.hand_over();
            }
        }
    }
}

impl Drop for LineBuffer {
    fn drop(&mut self) {
        self.hand_over();
    }
}

// === impl Lines ===

impl Lines {
    pub(super) fn new(format: LogFormat, writers: Vec<Writer>) -> Self {
        Self { format, writers, text: Vec::new(), count: 0 }
    }

    pub(super) fn are_wanted(&self) -> bool {
        !self.writers.is_empty()
    }

    fn hand_over(&mut self) {
        let count = std::mem::take(&mut self.count);
        if count > 0 {
            // Under traffic the next batch needs as much space; without, none is kept.
            let room = self.text.len();
            let full = std::mem::replace(&mut self.text, Vec::with_capacity(room));
            if let Some((last, others)) = self.writers.split_last() {
                others.iter().for_each(|writer| writer.send_written(full.clone(), count));
                last.send_written(full, count);
            }
        } else if self.text.capacity() > 0 {
            self.text = Vec::new();
        }
    }
}
