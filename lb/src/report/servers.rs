//! `show servers state`: a line a server, 25 columns, version 1 of HAProxy's server state file.

use std::fmt::Write as _;

use crate::server::{Admin, Server};
use crate::topology::Topology;

const HEADER: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
                      srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
                      srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl \
                      srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n";

/// The answer to `show servers state`, for all backends or for one; `None` when there is no such backend.
pub fn servers_state(topology: &Topology, backend: Option<&str>) -> Option<String> {
    let mut out = HEADER.to_owned();
    if let Some(name) = backend {
        topology.backend(name)?;
    }
    let wanted = |name: &str| backend.is_none_or(|only| only == name);
    for backend in topology.backends.iter().filter(|backend| wanted(&backend.live.name)) {
        for server in &backend.servers {
            let port = backend.config.health.as_ref().and_then(|check| check.port).unwrap_or(0);
            line(&mut out, backend.live.id, server, port);
        }
    }
    Some(out)
}

fn line(out: &mut String, backend: u32, server: &Server, check_port: u16) {
    let health = server.health.snapshot();
    let (host, port) = server.place.named();
    let address = server.place.address().map_or_else(|| "-".to_owned(), |address| address.ip().to_string());
    let name = if server.place.is_name() { host } else { "-".to_owned() };
    let last = health.last.as_ref();
    let status = last.map_or(1, |last| last.status.index());
    let result = last.map_or(0, |last| if last.status.is_pass() { 3 } else { 2 });
    // Written to a string, which does not fail.
    let _ = writeln!(
        out,
        "{backend} {} {} {} {address} {} {} {} {} {} {status} {result} {} {} 0 0 0 {name} {port} - 0 {check_port} - - 0",
        server.backend,
        server.number,
        server.name,
        if server.status_with(&health).is_running() { 2 } else { 0 },
        server.admin_bits().0,
        server.weight(),
        server.initial_weight(),
        health.standing.since().elapsed().as_secs(),
        health.level,
        check_state(server, health.is_checked(), health.checking),
    );
}

/// HAProxy's bits: 1 running now, 2 configured, 4 enabled, 8 paused.
fn check_state(server: &Server, configured: bool, running: bool) -> u8 {
    if !configured {
        return 0;
    }
    let paused = if server.admin() == Admin::Maint { 8 } else { 0 };
    6 | paused | u8::from(running)
}
