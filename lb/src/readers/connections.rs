//! Connections of readers, and which of them is closed when there are too many.
//!
//! A connection that is working is never closed. First goes one that has been served and is about to leave, then
//! the one that has waited longest for a request, then one whose reader is stuck.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::Readers;

/// Time for a new client to send its request before its connection may be closed: often the request has arrived
/// already.
const FRESH: Duration = Duration::from_millis(200);
/// Time that an interactive client may be idle before its connection may be closed.
const RESTED: Duration = Duration::from_secs(5);
/// Time without reading before a connection may be closed.
const STUCK: Duration = Duration::from_secs(1);
/// Interval at which a new connection checks whether another one may be closed by now.
const AGAIN: Duration = Duration::from_millis(100);

/// All connections.
#[derive(Debug, Default)]
pub(super) struct Connections {
    all: Mutex<ReaderTable>,
    /// Signals that a connection has ended.
    left: Notify,
}

#[derive(Debug, Default)]
struct ReaderTable {
    by_number: HashMap<u64, ReaderEntry>,
    /// The next number, for connections and for groups.
    next: u64,
}

#[derive(Debug)]
struct ReaderEntry {
    group: u64,
    doing: Doing,
    /// Start of the activity; while sending, when the reader last read something.
    since: Instant,
    end: CancellationToken,
}

/// Activity of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// Waiting for a request.
    Waiting,
    /// Waiting for the next command of an interactive client.
    Resting,
    /// Carrying out a request.
    Working,
    /// Sending a reply.
    Sending,
    /// Served; the client has some time to close.
    Leaving,
}

/// A service whose connections are counted together.
#[derive(Debug, Clone)]
pub struct ServiceReaders {
    readers: Readers,
    number: u64,
    capacity: usize,
}

/// A slot for one connection; released on drop.
#[derive(Debug)]
pub struct ReaderSlot {
    readers: Readers,
    number: u64,
    end: CancellationToken,
}

// === impl ServiceReaders ===

impl ServiceReaders {
    pub(super) fn new(readers: &Readers, capacity: usize) -> Self {
        let number = readers.0.connections.lock().take_number();
        Self { readers: readers.clone(), number, capacity }
    }

    /// Takes a slot for a new connection, closing another one if necessary. Waits while none may be closed.
    pub async fn admit(&self) -> ReaderSlot {
        let connections = &self.readers.0.connections;
        loop {
            let left = connections.left.notified();
            if let Some((number, end)) = connections.lock().admit(self, Instant::now()) {
                return ReaderSlot { readers: self.readers.clone(), number, end };
            }
            // If none has ended, one may have become idle or stuck.
            let _ = timeout(AGAIN, left).await;
        }
    }
}

// === impl ReaderSlot ===

impl ReaderSlot {
    /// It waits for a request.
    pub fn waits(&self) {
        self.does(Doing::Waiting);
    }

    /// It waits for the next command of an interactive client.
    pub fn rests(&self) {
        self.does(Doing::Resting);
    }

    /// It carries out a request and must not be closed.
    pub fn works(&self) {
        self.does(Doing::Working);
    }

    /// It sends a reply.
    pub fn sends(&self) {
        self.does(Doing::Sending);
    }

    /// It has been served; the client has some time to close.
    pub fn leaves(&self) {
        self.does(Doing::Leaving);
    }

    /// Its reader has read something.
    pub fn progresses(&self) {
        let mut table = self.readers.0.connections.lock();
        if let Some(entry) = table.by_number.get_mut(&self.number)
            && entry.doing == Doing::Sending
        {
            entry.since = Instant::now();
        }
    }

    /// Completes when the connection has to close.
    pub async fn ended(&self) {
        self.end.cancelled().await;
    }

    fn does(&self, doing: Doing) {
        if let Some(entry) = self.readers.0.connections.lock().by_number.get_mut(&self.number) {
            (entry.doing, entry.since) = (doing, Instant::now());
        }
    }
}

impl Drop for ReaderSlot {
    fn drop(&mut self) {
        let connections = &self.readers.0.connections;
        connections.lock().by_number.remove(&self.number);
        connections.left.notify_waiters();
    }
}

// === impl Connections ===

impl Connections {
    /// Closes the connection, of any service, whose reader has been stuck longest; returns whether there was
    /// one.
    pub(super) fn end_stuck(&self) -> bool {
        self.lock().end_one(Instant::now(), |entry| entry.doing == Doing::Sending)
    }

