//! Deadlines of a stream, and the counters that show it is alive.
//!
//! A request starts no timer: reads and writes only store a deadline on a coarse clock, and one sweep for each
//! worker ([`super::watchdog`]) looks for deadlines that have passed. This type never closes anything: it reports
//! what is overdue and carries the reason why a stream was ended.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// No deadline.
const NEVER: u64 = u64::MAX;

thread_local! {
    /// The worker's coarse clock, milliseconds; advanced by its sweep.
    static NOW: Cell<u64> = const { Cell::new(0) };
    /// Maximum lag of the coarse clock, milliseconds.
    static SLACK: Cell<u64> = const { Cell::new(0) };
}

/// What a stream is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitKind {
    /// The next request of a client's connection.
    KeepAlive,
    /// The rest of a request head. Bytes that arrive do not extend it.
    Head,
    /// Bytes of a body or a response.
    Bytes,
    /// Room to write.
    Room,
    /// The peer half-closed; waiting for it to close fully.
    End,
}

/// Deadlines of one stream: one for reading, one for writing.
///
/// Shared on one thread between the stream and the watchdog.
#[derive(Debug)]
pub struct StreamDeadlines {
    read_by: Cell<u64>,
    write_by: Cell<u64>,
    received: Cell<u64>,
    sent: Cell<u64>,
    read_limit: Cell<u32>,
    write_limit: Cell<u32>,
    /// Limit for a request head, milliseconds. It starts when the first bytes end a [`WaitKind::KeepAlive`].
    head_limit: Cell<u32>,
    read_wait: Cell<WaitKind>,
    /// Why the watchdog or another task has ended the work on this stream.
    ended: Cell<Option<Ended>>,
    /// The task to wake when the stream is ended.
    waker: RefCell<Option<Waker>>,
}

/// Why a watched future was ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was silent for longer than its limit.
    Overdue(WaitKind),
    /// It was killed, for example by `shutdown session`.
    Killed,
}

/// Sets this thread's coarse clock. `slack` is its maximum lag.
pub(super) fn set_now(now: u64, slack: Duration) {
    NOW.set(now);
    SLACK.set(millis(slack).into());
}

/// The worker's coarse clock: milliseconds since its start, as of the last sweep.
pub fn now() -> u64 {
    NOW.get()
}

fn deadline(limit: u32) -> u64 {
    NOW.get() + SLACK.get() + u64::from(limit)
}

/// `as_millis` computes with 128 bits, which would be most of the cost of a deadline.
fn millis(duration: Duration) -> u32 {
    let whole = duration.as_secs().saturating_mul(1000);
    u32::try_from(whole.saturating_add(duration.subsec_millis().into())).unwrap_or(u32::MAX)
}

// === impl StreamDeadlines ===

impl StreamDeadlines {
    /// A stream without deadlines. `write_limit`: how long a write may wait for space in the send buffer.
    pub fn new(write_limit: Duration) -> Self {
        Self {
            read_by: Cell::new(NEVER),
            write_by: Cell::new(NEVER),
            received: Cell::new(0),
            sent: Cell::new(0),
            read_limit: Cell::new(0),
            write_limit: Cell::new(millis(write_limit)),
            head_limit: Cell::new(0),
            read_wait: Cell::new(WaitKind::Bytes),
            ended: Cell::new(None),
            waker: RefCell::default(),
        }
    }

    /// Waits for the next request head: `keep_alive` for its first byte (`None`: the connection is new, so
    /// the head's limit starts now), then `head` for all of it.
    pub fn await_request(&self, keep_alive: Option<Duration>, head: Duration) {
        self.head_limit.set(millis(head));
        match keep_alive {
            Some(limit) => self.arm(WaitKind::KeepAlive, millis(limit)),
            None => self.arm(WaitKind::Head, millis(head)),
        }
    }

    /// Changes the limit for the next request head.
    pub fn set_head_limit(&self, limit: Duration) {
        self.head_limit.set(millis(limit));
    }

    /// Shortens the wait for the next request when the listener is stopping. A stream that has been idle for
    /// `quiet` is overdue now; another one waits for at most `limit`. No effect where something else is
    /// awaited.
    pub fn hasten(&self, quiet: Duration, limit: Duration) {
        if self.read_wait.get() != WaitKind::KeepAlive || self.is_resting() {
            return;
        }
        let since = self.read_by.get().saturating_sub(u64::from(self.read_limit.get()) + SLACK.get());
        if since + u64::from(millis(quiet)) <= now() {
            self.end(Ended::Overdue(WaitKind::KeepAlive));
        } else {
            self.read_by.set(self.read_by.get().min(deadline(millis(limit))));
        }
    }

    /// Waits for bytes; any activity extends the wait by `limit`.
    #[inline]
    pub fn await_bytes(&self, limit: Duration) {
        self.arm(WaitKind::Bytes, millis(limit));
    }

    /// The peer has sent everything; it gets `limit` to read the rest.
    pub fn await_end(&self, limit: Duration) {
        self.arm(WaitKind::End, millis(limit));
    }

    /// Stops waiting for the peer.
    #[inline]
    pub fn disarm(&self) {
        self.read_by.set(NEVER);
    }

    /// Whether nothing is awaited from the peer.
    #[inline]
    pub fn is_resting(&self) -> bool {
        self.read_by.get() == NEVER
    }

