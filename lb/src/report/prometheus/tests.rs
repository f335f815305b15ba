//! The text as a scraper reads it, and the names that dashboards and alerts rely on.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::control::fixture::Fixture;
use crate::control::{AgentAnswer, Origin};
use crate::server::{AdminState, CheckResult, CheckStatus};

const HEAD: &str = "[process]\ndescription = \"a lab\"\n[resolvers.r]\nnameservers = [\"192.0.2.53\"]\n";
const BACKEND: &str = "health = { path = \"/\" }\ntable = { type = \"string\", size = 9 }\n[backend.be.servers]\ns1 = \"127.0.0.1:9\"\ns2 = \"127.0.0.1:10\"\ns3 = \"127.0.0.1:11\"\n";

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
            assert!(matches!(kind, "gauge" | "counter" | "histogram"), "{line}");
            open = Some((name, kind));
            continue;
        }
        let (key, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = key.split_once('{').unwrap_or((key, "}"));
        let (family, kind) = open.unwrap();
        let suffix = name.strip_prefix(family).unwrap();
        assert!(suffix.is_empty() != (kind == "histogram"), "{line}");
        assert!(["", "_bucket", "_sum", "_count"].contains(&suffix), "{line}");
        for label in labels.strip_suffix('}').unwrap().split_terminator(',') {
            let (name, value) = label.split_once('=').unwrap();
            let known = [
                "proxy",
                "server",
                "state",
                "code",
                "node",
                "version",
                "mod",
                "le",
                "desc",
                "name",
                "type",
                "resolver",
                "nameserver",
                "listener",
            ];
            assert!(known.contains(&name), "{line}");
            assert!(value.len() >= 2 && value.starts_with('"') && value.ends_with('"'), "{line}");
        }
        assert!(series.insert(key.to_owned(), value.parse().unwrap()).is_none(), "{key} twice");
    }
    series
}

fn scrape(fixture: &Fixture, query: &str) -> HashMap<String, f64> {
    parse(&text(&fixture.control, &ScrapeQuery::parse(query).unwrap()))
}

/// One server up, one drained, one in maintenance.
fn mixed() -> Fixture {
    let fixture = Fixture::with(HEAD, BACKEND);
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
    fixture.control.set_admin(&fixture.server("s2"), AdminState::Drain, &Origin::Start);
    fixture.control.set_admin(&fixture.server("s3"), AdminState::Maint, &Origin::Start);
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
    assert_eq!(series["haproxy_sticktable_size{name=\"be\",type=\"string\"}"], 9.0);
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
async fn agents_have_families_where_there_are_agents() {
    let fixture = Fixture::new(
        "agent = { port = 1 }\n[backend.be.servers]\na = \"127.0.0.1:9\"\nb = { address = \"127.0.0.1:9\", agent = false }",
    );
    let said = |status: CheckStatus, up: Option<bool>| {
        let (took, detail) = (std::time::Duration::from_millis(8), String::new());
        let result =
            CheckResult { status, code: status.has_code().then_some(0), took, detail, version: None };
        let (said, order, weight, maxconn) = (String::new(), None, None, None);
        let answer = AgentAnswer { result, said, up, order, weight, maxconn };
        fixture.control.agent_said(&fixture.server("a"), answer);
        scrape(&fixture, "scope=server")
    };
    let key = |family: &str, more: &str| {
        format!("haproxy_server_agent_{family}{{proxy=\"be\",server=\"a\"{more}}}")
    };
    let before = scrape(&fixture, "scope=server");
    assert!(!before.contains_key(&key("duration_seconds", "")), "nobody has answered yet");
    for (status, up, result) in [
        (CheckStatus::L7Sts, Some(false), "L7STS"),
        (CheckStatus::L4Con, None, "L4CON"),
        (CheckStatus::Checked, None, ""),
    ] {
        let series = said(status, up);
        for other in ["L7OK", "L7STS", "L4CON"] {
            let key = key("status", &format!(",state=\"{other}\""));
            assert_eq!(series[&key], f64::from(u8::from(result == other)), "{key}");
        }
        assert_eq!((series[&key("code", "")], series[&key("duration_seconds", "")]), (0.0, 0.008));
        assert!(!series.keys().any(|key| key.contains("agent_") && key.contains("server=\"b\"")));
    }
}

/// The names and types of HAProxy 3.4, in its order.
const HAPROXY: &str = include_str!("tests/haproxy-3.4.txt");

#[tokio::test]
async fn every_family_of_haproxy_is_served_in_its_order() {
    let text = text(&mixed().control, &ScrapeQuery::parse("").unwrap());
    let heads = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let served: Vec<_> = heads.filter(|head| head.starts_with("haproxy_")).collect();
    assert_eq!(served, HAPROXY.lines().collect::<Vec<_>>());
}

/// What public dashboards and alert rules look at: who, the name, and the labels that they sum and filter by.
const USED: &str = include_str!("tests/used.txt");

#[tokio::test]
async fn what_public_dashboards_and_alerts_look_at_is_there_with_its_labels() {
    let fixture = mixed();
    fixture.server("s1").stats.tally.mine().status(503);
    let series = scrape(&fixture, "");
    let labels_of = |key: &str| {
        let labels = key.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches('}'));
        labels
            .split_terminator(',')
            .map(|label| label.split_once('=').unwrap().0.to_owned())
            .collect::<Vec<_>>()
    };
    for line in USED.lines() {
        let mut words = line.split(' ').skip(1);
        let (name, labels) = (words.next().unwrap(), words.next().unwrap_or_default());
        let wanted: Vec<_> = labels.split_terminator(',').collect();
        let mut found = series.keys().filter(|key| key.split('{').next() == Some(name)).peekable();
        assert!(found.peek().is_some(), "{line}");
        assert!(found.all(|key| labels_of(key) == wanted), "{line}");
    }
    let responses = "haproxy_server_http_responses_total{proxy=\"be\",server=\"s1\",code=\"5xx\"}";
    assert_eq!(series[responses], 1.0);
}

