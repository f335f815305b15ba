//! Where the running state differs from the configuration: `show drift`, which is our own.
//!
//! What operators change at run time survives a reload, so that somebody has to be able to ask what that is. One function a subject; to
//! tell of another setting is to add a line there. It refuses to tell of what nobody ordered: findings of checks, and addresses that names
//! led to, but for the address of a former name that still serves.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

use crate::config::{self, Config, host_and_port};
use crate::control::Control;
use crate::server::{AdminState, AgentMoved, Server};
use crate::topology::{ListenState, Topology};

/// One setting that differs.
#[derive(Debug, PartialEq, Eq)]
struct Drift {
    /// `server api_nodes/api0`, `frontend fe_api`, `process`.
    subject: String,
    setting: &'static str,
    running: String,
    configured: String,
}

/// A line for each setting that differs, after a header.
pub fn text(control: &Control) -> String {
    let found = all(control, &control.config(), &control.topology());
    let lines: String = found.iter().map(|drift| format!("{drift}\n")).collect();
    format!("# subject name setting running configured\n{lines}")
}

fn all(control: &Control, config: &Config, topology: &Topology) -> Vec<Drift> {
    let mut found = Vec::new();
    process(&mut found, control, config);
    for frontend in &topology.frontends {
        let mut note = noting(&mut found, format!("frontend {}", frontend.live.name));
        let open = match frontend.live.open() {
            ListenState::Yes => "open",
            ListenState::Paused => "disabled",
            ListenState::Stopped => "shut-down",
        };
        note("state", &open, &"open");
        let configured = frontend.config.maxconn.unwrap_or(config.process.maxconn);
        note("maxconn", &frontend.live.room.size(), &configured);
    }
    for backend in &topology.backends {
        let unpublished = backend.live.unpublished.load(Relaxed);
        let mut note = noting(&mut found, format!("backend {}", backend.live.name));
        note("published", &yes(!unpublished), &"yes");
        if let Some(cookie) = &backend.config.cookie {
            let running = backend.live.dynamic_cookie(cookie).is_some();
            note("dynamic-cookie", &yes(running), &yes(cookie.dynamic && cookie.dynamic_key.is_some()));
        }
        drop(note);
        let spec = config.backends.iter().find(|spec| *spec.name == *backend.live.name);
        for running in &backend.servers {
            let mut specs = spec.into_iter().flat_map(|spec| &spec.servers);
            server(&mut found, running, specs.find(|spec| *spec.name == *running.name));
        }
    }
    for name in control.deleted_servers() {
        noting(&mut found, format!("server {name}"))("present", &"no", &"yes");
    }
    found
}

fn process(found: &mut Vec<Drift>, control: &Control, config: &Config) {
    let process = &control.shared().process;
    // The process has no name of its own; a dash keeps the columns.
    let mut note = noting(found, "process -".to_owned());
    note("maxconn", &process.maxconn(), &config.process.maxconn);
    note("connections-a-second", &process.connection_pace.limit(), &0);
    note("sessions-a-second", &process.session_pace.limit(), &0);
}

fn server(found: &mut Vec<Drift>, server: &Server, spec: Option<&config::ServerConfig>) {
    let mut note = noting(found, format!("server {}", server.full_name()));
    let Some(spec) = spec.filter(|_| !server.is_added()) else { return note("present", &"yes", &"no") };
    let configured = if spec.disabled { AdminState::Maint } else { AdminState::Ready };
    note("state", &server.orders().operator.word(), &configured.word());
    note("agent-state", &server.orders().agent.word(), &AdminState::Ready.word());
    note("weight", &server.weight(), &spec.weight);
    note("maxconn", &server.maxconn(), &spec.maxconn);
    let (host, port) = server.place.named();
    note("address", &host_and_port(&host, port), &host_and_port(&spec.host, spec.port));
    if let Some(address) = server.place.address().filter(|_| server.place.is_former()) {
        // Its name has been changed, and the new one has no address yet.
        note("former-address", &address, &host_and_port(&host, port));
    }
    let health = server.health.snapshot();
    if health.is_checked() && !health.follows {
        note("checks", &if health.is_watched() { "on" } else { "off" }, &"on");
    }
    if health.held && !health.follows {
        note("health", &"down", &"-");
    }
    let (address, port) = server.check.moved();
    if let Some(address) = address {
        note("check-addr", &address, &"-");
    }
    if let Some(port) = port {
        note("check-port", &port, &"-");
    }
    if health.agent.configured && !health.follows {
        note("agent", &if health.agent.is_watched() { "on" } else { "off" }, &"on");
    }
    let AgentMoved { address, port, send } = server.agent.moved();
    if let Some(address) = address {
        note("agent-addr", &address, &"-");
    }
    if let Some(port) = port {
        note("agent-port", &port, &"-");
    }
    if let Some(send) = send {
        // Quoted, so that blanks and line feeds keep the columns.
        note("agent-send", &format_args!("{send:?}"), &"-");
    }
}

