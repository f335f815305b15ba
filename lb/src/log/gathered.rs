//! Lines of one thread on their way to the log's: under load many are handed over at once, so that few of them cost a switch of threads.
//!
//! It never waits: whoever gathers has to call [`Gathered::hand_over`] now and then. Besides, lines go before their thread sleeps, unless others have
//! just gone, and at the end of its life.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use super::Log;

/// So many bytes are handed over without being asked.
const MOST: usize = 32 * 1024;
/// Between two times that a thread that is about to sleep hands over what it has.
const PAUSE: Duration = Duration::from_millis(2);

thread_local! {
    static MINE: RefCell<Weak<Gathered>> = const { RefCell::new(Weak::new()) };
}

/// Lines that have been written and not handed over. For one thread.
#[derive(Debug)]
pub struct Gathered {
    log: Log,
    text: RefCell<Vec<u8>>,
    count: Cell<u64>,
    handed_over: Cell<Option<Instant>>,
}

/// What a thread has to do before it sleeps.
pub fn before_sleep() {
    if let Some(mine) = MINE.with_borrow(Weak::upgrade) {
        mine.before_sleep();
    }
}

// === impl Gathered ===

impl Gathered {
    /// Lines of this thread for `log`, none yet.
    pub fn new(log: Log) -> Rc<Self> {
        let (text, count, handed_over) = Default::default();
        let gathered = Rc::new(Self { log, text, count, handed_over });
        MINE.set(Rc::downgrade(&gathered));
        gathered
    }

    /// Adds the line that `write` writes, without a line feed: it may not contain any.
    #[inline]
    pub fn add(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut text = self.text.borrow_mut();
        write(&mut text);
        text.push(b'\n');
        self.count.set(self.count.get() + 1);
        if text.len() >= MOST {
            drop(text);
            self.hand_over();
        }
    }

    /// Hands over what there is.
    pub fn hand_over(&self) {
        let count = self.count.take();
        if count > 0 {
            let mut text = self.text.borrow_mut();
            // While there is traffic the next ones need as much room; afterwards none is kept.
            let room = text.len();
            let full = std::mem::replace(&mut *text, Vec::with_capacity(room));
            self.log.send_written(full, count);
        } else if self.text.borrow().capacity() > 0 {
            self.text.take();
        }
    }

    fn before_sleep(&self) {
        if self.count.get() > 0 {
            let now = Instant::now();
            if self.handed_over.get().is_none_or(|last| now - last >= PAUSE) {
                self.handed_over.set(Some(now));
                self.hand_over();
            }
        }
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        self.hand_over();
    }
}
