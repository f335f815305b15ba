//! One sweep for each worker over the deadlines of all its streams.
//!
//! A connection's future runs inside [`StreamDeadlines::guard`]. The sweep marks and wakes those whose
//! [`StreamDeadlines`] are overdue; other parts can end a stream in the same way. The watchdog never closes
//! sockets itself: the marked future is dropped by its own task, so no descriptor is closed by another one.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use slab::Slab;
use tokio::time::{Instant, MissedTickBehavior};

use super::{Ended, StreamDeadlines, deadlines};

/// The sweep of one worker.
#[derive(Debug)]
pub struct Watchdog {
    started: Instant,
    tick: Cell<Duration>,
    watched: RefCell<Slab<Rc<StreamDeadlines>>>,
}

/// A registration with the sweep; removed on drop.
#[derive(Debug)]
pub struct WatchGuard {
    watchdog: Rc<Watchdog>,
    key: usize,
}

// === impl Watchdog ===

impl Watchdog {
    /// A sweep every `tick`.
    pub fn new(tick: Duration) -> Rc<Self> {
        let watchdog = Self { started: Instant::now(), tick: Cell::new(tick), watched: RefCell::default() };
        deadlines::set_now(0, tick);
        Rc::new(watchdog)
    }

    /// Changes the interval, from the next sweep on.
    pub fn set_tick(&self, tick: Duration) {
        self.tick.set(tick);
    }

    /// Registers `deadlines` with the sweep.
    pub fn watch(self: &Rc<Self>, deadlines: Rc<StreamDeadlines>) -> WatchGuard {
        let key = self.watched.borrow_mut().insert(deadlines);
        WatchGuard { watchdog: Rc::clone(self), key }
    }

    /// Like [`Watchdog::watch`], for callers that keep only a number. They must call [`Watchdog::leave`].
    pub fn enter(&self, deadlines: Rc<StreamDeadlines>) -> u32 {
        // The number of streams always fits.
        u32::try_from(self.watched.borrow_mut().insert(deadlines)).unwrap_or(u32::MAX)
    }

    /// Removes a registration made by [`Watchdog::enter`].
    pub fn leave(&self, place: u32) {
        self.watched.borrow_mut().try_remove(place as usize);
    }

    /// Sweeps until dropped; `each` runs after every sweep, for the worker's other periodic work.
    pub async fn run(&self, mut each: impl FnMut()) {
        let mut tick = self.tick.get();
        let mut interval = tokio::time::interval(tick);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            self.sweep();
            each();
            if tick != self.tick.get() {
                tick = self.tick.get();
                interval = tokio::time::interval_at(Instant::now() + tick, tick);
                interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            }
        }
    }

    fn sweep(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        deadlines::set_now(now, self.tick.get());
        for (_, deadlines) in self.watched.borrow().iter() {
            if let Some(wait) = deadlines.overdue(now) {
                deadlines.end(Ended::Overdue(wait));
            }
        }
    }
}

// === impl WatchGuard ===

impl Drop for WatchGuard {
    fn drop(&mut self) {
        self.watchdog.watched.borrow_mut().remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;

    use tokio::task::LocalSet;

    use super::*;
    use crate::net::deadlines::WaitKind;

    const LIMIT: Duration = Duration::from_secs(3);
    const TICK: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn a_silent_one_is_ended_within_two_ticks_of_its_limit() {
        let sweep = async {
            let watchdog = Watchdog::new(TICK);
            let started = Instant::now();
            let deadlines = Rc::new(StreamDeadlines::new(LIMIT));
            deadlines.await_bytes(LIMIT);
            let _watched = watchdog.watch(Rc::clone(&deadlines));
            let running = Rc::clone(&watchdog);
            tokio::task::spawn_local(async move { running.run(|| ()).await });
            let ended = deadlines.guard(pin!(pending::<()>())).await;
            assert_eq!(ended, Err(Ended::Overdue(WaitKind::Bytes)));
            let took = started.elapsed();
            assert!(took >= LIMIT && took <= LIMIT + 3 * TICK, "{took:?}");
        };
        LocalSet::new().run_until(sweep).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_killed_one_ends_without_a_sweep() {
        let watchdog = Watchdog::new(TICK);
        let deadlines = Rc::new(StreamDeadlines::new(LIMIT));
        let watched = watchdog.watch(Rc::clone(&deadlines));
        let mut forever = pin!(pending::<()>());
        let (ended, ()) =
            tokio::join!(deadlines.guard(forever.as_mut()), async { deadlines.end(Ended::Killed) });
        assert_eq!(ended, Err(Ended::Killed));
        drop(watched);
        assert!(watchdog.watched.borrow().is_empty());
    }
}
