//! Renderings: made one at a time on a blocking thread, shared by readers that asked before one began, and
//! bounded in bytes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use super::Readers;
use super::connections::Connections;

/// Concurrent renderings. More would take processor time from traffic without limit.
const AT_ONCE: usize = 1;
/// Maximum number of readers waiting for a rendering; more are rejected.
const WAITING: usize = 512;
/// Bytes rendered but not read, above which no rendering starts.
pub const MOST_BYTES: usize = 32 * 1024 * 1024;
/// How long a rendering waits for memory.
const PATIENCE: Duration = Duration::from_secs(5);
/// Interval at which it looks for stuck readers meanwhile.
const AGAIN: Duration = Duration::from_millis(100);

type Made = Result<Rendering, String>;

/// All renderings.
#[derive(Debug)]
pub(super) struct Renderings {
    turns: Semaphore,
    waiting: AtomicUsize,
    /// Readers waiting for a rendering that has not begun, by key.
    asked: Mutex<HashMap<String, Vec<oneshot::Sender<Made>>>>,
    held: Arc<HeldRendering>,
}

/// Bytes that are rendered but not read.
#[derive(Debug, Default)]
struct HeldRendering {
    bytes: AtomicUsize,
    less: Notify,
}

/// A rendered text; clones share it.
#[derive(Debug, Clone)]
pub struct Rendering(Arc<RenderedText>);

#[derive(Debug)]
struct RenderedText {
    text: String,
    held: Arc<HeldRendering>,
}

/// Why there is no rendering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Too many readers.
    Busy,
    /// The rendering function returned this message instead.
    Said(String),
}

/// Counts a waiting reader.
struct Waiter<'a>(&'a AtomicUsize);

// === impl Renderings ===

impl Renderings {
    /// See [`Readers::rendering`].
    pub(super) async fn shared(
        &self,
        readers: &Readers,
        key: String,
        make: impl FnOnce() -> Result<String, String> + Send + 'static,
    ) -> Result<Rendering, Refused> {
        let _waiter = Waiter::new(&self.waiting).ok_or(Refused::Busy)?;
        let (made, made_here) = oneshot::channel();
        let is_first = {
            let mut asked = self.asked();
            let askers = asked.entry(key.clone()).or_default();
            askers.push(made);
            askers.len() == 1
        };
        if is_first {
            // It outlives the first reader, because others may have joined.
            let readers = readers.clone();
            tokio::spawn(async move { readers.0.renderings.make(&readers, &key, make).await });
        }
        // If the rendering panicked or ran out of memory, the sender was dropped.
        made_here.await.unwrap_or_else(|_| Err(String::new())).map_err(|text| match text.is_empty() {
            true => Refused::Busy,
            false => Refused::Said(text),
        })
    }

    /// Makes the rendering, when it is its turn, for all readers that have asked by then.
    async fn make(
        &self,
        readers: &Readers,
        key: &str,
        make: impl FnOnce() -> Result<String, String> + Send + 'static,
    ) {
        let turn = self.turn(&readers.0.connections).await;
        // Later readers get the next rendering.
        let askers = self.asked().remove(key).unwrap_or_default();
        if turn.is_err() || askers.iter().all(oneshot::Sender::is_closed) {
            return;
        }
        let held = Arc::clone(&self.held);
        let Ok(made) = spawn_blocking(move || make().map(|text| Rendering::new(text, held))).await else {
            return;
        };
        for asker in askers {
            // A reader that has left needs none.
            let _ = asker.send(made.clone());
        }
    }

