//! Idle connections of one worker, by server, newest first.
//!
//! The store belongs to one thread and takes no lock. It keeps a bounded number for each server and refuses connections that
//! are closed or of an older epoch.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::Connection;
use crate::counters::Gauge;
use crate::net::pulse;

/// Idle connections by key.
#[derive(Debug, Default)]
pub struct IdleStore(HashMap<u32, Vec<Connection>>);

// === impl IdleStore ===

impl IdleStore {
    /// The newest idle connection of that epoch; older ones are dropped on the way.
    pub fn take(&mut self, key: u32, epoch: u32) -> Option<Connection> {
        let idle = self.0.get_mut(&key)?;
        while let Some(mut connection) = idle.pop() {
            if connection.epoch() == epoch && !connection.is_stale() {
                connection.idle = None;
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the next exchange, counted in `gauge`; the oldest goes when there are more than `most`.
    pub fn put(&mut self, key: u32, mut connection: Connection, most: usize, gauge: &Arc<Gauge>) {
        if most == 0 {
            return;
        }
        connection.pulse().rest();
        connection.idle = Some((pulse::now(), gauge.hold()));
        let idle = self.0.entry(key).or_default();
        if idle.len() >= most {
            idle.remove(0);
        }
        idle.push(connection);
    }

    /// Closes all of one server.
    pub fn close(&mut self, key: u32) {
        self.0.remove(&key);
    }

    /// Drops what has been closed, or has been idle for longer than `limit` says for its key.
    pub fn prune(&mut self, limit: impl Fn(u32) -> Duration) {
        let now = pulse::now();
        self.0.retain(|key, idle| {
            let limit = limit(*key);
            let fresh = |since: u64| Duration::from_millis(now.saturating_sub(since)) < limit;
            idle.retain(|kept| {
                !kept.is_stale() && kept.idle.as_ref().is_some_and(|(since, _)| fresh(*since))
            });
            !idle.is_empty()
        });
    }
}
