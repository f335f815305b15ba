//! The beginning of the end of the process: what a successor needs is freed first, then clients are served to their ends.

use std::sync::atomic::Ordering::Relaxed;

use super::Control;
use crate::topology::{ListenState, WorkerCommand};

impl Control {
    /// Completes when the process begins to stop: what a successor needs must be freed then.
    pub async fn stop_begun(&self) {
        self.stop_begun.cancelled().await;
    }

    /// Stops wanting traffic: the runtime sockets and the pages are freed for a successor, listeners close, client connections finish what
    /// is in flight.
    pub fn begin_stop(&self) {
        self.shared.process.stopping.store(true, Relaxed);
        self.stop_begun.cancel();
        self.state().listeners.close_all(&self.shared);
        let topology = self.topology();
        let open = topology.frontends.iter().filter(|frontend| frontend.live.open() != ListenState::Stopped);
        open.for_each(|frontend| self.say_stopped(&frontend.live));
        topology.backends.iter().for_each(|backend| self.say_ended(&backend.live));
        self.shared.workers.broadcast(|| WorkerCommand::Finish(None));
        self.generation.send_modify(|generation| *generation += 1);
    }
}