#[tokio::test]
async fn extra_counters_are_the_columns_of_modules() {
    let fixture = mixed();
    fixture.control.topology().frontends[0].live.tally.mine().requests.add(3);
    assert!(!scrape(&fixture, "").keys().any(|key| key.contains("mod=")));
    let series = scrape(&fixture, "extra-counters");
    assert_eq!(series["haproxy_frontend_h1_total_streams{proxy=\"fe\",mod=\"h1\"}"], 3.0);
    assert_eq!(series["haproxy_backend_h2_open_connections{proxy=\"be\",mod=\"h2\"}"], 0.0);
    assert_eq!(series["haproxy_server_ssl_sess{proxy=\"be\",server=\"s1\",mod=\"ssl\"}"], 0.0);
    assert!(!series.keys().any(|key| key.starts_with("haproxy_server_h1")));
}

#[tokio::test]
async fn the_description_is_told_where_there_is_one() {
    let series = scrape(&mixed(), "scope=global");
    assert_eq!(series["haproxy_process_description{desc=\"a lab\"}"], 1.0);
    assert!(series.contains_key("haproxy_process_nbthread"));
    let described = scrape(&mixed(), "scope=global&desc-labels");
    assert_eq!(described.len(), series.len());
    let mut of_haproxy = described.keys().filter(|key| key.starts_with("haproxy_"));
    assert!(of_haproxy.all(|key| key.contains("desc=\"a lab\"")));
    let without = scrape(&Fixture::new(BACKEND), "scope=global&desc-labels");
    assert!(!without.keys().any(|key| key.contains("desc")));
}

#[tokio::test]
async fn the_histogram_counts_exactly_at_each_of_its_limits() {
    let fixture = mixed();
    let backend = &fixture.control.topology().backends[0];
    for micros in [400, 500, 1001, 7000, 20_000_000] {
        let took = std::time::Duration::from_micros(micros);
        backend.live.tally.mine().latency.record(crate::counters::Bucket::of(took));
    }
    let series = scrape(&fixture, "scope=backend");
    let name = "lb_backend_response_time_seconds";
    let at_most = |limit: &str| series[&format!("{name}_bucket{{proxy=\"be\",le=\"{limit}\"}}")];
    assert_eq!(
        ["0.0005", "0.001", "0.0025", "0.01", "10", "+Inf"].map(at_most),
        [2.0, 2.0, 3.0, 4.0, 4.0, 5.0]
    );
    assert_eq!(series[&format!("{name}_count{{proxy=\"be\"}}")], 5.0);
    assert_eq!(series[&format!("{name}_sum{{proxy=\"be\"}}")], 20.008901);
    assert!(scrape(&fixture, &format!("metrics=-{name}")).keys().all(|key| !key.starts_with(name)));
}

