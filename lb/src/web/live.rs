//! What viewers of the page are sent: one sample a second, drawn once for all of them (`/events`, server-sent events).
//!
//! A viewer's first event is the whole page; later ones are what has changed, or only say that lb is alive. A viewer that does not keep up
//! skips events and gets the whole page again; one that takes nothing at all is let go. Viewers beyond a limit are rejected.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use super::history::History;
use super::page::{Doc, View};
use super::{Site, Until};
use crate::report::Overview;

/// Interval between samples.
const EVERY: Duration = Duration::from_secs(1);
/// Minimum delay before changes of state and new viewers are served, because they come in bursts.
const GATHER: Duration = Duration::from_millis(100);
/// Maximum number of viewers; more have to poll.
pub(super) const VIEWERS: usize = 64;
/// Large pages are drawn less often: one interval for each of these bytes.
const SHARE: usize = 256 * 1024;
/// A viewer that reads nothing for this long is disconnected.
const STUCK: Duration = Duration::from_secs(10);
/// Delay before a browser reconnects, milliseconds.
const RETRY: &str = "retry: 300\n";

/// The event stream.
pub(super) struct Live {
    history: Mutex<History>,
    frames: watch::Sender<Arc<LiveEvent>>,
    /// Signals a new viewer without data.
    arrived: Notify,
    viewers: Arc<Semaphore>,
}

/// One event for all viewers.
#[derive(Default)]
struct LiveEvent {
    /// Counts from 1; 0 means none.
    number: u64,
    drawn: Arc<Drawn>,
    /// The difference from the previous event.
    change: Bytes,
}

/// A page, and the event with all of it, built when the first viewer needs it.
#[derive(Default)]
struct Drawn {
    doc: Doc,
    whole: OnceLock<Bytes>,
}

// === impl Live ===

impl Live {
    pub(super) fn new() -> Self {
        Self {
            history: Mutex::default(),
            frames: watch::Sender::new(Arc::default()),
            arrived: Notify::new(),
            viewers: Arc::new(Semaphore::new(VIEWERS)),
        }
    }

    /// The samples.
    pub(super) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The event stream for one viewer, until it leaves or `until`; `None` when there are too many.
    pub(super) fn watch(&self, until: Until) -> Option<Channel<Bytes, Infallible>> {
        let slot = Arc::clone(&self.viewers).try_acquire_owned().ok()?;
        let (sender, body) = Channel::new(1);
        // Start with the next event: the last one may date from before there were viewers.
        let frames = self.frames.subscribe();
        self.arrived.notify_one();
        tokio::spawn(async move {
            tokio::select! {
                () = until.over() => {}
                () = send(sender, frames, slot) => {}
            }
        });
        Some(body)
    }
}

/// Takes samples, and draws while there are viewers, until `stop` is cancelled.
pub(super) async fn run(site: Arc<Site>, stop: CancellationToken) {
    let mut changes = site.control.changes();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // The earliest time for the next drawing.
    let mut next = Instant::now();
    loop {
        let is_sample = tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => true,
            () = site.live.arrived.notified() => false,
            changed = changes.changed() => match changed {
                Ok(()) => false,
                Err(_) => return,
            },
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
            site.live.history().record(&overview, &site.control.topology());
        }
        if !is_watched {
            continue;
        }
        let (now, before) = (Instant::now(), Arc::clone(&site.live.frames.borrow()));
        let frame = if now >= next {
            let history = site.live.history();
            let frame =
                before.next(Doc::of(&View { overview: &overview, history: &history, token: site.token() }));
            next = now + EVERY * u32::try_from(frame.drawn.doc.size() / SHARE).unwrap_or(u32::MAX);
            frame
        } else {
            before.beat(overview.process.now)
        };
        site.live.frames.send_replace(Arc::new(frame));
        // The next tick may be due already. Let viewers take this event first, or they would need a whole
        // page.
        tokio::task::yield_now().await;
    }
}

async fn send(
    mut sender: Sender<Bytes, Infallible>,
    mut frames: watch::Receiver<Arc<LiveEvent>>,
    _slot: OwnedSemaphorePermit,
) {
    let mut last = 0;
    while frames.changed().await.is_ok() {
        let frame = Arc::clone(&frames.borrow_and_update());
        let event =
            if last > 0 && frame.number == last + 1 { frame.change.clone() } else { frame.drawn.whole() };
        last = frame.number;
        // The channel holds one event, and hyper buffers another.
        if !matches!(timeout(STUCK, sender.send_data(event)).await, Ok(Ok(()))) {
            return;
        }
    }
}

// === impl LiveEvent ===

impl LiveEvent {
    /// The next event, with the changes since this one.
    fn next(&self, doc: Doc) -> Self {
        let change = event(&doc.since(&self.drawn.doc));
        Self { number: self.number + 1, drawn: Arc::new(Drawn { doc, whole: OnceLock::new() }), change }
    }

    /// The next event, which only shows that lb is alive.
    fn beat(&self, now: u64) -> Self {
        Self { number: self.number + 1, drawn: Arc::clone(&self.drawn), change: event(&Doc::beat(now)) }
    }
}

// === impl Drawn ===

impl Drawn {
    fn whole(&self) -> Bytes {
        let whole = || [RETRY.as_bytes(), &event(&self.doc.whole())].concat().into();
        self.whole.get_or_init(whole).clone()
    }
}

/// The data is JSON without line feeds, which would end the event.
fn event(data: &str) -> Bytes {
    format!("data: {data}\n\n").into()
}