    /// See [`Readers::part`].
    pub(super) async fn part<T: Send + 'static>(
        &self,
        make: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _turn = self.turns.acquire().await.ok()?;
        spawn_blocking(make).await.ok()
    }

    /// The permit to make a rendering, as soon as there is memory for it. Stuck readers are closed if
    /// necessary.
    async fn turn(&self, connections: &Connections) -> Result<SemaphorePermit<'_>, Refused> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let less = self.held.less.notified();
            let turn = self.turns.acquire().await.map_err(|_| Refused::Busy)?;
            if self.bytes() < MOST_BYTES {
                return Ok(turn);
            }
            drop(turn);
            let ended = connections.end_stuck();
            if !ended && Instant::now() >= deadline {
                return Err(Refused::Busy);
            }
            let _ = timeout(AGAIN, less).await;
        }
    }

    pub(super) fn hold(&self, text: String) -> Rendering {
        Rendering::new(text, Arc::clone(&self.held))
    }

    pub(super) fn bytes(&self) -> usize {
        self.held.bytes.load(SeqCst)
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<String, Vec<oneshot::Sender<Made>>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Renderings {
    fn default() -> Self {
        Self {
            turns: Semaphore::new(AT_ONCE),
            waiting: AtomicUsize::new(0),
            asked: Mutex::default(),
            held: Arc::default(),
        }
    }
}

// === impl Rendering ===

impl Rendering {
    fn new(mut text: String, held: Arc<HeldRendering>) -> Self {
        text.shrink_to_fit();
        held.bytes.fetch_add(text.len(), SeqCst);
        Self(Arc::new(RenderedText { text, held }))
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0.text
    }
}

impl Drop for RenderedText {
    fn drop(&mut self) {
        self.held.bytes.fetch_sub(self.text.len(), SeqCst);
        self.held.less.notify_waiters();
    }
}

// === impl Waiter ===

impl<'a> Waiter<'a> {
    /// `None` when too many wait.
    fn new(waiting: &'a AtomicUsize) -> Option<Self> {
        let counted = Self(waiting);
        (waiting.fetch_add(1, SeqCst) < WAITING).then_some(counted)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    /// Breaks when a reader gets a rendering that began before it asked, or when two are made at once.
    #[tokio::test]
    async fn a_rendering_begins_after_it_was_asked_for_and_by_itself() {
        let readers = Readers::default();
        let (begun, running) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut asking = tokio::task::JoinSet::new();
        for number in 0..200 {
            let (readers, begun, running) = (readers.clone(), Arc::clone(&begun), Arc::clone(&running));
            asking.spawn(async move {
                if number % 7 == 0 {
                    tokio::task::yield_now().await;
                }
                let before = begun.load(SeqCst);
                let counter = Arc::clone(&begun);
                let alone = move || {
                    assert_eq!(running.fetch_add(1, SeqCst), 0);
                    let number = counter.fetch_add(1, SeqCst) + 1;
                    std::thread::yield_now();
                    running.fetch_sub(1, SeqCst);
                    number
                };
                if number % 5 == 0 {
                    assert!(readers.part(alone).await > Some(before));
                    return;
                }
                let made = readers.rendering(format!("key {}", number % 3), move || Ok(alone().to_string()));
                assert!(made.await.unwrap().text().parse::<u64>().unwrap() > before);
            });
        }
        while let Some(asked) = asking.join_next().await {
            asked.unwrap();
        }
        assert_eq!((readers.bytes(), readers.0.renderings.waiting.load(SeqCst)), (0, 0));
        assert!(readers.0.renderings.asked().is_empty());
    }

    #[tokio::test]
    async fn what_is_said_in_place_of_a_text_and_a_panic_end_the_wait() {
        let readers = Readers::default();
        let said = readers.rendering("a".to_owned(), || Err("no such proxy".to_owned())).await;
        assert_eq!(said.unwrap_err(), Refused::Said("no such proxy".to_owned()));
        let panicked = readers.rendering("b".to_owned(), || panic!("a fault, for the test")).await;
        assert_eq!(panicked.unwrap_err(), Refused::Busy);
        assert_eq!(readers.rendering("b".to_owned(), || Ok("text".to_owned())).await.unwrap().text(), "text");
    }

    /// Breaks when stuck readers can fill the memory or lock others out.
    #[tokio::test(start_paused = true)]
    async fn a_stuck_reader_makes_room_for_other_renderings() {
        let readers = Readers::default();
        let stuck = readers.group(9).admit().await;
        let text = readers.hold("x".repeat(MOST_BYTES));
        let working = readers.group(9).admit().await;
        working.works();
        stuck.works();
        let ask = || readers.rendering("key".to_owned(), || Ok("7".to_owned()));
        assert_eq!(ask().await.unwrap_err(), Refused::Busy, "nobody is stuck");
        assert_eq!(readers.part(|| 1).await, Some(1), "parts are small");
        stuck.sends();
        let reader = async {
            stuck.ended().await;
            drop(text);
        };
        let (made, ()) = tokio::join!(ask(), reader);
        assert_eq!(made.unwrap().text(), "7");
        assert_eq!(readers.bytes(), 0);
    }

    #[tokio::test]
    async fn too_many_that_wait_are_refused() {
        let readers = Readers::default();
        let renderings = &readers.0.renderings;
        let turn = renderings.turns.acquire().await.unwrap();
        let ask = || Box::pin(readers.rendering("key".to_owned(), || Ok("text".to_owned())));
        let mut waiting: Vec<_> = (0..WAITING).map(|_| ask()).collect();
        for waiter in &mut waiting {
            // Poll each once, so that it counts.
            tokio::select! {
                biased;
                _ = waiter => panic!("nobody has a turn"),
                () = std::future::ready(()) => {}
            }
        }
        assert_eq!(ask().await.unwrap_err(), Refused::Busy);
        drop(waiting);
        drop(turn);
        assert_eq!(ask().await.unwrap().text(), "text");
    }
}