/// Breaks when a refused reload looks like an applied one to whoever scrapes.
#[tokio::test]
async fn the_last_reload_is_told() {
    let fixture = Fixture::new(BACKEND);
    let of_reload = || {
        let series = scrape(&fixture, "scope=global");
        let times =
            ["", "success_"].map(|which| series[&format!("lb_config_last_reload_{which}timestamp_seconds")]);
        (series["lb_config_last_reload_success"], times)
    };
    let (success, [last, good]) = of_reload();
    assert_eq!((success, last), (1.0, good));
    // There is no such file.
    fixture.control.reload(&crate::control::Origin::Signal).await.unwrap_err();
    let (success, [last, same]) = of_reload();
    assert!(success == 0.0 && last >= good && same == good);
}

#[test]
fn labels_are_escaped_and_fractions_have_six_decimals() {
    let query = ScrapeQuery::parse("").unwrap();
    let mut out = MetricsText::new(&query);
    let mut family =
        out.family(text::FamilyHead { name: "f", kind: text::MetricKind::Gauge, help: "h" }).unwrap();
    family.series([&text::label("a", "\\\"\nü"), ""], text::MetricValue::Fraction(0.0015));
    family.series(["", ""], text::MetricValue::from(None::<u64>));
    assert_eq!(out.into_string(), "# HELP f h\n# TYPE f gauge\nf{a=\"\\\\\\\"\\nü\"} 0.001500\nf NaN\n");
}

#[tokio::test]
async fn a_query_chooses_scopes_families_and_servers() {
    let fixture = mixed();
    let only =
        scrape(&fixture, "metrics=haproxy_server_status,haproxy_backend_weight,-haproxy_backend_weight");
    assert_eq!(only.len(), 15);
    assert_eq!(scrape(&fixture, "metrics=haproxy_server_weight&no-maint").len(), 2);
    assert_eq!(scrape(&fixture, "scope=*&scope=").len(), 0);
    assert_eq!(
        scrape(&fixture, "scope=&scope=server&desc-labels").len(),
        scrape(&fixture, "scope=server").len()
    );
    let scoped = scrape(&fixture, "scope=frontend&scope=listener");
    assert!(!scoped.is_empty() && scoped.keys().all(|key| key.starts_with("haproxy_frontend_")));
    assert_eq!(scrape(&fixture, "scope=*").len(), scrape(&fixture, "").len());
    let error = ScrapeQuery::parse("scope=bogus").unwrap_err();
    assert!(error.to_string().contains("`bogus`"));
}

#[tokio::test]
async fn scopes_come_in_haproxys_order() {
    let text = text(&mixed().control, &ScrapeQuery::parse("").unwrap());
    let mut scopes: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("haproxy_"))
        .map(|line| line.split('_').nth(1).unwrap())
        .collect();
    scopes.dedup();
    assert_eq!(scopes, ["process", "frontend", "backend", "server", "sticktable", "resolver"]);
}

#[tokio::test]
async fn listeners_are_told_when_they_are_asked_for() {
    let head = "[listen.web]\nbind = { address = \"127.0.0.1:0\", name = \"front\" }\nsocket_stats = true\n";
    let fixture = Fixture::with(head, BACKEND);
    let of_listeners = |query: &str| {
        let series = scrape(&fixture, query);
        series.into_iter().filter(|(key, _)| key.starts_with("haproxy_listener_")).collect::<HashMap<_, _>>()
    };
    assert!(of_listeners("").is_empty());
    let series = of_listeners("scope=listener");
    assert_eq!(series.len(), of_listeners("scope=*").len());
    let labels = "{proxy=\"web\",listener=\"front\"";
    assert_eq!(series[&format!("haproxy_listener_sessions_total{labels}}}")], 0.0);
    for (state, is) in [("OPEN", 1.0), ("FULL", 0.0), ("WAITING", 0.0)] {
        assert_eq!(series[&format!("haproxy_listener_status{labels},state=\"{state}\"}}")], is);
    }
}
