//! `fixture.cfg`, the configuration that the transcripts were taken from, in TOML.

use std::net::SocketAddr;

use tests::{Lab, Running};

/// The servers of `api_nodes`.
pub(super) const SERVERS: [&str; 3] = ["api0", "api1", "api2"];

const TABLE: &str = "type = \"ip\"\nsize = 1024\nexpire = \"30m\"\nstore = [\"gpc0\", \"conn_cur\", \"conn_rate(10s)\", \"http_req_rate(10s)\", \"http_req_cnt\"]";

/// An `lb` like that HAProxy, with every server up: three sockets, the servers at `addresses`, checked as the lines `check` say.
pub(super) async fn start(addresses: [SocketAddr; 3], check: &str) -> Running {
    let process = "threads = 1\nmaxconn = 2000\nnode = \"lb-lab\"\ndescription = \"socket lab\"";
    let mut lab = Lab::new().section("process", process).timeout("queue = \"1m\"");
    for level in ["operator", "user"] {
        let lines = format!("socket = \"{level}.sock\"\nlevel = \"{level}\"");
        lab = lab.section(&format!("admin#{level}"), &lines);
    }
    let health = format!("health = {{ path = \"/health\", rise = 2, fall = 3, {check} }}");
    lab = lab.backend(&health).backend("cookie = { name = \"SRV\", indirect = true, nocache = true }");
    for (name, address) in SERVERS.iter().zip(addresses) {
        let more = if *name == "api2" { ", weight = 2, maxconn = 50" } else { "" };
        lab = lab.server_with(name, address, &format!("cookie = \"{name}\"{more}"));
    }
    let lab = lab
        .frontend("track = { key = \"src\", table = \"clients\" }")
        .section("backend.clients.table", TABLE)
        .section("resolvers.default", "nameservers = [\"192.0.2.53\"]")
        .section("frontend.fe_stats", "bind = \"127.0.0.1:0\"\nbackend = \"clients\"")
        .start()
        .await;
    for server in SERVERS {
        lab.status_of(server, "UP").await;
    }
    lab
}

/// The file of the socket that a transcript was taken on.
pub(super) fn socket_of(name: &str) -> String {
    format!("{}.sock", name.split_once("-socket.").map_or("lb", |(level, _)| level))
}
