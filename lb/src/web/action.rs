//! Forms of the status page: what a POST changes, and the result.
//!
//! Fields, actions and results are HAProxy's (manual, `stats admin`); `weight` is ours. Who may submit a form is
//! decided by [`guard`](super::guard).

use std::sync::Arc;

use crate::control::{Control, Origin};
use crate::server::{AdminState, Server};

/// Maximum size of a form, bytes.
pub(super) const LARGEST: usize = 16 * 1024;

/// A parsed form.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ActionForm {
    /// Names of servers.
    servers: Vec<String>,
    /// A backend: its name, or `#` and its number.
    backend: String,
    action: String,
    weight: Option<u32>,
    pub(super) token: Option<String>,
}

/// The result of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActionOutcome {
    /// All servers were changed.
    Done,
    /// Some servers were changed, others do not exist.
    Partly,
    /// No server was selected, or none had to be changed.
    Nothing,
    /// Unknown name or action.
    Wrong,
    /// Not allowed.
    Denied,
    /// The form is too large.
    TooLarge,
}

/// Changes one server; returns whether the action applies to its current state.
type ServerAction = fn(&Control, &Arc<Server>, &ActionForm, &Origin) -> bool;

// === impl ActionForm ===

impl ActionForm {
    pub(super) fn parse(body: &[u8]) -> Self {
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "s" => form.servers.push(value.into_owned()),
                "b" => form.backend = value.into_owned(),
                "action" => form.action = value.into_owned(),
                "w" => form.weight = value.parse().ok().filter(|weight| *weight <= 256),
                "t" => form.token = Some(value.into_owned()),
                _ => {}
            }
        }
        form
    }

    /// Carries the form out.
    pub(super) fn apply(&self, control: &Control, origin: &Origin) -> ActionOutcome {
        let Some(action) = action(&self.action) else { return ActionOutcome::Wrong };
        if self.action == "weight" && self.weight.is_none() {
            return ActionOutcome::Wrong;
        }
        let topology = control.topology();
        let Some(backend) = topology.find_backend(&self.backend) else { return ActionOutcome::Wrong };
        let (mut changed, mut unknown) = (0, 0);
        for name in &self.servers {
            match backend.server(name) {
                Some(server) => changed += u32::from(action(control, server, self, origin)),
                None => unknown += 1,
            }
        }
        match (changed, unknown) {
            (0, 0) => ActionOutcome::Nothing,
            (0, _) => ActionOutcome::Wrong,
            (_, 0) => ActionOutcome::Done,
            _ => ActionOutcome::Partly,
        }
    }
}

fn action(word: &str) -> Option<ServerAction> {
    Some(match word {
        "ready" => |control, server, _, origin| order(control, server, AdminState::Ready, origin),
        "drain" => |control, server, _, origin| order(control, server, AdminState::Drain, origin),
        "maint" => |control, server, _, origin| order(control, server, AdminState::Maint, origin),
        // The four older actions only count where they change something.
        "enable" => |control, server, _, origin| {
            server.admin() == AdminState::Maint && order(control, server, AdminState::Ready, origin)
        },
        "disable" => |control, server, _, origin| {
            server.admin() != AdminState::Maint && order(control, server, AdminState::Maint, origin)
        },
        "start" => |control, server, _, origin| {
            server.admin() == AdminState::Drain && order(control, server, AdminState::Ready, origin)
        },
        "stop" => |control, server, _, origin| {
            server.admin() != AdminState::Drain && order(control, server, AdminState::Drain, origin)
        },
        "dhlth" => |control, server, _, origin| watch(control, server, false, origin),
        "ehlth" => |control, server, _, origin| watch(control, server, true, origin),
        "hrunn" => |control, server, _, origin| force(control, server, true, origin),
        "hdown" => |control, server, _, origin| force(control, server, false, origin),
        "hnolb" => |control, server, _, origin| {
            let before = server.status();
            control.force_stopping(server, origin);
            server.status() != before
        },
        "dagent" => |control, server, _, origin| set_agent(control, server, false, origin),
        "eagent" => |control, server, _, origin| set_agent(control, server, true, origin),
        "arunn" => |control, server, _, origin| force_agent(control, server, true, origin),
        "adown" => |control, server, _, origin| force_agent(control, server, false, origin),
        "shutdown" => |control, server, _, origin| {
            control.kill_sessions(server, origin);
            true
        },
        "weight" => |control, server, form, origin| {
            form.weight.inspect(|weight| control.set_weight(server, *weight, origin)).is_some()
        },
        _ => return None,
    })
}

fn order(control: &Control, server: &Arc<Server>, admin: AdminState, origin: &Origin) -> bool {
    control.set_admin(server, admin, origin);
    true
}

fn set_agent(control: &Control, server: &Arc<Server>, on: bool, origin: &Origin) -> bool {
    let has_agent = server.agent.plan().is_some();
    if has_agent {
        control.set_agent(server, on, origin);
    }
    has_agent
}

fn force_agent(control: &Control, server: &Arc<Server>, up: bool, origin: &Origin) -> bool {
    let is_asked = server.agent.plan().is_some() && server.health.snapshot().agent.is_watched();
    if is_asked {
        control.force_agent(server, up, origin);
    }
    is_asked
}

fn watch(control: &Control, server: &Arc<Server>, on: bool, origin: &Origin) -> bool {
    let is_checked = server.check.plan().is_some();
    if is_checked {
        control.set_checks(server, on, origin);
    }
    is_checked
}

fn force(control: &Control, server: &Arc<Server>, up: bool, origin: &Origin) -> bool {
    let has_its_own = server.track().is_none();
    if has_its_own {
        control.force_health(server, up, origin);
    }
    has_its_own
}

