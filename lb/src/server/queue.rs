//! Where requests wait while every usable server of a backend is full.
//!
//! First come, first served. A released claim wakes one that waits, a change of the topology wakes all. The queue refuses to hand over
//! a server: who is woken picks again, like everybody else.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::counters::Gauge;

/// The queue of a backend.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Gauge,
    turn: Arc<Notify>,
}

/// A place in the queue, until it is dropped.
#[derive(Debug)]
pub struct Waiting {
    queue: Arc<Queue>,
    first: bool,
}

// === impl Queue ===

impl Queue {
    /// Takes a place.
    pub fn enter(self: &Arc<Self>) -> Waiting {
        let first = self.waiting.up() == 1;
        Waiting { queue: Arc::clone(self), first }
    }

    /// How many wait, and the most that ever did.
    pub fn waiting(&self) -> &Gauge {
        &self.waiting
    }

    /// Whether somebody waits: newcomers then stand behind them.
    #[inline]
    pub fn is_occupied(&self) -> bool {
        self.waiting.get() > 0
    }

    /// A server has room for one more.
    #[inline]
    pub fn room_made(&self) {
        if self.is_occupied() {
            self.turn.notify_one();
        }
    }

    /// Everybody may look again: servers came or went.
    pub fn look_again(&self) {
        self.turn.notify_waiters();
    }
}

// === impl Waiting ===

impl Waiting {
    /// Whether nobody waited when this place was taken: exactly one of several that come at once.
    pub fn is_first(&self) -> bool {
        self.first
    }

    /// Completes when it may be worth picking again. Take it before picking, so that room made in between is not missed.
    pub fn turn(&self) -> OwnedNotified {
        Arc::clone(&self.queue.turn).notified_owned()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.queue.waiting.down();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_came_first_is_woken_first() {
        let queue = Arc::new(Queue::default());
        let (first, second) = (queue.enter(), queue.enter());
        let (one, two) = (first.turn(), second.turn());
        tokio::pin!(one, two);
        assert!(!one.as_mut().enable() && !two.as_mut().enable());
        queue.room_made();
        one.await;
        drop((first, second));
        assert_eq!((queue.waiting().get(), queue.waiting().max()), (0, 2));
    }
}
