//! One sweep a worker over everything that may fall silent.
//!
//! A connection's future runs inside [`Watched::guard`]. The sweep marks those whose [`Pulse`] is overdue and wakes them; so does
//! whoever wants to end one from outside. The watchdog refuses to close sockets itself: a marked future is dropped by its own task,
//! so no descriptor number is ever touched by a stranger.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use slab::Slab;
use tokio::time::{Instant, MissedTickBehavior};

use super::{Pulse, pulse, pulse::Wait};

/// Why a watched future was ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was silent for too long.
    Overdue(Wait),
    /// Somebody asked for its end.
    Killed,
}

/// The sweep of one worker.
#[derive(Debug)]
pub struct Watchdog {
    started: Instant,
    tick: Cell<Duration>,
    watched: RefCell<Slab<Rc<State>>>,
}

/// A place in the sweep; leaving scope gives it back.
#[derive(Debug)]
pub struct Watched {
    watchdog: Rc<Watchdog>,
    key: usize,
    state: Rc<State>,
}

/// A handle that tells why a watched future ended, and can end it.
#[derive(Debug, Clone)]
pub struct Leash(Rc<State>);

#[derive(Debug)]
struct State {
    pulse: Arc<Pulse>,
    ended: Cell<Option<Ended>>,
    waker: RefCell<Option<Waker>>,
}

// === impl Watchdog ===

impl Watchdog {
    /// A sweep that looks every `tick`.
    pub fn new(tick: Duration) -> Rc<Self> {
        let watchdog = Self { started: Instant::now(), tick: Cell::new(tick), watched: RefCell::default() };
        pulse::set_now(0, tick);
        Rc::new(watchdog)
    }

    /// Changes how often it looks, from the next time on.
    pub fn set_tick(&self, tick: Duration) {
        self.tick.set(tick);
    }

    /// Gives `pulse` a place in the sweep.
    pub fn watch(self: &Rc<Self>, pulse: Arc<Pulse>) -> Watched {
        let state = Rc::new(State { pulse, ended: Cell::new(None), waker: RefCell::default() });
        let key = self.watched.borrow_mut().insert(Rc::clone(&state));
        Watched { watchdog: Rc::clone(self), key, state }
    }

    /// Sweeps for ever; `each` runs after every sweep, for what else a worker does now and then.
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
        pulse::set_now(now, self.tick.get());
        for (_, state) in self.watched.borrow().iter() {
            if let Some(wait) = state.pulse.overdue(now) {
                state.end(Ended::Overdue(wait));
            }
        }
    }
}

// === impl Watched ===

impl Watched {
    /// Runs `future` until it is done or until it is ended; it is dropped before this returns.
    pub async fn guard<F: Future>(&self, future: F) -> Result<F::Output, Ended> {
        let mut future = pin!(future);
        std::future::poll_fn(|cx| {
            if let Some(ended) = self.state.ended.get() {
                return Poll::Ready(Err(ended));
            }
            self.state.wake_by(cx.waker());
            Pin::as_mut(&mut future).poll(cx).map(Ok)
        })
        .await
    }

    /// Whether it has been ended; else whoever polls is woken when it is.
    #[inline]
    pub fn poll_ended(&self, cx: &std::task::Context<'_>) -> Option<Ended> {
        let ended = self.state.ended.get();
        if ended.is_none() {
            self.state.wake_by(cx.waker());
        }
        ended
    }

    /// A handle for others.
    pub fn leash(&self) -> Leash {
        Leash(Rc::clone(&self.state))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watchdog.watched.borrow_mut().remove(self.key);
    }
}

// === impl Leash ===

impl Leash {
    /// Why it was ended, when it was.
    pub fn ended(&self) -> Option<Ended> {
        self.0.ended.get()
    }

    /// Ends it: its future is dropped at its next turn, which comes at once.
    pub fn kill(&self) {
        self.0.end(Ended::Killed);
    }

    /// Gives it a turn.
    pub fn wake(&self) {
        if let Some(waker) = &*self.0.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

// === impl State ===

impl State {
    fn end(&self, why: Ended) {
        if self.ended.get().is_none() {
            self.ended.set(Some(why));
            if let Some(waker) = &*self.waker.borrow() {
                waker.wake_by_ref();
            }
        }
    }

    #[inline]
    fn wake_by(&self, waker: &Waker) {
        let mut mine = self.waker.borrow_mut();
        if !mine.as_ref().is_some_and(|mine| mine.will_wake(waker)) {
            *mine = Some(waker.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::task::LocalSet;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(3);
    const TICK: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn a_silent_one_is_ended_within_two_ticks_of_its_limit() {
        let sweep = async {
            let watchdog = Watchdog::new(TICK);
            let started = Instant::now();
            let pulse = Arc::new(Pulse::new(LIMIT));
            pulse.await_bytes(LIMIT);
            let watched = watchdog.watch(pulse);
            let running = Rc::clone(&watchdog);
            tokio::task::spawn_local(async move { running.run(|| ()).await });
            let ended = watched.guard(pending::<()>()).await;
            assert_eq!(ended, Err(Ended::Overdue(Wait::Bytes)));
            let took = started.elapsed();
            assert!(took >= LIMIT && took <= LIMIT + 3 * TICK, "{took:?}");
        };
        LocalSet::new().run_until(sweep).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_killed_one_ends_without_a_sweep() {
        let watchdog = Watchdog::new(TICK);
        let watched = watchdog.watch(Arc::new(Pulse::new(LIMIT)));
        let leash = watched.leash();
        let (ended, ()) = tokio::join!(watched.guard(pending::<()>()), async { leash.kill() });
        assert_eq!(ended, Err(Ended::Killed));
        drop(watched);
        assert!(watchdog.watched.borrow().is_empty());
    }
}