// === impl ActionOutcome ===

impl ActionOutcome {
    const ALL: [Self; 6] =
        [Self::Done, Self::Partly, Self::Nothing, Self::Wrong, Self::Denied, Self::TooLarge];

    /// HAProxy's word for it: the value of `st` in the address of the redirect.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Partly => "PART",
            Self::Nothing => "NONE",
            Self::Wrong => "ERRP",
            Self::Denied => "DENY",
            Self::TooLarge => "EXCD",
        }
    }

    /// Parses HAProxy's word.
    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }

    /// Its text for people.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Done => "Done",
            Self::Partly => "Done for some: not all of the servers exist",
            Self::Nothing => "No change: already in that state, or no server selected",
            Self::Wrong => "Nothing was changed: no such server, backend, action or weight",
            Self::Denied => "Rejected",
            Self::TooLarge => "Nothing was changed: too many servers at once",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::fixture::Fixture;

    const BACKEND: &str =
        "health = { path = \"/\" }\n[backend.be.servers]\ns1 = \"127.0.0.1:9\"\ns2 = \"127.0.0.1:10\"\n";

    #[test]
    fn forms_answer_as_haproxys_do() {
        let fixture = Fixture::new(BACKEND);
        let id = fixture.control.topology().backends[0].live.id;
        // In this order: later rows depend on earlier ones. Columns: form, result, states of s1 and s2
        // afterwards.
        let table = [
            ("s=s1&action=drain&b=be", ActionOutcome::Done, [AdminState::Drain, AdminState::Ready]),
            ("s=s1&s=s2&action=drain&b=be", ActionOutcome::Done, [AdminState::Drain, AdminState::Drain]),
            ("b=be&action=ready&s=s1&s=nope", ActionOutcome::Partly, [AdminState::Ready, AdminState::Drain]),
            ("s=nope&action=ready&b=be", ActionOutcome::Wrong, [AdminState::Ready, AdminState::Drain]),
            ("s=s2&action=ready&b=%23999", ActionOutcome::Wrong, [AdminState::Ready, AdminState::Drain]),
            ("s=s2&action=zz&b=be", ActionOutcome::Wrong, [AdminState::Ready, AdminState::Drain]),
            ("s=s2&b=be", ActionOutcome::Wrong, [AdminState::Ready, AdminState::Drain]),
            ("action=ready&b=be", ActionOutcome::Nothing, [AdminState::Ready, AdminState::Drain]),
            ("s=s2&action=start&b=be", ActionOutcome::Done, [AdminState::Ready, AdminState::Ready]),
            ("s=s2&action=start&b=be", ActionOutcome::Nothing, [AdminState::Ready, AdminState::Ready]),
            ("s=s1&action=disable&b=be", ActionOutcome::Done, [AdminState::Maint, AdminState::Ready]),
            ("s=s1&action=disable&b=be", ActionOutcome::Nothing, [AdminState::Maint, AdminState::Ready]),
            ("s=s1&action=enable&b=be", ActionOutcome::Done, [AdminState::Ready, AdminState::Ready]),
            ("s=s1&action=stop&b=be", ActionOutcome::Done, [AdminState::Drain, AdminState::Ready]),
            ("s=s1&action=maint&b=be", ActionOutcome::Done, [AdminState::Maint, AdminState::Ready]),
            ("s=s1&action=dagent&b=be", ActionOutcome::Nothing, [AdminState::Maint, AdminState::Ready]),
            ("s=s1&action=shutdown&b=be", ActionOutcome::Done, [AdminState::Maint, AdminState::Ready]),
            ("s=s2&action=weight&b=be&w=257", ActionOutcome::Wrong, [AdminState::Maint, AdminState::Ready]),
            ("s=s2&action=weight&b=be&w=7", ActionOutcome::Done, [AdminState::Maint, AdminState::Ready]),
        ];
        for (text, outcome, states) in table {
            assert_eq!(
                ActionForm::parse(text.as_bytes()).apply(&fixture.control, &Origin::Start),
                outcome,
                "{text}"
            );
            assert_eq!(["s1", "s2"].map(|name| fixture.server(name).admin()), states, "{text}");
        }
        assert_eq!(fixture.server("s2").weight(), 7);
        let by_number = format!("s=s1&action=ready&b=%23{id}");
        assert_eq!(
            ActionForm::parse(by_number.as_bytes()).apply(&fixture.control, &Origin::Start),
            ActionOutcome::Done
        );
    }

    #[test]
    fn health_can_be_switched_and_forced() {
        let fixture = Fixture::new(BACKEND);
        let status = |text: &str| {
            let form = ActionForm::parse(format!("s=s1&b=be&action={text}").as_bytes());
            assert_eq!(form.apply(&fixture.control, &Origin::Start), ActionOutcome::Done, "{text}");
            fixture.server("s1").status().to_string()
        };
        let actions = ["hdown", "hrunn", "hnolb", "dhlth", "ehlth"];
        assert_eq!(actions.map(status), ["DOWN", "UP", "NOLB", "NOLB", "NOLB"]);
        let unchecked = Fixture::new("[backend.be.servers]\ns1 = \"127.0.0.1:9\"");
        let form = ActionForm::parse(b"s=s1&b=be&action=dhlth");
        assert_eq!(form.apply(&unchecked.control, &Origin::Start), ActionOutcome::Nothing);
    }

    #[test]
    fn outcomes_are_known_by_their_words() {
        for outcome in ActionOutcome::ALL {
            assert_eq!(ActionOutcome::of(outcome.word()), Some(outcome));
        }
        assert_eq!(ActionOutcome::of("<b>"), None);
    }
}
