//! The operator's order and the number in flight, in one word.
//!
//! "Claim, then look" is one compare-and-swap: a request counts itself in only while the order allows it. Since both live in
//! one atomic word, there is a total order of claims and orders: once [`Gate::set_admin`] has returned, no claim that it forbids
//! succeeds, and a count of zero read after that stays zero. A refused claim leaves no trace. `loom` checks this in the tests below.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// What a server is ordered to do (HAProxy manual, management, `set server … state`), the mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum AdminState {
    /// Takes traffic when it is healthy.
    Ready = 0,
    /// Takes no new traffic but what sticks to it; checks go on.
    Drain = 1,
    /// Takes nothing; checks stop.
    Maint = 2,
}

/// A reading of a [`Gate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// The order in force.
    pub admin: AdminState,
    /// Exchanges in flight.
    pub in_flight: u32,
}

/// The word: what `std` and `loom` both have.
pub trait Word {
    /// A word with this value.
    fn new(value: u64) -> Self;
    /// Reads it.
    fn load(&self) -> u64;
    /// Replaces `current` by `new`, or tells what is there instead.
    ///
    /// # Errors
    /// The present value, when it is not `current`.
    fn swap_if(&self, current: u64, new: u64) -> Result<u64, u64>;
}

/// The gate of one server.
#[derive(Debug)]
pub struct Gate<W = AtomicU64> {
    /// Low 32 bits: in flight. Bits 32 and 33: the order.
    word: W,
    released: Notify,
}

const ADMIN_SHIFT: u32 = 32;

impl Word for AtomicU64 {
    fn new(value: u64) -> Self {
        Self::new(value)
    }

    #[inline]
    fn load(&self) -> u64 {
        self.load(Ordering::Acquire)
    }

    #[inline]
    fn swap_if(&self, current: u64, new: u64) -> Result<u64, u64> {
        self.compare_exchange_weak(current, new, Ordering::AcqRel, Ordering::Acquire)
    }
}

// === impl AdminState ===

impl AdminState {
    /// HAProxy's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Drain => "drain",
            Self::Maint => "maint",
        }
    }
}

// === impl Gate ===

impl<W: Word> Gate<W> {
    /// A gate with nothing in flight.
    pub fn new(admin: AdminState) -> Self {
        let load = Load { admin, in_flight: 0 };
        Self { word: W::new(load.pack()), released: Notify::new() }
    }

    /// Reads order and count at one moment.
    #[inline]
    pub fn load(&self) -> Load {
        Load::unpack(self.word.load())
    }

    /// Counts one in, if `may` says so of the present reading; returns the new count, or the reading that was refused.
    ///
    /// # Errors
    /// The reading that `may` refused; the gate is unchanged.
    #[inline]
    pub fn enter(&self, may: impl Fn(Load) -> bool) -> Result<u32, Load> {
        self.update(|load| may(load).then_some(Load { in_flight: load.in_flight + 1, ..load }))
            .map(|before| before.in_flight + 1)
    }

    /// Counts one out; returns what is left.
    #[inline]
    pub fn leave(&self) -> Load {
        let left = |load: Load| Load { in_flight: load.in_flight.saturating_sub(1), ..load };
        let before = self.update(|load| Some(left(load))).unwrap_or_else(|before| before);
        let after = left(before);
        // Waking takes a lock, so only a server that somebody wants empty pays it. Nobody is missed: the order is in the same word,
        // so a leave that came before it is in the count that the waiter reads.
        if after.in_flight == 0 && after.admin != AdminState::Ready {
            self.released.notify_waiters();
        }
        after
    }

    /// Puts an order in force; returns the reading before it.
    pub fn set_admin(&self, admin: AdminState) -> Load {
        let before = self.update(|load| Some(Load { admin, ..load })).unwrap_or_else(|before| before);
        self.released.notify_waiters();
        before
    }

