//! A stick table: keys, what is stored with each, and which of them go when there are too many or nobody uses them.
//!
//! One lock, held for a few steps and only by requests that use the table. An entry that requests in flight track stays. It refuses to
//! know what a request is, and which server a number or a name stands for.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::freq::Freq;
use super::key::StickKey;
use crate::config::{self, Datum, Stored};
use crate::counters::millis;

/// Entries that are looked at, or taken away because their time is over, while the lock is held once.
const STEP: usize = 512;

/// A stick table.
#[derive(Debug)]
pub struct StickTable {
    /// The backend that it belongs to.
    pub name: Arc<str>,
    /// What the configuration says of it.
    pub spec: config::TableConfig,
    began: Instant,
    entries: Mutex<Entries>,
}

/// The server that a key is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StickyServer {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: Option<Arc<str>>,
}

/// An entry as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntrySnapshot {
    /// Its number in its table: HAProxy has an address there.
    pub id: u64,
    /// Its key.
    pub key: StickKey,
    /// Requests in flight that use it.
    pub uses: u32,
    /// Milliseconds until it goes.
    pub expires: u64,
    /// What is stored, in the order of the configuration.
    pub values: Vec<EntryValue>,
}

/// One value of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryValue {
    /// A count, a level or a rate.
    Number(u64),
    /// The name of a server, if there is one.
    Name(Option<Arc<str>>),
}

/// An entry is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InUse;

#[derive(Debug, Default)]
struct Entries {
    by_key: HashMap<Arc<StickKey>, TableEntry>,
    /// By their number, which never changes: the order in which the table is walked.
    by_id: BTreeMap<u64, Arc<StickKey>>,
    /// By when they were used last: the oldest is the first to go.
    by_age: BTreeMap<u64, Arc<StickKey>>,
    /// Rises with each use.
    age: u64,
    next_id: u64,
    updates: u64,
}

#[derive(Debug)]
struct TableEntry {
    id: u64,
    age: u64,
    uses: u32,
    /// When it goes, milliseconds.
    until: u64,
    cells: Box<[StoredValue]>,
}

#[derive(Debug, Clone)]
enum StoredValue {
    Number(u64),
    Rate(Freq),
    Name(Option<Arc<str>>),
}

// === impl StickTable ===

impl StickTable {
    /// An empty table.
    pub fn new(name: Arc<str>, spec: &config::TableConfig) -> Self {
        Self { name, spec: spec.clone(), began: Instant::now(), entries: Mutex::default() }
    }

    /// How many entries there are, and how many times one was made or changed for a server.
    pub fn used(&self) -> (usize, u64) {
        loop {
            let now = Instant::now();
            let entries = self.fresh(now);
            if !entries.is_due(self.at(now)) {
                return (entries.by_key.len(), entries.updates);
            }
        }
    }

    /// Whether it stores this.
    pub fn stores(&self, kind: Datum) -> bool {
        self.place(kind).is_some()
    }

    /// The entry of a key.
    pub fn get(&self, key: &StickKey) -> Option<EntrySnapshot> {
        let now = Instant::now();
        let entries = self.fresh(now);
        let (key, entry) = entries.by_key.get_key_value(key)?;
        if entry.is_due(self.at(now)) {
            return None;
        }
        Some(self.told(key, entry, self.at(now)))
    }

    /// One number of the entry of a key: 0 when there is no such entry, nothing when the table stores no such number.
    pub fn number(&self, key: &StickKey, kind: Datum) -> Option<u64> {
        let place = self.place(kind)?;
        let stored = self.spec.store.get(place)?;
        let now = Instant::now();
        let (entries, at) = (self.fresh(now), self.at(now));
        let Some(entry) = entries.by_key.get(key).filter(|entry| !entry.is_due(at)) else { return Some(0) };
        match entry.cells.get(place)? {
            StoredValue::Number(number) => Some(*number),
            StoredValue::Rate(freq) => Some(freq.read(at, millis(stored.period))),
            StoredValue::Name(_) => None,
        }
    }

    /// At most [`STEP`] entries whose number is higher than `after`, in the order of their numbers, which is that of their making. A table is
    /// walked step by step, so that requests never wait long for its lock; there are no more when fewer come. An entry that is there all the
    /// while is told once.
    pub fn walk(&self, after: u64) -> Vec<EntrySnapshot> {
        let now = Instant::now();
        let entries = self.fresh(now);
        let at = self.at(now);
        let next = entries.by_id.range((Excluded(after), Unbounded)).take(STEP);
        next.filter_map(|(_, key)| Some(self.told(key, entries.by_key.get(key)?, at))).collect()
    }

    /// The entry of that number.
    pub fn numbered(&self, id: u64) -> Option<EntrySnapshot> {
        let now = Instant::now();
        let entries = self.fresh(now);
        let key = entries.by_id.get(&id)?;
        let entry = entries.by_key.get(key).filter(|entry| !entry.is_due(self.at(now)))?;
        Some(self.told(key, entry, self.at(now)))
    }