    fn lock(&self) -> MutexGuard<'_, ReaderTable> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl ReaderTable ===

impl ReaderTable {
    fn take_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn admit(&mut self, group: &ServiceReaders, now: Instant) -> Option<(u64, CancellationToken)> {
        let is_mine = |entry: &ReaderEntry| entry.group == group.number;
        let count = self.by_number.values().filter(|entry| is_mine(entry)).count();
        if count >= group.capacity && !self.end_one(now, is_mine) {
            return None;
        }
        let (number, end) = (self.take_number(), CancellationToken::new());
        let entry = ReaderEntry { group: group.number, doing: Doing::Waiting, since: now, end: end.clone() };
        self.by_number.insert(number, entry);
        Some((number, end))
    }

    /// Closes the first candidate among those that are `meant`; its slot is free at once.
    fn end_one(&mut self, now: Instant, meant: impl Fn(&ReaderEntry) -> bool) -> bool {
        let candidates = self.by_number.iter().filter(|(_, entry)| meant(entry));
        let ranked = candidates.filter_map(|(number, entry)| Some((entry.rank(now)?, entry.since, *number)));
        let Some((_, _, number)) = ranked.min() else { return false };
        if let Some(entry) = self.by_number.remove(&number) {
            entry.end.cancel();
        }
        true
    }
}

// === impl ReaderEntry ===

impl ReaderEntry {
    /// How soon it may be closed, 0 first; `None` if it may not.
    fn rank(&self, now: Instant) -> Option<u8> {
        let time = now.saturating_duration_since(self.since);
        match self.doing {
            Doing::Leaving => Some(0),
            Doing::Waiting => (time >= FRESH).then_some(1),
            Doing::Resting => (time >= RESTED).then_some(1),
            Doing::Sending => (time >= STUCK).then_some(2),
            Doing::Working => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn is_ended(connection: &ReaderSlot) -> bool {
        connection.end.is_cancelled()
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_waits_longest_makes_room() {
        let readers = Readers::default();
        let (group, other) = (readers.group(2), readers.group(1));
        let elsewhere = other.admit().await;
        let first = group.admit().await;
        tokio::time::advance(SECOND).await;
        let second = group.admit().await;
        first.works();
        let third = group.admit().await;
        assert_eq!([&elsewhere, &first, &second, &third].map(is_ended), [false, false, true, false]);
        drop(third);
        tokio::time::advance(SECOND).await;
        let fourth = group.admit().await;
        tokio::time::advance(SECOND).await;
        first.waits();
        let _fifth = group.admit().await;
        assert_eq!([&first, &fourth].map(is_ended), [false, true], "it has waited for less time");
    }

    #[tokio::test(start_paused = true)]
    async fn who_works_rests_briefly_or_reads_on_is_not_ended() {
        let readers = Readers::default();
        let group = readers.group(3);
        let (works, rests, sends) = (group.admit().await, group.admit().await, group.admit().await);
        works.works();
        rests.rests();
        sends.sends();
        let begun = Instant::now();
        let room = group.admit();
        tokio::pin!(room);
        for _ in 0..9 {
            assert!(timeout(SECOND / 2, &mut room).await.is_err());
            sends.progresses();
        }
        let _admitted = room.await;
        assert!(begun.elapsed() >= RESTED);
        assert_eq!([&works, &rests, &sends].map(is_ended), [false, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_takes_nothing_is_ended_for_memory() {
        let readers = Readers::default();
        let (one, other) = (readers.group(9), readers.group(9));
        let (waits, slow, slower) = (one.admit().await, one.admit().await, other.admit().await);
        let connections = &readers.0.connections;
        slower.sends();
        tokio::time::advance(SECOND / 2).await;
        slow.sends();
        assert!(!connections.end_stuck());
        tokio::time::advance(SECOND * 2).await;
        assert!(connections.end_stuck());
        assert_eq!([&waits, &slow, &slower].map(is_ended), [false, false, true]);
        slow.progresses();
        assert!(!connections.end_stuck());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_leaves_or_is_gone_makes_room() {
        let group = Readers::default().group(1);
        let only = group.admit().await;
        only.works();
        let room = tokio::spawn(async move { drop(group.admit().await) });
        tokio::task::yield_now().await;
        drop(only);
        room.await.unwrap();
        let group = Readers::default().group(1);
        let begun = Instant::now();
        let served = group.admit().await;
        served.leaves();
        let _next = group.admit().await;
        assert_eq!((is_ended(&served), begun.elapsed()), (true, Duration::ZERO));
    }
}
