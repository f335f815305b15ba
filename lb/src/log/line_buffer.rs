//! Lines of one thread on their way to the logs' own: under load many are handed over at once, so that few of them cost a switch of threads.
//!
//! It never waits: whoever gathers has to call [`LineBuffer::hand_over`] now and then. Besides, lines go before their thread sleeps, unless others have
//! just gone, and at the end of its life.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use super::LogSinks;
use super::writer::Writer;
use crate::config::LogFormat;

/// So many bytes are handed over without being asked.
const MOST: usize = 32 * 1024;
/// Between two times that a thread that is about to sleep hands over what it has.
const PAUSE: Duration = Duration::from_millis(2);

thread_local! {
    static MINE: RefCell<Weak<LineBuffer>> = const { RefCell::new(Weak::new()) };
}

/// Lines that have been written and not handed over. For one thread.
#[derive(Debug)]
pub struct LineBuffer {
    /// For each format that is wanted.
    lines: RefCell<Box<[Lines]>>,
    wanted: Cell<bool>,
    handed_over: Cell<Option<Instant>>,
}

/// Lines of one format, for all logs that want it.
#[derive(Debug)]
pub(super) struct Lines {
    format: LogFormat,
    writers: Vec<Writer>,
    text: Vec<u8>,
    count: u64,
}

/// What a thread has to do before it sleeps.
pub fn before_sleep() {
    if let Some(mine) = MINE.with_borrow(Weak::upgrade) {
        mine.before_sleep();
    }
}

// === impl LineBuffer ===

impl LineBuffer {
    /// Lines of this thread, none yet.
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

    /// What there is goes where it was meant to, what follows goes these sinks.
    pub fn turn_to(&self, sinks: &LogSinks) {
        self.hand_over();
        let lines = sinks.for_exchanges();
        self.wanted.set(!lines.is_empty());
        self.lines.replace(lines);
    }

    /// Whether there is a log for lines.
    #[inline]
    pub fn are_wanted(&self) -> bool {
        self.wanted.get()
    }

    /// Adds the line that `write` writes in each format that is wanted, without a line feed: it may not contain any.
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

    /// Hands over what there is.
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
            // While there is traffic the next ones need as much room; afterwards none is kept.
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
