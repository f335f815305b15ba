//! What programs that know HAProxy demand of its answers, held against a running `lb`: one table, a line for each program and source.
//!
//! The rules are written from what each program does with an answer, in our own words; they fail where the program would fail, or would
//! lose what it came for. What the answers mean is other tests' business.

mod rules;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tests::{Lab, Origin, Running, Wire, eventually};

use crate::{answer, ok};
use rules::Wrong;

/// Servers in every state, some traffic, a table with an entry, listeners with rows of their own, an agent.
async fn lab() -> (Running, Vec<Origin>) {
    let good = Origin::named("good").await;
    // A reason that has to be quoted.
    let sick = Origin::http(|_| answer("500 Oops, \"sorry\"", "")).await;
    let leaving = Origin::http(|request| match request.target() {
        "/health" => answer("404 Gone", ""),
        _ => ok("leaving"),
    })
    .await;
    let agent = Origin::script(|mut conn| async move { drop(conn.try_send("up 50%\n").await) }).await;
    let check = "health = { path = \"/health\", interval = \"20ms\", disable_on_404 = true }";
    let agent_key = format!("agent = {{ port = {}, interval = \"20ms\" }}", agent.address().port());
    let lab = Lab::new()
        .section("process", "threads = 2\ndescription = \"a lab\"")
        .frontend("socket_stats = true\ntrack = { key = \"src\", table = \"api_nodes\" }")
        .backend(check)
        .section("backend.api_nodes.table", "type = \"ip\"\nstore = [\"gpc0\", \"http_req_rate(10s)\"]")
        .server_with("up", good.address(), &agent_key)
        .server("down", sick.address())
        .server_with("plain", good.address(), "health = false")
        .server_with("drain", good.address(), "weight = 3, maxconn = 9")
        .server("maint", good.address())
        .server("nolb", leaving.address())
        .start()
        .await;
    lab.order("set server api_nodes/drain state drain; disable server api_nodes/maint").await;
    for (server, status) in [("up", "UP"), ("down", "DOWN"), ("drain", "DRAIN"), ("nolb", "NOLB")] {
        lab.status_of(server, status).await;
    }
    eventually("an agent that was heard", async || {
        lab.stat("api_nodes", "up").await.text("agent_status").ends_with("L7OK")
    })
    .await;
    for _ in 0..4 {
        assert_eq!(lab.get("/").await.status(), 200);
    }
    (lab, vec![good, sick, leaving, agent])
}