    /// Completes when a server that was ordered out has become empty, or when the order changes.
    pub fn released(&self) -> Notified<'_> {
        self.released.notified()
    }

    /// The one way to change the word; returns the reading before the change, or the one that `change` declined.
    #[inline]
    fn update(&self, change: impl Fn(Load) -> Option<Load>) -> Result<Load, Load> {
        let mut word = self.word.load();
        loop {
            let before = Load::unpack(word);
            let after = change(before).ok_or(before)?;
            match self.word.swap_if(word, after.pack()) {
                Ok(_) => return Ok(before),
                Err(present) => word = present,
            }
        }
    }
}

// === impl Load ===

impl Load {
    #[inline]
    fn pack(self) -> u64 {
        (self.admin as u64) << ADMIN_SHIFT | u64::from(self.in_flight)
    }

    #[inline]
    fn unpack(word: u64) -> Self {
        let admin = match (word >> ADMIN_SHIFT) & 0b11 {
            0 => AdminState::Ready,
            1 => AdminState::Drain,
            _ => AdminState::Maint,
        };
        #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
        Self { admin, in_flight: word as u32 }
    }
}

#[cfg(test)]
mod tests {
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicU64 as LoomWord;
    use loom::thread;

    use super::*;

    impl Word for LoomWord {
        fn new(value: u64) -> Self {
            Self::new(value)
        }

        fn load(&self) -> u64 {
            self.load(Ordering::Acquire)
        }

        fn swap_if(&self, current: u64, new: u64) -> Result<u64, u64> {
            self.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire)
        }
    }

    /// Every interleaving with up to three preemptions: more finds nothing new in so few steps and takes minutes.
    fn model(check: impl Fn() + Send + Sync + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(check);
    }

    fn ready(load: Load) -> bool {
        load.admin == AdminState::Ready
    }

    /// The promise of the whole program: maintenance acknowledged and nothing in flight means that nothing ever comes again.
    #[test]
    fn loom_a_drained_server_never_sees_another_request() {
        model(|| {
            let gate = Arc::new(Gate::<LoomWord>::new(AdminState::Ready));
            let after_zero = Arc::new(loom::sync::atomic::AtomicBool::new(false));
            let requests: Vec<_> = (0..2)
                .map(|_| {
                    let (gate, after_zero) = (Arc::clone(&gate), Arc::clone(&after_zero));
                    thread::spawn(move || {
                        if gate.enter(ready).is_ok() {
                            // Between these two lines the request is on the server.
                            assert!(!after_zero.load(Ordering::SeqCst), "a request on a drained server");
                            gate.leave();
                        }
                    })
                })
                .collect();
            gate.set_admin(AdminState::Maint);
            if gate.load().in_flight == 0 {
                after_zero.store(true, Ordering::SeqCst);
                assert!(gate.enter(ready).is_err());
            }
            requests.into_iter().for_each(|request| request.join().unwrap());
            assert_eq!(gate.load(), Load { admin: AdminState::Maint, in_flight: 0 });
        });
    }

    #[test]
    fn loom_a_limit_is_never_exceeded_and_orders_do_not_lose_counts() {
        model(|| {
            let gate = Arc::new(Gate::<LoomWord>::new(AdminState::Ready));
            let claim = {
                let gate = Arc::clone(&gate);
                thread::spawn(move || gate.enter(|load| load.in_flight < 1).is_ok())
            };
            let mine = gate.enter(|load| load.in_flight < 1).is_ok();
            gate.set_admin(AdminState::Drain);
            let theirs = claim.join().unwrap();
            assert!(mine ^ theirs, "exactly one fits");
            assert_eq!(gate.load(), Load { admin: AdminState::Drain, in_flight: 1 });
        });
    }

    #[test]
    fn readings_survive_packing() {
        for admin in [AdminState::Ready, AdminState::Drain, AdminState::Maint] {
            let load = Load { admin, in_flight: u32::MAX - 1 };
            assert_eq!(Load::unpack(load.pack()), load);
        }
    }
}
