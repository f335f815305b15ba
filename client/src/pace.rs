//! When the next request is due and of which kind it is: one schedule for all connections.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::mix::{Deck, Kind};
use crate::options::Options;

/// How far behind its schedule a client may be and still catch up; what is lost beyond is not made good by a burst.
const CATCH_UP: Duration = Duration::from_millis(100);

/// The schedule.
#[derive(Debug)]
pub(crate) struct Pace {
    inner: Mutex<Inner>,
    interval: Duration,
}

#[derive(Debug)]
struct Inner {
    next: Instant,
    left: u64,
    deck: Deck,
}

/// Leave to send one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) due: Instant,
    pub(crate) kind: Kind,
}

// === impl Pace ===

impl Pace {
    pub(crate) fn new(options: &Options, start: Instant) -> Self {
        let interval = match options.rate {
            0 => Duration::ZERO,
            rate => Duration::from_secs(1) / rate,
        };
        let left = options.requests.unwrap_or(u64::MAX);
        Self { inner: Mutex::new(Inner { next: start, left, deck: Deck::new(&options.mix) }), interval }
    }

    /// The next ticket, or `None` when all requests have been given out.
    pub(crate) fn take(&self, now: Instant) -> Option<Ticket> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.left = inner.left.checked_sub(1)?;
        let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
        let due = inner.next.max(earliest);
        inner.next = due + self.interval;
        Some(Ticket { due, kind: inner.deck.deal() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(rate: u32, requests: Option<u64>, start: Instant) -> Pace {
        Pace::new(&Options { rate, requests, ..Options::default() }, start)
    }

    #[test]
    fn requests_are_spread_evenly() {
        let start = Instant::now();
        let pace = pace(100, None, start);
        for slot in 0..5 {
            assert_eq!(pace.take(start).unwrap().due, start + Duration::from_millis(10) * slot);
        }
    }

    #[test]
    fn a_late_client_catches_up_a_little_only() {
        let start = Instant::now();
        let pace = pace(100, None, start);
        let late = start + Duration::from_secs(60);
        assert_eq!(pace.take(late).unwrap().due, late - CATCH_UP);
        assert_eq!(pace.take(late).unwrap().due, late - CATCH_UP + Duration::from_millis(10));
    }

    #[test]
    fn a_budget_is_exact() {
        let now = Instant::now();
        let pace = pace(0, Some(3), now);
        assert_eq!((0..5).filter(|_| pace.take(now).is_some()).count(), 3);
    }
}
