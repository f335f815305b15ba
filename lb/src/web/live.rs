//! What viewers of the page are sent: one sample a second, drawn once for all of them (`/events`, server-sent events).
//!
//! It refuses more viewers than it can serve, and to keep up with slow ones: they miss what they could not take.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::history::History;
use super::page::{self, View};
use super::{Site, Until};
use crate::report::Overview;

/// Between two samples.
const EVERY: Duration = Duration::from_secs(1);
/// Changes of state are shown at once, but for this: they come in crowds.
const GATHER: Duration = Duration::from_millis(100);
/// Viewers at once; others ask again and again instead.
pub(super) const VIEWERS: usize = 64;
/// A large page is drawn less often: one interval for each of these bytes.
const SHARE: usize = 256 * 1024;
/// How soon a browser whose stream has ended asks for another, milliseconds.
const RETRY: &str = "retry: 300\n";

/// The stream.
pub(super) struct Live {
    history: Mutex<History>,
    frames: watch::Sender<Bytes>,
    viewers: Arc<Semaphore>,
}

// === impl Live ===

impl Live {
    pub(super) fn new() -> Self {
        Self {
            history: Mutex::default(),
            frames: watch::Sender::new(Bytes::new()),
            viewers: Arc::new(Semaphore::new(VIEWERS)),
        }
    }

    /// What was sampled.
    pub(super) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A viewer's stream, until it leaves or `until`; `None` when there are too many.
    pub(super) fn watch(&self, site: &Site, until: Until) -> Option<Channel<Bytes, Infallible>> {
        let slot = Arc::clone(&self.viewers).try_acquire_owned().ok()?;
        let (sender, body) = Channel::new(1);
        // Later frames come from here on.
        let frames = self.frames.subscribe();
        let first = [RETRY.as_bytes(), &frame(site, &Overview::of(&site.control))].concat();
        tokio::spawn(async move {
            tokio::select! {
                () = until.over() => {}
                () = send(sender, first.into(), frames, slot) => {}
            }
        });
        Some(body)
    }
}

/// Samples, and draws while somebody looks, until `stop` is cancelled.
pub(super) async fn run(site: Arc<Site>, stop: CancellationToken) {
    let mut changes = site.control.changes();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut next = Instant::now();
    loop {
        let is_sample = tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => true,
            // The sender lives in `control`, which lives here.
            _ = changes.changed() => false,
        };
        if !is_sample {
            tokio::time::sleep(GATHER).await;
            changes.mark_unchanged();
        }
        let is_watched = site.live.frames.receiver_count() > 0;
        if !is_sample && !is_watched {
            continue;
        }
        let overview = Overview::of(&site.control);
        if is_sample {
            site.live.history().record(&overview);
        }
        let now = Instant::now();
        if is_watched && (now >= next || !is_sample) {
            let frame = frame(&site, &overview);
            next = now + EVERY * u32::try_from(frame.len() / SHARE).unwrap_or(u32::MAX);
            site.live.frames.send_replace(frame);
        }
    }
}

fn frame(site: &Site, overview: &Overview) -> Bytes {
    let history = site.live.history();
    let view = View { overview, history: &history, token: site.token() };
    // JSON has no line ends, which would end the event.
    format!("data: {}\n\n", page::parts(&view)).into()
}

async fn send(
    mut sender: Sender<Bytes, Infallible>,
    first: Bytes,
    mut frames: watch::Receiver<Bytes>,
    _slot: OwnedSemaphorePermit,
) {
    let mut next = first;
    while sender.send_data(next).await.is_ok() && frames.changed().await.is_ok() {
        next = frames.borrow_and_update().clone();
    }
}
