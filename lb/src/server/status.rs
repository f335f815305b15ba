//! The one word that both axes make: HAProxy's `status` column and the numbers of `show servers state`.
//!
//! Derived for display, never stored, and never read by a decision.

use std::fmt;
use std::sync::Arc;

use super::{AdminState, HealthRecord, Server};
use crate::config::TrackConfig;

/// What a server's two axes come to (HAProxy manual, management, section 9.1, `status`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Serves; `failing` tells `(failures left, fall)` while it is not at full health.
    Up {
        /// Present when checks have begun to fail.
        failing: Option<(u32, u32)>,
    },
    /// Found down; `rising` tells `(passes, rise)` while checks have begun to pass.
    Down {
        /// Present when checks have begun to pass.
        rising: Option<(u32, u32)>,
    },
    /// Its agent says that it is down.
    DownByAgent,
    /// Ordered to drain, and healthy but for `failing`.
    Drain {
        /// Present when checks have begun to fail.
        failing: Option<(u32, u32)>,
    },
    /// Ordered to drain, and it has an agent, which may have done so.
    DrainWithAgent,
    /// Wants no new traffic, and healthy but for `failing`.
    Stopping {
        /// Present when checks have begun to fail.
        failing: Option<(u32, u32)>,
    },
    /// Ordered out.
    Maint,
    /// Out because the server that it tracks is.
    MaintVia(Arc<TrackConfig>),
    /// Its name has never resolved.
    Unresolved,
    /// Serves, and nobody checks it.
    NoCheck,
}

/// HAProxy's bit mask `srv_admin_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdminBits(pub u8);

// === impl Server ===

impl Server {
    /// The word for its state now.
    pub fn status(&self) -> Status {
        self.status_with(&self.health.snapshot())
    }

    /// The word for its state, given what is known of its health.
    pub fn status_with(&self, health: &HealthRecord) -> Status {
        let (admin, orders) = (self.admin(), self.orders());
        if let Some(track) = self.track().filter(|_| orders.tracked == AdminState::Maint) {
            return Status::MaintVia(track);
        }
        if admin == AdminState::Maint {
            return Status::Maint;
        }
        if self.place.address().is_none() {
            return Status::Unresolved;
        }
        if !health.agent.is_up() {
            return Status::DownByAgent;
        }
        if !health.is_up() {
            return Status::Down { rising: (health.level > 0).then_some((health.level, health.rise)) };
        }
        let failing = (!health.is_full()).then(|| (health.level + 1 - health.rise, health.fall));
        match admin {
            AdminState::Drain if health.agent.is_watched() => Status::DrainWithAgent,
            AdminState::Drain => Status::Drain { failing },
            _ if health.stopping => Status::Stopping { failing },
            _ if !health.is_watched() => Status::NoCheck,
            _ => Status::Up { failing },
        }
    }

    /// The bits that make up its administrative state.
    pub fn admin_bits(&self) -> AdminBits {
        let orders = self.orders();
        let bit = |order: AdminState, maint: u8, drain: u8| match order {
            AdminState::Ready => 0,
            AdminState::Drain => drain,
            AdminState::Maint => maint,
        };
        let order = bit(orders.forced(), 1, 8) | bit(orders.tracked, 2, 16);
        let disabled = if self.is_disabled_in_config() { 4 } else { 0 };
        let unresolved = if self.place.address().is_none() { 32 } else { 0 };
        AdminBits(order | disabled | unresolved)
    }
}

// === impl Status ===

impl Status {
    /// Whether the server runs: neither down nor in maintenance.
    pub fn is_running(&self) -> bool {
        !self.is_maint() && !matches!(self, Self::Down { .. } | Self::DownByAgent)
    }

    /// Whether it is out of service by order or for want of an address (HAProxy shows all of these as `MAINT`).
    pub fn is_maint(&self) -> bool {
        matches!(self, Self::Maint | Self::MaintVia(_) | Self::Unresolved)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, part) = match self {
            Self::Up { failing } => ("UP", failing),
            Self::Down { rising } => ("DOWN", rising),
            Self::DownByAgent => ("DOWN (agent)", &None),
            Self::Drain { failing } => ("DRAIN", failing),
            Self::DrainWithAgent => ("DRAIN (agent)", &None),
            Self::Stopping { failing } => ("NOLB", failing),
            Self::Maint => ("MAINT", &None),
            Self::MaintVia(track) => return write!(f, "MAINT (via {track})"),
            Self::Unresolved => ("MAINT (resolution)", &None),
            Self::NoCheck => ("no check", &None),
        };
        f.write_str(word)?;
        part.as_ref().map_or(Ok(()), |(now, of)| write!(f, " {now}/{of}"))
    }
}