/// Where a program gets its answer from.
enum Source {
    /// The runtime socket, with exactly these bytes; the program never closes its side.
    Socket(&'static str),
    /// The pages' address.
    Page(&'static str),
    /// The same with a user and a password, whether or not they are asked for.
    PageAs(&'static str, &'static str),
}

use Source::{Page, PageAs, Socket};

/// The program, its source, and what it demands of the answer.
type Demand = (&'static str, Source, fn(&str) -> Result<(), Wrong>);

const DEMANDS: &[Demand] = &[
    ("telegraf, socket", Socket("show stat\n"), rules::telegraf),
    ("telegraf, http://…/haproxy?stats", Page("/haproxy?stats/;csv"), rules::telegraf),
    ("telegraf, http://…/", PageAs("//;csv", "telegraf:x"), rules::telegraf),
    ("Datadog, socket", Socket("show info;show stat\r\n"), rules::datadog),
    ("Datadog, tables", Socket("show table\r\n"), rules::datadog_tables),
    ("Datadog, http", Page("/haproxy?stats/;csv;norefresh"), rules::datadog_rows),
    ("Datadog, page", Page("/haproxy?stats"), rules::datadog_page),
    ("Datadog, OpenMetrics", Page("/metrics"), rules::datadog_metrics),
    ("client-native, probe", Socket("set severity-output number;help\n"), rules::native_succeeds),
    ("client-native, info", Socket("set severity-output number;show info typed\n"), rules::native_info),
    ("client-native, version", Socket("set severity-output number;show info\n"), rules::native_version),
    ("client-native, stats", Socket("set severity-output number;show stat\n"), rules::native_stats),
    (
        "client-native, servers",
        Socket("set severity-output number;show servers state api_nodes\n"),
        rules::native_servers,
    ),
    ("client-native, tables", Socket("set severity-output number;show table\n"), rules::native_tables),
    (
        "client-native, entries",
        Socket("set severity-output number;show table api_nodes\n"),
        rules::native_entries,
    ),
    ("client-native, maps", Socket("set severity-output number;show map\n"), rules::native_succeeds),
    ("client-native, ACLs", Socket("set severity-output number;show acl\n"), rules::native_succeeds),
    (
        "client-native, certificates",
        Socket("set severity-output number;show ssl cert\n"),
        rules::native_succeeds,
    ),
    (
        "client-native, no such map",
        Socket("set severity-output number;add map /a.map key value\n"),
        rules::native_refused,
    ),
    (
        "client-native, no such entry",
        Socket("set severity-output number;get acl #0 key\n"),
        rules::native_refused,
    ),
    (
        "client-native, no such server",
        Socket("set severity-output number;set server api_nodes/nope state ready\n"),
        rules::native_no_server,
    ),
    (
        "client-native, state",
        Socket("set severity-output number;set server api_nodes/plain state ready\n"),
        rules::native_succeeds,
    ),
    (
        "client-native, an address that is there",
        Socket("set severity-output number;set server api_nodes/plain addr 127.0.0.1\n"),
        rules::native_unmodified,
    ),
    (
        "client-native, another address",
        Socket("set severity-output number;set server api_nodes/maint addr 127.0.0.9\n"),
        rules::native_modified,
    ),
    (
        "client-native, add",
        Socket("set severity-output number;add server api_nodes/new 127.0.0.1:1 weight 5\n"),
        rules::native_succeeds,
    ),
    (
        "client-native, delete",
        Socket("set severity-output number;del server api_nodes/new\n"),
        rules::native_succeeds,
    ),
    ("metricbeat, info", Socket("show info\n"), rules::metricbeat_info),
    ("metricbeat, stat", Socket("show stat\n"), rules::metricbeat_stat),
    ("metricbeat, http", Page("/stats;csv"), rules::metricbeat_stat),
    ("New Relic", PageAs("/stats;csv;norefresh", ":"), rules::new_relic),
    ("netdata", Page("/metrics"), rules::netdata),
    ("Zabbix, CSV", PageAs("/stats;csv", "zabbix:x"), rules::zabbix),
    ("Zabbix, page", Page("/stats"), rules::zabbix_page),
    ("Sensu", Page("//;csv;norefresh"), rules::sensu),
    ("Sensu, socket", Socket("show stat\n"), rules::sensu),
    ("munin", Page("/haproxy-status;csv;norefresh"), rules::munin),
    ("nagios, check_haproxy", Page("/haproxy?stats;csv"), rules::nagios),
    ("nagios, check_haproxy_stats", Socket("show stat\n"), rules::nagios),
    ("prometheus-haproxy-exporter, info", Socket("show info\n"), rules::exporter_info),
    ("prometheus-haproxy-exporter, stat", Socket("show stat\n"), rules::exporter),
    ("prometheus-haproxy-exporter, http", Page("/haproxy?stats;csv"), rules::exporter),
    ("collectd-haproxy, info", Socket("show info\n"), rules::collectd_info),
    ("collectd-haproxy, stat", Socket("show stat -1 7 -1\n"), rules::collectd_stat),
    ("Ansible, version", Socket("show info\n"), rules::ansible_version),
    ("Ansible, stat", Socket("show stat\n"), rules::ansible_stat),
    ("Ansible, weight", Socket("get weight api_nodes/drain\n"), rules::ansible_weight),
    ("Ansible, disable", Socket("disable server api_nodes/maint\n"), rules::silent),
    ("Ansible, shutdown", Socket("shutdown sessions server api_nodes/maint\n"), rules::silent),
];

async fn ask(lab: &Running, source: &Source) -> String {
    match source {
        Socket(bytes) => lab.socket_bytes(bytes.as_bytes()).await,
        Page(target) => page(lab, target, "").await,
        PageAs(target, user) => {
            page(lab, target, &format!("Authorization: Basic {}\r\n", STANDARD.encode(user))).await
        }
    }
}

async fn page(lab: &Running, target: &str, lines: &str) -> String {
    let mut wire = Wire::connect(lab.stats()).await.unwrap();
    wire.send(crate::get(target, lines)).await;
    let answer = wire.answer().await;
    assert_eq!(answer.status(), 200, "{target}");
    answer.text().to_owned()
}

#[tokio::test]
async fn programs_that_know_haproxy_get_what_they_came_for() {
    let (lab, _origins) = lab().await;
    let mut faults = Vec::new();
    for (program, source, rule) in DEMANDS {
        let answer = ask(&lab, source).await;
        if let Err(Wrong(why)) = rule(&answer) {
            let begin: String = answer.chars().take(300).collect();
            faults.push(format!("{program}: {why}\n{begin}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// Breaks when a rule takes whatever it is given.
#[test]
fn rules_can_fail() {
    let takes_all: Vec<_> = DEMANDS
        .iter()
        .filter(|(_, _, rule)| rule("Unknown command\n\n").is_ok())
        .map(|(name, ..)| *name)
        .collect();
    assert_eq!(takes_all, [""; 0]);
}
