//! The text as a scraper reads it, and the names that dashboards and alerts rely on.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::control::Origin;
use crate::control::fixture::Fixture;
use crate::server::{Admin, CheckResult, CheckStatus};

const BACKEND: &str = "health = { path = \"/\" }\n[backend.be.servers]\ns1 = \"127.0.0.1:9\"\ns2 = \"127.0.0.1:10\"\ns3 = \"127.0.0.1:11\"\n";

/// Series by name and labels. Refuses what a scraper refuses: a series without a family, or twice, or in another family's place.
fn parse(text: &str) -> HashMap<String, f64> {
    let (mut series, mut families, mut open) = (HashMap::new(), HashSet::new(), None);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, meaning) = help.split_once(' ').unwrap();
            assert!(families.insert(name), "{name} twice");
            assert!(!meaning.is_empty());
            let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE ")).unwrap();
            let kind = kind.strip_prefix(name).unwrap().trim();
            assert!(matches!(kind, "gauge" | "counter"), "{line}");
            open = Some(name);
            continue;
        }
        let (key, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = key.split_once('{').unwrap_or((key, "}"));
        assert_eq!(Some(name), open, "{line}");
        for label in labels.strip_suffix('}').unwrap().split_terminator(',') {
            let (name, value) = label.split_once('=').unwrap();
            assert!(["proxy", "server", "state", "code", "node", "version"].contains(&name), "{line}");
            assert!(value.len() >= 2 && value.starts_with('"') && value.ends_with('"'), "{line}");
        }
        assert!(series.insert(key.to_owned(), value.parse().unwrap()).is_none(), "{key} twice");
    }
    series
}

fn scrape(fixture: &Fixture, query: &str) -> HashMap<String, f64> {
    parse(&text(&fixture.control, &Query::parse(query).unwrap()))
}

/// One server up, one drained, one in maintenance.
fn mixed() -> Fixture {
    let fixture = Fixture::new(BACKEND);
    for name in ["s1", "s2", "s3"] {
        let took = std::time::Duration::from_millis(8);
        let result = CheckResult {
            status: CheckStatus::L7Ok,
            code: Some(200),
            took,
            detail: String::new(),
            version: None,
        };
        fixture.control.checked(&fixture.server(name), result);
    }
    fixture.control.set_admin(&fixture.server("s2"), Admin::Drain, &Origin::Start);
    fixture.control.set_admin(&fixture.server("s3"), Admin::Maint, &Origin::Start);
    fixture
}

#[tokio::test]
async fn exactly_one_state_is_in_force() {
    let series = scrape(&mixed(), "");
    for (server, state) in [("s1", "UP"), ("s2", "DRAIN"), ("s3", "MAINT")] {
        for other in ["DOWN", "UP", "MAINT", "DRAIN", "NOLB"] {
            let key = format!("haproxy_server_status{{proxy=\"be\",server=\"{server}\",state=\"{other}\"}}");
            assert_eq!(series[&key], f64::from(u8::from(state == other)), "{key}");
        }
    }
    let agg =
        |state: &str| series[&format!("haproxy_backend_agg_server_status{{proxy=\"be\",state=\"{state}\"}}")];
    assert_eq!(["DOWN", "UP", "MAINT", "DRAIN", "NOLB"].map(agg), [0.0, 1.0, 1.0, 1.0, 0.0]);
    assert_eq!(series["haproxy_backend_status{proxy=\"be\",state=\"UP\"}"], 1.0);
    assert_eq!(series["haproxy_frontend_status{proxy=\"fe\",state=\"DOWN\"}"], 0.0);
    assert_eq!(series["haproxy_backend_active_servers{proxy=\"be\"}"], 1.0);
    assert_eq!(series["haproxy_backend_agg_check_status{proxy=\"be\",state=\"L7OK\"}"], 2.0);
}

#[tokio::test]
async fn what_is_unknown_is_nan_and_a_paused_check_has_no_series() {
    let series = scrape(&mixed(), "");
    for family in ["limit_sessions", "queue_limit", "idle_connections_limit", "current_throttle"] {
        assert!(
            series[&format!("haproxy_server_{family}{{proxy=\"be\",server=\"s1\"}}")].is_nan(),
            "{family}"
        );
    }
    let code =
        |server: &str| series.get(&format!("haproxy_server_check_code{{proxy=\"be\",server=\"{server}\"}}"));
    assert_eq!(["s1", "s2", "s3"].map(code), [Some(&200.0), Some(&200.0), None]);
    assert!(!series.keys().any(|key| key.starts_with("haproxy_server_check_status{") && key.contains("s3")));
    let took = |server: &str| {
        series[&format!("haproxy_server_check_duration_seconds{{proxy=\"be\",server=\"{server}\"}}")]
    };
    assert_eq!(took("s2"), 0.008);
    let empty = scrape(&Fixture::new(""), "scope=backend");
    assert!(empty["haproxy_backend_downtime_seconds_total{proxy=\"be\"}"].is_nan());
}

#[tokio::test]
async fn names_that_dashboards_and_alerts_use_are_there() {
    let fixture = mixed();
    fixture.server("s1").stats.tally.mine().status(503);
    let series = scrape(&fixture, "");
    for name in [
        "process_nbthread",
        "process_uptime_seconds",
        "process_dropped_logs_total",
        "process_start_time_seconds",
        "frontend_connections_total{proxy=\"fe\"}",
        "frontend_denied_connections_total{proxy=\"fe\"}",
        "frontend_http_requests_total{proxy=\"fe\"}",
        "backend_current_queue{proxy=\"be\"}",
        "backend_max_total_time_seconds{proxy=\"be\"}",
        "backend_retry_warnings_total{proxy=\"be\"}",
        "server_check_failures_total{proxy=\"be\",server=\"s1\"}",
        "server_connection_errors_total{proxy=\"be\",server=\"s1\"}",
        "server_total_time_average_seconds{proxy=\"be\",server=\"s1\"}",
    ] {
        assert!(series.contains_key(&format!("haproxy_{name}")), "{name}");
    }
    let responses = "haproxy_server_http_responses_total{proxy=\"be\",server=\"s1\",code=\"5xx\"}";
    assert_eq!(series[responses], 1.0);
}

#[tokio::test]
async fn a_query_chooses_scopes_families_and_servers() {
    let fixture = mixed();
    let only =
        scrape(&fixture, "metrics=haproxy_server_status,haproxy_backend_weight,-haproxy_backend_weight");
    assert_eq!(only.len(), 15);
    assert_eq!(scrape(&fixture, "metrics=haproxy_server_weight&no-maint").len(), 2);
    let scoped = scrape(&fixture, "scope=frontend&scope=listener");
    assert!(!scoped.is_empty() && scoped.keys().all(|key| key.starts_with("haproxy_frontend_")));
    assert_eq!(scrape(&fixture, "scope=*").len(), scrape(&fixture, "").len());
    let error = Query::parse("scope=bogus").unwrap_err();
    assert!(error.to_string().contains("`bogus`"));
}

#[tokio::test]
async fn scopes_come_in_haproxys_order() {
    let text = text(&mixed().control, &Query::parse("").unwrap());
    let mut scopes: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('_').nth(1).unwrap())
        .collect();
    scopes.dedup();
    assert_eq!(scopes, ["process", "frontend", "backend", "server"]);
}
