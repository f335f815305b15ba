//! `show servers state` and `show backend` (HAProxy manual, management).
//!
//! The numbers are HAProxy's, bit for bit, since reload scripts and libraries read them. This module refuses to interpret them back.

use std::fmt::Write as _;

use crate::server::{AdminState, CheckStatus, HealthRecord, Server, Status};
use crate::topology::{Backend, Topology};

const HEADER: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
                      srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
                      srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl \
                      srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n";

/// A line for each server of all backends, or of the one given by name or as `#id`; `None` when there is no such backend.
pub fn servers_state(topology: &Topology, backend: Option<&str>) -> Option<String> {
    let backends = match backend {
        None => topology.backends.as_slice(),
        Some(name) => std::slice::from_ref(topology.find_backend(name)?),
    };
    let mut out = String::from(HEADER);
    for backend in backends {
        backend.servers.iter().for_each(|server| line(&mut out, backend, server));
    }
    Some(out)
}

/// The names of all backends, a line each.
pub fn backends(topology: &Topology) -> String {
    let mut out = String::from("# name\n");
    for backend in &topology.backends {
        out.push_str(&backend.live.name);
        out.push('\n');
    }
    out
}

fn line(out: &mut String, backend: &Backend, server: &Server) {
    let health = server.health.snapshot();
    let status = server.status_with(&health);
    let (host, port) = server.place.named();
    let address = server.place.address().map_or_else(|| "-".to_owned(), |address| address.ip().to_string());
    let name = if server.place.is_name() { host.as_str() } else { "-" };
    let (check_status, check_result) = last_check(&health);
    let (check_address, check_port) = server.check.place();
    let check_address = check_address.map_or_else(|| "-".to_owned(), |address| address.to_string());
    let check_port = check_port.unwrap_or_default();
    let agent = server.agent.plan();
    let agent_address = agent.as_ref().and_then(|agent| agent.address);
    let agent_address = agent_address.map_or_else(|| "-".to_owned(), |address| address.to_string());
    // HAProxy tells the port of the check where there is no agent, if it was configured.
    let agent_port = agent.map(|agent| agent.port).or(server.check.configured_port()).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{} {} {} {} {address} {} {} {} {} {} {check_status} {check_result} {} {} {} 0 0 {name} {port} - 0 {check_port} {check_address} {agent_address} {agent_port}",
        backend.live.id,
        backend.live.name,
        server.number,
        server.name,
        op_state(&status, server.slow_start_percent().is_some()),
        server.admin_bits().0,
        server.weight(),
        server.initial_weight(),
        health.changed_at.elapsed().as_secs(),
        check_health(backend, server, &health),
        check_state(server, &health),
        agent_state(&health),
    );
}

/// `srv_op_state`: 0 stopped, 1 starting, 2 running, 3 stopping.
fn op_state(status: &Status, is_warming: bool) -> u8 {
    match status {
        Status::Stopping { .. } => 3,
        Status::Up { .. } | Status::NoCheck if is_warming => 1,
        _ if status.is_running() => 2,
        _ => 0,
    }
}

/// `srv_check_status`, an index, and `srv_check_result`: 0 unknown, 2 failed, 3 passed, 4 passed on a condition.
fn last_check(health: &HealthRecord) -> (u8, u8) {
    health.last.as_ref().map_or((1, 0), |last| {
        let result = match last.status {
            CheckStatus::L7OkC => 4,
            status if status.is_pass() => 3,
            _ => 2,
        };
        (last.status.index(), result)
    })
}

/// `srv_check_health`. A server without checks of its own has what checks begin with, where its backend says that; not in maintenance.
fn check_health(backend: &Backend, server: &Server, health: &HealthRecord) -> u32 {
    match &backend.config.health {
        _ if health.is_checked() && !health.follows => health.level,
        Some(usual) if server.admin() != AdminState::Maint => usual.rise,
        _ => 0,
    }
}

/// `srv_agent_state`: as that of the check, and 16 for being an agent's.
fn agent_state(health: &HealthRecord) -> u8 {
    let agent = &health.agent;
    match (agent.configured && !health.follows, agent.is_watched()) {
        (false, _) => 0,
        (true, false) => 18,
        (true, true) => 22 | u8::from(agent.asking),
    }
}

/// `srv_check_state`: 1 running now, 2 configured, 4 enabled, 8 paused.
fn check_state(server: &Server, health: &HealthRecord) -> u8 {
    if !health.is_checked() || health.follows {
        return 0;
    }
    if !health.is_watched() {
        return 2;
    }
    let paused = if server.admin() == AdminState::Maint { 8 } else { 0 };
    6 | paused | u8::from(health.checking)
}
