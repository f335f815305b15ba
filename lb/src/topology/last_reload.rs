//! What came of reading the configuration again, for metrics and reports. The start counts as a success.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// The last reload.
#[derive(Debug)]
pub struct LastReload(Mutex<Reloaded>);

/// How and when it ended.
#[derive(Debug, Clone, Copy)]
pub struct Reloaded {
    /// Whether the configuration was put in force.
    pub success: bool,
    /// When the last one ended, whatever came of it.
    pub at: SystemTime,
    /// When one last succeeded.
    pub succeeded_at: SystemTime,
}

// === impl LastReload ===

impl LastReload {
    /// The start of the process.
    pub fn start() -> Self {
        let now = SystemTime::now();
        Self(Mutex::new(Reloaded { success: true, at: now, succeeded_at: now }))
    }

    /// Records a reload that has just ended.
    pub fn note(&self, success: bool) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (last.success, last.at) = (success, SystemTime::now());
        if success {
            last.succeeded_at = last.at;
        }
    }

    /// The last one.
    pub fn get(&self) -> Reloaded {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
