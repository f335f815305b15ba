//! Making rotations of large backends again after findings of checks: not for every single one of ten thousand servers that all go down.
//!
//! A rotation that is a moment old costs a request another attempt at most: orders are in the servers themselves. An operator's order is
//! never put off.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Control, Event, WriterState};
use crate::server::Server;

/// What takes less than this is done at once.
const CHEAP: Duration = Duration::from_millis(1);
/// How many times longer than the work the pause after it is.
const SHARE: u32 = 4;

/// When the rotations of backends were made again after a finding, by the backends' names.
#[derive(Debug, Default)]
pub(super) struct Rebuilds(HashMap<Arc<str>, Rebuild>);

#[derive(Debug)]
struct Rebuild {
    /// The next one is not made before.
    not_before: Instant,
    /// One is due then.
    is_due: bool,
}

// === impl Control ===

impl Control {
    /// Makes the rotation of a server's backend again: at once, or a moment later where that takes long and has just been done.
    pub(super) fn refresh_soon(&self, state: &mut MutexGuard<'_, WriterState>, server: &Server) {
        let now = Instant::now();
        if let Some(last) = state.rebuilds.0.get_mut(&server.backend)
            && now < last.not_before
        {
            let runtime = tokio::runtime::Handle::try_current().ok();
            if let (false, Some(runtime), Some(control)) = (last.is_due, runtime, self.me.upgrade()) {
                last.is_due = true;
                let (backend, at) = (Arc::clone(&server.backend), last.not_before);
                runtime.spawn(async move {
                    tokio::time::sleep_until(at.into()).await;
                    control.rebuild(&backend);
                });
            }
            if last.is_due {
                self.generation.send_modify(|generation| *generation += 1);
                return;
            }
        }
        self.refresh_now(state, &server.backend);
    }

    fn rebuild(&self, backend: &Arc<str>) {
        let mut state = self.state();
        self.refresh_now(&mut state, backend);
        let has_lost = !self.lost.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if has_lost {
            // The log tells which backend has no server left beside any event.
            self.emit(&Event::Notice {
                text: &format!("backend {backend}: its rotation has been made again"),
            });
        }
    }

    fn refresh_now(&self, state: &mut MutexGuard<'_, WriterState>, backend: &Arc<str>) {
        let begun = Instant::now();
        self.refresh_backend(state, backend);
        let (now, took) = (Instant::now(), begun.elapsed());
        if took < CHEAP {
            state.rebuilds.0.remove(backend);
        } else {
            let rebuild = Rebuild { not_before: now + took * SHARE, is_due: false };
            state.rebuilds.0.insert(Arc::clone(backend), rebuild);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Origin;
    use crate::control::fixture::Fixture;

    /// Breaks when a finding is forgotten while the rotation rests.
    #[tokio::test]
    async fn a_finding_that_is_put_off_is_in_the_rotation_later() {
        let fixture =
            Fixture::new("health = {}\n[backend.be.servers]\na = \"127.0.0.1:9\"\nb = \"127.0.0.1:9\"");
        let (control, a) = (&fixture.control, fixture.server("a"));
        let chosen = || control.topology().backends[0].rotation.servers().count();
        a.health.force(a.admin(), false);
        {
            let mut state = control.state();
            let rest = Rebuild { not_before: Instant::now() + Duration::from_millis(50), is_due: false };
            state.rebuilds.0.insert(Arc::clone(&a.backend), rest);
            control.refresh_soon(&mut state, &a);
            control.refresh_soon(&mut state, &a);
        }
        fixture.until(|| chosen() == 1).await;
        a.health.force(a.admin(), true);
        control.set_weight(&a, 7, &Origin::Start);
        assert_eq!(chosen(), 2, "an order is in force at once");
    }
}
