//! Where requests wait while every usable server of a backend is full.
//!
//! First come, first served. A released claim wakes one that waits, a change of the topology wakes all. The queue refuses to hand over
//! a server: who is woken picks again, like everybody else.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::{Instant, timeout_at};

use super::Server;
use crate::counters::{Counter, Gauge};

/// The queue of a backend, or of one server for those who are bound to it.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Gauge,
    /// How many got a server after they had waited.
    served: Counter,
    turn: Arc<Notify>,
    /// Told of every change of the topology: for requests that wait without a place in the queue.
    changed: Notify,
}

/// A place in the queue, until it is dropped.
#[derive(Debug)]
pub struct Waiting {
    queue: Arc<Queue>,
    first: bool,
    served: u64,
    /// The server that it is for, when it is for no other.
    server: Option<Arc<Server>>,
}

// === impl Queue ===

impl Queue {
    /// Takes a place.
    pub fn enter(self: &Arc<Self>) -> Waiting {
        let first = self.waiting.up() == 1;
        Waiting { queue: Arc::clone(self), first, served: self.served.get(), server: None }
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

    /// Completes when it may be worth for one that waits to pick again. Take it before picking, so that room made in between is not
    /// missed.
    pub fn turn(&self) -> OwnedNotified {
        Arc::clone(&self.turn).notified_owned()
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
        self.changed.notify_waiters();
    }

    /// Waits for `limit`, but no longer than until `over` says so, which is asked at once and after every change of the topology. Room on
    /// a server is no such change: that wakes requests that have a place in the queue, and none of their turns is used up here.
    pub async fn pause(&self, limit: Duration, mut over: impl FnMut() -> bool) {
        let deadline = Instant::now() + limit;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if over() || timeout_at(deadline, changed).await.is_err() {
                return;
            }
        }
    }
}

// === impl Server ===

impl Server {
    /// Takes a place among those who wait for this server and no other, unless there are enough of them. Several that come at once may
    /// be one too many.
    pub fn wait_bound(self: &Arc<Self>) -> Option<Waiting> {
        let most = u64::from(self.max_queue());
        if most > 0 && self.bound.waiting().get() >= most {
            return None;
        }
        let mut place = self.bound.enter();
        place.server = Some(Arc::clone(self));
        Some(place)
    }

    /// It has room for one more: first for who is bound to it.
    #[inline]
    pub(super) fn room_made(&self) {
        if self.bound.is_occupied() {
            self.bound.room_made();
        } else {
            self.queue.room_made();
        }
    }
}

// === impl Waiting ===

impl Waiting {
    /// Whether nobody waited when this place was taken: exactly one of several that come at once.
    pub fn is_first(&self) -> bool {
        self.first
    }

    /// Its position as HAProxy counts it: how many have been served since it came, and one for itself.
    pub fn position(&self) -> u64 {
        self.queue.served.get().wrapping_sub(self.served) + 1
    }

    /// Leaves with a server.
    pub fn serve(self) {
        self.queue.served.add_shared(1);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.queue.waiting.down();
        // The others who want that server have let this one go first.
        if let Some(server) = self.server.as_ref().filter(|server| server.has_room()) {
            server.room_made();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Breaks when a retry on the same server comes too early or too late, or sleeps on although the topology has changed.
    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_after_its_time_or_with_a_change_that_matters() {
        let limit = Duration::from_secs(1);
        let queue = Queue::default();
        let begun = Instant::now();
        queue.pause(limit, || true).await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "it is over at once");
        queue.pause(limit, || false).await;
        assert!(begun.elapsed() >= limit && begun.elapsed() < limit * 2, "{:?}", begun.elapsed());

        let (begun, asked) = (Instant::now(), Cell::new(0));
        let third = || asked.replace(asked.get() + 1) == 2;
        let changes = async {
            for _ in 0..2 {
                tokio::time::sleep(limit / 4).await;
                queue.room_made();
                queue.look_again();
            }
        };
        tokio::join!(queue.pause(limit, third), changes);
        assert_eq!(asked.get(), 3, "at once and after each change");
        assert!(begun.elapsed() < limit, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn who_came_first_is_woken_first() {
        let queue = Arc::new(Queue::default());
        let (first, second) = (queue.enter(), queue.enter());
        let (one, two) = (queue.turn(), queue.turn());
        tokio::pin!(one, two);
        assert!(!one.as_mut().enable() && !two.as_mut().enable());
        queue.room_made();
        one.await;
        assert_eq!((first.position(), second.position()), (1, 1));
        first.serve();
        assert_eq!(second.position(), 2);
        drop(second);
        assert_eq!((queue.waiting().get(), queue.waiting().max()), (0, 2));
    }
}
