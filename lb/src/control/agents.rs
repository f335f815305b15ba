//! What agents of servers say, and what operators order about agents.
//!
//! An agent's order is kept beside the operator's, which it never undoes (`server/orders.rs`); its weights and limits are those of the
//! server, as with HAProxy. It refuses to ask agents: `health` does.

use std::sync::Arc;

use super::{Control, Event, Origin};
use crate::server::{AdminState, AgentMoved, CheckResult, Orders, Server};

/// What an agent answered, or why it did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentAnswer {
    /// The answer as a result of a check.
    pub result: CheckResult,
    /// The words of the answer.
    pub said: String,
    /// What it says of the server's health, if anything.
    pub up: Option<bool>,
    /// What it orders, if anything.
    pub order: Option<AdminState>,
    /// The weight that it gives.
    pub weight: Option<u32>,
    /// The limit that it gives.
    pub maxconn: Option<u32>,
}

// === impl Control ===

impl Control {
    /// Takes what an agent says into account: orders first, then weight and limit, then health. Nothing of it counts when it comes after the
    /// agent was switched off.
    pub fn agent_said(&self, server: &Arc<Server>, answer: AgentAnswer) {
        let AgentAnswer { result, said, up, order, weight, maxconn } = answer;
        if !server.health.snapshot().agent.is_watched() {
            return;
        }
        if let Some(order) = order.filter(|order| *order != server.orders().agent) {
            let state = self.state();
            let orders = Orders { agent: order, ..server.orders() };
            self.put_in_force(&state, server, &Origin::Agent, |server| server.set_orders(orders));
            self.follow(&state, server);
        }
        if let Some(weight) = weight.filter(|weight| *weight != server.weight()) {
            self.set_weight(server, weight, &Origin::Agent);
        }
        if let Some(maxconn) = maxconn.filter(|maxconn| *maxconn != server.maxconn()) {
            self.set_maxconn(server, maxconn, &Origin::Agent);
        }
        let text = result.clone();
        self.found(server, &text, true, |server| server.health.agent_said(server.admin(), result, said, up));
    }

    /// Switches a server's agent on or off. What it ordered stays in force; what it found does not.
    pub fn set_agent(&self, server: &Arc<Server>, on: bool, origin: &Origin) {
        let state = self.state();
        if server.health.pause_agent(server.admin(), !on) {
            self.switched(&state, server, "agent", on, origin);
        }
    }

    /// Takes a server's agent to have said that it is up or down, until it says something else.
    pub fn force_agent(&self, server: &Arc<Server>, up: bool, origin: &Origin) {
        let state = self.state();
        let verdict = server.health.force_agent(server.admin(), up);
        self.forced(&state, server, verdict, origin);
    }

    /// Asks a server's agent elsewhere or otherwise from now on.
    pub fn change_agent(&self, server: &Arc<Server>, change: AgentMoved, origin: &Origin) {
        let state = self.state();
        let before = server.agent.plan();
        server.agent.change(change);
        if server.agent.plan() != before {
            self.refresh(&state, server);
            self.emit(&Event::Watched { server, whose: "agent", what: "changed", origin });
        }
    }
}
