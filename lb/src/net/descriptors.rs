//! A budget for the file descriptors that traffic uses: connections to servers, and pipes.
//!
//! Client connections are limited by `maxconn` and not counted here. The remainder is reserved for the control
//! side, so that health checks, the runtime socket and the pages always get a descriptor. The numbers come from
//! [`limits`](super::limits).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::limits::Shares;

/// The budget of the process.
#[derive(Debug)]
pub struct Descriptors {
    /// Connections to servers, and both ends of each pipe.
    pub all: Arc<DescriptorUnits>,
    /// The part beyond one server connection for each client: used by pipes, and by HTTP/2 streams beyond the
    /// first of their connection.
    pub spare: Arc<DescriptorUnits>,
}

/// A number of descriptors that can be taken.
#[derive(Debug)]
pub struct DescriptorUnits {
    most: AtomicUsize,
    used: AtomicUsize,
    freed: Notify,
}

/// Holds descriptors of the budget until it is dropped.
#[derive(Debug)]
pub struct Unit {
    of: Arc<DescriptorUnits>,
    count: usize,
}

// === impl Descriptors ===

impl Descriptors {
    /// Sets the budgets to `shares`.
    pub fn resize(&self, shares: &Shares) {
        self.all.resize(shares.servers);
        self.spare.resize(shares.spare);
    }

    /// Takes both ends of a pipe, provided that half of the spare descriptors stay free.
    pub fn pipe(&self) -> Option<[Unit; 2]> {
        let keep = self.spare.most.load(Ordering::Relaxed) / 2;
        let spare = DescriptorUnits::take(&self.spare, 2, keep)?;
        Some([spare, DescriptorUnits::take(&self.all, 2, 0)?])
    }
}

impl Default for Descriptors {
    /// Unlimited budgets.
    fn default() -> Self {
        let units = || {
            let (most, used) = (AtomicUsize::new(usize::MAX), AtomicUsize::new(0));
            Arc::new(DescriptorUnits { most, used, freed: Notify::new() })
        };
        Self { all: units(), spare: units() }
    }
}

// === impl DescriptorUnits ===

impl DescriptorUnits {
    /// Takes one, if available.
    pub fn one(self: &Arc<Self>) -> Option<Unit> {
        self.take(1, 0)
    }

    /// Takes `count`, provided that `keep` are left afterwards.
    fn take(self: &Arc<Self>, count: usize, keep: usize) -> Option<Unit> {
        let most = self.most.load(Ordering::Relaxed).saturating_sub(keep);
        let fits = |used: usize| used.checked_add(count).filter(|used| *used <= most);
        self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).ok()?;
        Some(Unit { of: Arc::clone(self), count })
    }

    /// Takes one; waits up to `limit` for it.
    pub async fn wait(self: &Arc<Self>, limit: Duration) -> Option<Unit> {
        let wait = async {
            loop {
                let mut freed = std::pin::pin!(self.freed.notified());
                freed.as_mut().enable();
                if let Some(unit) = self.one() {
                    // Several may have been released at once: wake the next waiter.
                    if !self.is_used_up() {
                        self.freed.notify_one();
                    }
                    return unit;
                }
                freed.await;
            }
        };
        timeout(limit, wait).await.ok()
    }

    /// Whether none is left.
    pub fn is_used_up(&self) -> bool {
        self.used.load(Ordering::Relaxed) >= self.most.load(Ordering::Relaxed)
    }

    /// How many are taken, and how many there are.
    pub fn used_of(&self) -> (usize, usize) {
        (self.used.load(Ordering::Relaxed), self.most.load(Ordering::Relaxed))
    }

    fn resize(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
        self.freed.notify_one();
    }
}

// === impl Unit ===

impl Drop for Unit {
    fn drop(&mut self) {
        self.of.used.fetch_sub(self.count, Ordering::AcqRel);
        self.of.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(servers: usize, spare: usize) -> Descriptors {
        let budget = Descriptors::default();
        budget.resize(&Shares { maxconn: 1, servers, spare, limit: None });
        budget
    }

    #[test]
    fn pipes_leave_half_of_the_spare_ones_to_streams() {
        let budget = budget(10, 8);
        let pipes: Vec<_> = std::iter::from_fn(|| budget.pipe()).collect();
        assert_eq!((pipes.len(), budget.all.used_of(), budget.spare.used_of()), (2, (4, 10), (4, 8)));
        let streams: Vec<_> = std::iter::from_fn(|| budget.spare.one()).collect();
        assert_eq!(streams.len(), 4);
        drop(pipes);
        assert_eq!((budget.all.used_of(), budget.spare.used_of()), ((0, 10), (4, 8)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_what_is_given_back() {
        let budget = budget(1, 0);
        let unit = budget.all.one().unwrap();
        assert!(budget.all.one().is_none() && budget.all.wait(Duration::from_secs(1)).await.is_none());
        let all = Arc::clone(&budget.all);
        let waiting = tokio::spawn(async move { all.wait(Duration::from_secs(60)).await.is_some() });
        tokio::task::yield_now().await;
        drop(unit);
        assert!(waiting.await.unwrap());
        budget.resize(&Shares { maxconn: 1, servers: 2, spare: 0, limit: None });
        assert!(budget.all.one().is_some() && budget.spare.one().is_none());
    }
}
