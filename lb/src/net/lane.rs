//! How many bytes wait within this worker, between HTTP/2 and the engine, and whether they are too many.
//!
//! Clients that do not read can make lb keep what their servers send: a portion for each stream. Beyond the bound of the process, which workers
//! share evenly, portions are small. Each worker counts for itself.

use std::cell::Cell;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Sets the bound of this worker.
pub fn set_bound(bytes: usize) {
    MOST.set(bytes);
}

/// Whether so much waits that portions are small.
pub fn is_short() -> bool {
    HELD.get() >= MOST.get()
}

/// More bytes wait, or memory for them is taken.
pub fn hold(count: usize) {
    HELD.set(HELD.get() + count);
}

/// They wait no more.
pub fn release(count: usize) {
    // At the end of its thread there is nothing to count any more.
    let _ = HELD.try_with(|held| held.set(held.get().saturating_sub(count)));
}
