//! How many client connections there may be: of a frontend, or of the process.
//!
//! The size can change while they come and go. It refuses to close any: what is there beyond a smaller size stays until it ends by
//! itself, and nobody new comes in before that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for a number of client connections.
#[derive(Debug)]
pub struct ConnectionLimit {
    slots: Arc<Semaphore>,
    size: AtomicU32,
}

// === impl ConnectionLimit ===

impl ConnectionLimit {
    /// Room for `size` connections.
    pub fn new(size: u32) -> Self {
        Self { slots: Arc::new(Semaphore::new(size as usize)), size: AtomicU32::new(size) }
    }

    /// Connections allowed at once.
    pub fn size(&self) -> u32 {
        self.size.load(Relaxed)
    }

    /// Waits for a place, which is free again when the permit is dropped.
    pub async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }

    /// Whether who comes now has to wait.
    pub fn is_full(&self) -> bool {
        self.slots.available_permits() == 0
    }

    /// Gives back a place whose permit was forgotten: who keeps the room anyway need not keep a permit, too.
    pub fn leave(&self) {
        self.slots.add_permits(1);
    }

    /// Completes when nobody is inside.
    pub async fn emptied(&self) {
        // Fails only when it is closed, which nobody does.
        let _ = self.slots.acquire_many(self.size()).await;
    }

    /// Changes the size. Only one caller at a time may do so; within a runtime, which follows up where places are still taken.
    pub fn resize(&self, size: u32) {
        let before = self.size.swap(size, Relaxed) as usize;
        let after = size as usize;
        if after >= before {
            self.slots.add_permits(after - before);
            return;
        }
        // Places that are taken cannot be taken away: they are gone when their connections are. The request for them stands first in
        // the queue, so that nobody gets past it.
        let missing = (before - after) - self.slots.forget_permits(before - after);
        if missing > 0
            && let Ok(missing) = u32::try_from(missing)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let slots = Arc::clone(&self.slots);
            runtime.spawn(async move {
                if let Ok(permits) = slots.acquire_many(missing).await {
                    permits.forget();
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// Whether somebody who comes now gets in at once.
    fn lets_in(room: &ConnectionLimit) -> bool {
        matches!(pin!(room.enter()).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Some(_)))
    }

    #[tokio::test]
    async fn a_smaller_room_lets_nobody_in_until_enough_have_left() {
        let room = ConnectionLimit::new(3);
        let mut inside = vec![room.enter().await, room.enter().await];
        room.resize(1);
        assert_eq!(room.size(), 1);
        tokio::task::yield_now().await;
        assert!(!lets_in(&room));
        inside.pop();
        tokio::task::yield_now().await;
        assert!(!lets_in(&room), "one is still inside, and there is room for one");
        inside.pop();
        tokio::task::yield_now().await;
        assert!(lets_in(&room));
        room.resize(2);
        let both = (room.enter().await, room.enter().await);
        assert!(both.0.is_some() && !lets_in(&room));
        drop(both);
        room.emptied().await;
    }
}
