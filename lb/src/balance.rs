//! Picking a server: round robin, least connections, random, first, and consistent hashes.
//!
//! A [`Rotation`] is immutable: the usable servers of a backend in the shape its algorithm needs. Picking costs one step for
//! every algorithm but least connections, which looks at each server. It refuses to know why a server is usable or not.

mod ring;
mod schedule;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::config::Balance;
use crate::ids::ServerId;
use crate::server::{Claim, Refusal, Server};

pub use ring::hash;

/// The key of a request that has none: a hash falls back to round robin for it, as with HAProxy. A real key that hashes to this number
/// is one in 2^64, and loses nothing but its place on the ring.
pub const NO_KEY: u64 = 0;

/// Parts that a weight of 1 is divided into while a server warms up.
const FINER: u32 = 16;

/// The usable servers of a backend at one moment.
#[derive(Debug)]
pub struct Rotation {
    members: Box<[Member]>,
    order: Strategy,
    /// Units that make a weight of 1.
    scale: u32,
}

/// What a pick came to.
#[derive(Debug)]
pub enum Pick {
    /// A server, with this exchange counted in.
    Claimed(Claim),
    /// Servers are there but all full: worth waiting.
    Full,
    /// Nobody is there.
    Nobody,
}

/// Servers that an exchange has already tried; few, so a list.
#[derive(Debug, Default)]
pub struct Tried(Vec<ServerId>);

#[derive(Debug)]
struct Member {
    server: Arc<Server>,
    weight: u32,
}

#[derive(Debug)]
enum Strategy {
    /// Indices, each as often as its weight says, spread evenly.
    Schedule(Box<[u32]>),
    LeastConn,
    /// Running sums of the weights.
    Random(Box<[u64]>),
    First,
    /// The ring, and turns for requests that have no key.
    Ring(ring::Ring, Box<[u32]>),
}

// === impl Rotation ===

impl Rotation {
    /// The rotation of those of `servers` that are usable: the active ones, or if there are none the first backup. One that is in
    /// its slow start has a part of its share; hashes go by whole shares, so that a client does not wander.
    pub fn new(balance: &Balance, servers: &[Arc<Server>]) -> Self {
        let hashes = matches!(balance, Balance::Source | Balance::Uri | Balance::Header(_));
        let warming = !hashes && servers.iter().any(|server| server.slow_start_percent().is_some());
        let scale = if warming { FINER } else { 1 };
        let usable = |backup: bool| {
            servers.iter().filter(move |server| server.is_backup() == backup && server.is_usable()).map(
                |server| {
                    let weight = if hashes { server.weight() } else { server.share(scale) };
                    Member { server: Arc::clone(server), weight }
                },
            )
        };
        let mut members: Box<[Member]> = usable(false).collect();
        if members.is_empty() {
            members = usable(true).take(1).collect();
        }
        let weights = || members.iter().map(|member| member.weight);
        let order = match balance {
            Balance::RoundRobin | Balance::StaticRr => Strategy::Schedule(schedule::smooth(weights())),
            Balance::LeastConn => Strategy::LeastConn,
            Balance::Random => Strategy::Random(schedule::running_sums(weights())),
            Balance::First => Strategy::First,
            Balance::Source | Balance::Uri | Balance::Header(_) => {
                let named = members.iter().map(|member| (&*member.server.name, member.weight));
                Strategy::Ring(ring::Ring::new(named), schedule::smooth(weights()))
            }
        };
        Self { members, order, scale }
    }

    /// Picks and claims. `cursor` is the backend's place in its turn, `key` what a hash goes by, or [`NO_KEY`]; servers in `tried` come
    /// last.
    pub fn pick(&self, cursor: &AtomicUsize, key: u64, tried: &Tried) -> Pick {
        if self.members.is_empty() {
            return Pick::Nobody;
        }
        let first = self.first_choice(cursor, key, tried);
        let mut full = false;
        // Who was tried before gets another chance only when nobody else can.
        for again in [false, true] {
            if again && tried.0.is_empty() {
                break;
            }
            for offset in 0..self.members.len() {
                let member = &self.members[(first + offset) % self.members.len()];
                if tried.contains(member.server.id) != again {
                    continue;
                }
                match member.server.claim() {
                    Ok(claim) => return Pick::Claimed(claim),
                    Err(Refusal::Full) => full = true,
                    Err(Refusal::Left) => {}
                }
            }
        }
        if full { Pick::Full } else { Pick::Nobody }
    }

    /// Its servers, in file order.
    pub fn servers(&self) -> impl Iterator<Item = &Arc<Server>> {
        self.members.iter().map(|member| &member.server)
    }

    /// Whether any of its servers has room that is not among `tried`.
    pub fn has_other(&self, tried: &Tried) -> bool {
        self.servers().any(|server| !tried.contains(server.id) && server.has_room())
    }

    /// Whether any of its servers has room.
    pub fn has_room(&self) -> bool {
        self.members.iter().any(|member| member.server.has_room())
    }

    /// Sum of the weights in force.
    pub fn weight(&self) -> u64 {
        self.members.iter().map(|member| u64::from(member.weight.div_ceil(self.scale))).sum()
    }

    fn first_choice(&self, cursor: &AtomicUsize, key: u64, tried: &Tried) -> usize {
        match &self.order {
            Strategy::Schedule(schedule) => schedule[cursor.fetch_add(1, Relaxed) % schedule.len()] as usize,
            Strategy::LeastConn => self.least(cursor.fetch_add(1, Relaxed), tried),
            Strategy::Random(sums) => self.lighter(schedule::draw(sums), schedule::draw(sums)),
            Strategy::First => 0,
            Strategy::Ring(_, schedule) if key == NO_KEY => {
                schedule[cursor.fetch_add(1, Relaxed) % schedule.len()] as usize
            }
            Strategy::Ring(ring, _) => ring.find(key),
        }
    }

    /// The least loaded with room; the search begins at `start` so that equals take turns.
    fn least(&self, start: usize, tried: &Tried) -> usize {
        let count = self.members.len();
        (0..count)
            .map(|offset| (start % count + offset) % count)
            .filter(|index| {
                let server = &self.members[*index].server;
                server.has_room() && !tried.contains(server.id)
            })
            .reduce(|best, next| self.lighter(best, next))
            .unwrap_or(start % count)
    }

    /// The one with less in flight for its weight, counting the exchange to come; the former of equals.
    fn lighter(&self, one: usize, other: usize) -> usize {
        let load = |index: usize| u64::from(self.members[index].server.in_flight()) + 1;
        let weight = |index: usize| u64::from(self.members[index].weight);
        if load(one) * weight(other) <= load(other) * weight(one) { one } else { other }
    }
}

// === impl Tried ===

impl Tried {
    /// Remembers a server.
    pub fn add(&mut self, server: ServerId) {
        self.0.push(server);
    }

    /// Whether it was tried.
    #[inline]
    pub fn contains(&self, server: ServerId) -> bool {
        self.0.contains(&server)
    }
}

#[cfg(test)]
mod tests;
