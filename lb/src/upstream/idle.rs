//! Idle connections of one worker, by server, newest first.
//!
//! The store belongs to one thread and takes no lock. It keeps a bounded number for each server and refuses connections that
//! are closed or of an older epoch.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::ServerConnection;
use crate::counters::Gauge;
use crate::ids::ServerId;
use crate::net::deadlines;

/// Idle connections by key.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "they come in boxes and leave in them")]
pub struct IdleStore(HashMap<ServerId, Vec<Box<ServerConnection>>, BuildHasherDefault<Itself>>);

/// Keys are numbers that we give out ourselves, one after the other: nobody can make them collide.
#[derive(Debug, Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        // The table looks at the highest bits, too.
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, key: u32) {
        self.0 = self.0 << 32 | u64::from(key);
    }
}

// === impl IdleStore ===

impl IdleStore {
    /// The newest idle connection of that epoch; older ones are dropped on the way.
    pub fn take(&mut self, key: ServerId, epoch: u32) -> Option<Box<ServerConnection>> {
        let idle = self.0.get_mut(&key)?;
        while let Some(mut connection) = idle.pop() {
            if connection.connection_generation() == epoch && !connection.is_closed_or_dirty() {
                connection.idle = None;
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the next exchange, counted in `gauge`; the oldest goes when there are more than `most`.
    pub fn put(
        &mut self,
        key: ServerId,
        mut connection: Box<ServerConnection>,
        most: usize,
        gauge: &Arc<Gauge>,
    ) {
        if most == 0 {
            return;
        }
        connection.deadlines().disarm();
        connection.idle = Some((deadlines::now(), gauge.hold()));
        let idle = self.0.entry(key).or_default();
        if idle.len() >= most {
            idle.remove(0);
        }
        idle.push(connection);
    }

    /// Closes all of one server.
    pub fn close(&mut self, key: ServerId) {
        self.0.remove(&key);
    }

    /// Closes one, the oldest of its server; says whether there was one.
    pub fn close_one(&mut self) -> bool {
        let Some(idle) = self.0.values_mut().find(|idle| !idle.is_empty()) else { return false };
        idle.remove(0);
        true
    }

    /// Drops what has been closed, has been idle for longer than `limit` says for its key, or is older than as many as it says may be kept.
    pub fn prune(&mut self, limit: impl Fn(ServerId) -> (Duration, usize)) {
        let now = deadlines::now();
        self.0.retain(|key, idle| {
            let (limit, most) = limit(*key);
            let fresh = |since: u64| Duration::from_millis(now.saturating_sub(since)) < limit;
            idle.retain(|kept| {
                !kept.is_closed_or_dirty() && kept.idle.as_ref().is_some_and(|(since, _)| fresh(*since))
            });
            idle.drain(..idle.len().saturating_sub(most));
            !idle.is_empty()
        });
    }
}
