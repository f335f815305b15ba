//! The thread of active checks and agents.
//!
//! It has an event loop of its own: what the control side is busy with (renderings, commands, reloads) must not make a check late, since a
//! check that is late looks like a server that is down.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::control::Control;
use crate::{health, vital};

/// A thread that waits for its beginning, or checks.
#[derive(Debug)]
pub(super) struct Checks {
    begin: oneshot::Sender<CancellationToken>,
    thread: JoinHandle<()>,
}

// === impl Checks ===

impl Checks {
    /// Starts the thread; nothing is checked before [`Checks::begin`]. It ends when this is dropped before.
    ///
    /// # Errors
    /// The system has no thread or no event loop for it.
    pub(super) fn prepare(control: &Arc<Control>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (begin, begun) = oneshot::channel();
        let control = Arc::clone(control);
        let thread = std::thread::Builder::new().name("lb-checks".to_owned()).spawn(move || {
            let _vital = vital::PanicGuard("the thread of checks");
            if let Ok(stop) = begun.blocking_recv() {
                runtime.block_on(health::run(control, stop));
            }
        })?;
        Ok(Self { begin, thread })
    }

    /// Checks until `stop` is cancelled.
    pub(super) fn begin(self, stop: CancellationToken) -> JoinHandle<()> {
        // The thread waits for nothing else, so it is there.
        let _ = self.begin.send(stop);
        self.thread
    }
}
