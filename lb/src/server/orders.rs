//! Who wants a server to take no traffic: the operator, its agent, the server that it tracks.
//!
//! They are kept apart so that none of them undoes what another wants; the strictest is in force, and that one alone is in the gate. It
//! refuses to know why.

use super::AdminState;

/// What each of them wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orders {
    /// The operator, or the configuration.
    pub operator: AdminState,
    /// Its agent.
    pub agent: AdminState,
    /// The server that it tracks.
    pub tracked: AdminState,
}

// === impl Orders ===

impl Orders {
    /// Nobody but the operator has said anything.
    pub fn of_operator(operator: AdminState) -> Self {
        Self { operator, agent: AdminState::Ready, tracked: AdminState::Ready }
    }

    /// What holds for requests.
    pub fn in_force(self) -> AdminState {
        self.forced().max(self.tracked)
    }

    /// What the server itself was told, by whomever (HAProxy's `forced`).
    pub fn forced(self) -> AdminState {
        self.operator.max(self.agent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_is_in_force() {
        use AdminState::{Drain, Maint, Ready};
        let table = [
            ((Ready, Ready, Ready), (Ready, Ready)),
            ((Ready, Drain, Ready), (Drain, Drain)),
            ((Maint, Drain, Ready), (Maint, Maint)),
            ((Drain, Ready, Maint), (Drain, Maint)),
            ((Ready, Maint, Drain), (Maint, Maint)),
        ];
        for ((operator, agent, tracked), (forced, in_force)) in table {
            let orders = Orders { operator, agent, tracked };
            assert_eq!((orders.forced(), orders.in_force()), (forced, in_force), "{orders:?}");
        }
    }
}
