//! Tasks that keep an eye on servers while configurations come and go, and moments that never coincide for a thousand of them.
//!
//! Checks and look-ups follow the topology the same way: a task lives exactly as long as what it was started for still holds.
//! This module refuses to know what is being watched.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};

/// One task for each `K`, started for a `W`. Dropping it ends them all.
#[derive(Debug)]
pub struct Watches<K, W> {
    running: HashMap<K, (W, Option<AbortHandle>)>,
    tasks: JoinSet<()>,
}

/// Shares of an interval by which [`jittered`] moves it at most, both ways.
const JITTER: f64 = 0.05;

/// What takes less than this is done as often as there is a reason.
const CHEAP: Duration = Duration::from_millis(1);
/// How many times longer than the work the rest after it is, so that the work takes at most a tenth of a thread's time.
const SHARE: u32 = 9;
const LONGEST_REST: Duration = Duration::from_millis(500);

/// A moment at random within `interval`.
pub fn spread(interval: Duration) -> Duration {
    interval.mul_f64(fastrand::f64())
}

/// `interval`, at most a twentieth shorter or longer.
pub fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(1.0 + JITTER * (2.0 * fastrand::f64() - 1.0))
}

/// Waits after looking at everything again, which took `took`: with ten thousand servers, whose checks all find something, looking again
/// after each finding would leave no time to check.
pub async fn rest_after(took: Duration) {
    if took > CHEAP {
        tokio::time::sleep((took * SHARE).min(LONGEST_REST)).await;
    }
}

// === impl Watches ===

impl<K: Eq + Hash, W: PartialEq> Watches<K, W> {
    /// Watches exactly what is `wanted`: the task of a key that is gone, or that is wanted for something else now, ends before this
    /// returns to the runtime. `start` makes the task out of what is wanted and what was before; `None` means that there is nothing
    /// to do for now.
    pub fn follow<F>(
        &mut self,
        wanted: impl IntoIterator<Item = (K, W)>,
        start: impl Fn(&W, Option<&W>) -> Option<F>,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut before = std::mem::take(&mut self.running);
        for (key, watched) in wanted {
            let former = before.remove(&key);
            let entry = match former {
                Some((same, task)) if same == watched => (same, task),
                former => {
                    let (former, task) = former.unzip();
                    task.flatten().inspect(AbortHandle::abort);
                    let task = start(&watched, former.as_ref()).map(|task| self.tasks.spawn(task));
                    (watched, task)
                }
            };
            self.running.insert(key, entry);
        }
        before.into_values().filter_map(|(_, task)| task).for_each(|task| task.abort());
        while self.tasks.try_join_next().is_some() {}
    }
}

impl<K, W> Default for Watches<K, W> {
    fn default() -> Self {
        Self { running: HashMap::new(), tasks: JoinSet::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test]
    async fn a_task_lives_as_long_as_what_it_was_started_for() {
        let started = Arc::new(Mutex::new(Vec::new()));
        let alive = Arc::new(());
        let start = |watched: &u32, before: Option<&u32>| {
            started.lock().unwrap().push((*watched, before.copied()));
            let alive = Arc::clone(&alive);
            (*watched > 0).then_some(async move {
                let _alive = alive;
                std::future::pending::<()>().await;
            })
        };
        let tasks = || Arc::strong_count(&alive) - 1;
        let mut watches = Watches::default();
        watches.follow([("a", 1), ("b", 2), ("c", 0)], start);
        assert_eq!(tasks(), 2);
        watches.follow([("a", 1), ("b", 3), ("c", 0)], start);
        watches.follow([("b", 3)], start);
        tokio::task::yield_now().await;
        assert_eq!(tasks(), 1, "the task of `a`, and the former one of `b`, have ended");
        assert_eq!(*started.lock().unwrap(), [(1, None), (2, None), (0, None), (3, Some(2))]);
        drop(watches);
        tokio::task::yield_now().await;
        assert_eq!(tasks(), 0);
    }

    #[test]
    fn moments_stay_in_bounds_and_are_not_all_the_same() {
        let interval = Duration::from_secs(2);
        let (firsts, laters): (Vec<_>, Vec<_>) =
            (0..1000).map(|_| (spread(interval), jittered(interval))).unzip();
        assert!(firsts.iter().all(|first| *first < interval));
        let bounds = Duration::from_millis(1900)..=Duration::from_millis(2100);
        assert!(laters.iter().all(|later| bounds.contains(later)));
        // A thousand servers: no tenth of the interval sees more than twice its share.
        for tenth in 0..10 {
            let from = interval / 10 * tenth;
            let here = firsts.iter().filter(|first| (from..from + interval / 10).contains(first)).count();
            assert!((10..200).contains(&here), "{here} first checks between {from:?} and the next tenth");
        }
    }
}
