//! Counts the bytes that wait inside this worker between HTTP/2 and the engine.
//!
//! Clients that do not read make lb buffer what their servers send, a portion for each stream. Above the bound
//! (`process.h2_waiting`, shared evenly among workers), the portions become small. Each worker counts for itself.

use std::cell::Cell;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Sets the bound of this worker.
pub fn set_bound(bytes: usize) {
    MOST.set(bytes);
}

/// Whether the bound is reached, so that portions must be small.
pub fn is_short() -> bool {
    HELD.get() >= MOST.get()
}

/// Counts `count` more bytes that wait, or memory that is reserved for them.
pub fn hold(count: usize) {
    HELD.set(HELD.get() + count);
}

/// Counts `count` bytes less.
pub fn release(count: usize) {
    // At the end of the thread the counter may be gone already.
    let _ = HELD.try_with(|held| held.set(held.get().saturating_sub(count)));
}
