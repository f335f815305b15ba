//! What an operator orders of frontends, of backends as a whole, and of the process.

use std::io;
use std::sync::atomic::Ordering::Relaxed;

use super::{Control, Event, Origin};
use crate::topology::{Backend, DynamicCookie, Frontend, ListenState, Pace, WorkerCommand};

/// Why the order for a frontend was not obeyed.
#[derive(Debug, thiserror::Error)]
pub enum FrontendError {
    /// It is so already.
    #[error("already so")]
    Same,
    /// It was shut down for good.
    #[error("shut down before")]
    Stopped,
    /// An address could not be bound again.
    #[error(transparent)]
    Listen(#[from] io::Error),
}

// === impl Control ===

impl Control {
    /// Makes a frontend's addresses refuse connections, until [`Control::enable_frontend`]; the connections that it has go on.
    ///
    /// # Errors
    /// It is paused or shut down already.
    pub fn disable_frontend(&self, frontend: &Frontend, origin: &Origin) -> Result<(), FrontendError> {
        let mut state = self.state();
        match frontend.live.open() {
            ListenState::Paused => return Err(FrontendError::Same),
            ListenState::Stopped => return Err(FrontendError::Stopped),
            ListenState::Yes => state.listeners.pause(&frontend.live, &self.shared),
        }
        self.turn(frontend, ListenState::Paused, origin);
        Ok(())
    }

    /// Opens a paused frontend's addresses again.
    ///
    /// # Errors
    /// It is open or shut down, or an address is taken.
    pub fn enable_frontend(&self, frontend: &Frontend, origin: &Origin) -> Result<(), FrontendError> {
        let mut state = self.state();
        match frontend.live.open() {
            ListenState::Yes => return Err(FrontendError::Same),
            ListenState::Stopped => return Err(FrontendError::Stopped),
            ListenState::Paused => {
                // As it is now: who gives the order may have looked before a reload.
                let topology = self.topology();
                let present = topology.frontend(&frontend.live).ok_or(FrontendError::Stopped)?;
                state.listeners.resume(present, &self.shared)?;
            }
        }
        self.turn(frontend, ListenState::Yes, origin);
        Ok(())
    }

    /// Closes a frontend's addresses for good and ends its connections after what is in flight on them.
    ///
    /// # Errors
    /// It is shut down already.
    pub fn shutdown_frontend(&self, frontend: &Frontend, origin: &Origin) -> Result<(), FrontendError> {
        let mut state = self.state();
        if frontend.live.open() == ListenState::Stopped {
            return Err(FrontendError::Same);
        }
        state.listeners.close(&frontend.live, &self.shared);
        self.turn(frontend, ListenState::Stopped, origin);
        self.shared.workers.broadcast(|| WorkerCommand::Finish(Some(frontend.live.id)));
        Ok(())
    }

    /// Changes how many client connections a frontend holds; 0 = as many as the process.
    pub fn set_frontend_maxconn(&self, frontend: &Frontend, maxconn: u32, origin: &Origin) {
        let _only_writer = self.state();
        let before = frontend.live.room.size();
        let maxconn = if maxconn == 0 { self.shared.process.hard_maxconn() } else { maxconn };
        frontend.live.room.resize(maxconn);
        let name = &frontend.live.name;
        self.notice(&format!("frontend {name} maxconn {before} -> {maxconn} by {origin}"));
    }

    /// Changes how many client connections the process holds; 0 = as configured. Returns whether that is allowed: no more than
    /// configured.
    pub fn set_maxconn_of_process(&self, maxconn: u32, origin: &Origin) -> bool {
        let _only_writer = self.state();
        let process = &self.shared.process;
        let (before, most) = (process.maxconn(), process.hard_maxconn());
        if maxconn > most {
            return false;
        }
        let maxconn = if maxconn == 0 { most } else { maxconn };
        process.room.resize(maxconn);
        self.notice(&format!("maxconn of the process {before} -> {maxconn} by {origin}"));
        true
    }

    /// Changes a limit of events a second; 0 = none. `what` is its name.
    pub fn set_pace(&self, pace: &Pace, what: &str, limit: u32, origin: &Origin) {
        let before = pace.limit();
        pace.set_limit(limit);
        self.notice(&format!("limit of {what} a second {before} -> {limit} by {origin}"));
    }

    /// Takes a backend out of every route, or puts it back; returns whether that changed anything.
    pub fn publish(&self, backend: &Backend, published: bool, origin: &Origin) -> bool {
        let state = self.state();
        if backend.live.unpublished.swap(!published, Relaxed) != published {
            return false;
        }
        self.refresh_backend(&state, &backend.live.name);
        let word = if published { "published" } else { "unpublished" };
        self.notice(&format!("backend {} {word} by {origin}", backend.live.name));
        true
    }

    /// Changes how cookies of a backend are made of its servers' addresses.
    pub fn set_dynamic_cookie(
        &self,
        backend: &Backend,
        change: impl FnOnce(&mut DynamicCookie),
        origin: &Origin,
    ) {
        let state = self.state();
        backend.live.set_dynamic_cookie(change);
        self.refresh_backend(&state, &backend.live.name);
        // The secret is nobody's business.
        self.notice(&format!("dynamic cookies of backend {} changed by {origin}", backend.live.name));
    }

    fn turn(&self, frontend: &Frontend, open: ListenState, origin: &Origin) {
        frontend.live.set_open(open);
        self.generation.send_modify(|generation| *generation += 1);
        self.emit(&Event::Turned { frontend: &frontend.live, open, origin });
    }

    pub(super) fn notice(&self, text: &str) {
        self.emit(&Event::Notice { text });
    }
}