/// Notes a setting when its two sides are told differently.
fn noting(
    found: &mut Vec<Drift>,
    subject: String,
) -> impl FnMut(&'static str, &dyn fmt::Display, &dyn fmt::Display) {
    move |setting, running, configured| {
        let (running, configured) = (running.to_string(), configured.to_string());
        if running != configured {
            found.push(Drift { subject: subject.clone(), setting, running, configured });
        }
    }
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

// === impl Drift ===

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, setting, running, configured } = self;
        write!(f, "{subject} {setting} {running} {configured}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::control::fixture::Fixture;
    use crate::control::{AgentAnswer, Origin};
    use crate::server::{CheckResult, CheckStatus};

    #[tokio::test]
    async fn agents_are_told_of_beside_what_the_operator_ordered() {
        let fixture = Fixture::new(
            "agent = { port = 9 }\n[backend.be.servers]\ns1 = \"127.0.0.1:9\"\ns2 = { address = \"127.0.0.1:10\", track = \"s1\" }",
        );
        let (control, by, server) = (&fixture.control, &Origin::Start, fixture.server("s1"));
        let result = CheckResult {
            status: CheckStatus::Checked,
            code: None,
            took: Duration::ZERO,
            detail: String::new(),
            version: None,
        };
        let said = "drain 0% maxconn:7".to_owned();
        let order = Some(AdminState::Drain);
        let answer = AgentAnswer { result, said, up: None, order, weight: Some(0), maxconn: Some(7) };
        control.agent_said(&server, answer);
        let (address, port) = ("127.0.0.2".parse().ok(), Some(5));
        control.change_agent(&server, AgentMoved { address, port, send: Some("hi\n".into()) }, by);
        control.set_agent(&server, false, by);
        let told = text(control);
        let told: Vec<_> = told.lines().skip(1).filter_map(|line| line.strip_prefix("server be/")).collect();
        let expected = [
            "s1 agent-state drain ready",
            "s1 weight 0 1",
            "s1 maxconn 7 0",
            "s1 agent off on",
            "s1 agent-addr 127.0.0.2 -",
            "s1 agent-port 5 -",
            "s1 agent-send \"hi\\n\" -",
        ];
        assert_eq!(told, expected, "and nothing of s2, which only follows");
    }

    #[tokio::test]
    async fn what_was_ordered_is_listed_until_it_is_taken_back() {
        let fixture = Fixture::new(
            "health = { path = \"/\" }\n[backend.be.servers]\ns1 = \"127.0.0.1:9\"\ns2 = \"127.0.0.1:10\"",
        );
        let (control, by) = (&fixture.control, &Origin::Start);
        let told = || text(control).lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(told(), Vec::<String>::new());
        let server = fixture.server("s1");
        control.set_admin(&server, AdminState::Drain, by);
        control.set_weight(&server, 7, by);
        control.set_maxconn(&server, 3, by);
        control.set_place(&server, "127.0.0.2", 99, by);
        control.set_checks(&server, false, by);
        control.set_maxconn_of_process(1000, by);
        control.publish(&control.topology().backends[0], false, by);
        let expected = [
            "process - maxconn 1000 20000",
            "backend be published no yes",
            "server be/s1 state drain ready",
            "server be/s1 weight 7 1",
            "server be/s1 maxconn 3 0",
            "server be/s1 address 127.0.0.2:99 127.0.0.1:9",
            "server be/s1 checks off on",
        ];
        let mine = told().into_iter().filter(|line| !line.starts_with("frontend")).collect::<Vec<_>>();
        assert_eq!(mine, expected);
        let other = fixture.server("s2");
        control.set_admin(&other, AdminState::Maint, by);
        control.delete_server(&other, by).unwrap();
        assert_eq!(told().last().map(String::as_str), Some("server be/s2 present no yes"));
        control.set_admin(&server, AdminState::Ready, by);
        assert!(!told().iter().any(|line| line.contains(" state ")), "{:?}", told());
    }
}
