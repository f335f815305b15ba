//! HAProxy's forms: what a POST to the status page orders, and what comes of it.
//!
//! Fields, actions and results are HAProxy's (manual, `stats admin`), `weight` is ours. It refuses to decide who may order:
//! [`guard`](super::guard) does.

use std::sync::Arc;

use crate::control::{Control, Origin};
use crate::server::{Admin, Server};

/// Largest form, bytes.
pub(super) const LARGEST: usize = 16 * 1024;

/// A form.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    /// Names of servers.
    servers: Vec<String>,
    /// A backend: its name, or `#` and its number.
    backend: String,
    action: String,
    weight: Option<u32>,
    pub(super) token: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All servers were changed.
    Done,
    /// Some were, some are not there.
    Partly,
    /// Nothing was selected, or nothing had to be changed.
    Nothing,
    /// A name or an action is wrong.
    Wrong,
    /// Not allowed.
    Denied,
    /// The form is too large.
    TooLarge,
}

/// What is done to a server; returns whether that applies to it now.
type Action = fn(&Control, &Arc<Server>, &Form, &Origin) -> bool;

// === impl Form ===

impl Form {
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

    /// Does what it says.
    pub(super) fn apply(&self, control: &Control, origin: &Origin) -> Outcome {
        let Some(action) = action(&self.action) else { return Outcome::Wrong };
        if self.action == "weight" && self.weight.is_none() {
            return Outcome::Wrong;
        }
        let topology = control.topology();
        let Some(backend) = topology.find_backend(&self.backend) else { return Outcome::Wrong };
        let (mut changed, mut unknown) = (0, 0);
        for name in &self.servers {
            match backend.server(name) {
                Some(server) => changed += u32::from(action(control, server, self, origin)),
                None => unknown += 1,
            }
        }
        match (changed, unknown) {
            (0, 0) => Outcome::Nothing,
            (0, _) => Outcome::Wrong,
            (_, 0) => Outcome::Done,
            _ => Outcome::Partly,
        }
    }
}

fn action(word: &str) -> Option<Action> {
    Some(match word {
        "ready" => |control, server, _, origin| order(control, server, Admin::Ready, origin),
        "drain" => |control, server, _, origin| order(control, server, Admin::Drain, origin),
        "maint" => |control, server, _, origin| order(control, server, Admin::Maint, origin),
        // The older four only count where they change something.
        "enable" => |control, server, _, origin| {
            server.admin() == Admin::Maint && order(control, server, Admin::Ready, origin)
        },
        "disable" => |control, server, _, origin| {
            server.admin() != Admin::Maint && order(control, server, Admin::Maint, origin)
        },
        "start" => |control, server, _, origin| {
            server.admin() == Admin::Drain && order(control, server, Admin::Ready, origin)
        },
        "stop" => |control, server, _, origin| {
            server.admin() != Admin::Drain && order(control, server, Admin::Drain, origin)
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

fn order(control: &Control, server: &Arc<Server>, admin: Admin, origin: &Origin) -> bool {
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

// === impl Outcome ===

impl Outcome {
    const ALL: [Self; 6] =
        [Self::Done, Self::Partly, Self::Nothing, Self::Wrong, Self::Denied, Self::TooLarge];

    /// HAProxy's word for it, as `st` in the address that the answer leads to.
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

    /// The outcome of that word.
    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }

    /// What it means, for people.
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
        // In this order: later ones rest on earlier ones. The columns: form, outcome, states of s1 and s2 afterwards.
        let table = [
            ("s=s1&action=drain&b=be", Outcome::Done, [Admin::Drain, Admin::Ready]),
            ("s=s1&s=s2&action=drain&b=be", Outcome::Done, [Admin::Drain, Admin::Drain]),
            ("b=be&action=ready&s=s1&s=nope", Outcome::Partly, [Admin::Ready, Admin::Drain]),
            ("s=nope&action=ready&b=be", Outcome::Wrong, [Admin::Ready, Admin::Drain]),
            ("s=s2&action=ready&b=%23999", Outcome::Wrong, [Admin::Ready, Admin::Drain]),
            ("s=s2&action=zz&b=be", Outcome::Wrong, [Admin::Ready, Admin::Drain]),
            ("s=s2&b=be", Outcome::Wrong, [Admin::Ready, Admin::Drain]),
            ("action=ready&b=be", Outcome::Nothing, [Admin::Ready, Admin::Drain]),
            ("s=s2&action=start&b=be", Outcome::Done, [Admin::Ready, Admin::Ready]),
            ("s=s2&action=start&b=be", Outcome::Nothing, [Admin::Ready, Admin::Ready]),
            ("s=s1&action=disable&b=be", Outcome::Done, [Admin::Maint, Admin::Ready]),
            ("s=s1&action=disable&b=be", Outcome::Nothing, [Admin::Maint, Admin::Ready]),
            ("s=s1&action=enable&b=be", Outcome::Done, [Admin::Ready, Admin::Ready]),
            ("s=s1&action=stop&b=be", Outcome::Done, [Admin::Drain, Admin::Ready]),
            ("s=s1&action=maint&b=be", Outcome::Done, [Admin::Maint, Admin::Ready]),
            ("s=s1&action=dagent&b=be", Outcome::Nothing, [Admin::Maint, Admin::Ready]),
            ("s=s1&action=shutdown&b=be", Outcome::Done, [Admin::Maint, Admin::Ready]),
            ("s=s2&action=weight&b=be&w=257", Outcome::Wrong, [Admin::Maint, Admin::Ready]),
            ("s=s2&action=weight&b=be&w=7", Outcome::Done, [Admin::Maint, Admin::Ready]),
        ];
        for (text, outcome, states) in table {
            assert_eq!(
                Form::parse(text.as_bytes()).apply(&fixture.control, &Origin::Start),
                outcome,
                "{text}"
            );
            assert_eq!(["s1", "s2"].map(|name| fixture.server(name).admin()), states, "{text}");
        }
        assert_eq!(fixture.server("s2").weight(), 7);
        let by_number = format!("s=s1&action=ready&b=%23{id}");
        assert_eq!(Form::parse(by_number.as_bytes()).apply(&fixture.control, &Origin::Start), Outcome::Done);
    }

    #[test]
    fn health_can_be_switched_and_forced() {
        let fixture = Fixture::new(BACKEND);
        let status = |text: &str| {
            let form = Form::parse(format!("s=s1&b=be&action={text}").as_bytes());
            assert_eq!(form.apply(&fixture.control, &Origin::Start), Outcome::Done, "{text}");
            fixture.server("s1").status().to_string()
        };
        let actions = ["hdown", "hrunn", "hnolb", "dhlth", "ehlth"];
        assert_eq!(actions.map(status), ["DOWN", "UP", "NOLB", "NOLB", "NOLB"]);
        let unchecked = Fixture::new("[backend.be.servers]\ns1 = \"127.0.0.1:9\"");
        let form = Form::parse(b"s=s1&b=be&action=dhlth");
        assert_eq!(form.apply(&unchecked.control, &Origin::Start), Outcome::Nothing);
    }

    #[test]
    fn outcomes_are_known_by_their_words() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::of(outcome.word()), Some(outcome));
        }
        assert_eq!(Outcome::of("<b>"), None);
    }
}