    /// Whether a write waits for space in the send buffer.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.write_by.get() != NEVER
    }

    /// Changes how long a write may wait for space.
    pub fn set_write_limit(&self, limit: Duration) {
        self.write_limit.set(millis(limit));
    }

    /// Which wait is overdue at `now` of the coarse clock.
    pub fn overdue(&self, now: u64) -> Option<WaitKind> {
        if self.read_by.get() <= now {
            return Some(self.read_wait.get());
        }
        (self.write_by.get() <= now).then_some(WaitKind::Room)
    }

    /// Bytes received so far.
    #[inline]
    pub fn received(&self) -> u64 {
        self.received.get()
    }

    /// Bytes sent so far.
    #[inline]
    pub fn sent(&self) -> u64 {
        self.sent.get()
    }

    #[inline]
    pub(super) fn on_read(&self, bytes: usize) {
        self.received.set(self.received() + bytes as u64);
        self.on_activity();
    }

    /// Records activity: extends the deadlines.
    #[inline]
    pub(super) fn on_activity(&self) {
        if self.read_by.get() == NEVER {
            return;
        }
        match self.read_wait.get() {
            WaitKind::Bytes => self.read_by.set(deadline(self.read_limit.get())),
            WaitKind::KeepAlive => self.arm(WaitKind::Head, self.head_limit.get()),
            WaitKind::Head | WaitKind::Room | WaitKind::End => {}
        }
    }

    #[inline]
    pub(super) fn on_write(&self, bytes: usize) {
        self.sent.set(self.sent() + bytes as u64);
        self.write_by.set(NEVER);
    }

    #[inline]
    pub(super) fn on_full(&self) {
        if self.write_by.get() == NEVER {
            self.write_by.set(deadline(self.write_limit.get()));
        }
    }

    #[inline]
    fn arm(&self, wait: WaitKind, limit: u32) {
        self.read_wait.set(wait);
        self.read_limit.set(limit);
        self.read_by.set(deadline(limit));
    }

    /// Why the work on this stream was ended, if it was.
    pub fn ended(&self) -> Option<Ended> {
        self.ended.get()
    }

    /// Like [`Self::ended`], but wakes the polling task when it happens.
    #[inline]
    pub fn poll_ended(&self, cx: &Context<'_>) -> Option<Ended> {
        let ended = self.ended.get();
        if ended.is_none() {
            let mut mine = self.waker.borrow_mut();
            if !mine.as_ref().is_some_and(|mine| mine.will_wake(cx.waker())) {
                *mine = Some(cx.waker().clone());
            }
        }
        ended
    }

    /// Runs `future` until it completes or the stream is ended.
    pub async fn guard<F: Future>(&self, mut future: Pin<&mut F>) -> Result<F::Output, Ended> {
        poll_fn(|cx| match self.poll_ended(cx) {
            Some(ended) => Poll::Ready(Err(ended)),
            None => future.as_mut().poll(cx).map(Ok),
        })
        .await
    }

    /// Ends the work on this stream: its future is dropped at its next poll, for which it is woken. `Killed`
    /// is never overridden.
    pub fn end(&self, why: Ended) {
        if self.ended.get().is_none() || why == Ended::Killed {
            self.ended.set(Some(why));
            self.wake();
        }
    }

    /// Clears the reason: the task goes on to a regular end, and sets another deadline for that.
    pub fn resume(&self) {
        self.ended.set(None);
        self.disarm();
    }

    /// Wakes the polling task.
    pub fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn bytes_extend_a_body_but_not_a_head() {
        set_now(0, Duration::ZERO);
        let deadlines = StreamDeadlines::new(SECOND);
        deadlines.await_bytes(SECOND);
        set_now(900, Duration::ZERO);
        deadlines.on_read(1);
        assert_eq!(deadlines.overdue(1000), None);
        assert_eq!(deadlines.overdue(1900), Some(WaitKind::Bytes));

        deadlines.await_request(Some(SECOND * 10), SECOND);
        deadlines.on_read(1);
        set_now(1800, Duration::ZERO);
        deadlines.on_read(1);
        assert_eq!(deadlines.overdue(1900), Some(WaitKind::Head));
        deadlines.disarm();
        assert_eq!(deadlines.overdue(1_000_000), None);
    }

    #[test]
    fn a_write_without_room_is_overdue_until_one_succeeds() {
        set_now(0, Duration::ZERO);
        let deadlines = StreamDeadlines::new(SECOND);
        deadlines.on_full();
        set_now(500, Duration::ZERO);
        deadlines.on_full();
        assert_eq!(deadlines.overdue(1000), Some(WaitKind::Room));
        deadlines.on_write(3);
        assert_eq!(deadlines.overdue(1000), None);
    }

    #[test]
    fn what_is_quiet_is_over_at_once_and_what_was_busy_soon() {
        set_now(5000, Duration::ZERO);
        let quiet = || {
            let deadlines = StreamDeadlines::new(SECOND);
            deadlines.await_request(Some(SECOND * 60), SECOND * 10);
            deadlines
        };
        let (long, short, new, busy) =
            (quiet(), StreamDeadlines::new(SECOND), StreamDeadlines::new(SECOND), quiet());
        new.await_request(None, SECOND * 10);
        set_now(6000, Duration::ZERO);
        short.await_request(Some(SECOND * 60), SECOND * 10);
        busy.disarm();
        [&long, &short, &new, &busy].iter().for_each(|deadlines| deadlines.hasten(SECOND, SECOND / 2));
        assert_eq!(long.ended(), Some(Ended::Overdue(WaitKind::KeepAlive)));
        assert_eq!([&short, &new, &busy].map(StreamDeadlines::ended), [None; 3]);
        assert_eq!((short.overdue(6499), short.overdue(6500)), (None, Some(WaitKind::KeepAlive)));
        assert_eq!((new.overdue(14_999), new.overdue(15_000)), (None, Some(WaitKind::Head)));
        assert_eq!(busy.overdue(1_000_000), None);
    }
}