    /// Changes values of an entry, which is made if it is not there; whether there is room for it.
    pub fn set(&self, key: &StickKey, values: &[(Datum, u64)]) -> bool {
        self.with(key, Instant::now(), |table, entry, at| {
            for (kind, value) in values {
                match table.place(*kind).and_then(|place| entry.cells.get_mut(place)) {
                    Some(StoredValue::Number(number)) => *number = *value,
                    Some(StoredValue::Rate(freq)) => freq.set(*value, at),
                    Some(StoredValue::Name(_)) | None => {}
                }
            }
        })
        .is_some()
    }

    /// Takes an entry away.
    ///
    /// # Errors
    /// A request in flight uses it.
    pub fn remove(&self, key: &StickKey) -> Result<(), InUse> {
        let mut entries = self.fresh(Instant::now());
        match entries.by_key.get(key).map(|entry| (entry.uses, entry.age)) {
            Some((1.., _)) => Err(InUse),
            Some((0, age)) => {
                entries.remove(age);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Begins to track a key at `now`: a request of a client's connection, its first or a later one. Whether there is room.
    pub fn enter(&self, key: &StickKey, is_first: bool, now: Instant) -> bool {
        let entered = self.with(key, now, |table, entry, at| {
            entry.uses += 1;
            let mut count = |kind| table.count(entry, kind, 1, at);
            [Datum::ConnCnt, Datum::ConnRate, Datum::ConnCur].into_iter().for_each(&mut count);
            [Datum::HttpReqCnt, Datum::HttpReqRate].into_iter().for_each(&mut count);
            if is_first {
                [Datum::SessCnt, Datum::SessRate].into_iter().for_each(count);
            }
        });
        entered.is_some()
    }

    /// Ends what [`StickTable::enter`] began, with what came of it.
    pub fn leave(&self, key: &StickKey, received: u64, sent: u64, status: u16) {
        self.with(key, Instant::now(), |table, entry, at| {
            entry.uses = entry.uses.saturating_sub(1);
            if let Some(StoredValue::Number(number)) =
                table.place(Datum::ConnCur).and_then(|place| entry.cells.get_mut(place))
            {
                *number = number.saturating_sub(1);
            }
            let mut count = |kinds: [Datum; 2], count| {
                kinds.into_iter().for_each(|kind| table.count(entry, kind, count, at));
            };
            count([Datum::BytesInCnt, Datum::BytesInRate], received);
            count([Datum::BytesOutCnt, Datum::BytesOutRate], sent);
            // 501 and 505 say something about the request.
            let is_failure = matches!(status, 500 | 502..=504 | 506..=599);
            count([Datum::HttpErrCnt, Datum::HttpErrRate], (status / 100 == 4).into());
            count([Datum::HttpFailCnt, Datum::HttpFailRate], is_failure.into());
        });
    }

    /// The server that a key is bound to; looking is using.
    pub fn bound(&self, key: &StickKey) -> Option<StickyServer> {
        let now = Instant::now();
        let mut entries = self.fresh(now);
        entries.remove_due(key, self.at(now));
        let until = self.until(self.at(now));
        let entry = entries.touch(key, until)?;
        let mut bound = StickyServer::default();
        for (stored, cell) in self.spec.store.iter().zip(&entry.cells) {
            match (stored.kind, cell) {
                (Datum::ServerId, StoredValue::Number(number)) => {
                    bound.number = u32::try_from(*number).unwrap_or(0);
                }
                (Datum::ServerKey, StoredValue::Name(name)) => bound.name.clone_from(name),
                _ => {}
            }
        }
        (bound.number > 0 || bound.name.is_some()).then_some(bound)
    }

    /// Binds a key to a server.
    pub fn bind(&self, key: &StickKey, server: &StickyServer) {
        self.with(key, Instant::now(), |table, entry, _| {
            for (stored, cell) in table.spec.store.iter().zip(&mut entry.cells) {
                match (stored.kind, cell) {
                    (Datum::ServerId, StoredValue::Number(number)) => *number = server.number.into(),
                    (Datum::ServerKey, StoredValue::Name(name)) => name.clone_from(&server.name),
                    _ => {}
                }
            }
        });
        self.lock().updates += 1;
    }

    /// Does something to the entry of a key, which is made if it is not there and there is room.
    fn with(
        &self,
        key: &StickKey,
        now: Instant,
        change: impl FnOnce(&Self, &mut TableEntry, u64),
    ) -> Option<()> {
        let mut entries = self.fresh(now);
        let at = self.at(now);
        entries.remove_due(key, at);
        if !entries.by_key.contains_key(key) {
            if entries.by_key.len() >= self.spec.size && !entries.make_room() {
                return None;
            }
            entries.add(key, self.spec.store.iter().map(StoredValue::new).collect());
        }
        change(self, entries.touch(key, self.until(at))?, at);
        Some(())
    }

    fn count(&self, entry: &mut TableEntry, kind: Datum, count: u64, at: u64) {
        let Some(place) = self.place(kind) else { return };
        let period = self.spec.store.get(place).map_or(0, |stored| millis(stored.period));
        match entry.cells.get_mut(place) {
            Some(StoredValue::Number(number)) => *number += count,
            Some(StoredValue::Rate(freq)) => freq.add(count, at, period),
            Some(StoredValue::Name(_)) | None => {}
        }
    }

    fn told(&self, key: &StickKey, entry: &TableEntry, at: u64) -> EntrySnapshot {
        let value = |(stored, cell): (&Stored, &StoredValue)| match cell {
            StoredValue::Number(number) => EntryValue::Number(*number),
            StoredValue::Rate(freq) => EntryValue::Number(freq.read(at, millis(stored.period))),
            StoredValue::Name(name) => EntryValue::Name(name.clone()),
        };
        let values = self.spec.store.iter().zip(&entry.cells).map(value).collect();
        let expires = if self.spec.expire.is_some() { entry.until.saturating_sub(at) } else { 0 };
        EntrySnapshot { id: entry.id, key: key.clone(), uses: entry.uses, expires, values }
    }

    fn place(&self, kind: Datum) -> Option<usize> {
        self.spec.store.iter().position(|stored| stored.kind == kind)
    }

    fn at(&self, now: Instant) -> u64 {
        millis(now.saturating_duration_since(self.began))
    }

    fn until(&self, at: u64) -> u64 {
        self.spec.expire.map_or(u64::MAX, |expire| at + millis(expire))
    }

    /// The entries without those whose time is over, of which at most [`STEP`] are taken away at once: a crowd that came together goes together.
    fn fresh(&self, now: Instant) -> MutexGuard<'_, Entries> {
        let mut entries = self.lock();
        let at = self.at(now);
        for _ in 0..STEP {
            let oldest = entries.by_age.first_key_value().map(|(age, key)| (*age, Arc::clone(key)));
            let Some((age, key)) = oldest else { break };
            match entries.by_key.get(&key) {
                Some(entry) if entry.until > at => break,
                // Who uses it gives it more time.
                Some(entry) if entry.uses > 0 => {
                    entries.touch(&key, self.until(at));
                }
                _ => entries.remove(age),
            }
        }
        entries
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Entries ===

impl Entries {
    fn add(&mut self, key: &StickKey, cells: Box<[StoredValue]>) {
        let (key, age) = (Arc::new(key.clone()), self.grow());
        self.next_id += 1;
        let entry = TableEntry { id: self.next_id, age, uses: 0, until: 0, cells };
        self.by_id.insert(self.next_id, Arc::clone(&key));
        self.by_age.insert(age, Arc::clone(&key));
        self.by_key.insert(key, entry);
    }

    /// Makes an entry the newest, and says when it goes.
    fn touch(&mut self, key: &StickKey, until: u64) -> Option<&mut TableEntry> {
        let age = self.grow();
        let entry = self.by_key.get_mut(key)?;
        if let Some(key) = self.by_age.remove(&entry.age) {
            self.by_age.insert(age, key);
        }
        (entry.age, entry.until) = (age, until);
        Some(entry)
    }

    fn remove(&mut self, age: u64) {
        if let Some(key) = self.by_age.remove(&age)
            && let Some(entry) = self.by_key.remove(&key)
        {
            self.by_id.remove(&entry.id);
        }
    }

    /// Takes an entry away whose time is over, though others are due before it.
    fn remove_due(&mut self, key: &StickKey, at: u64) {
        if let Some(age) = self.by_key.get(key).filter(|entry| entry.is_due(at)).map(|entry| entry.age) {
            self.remove(age);
        }
    }

    /// Whether the time of the oldest is over.
    fn is_due(&self, at: u64) -> bool {
        let oldest = self.by_age.first_key_value().and_then(|(_, key)| self.by_key.get(key));
        oldest.is_some_and(|entry| entry.is_due(at))
    }

    /// Takes the oldest away that nobody uses; whether there was one.
    fn make_room(&mut self) -> bool {
        let is_idle = |key: &Arc<StickKey>| self.by_key.get(key).is_none_or(|entry| entry.uses == 0);
        let oldest = self.by_age.iter().find(|(_, key)| is_idle(key)).map(|(age, _)| *age);
        oldest.inspect(|age| self.remove(*age)).is_some()
    }

    fn grow(&mut self) -> u64 {
        self.age += 1;
        self.age
    }
}

// === impl TableEntry ===

impl TableEntry {
    /// Whether its time is over; a request that uses it gives it more.
    fn is_due(&self, at: u64) -> bool {
        self.until <= at && self.uses == 0
    }
}

// === impl StoredValue ===

impl StoredValue {
    fn new(stored: &Stored) -> Self {
        match stored.kind {
            Datum::ServerKey => Self::Name(None),
            kind if kind.is_rate() => Self::Rate(Freq::default()),
            _ => Self::Number(0),
        }
    }
}
