//! The thread of health checks and agents.
//!
//! It has its own event loop: what the control side is busy with (renderings, commands, reloads) must not delay a
//! check, because a late check looks like a failed one.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::control::Control;
use crate::{health, vital};

/// The thread, before it begins to check.
#[derive(Debug)]
pub(super) struct Checks {
    begin: oneshot::Sender<CancellationToken>,
    thread: JoinHandle<()>,
}

// === impl Checks ===

impl Checks {
    /// Starts the thread. It checks nothing before [`Checks::begin`], and ends when this value is dropped
    /// before that.
    ///
    /// # Errors
    /// The system cannot create a thread or an event loop.
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
        // The thread waits only for this message, so it still exists.
        let _ = self.begin.send(stop);
        self.thread
    }
}
