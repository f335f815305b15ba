//! The files of `compose/monitoring`, held against the programs that read them: `promtool`, a real Prometheus, `docker-compose`.
//!
//! Where a program is not installed its tests say so and pass: they are Debian's packages `prometheus` and `docker-compose`.

mod prometheus;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tests::{Lab, Origin, eventually};

use crate::answer;
use prometheus::Prometheus;

/// Whether `program` can be run; says so when it cannot.
fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        println!("SKIPPED: {program} is not installed");
    }
    found.is_ok()
}

fn compose() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../compose")).to_owned()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(compose().join(file)).unwrap()
}

/// Runs a program in `compose/monitoring`.
fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).current_dir(compose().join("monitoring")).output().unwrap()
}

fn passes(program: &str, arguments: &[&str]) {
    let output = run(program, arguments);
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{program} {arguments:?}\n{}", String::from_utf8_lossy(&said));
}

/// Everything that the dashboard asks Prometheus, with its variables filled in.
fn dashboard() -> Vec<String> {
    let text = read("monitoring/grafana/dashboards/lb.json");
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = document["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions = targets.map(|target| target["expr"].as_str().unwrap());
    let filled = expressions.map(|expression| {
        let filled =
            expression.replace("$instance", ".*").replace("$proxy", ".*").replace("$__rate_interval", "1m");
        assert!(!filled.contains('$'), "a variable that nobody fills: {filled}");
        filled
    });
    filled.collect()
}

/// The names of metrics in expressions.
fn names<'a>(expressions: impl IntoIterator<Item = &'a String>) -> BTreeSet<&'a str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = expressions.into_iter().flat_map(move |text| text.split(move |letter| !is_part(letter)));
    words.filter(|word| word.starts_with("haproxy_") || word.starts_with("lb_")).collect()
}

#[test]
fn promtool_finds_no_fault_in_configuration_and_rules() {
    if installed("promtool") {
        passes("promtool", &["check", "config", "prometheus.yml"]);
        passes("promtool", &["check", "rules", "rules.yml"]);
        passes("promtool", &["test", "rules", "rules_test.yml"]);
    }
}

#[test]
fn every_alert_has_a_unit_test_and_tells_what_to_do() {
    let (rules, tests) = (read("monitoring/rules.yml"), read("monitoring/rules_test.yml"));
    let alerts: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 15, "{alerts:?}");
    for alert in &alerts {
        let tested = ["\"", ",", "}", "\n"].iter().any(|end| tests.contains(&format!("{alert}{end}")));
        assert!(tested, "{alert} has no test in rules_test.yml");
    }
    for part in ["severity: ", "summary: ", "description: "] {
        assert_eq!(rules.matches(part).count(), alerts.len(), "{part}");
    }
}

#[test]
fn compose_reads_its_file_with_the_profile_and_without() {
    if !installed("docker-compose") {
        return;
    }
    let file = compose().join("docker-compose.yml");
    let file = file.to_str().unwrap();
    passes("docker-compose", &["-f", file, "config", "--quiet"]);
    passes("docker-compose", &["-f", file, "--profile", "monitoring", "config", "--quiet"]);
    // Nothing but the profile starts the two: no other service waits for them.
    let text = read("docker-compose.yml");
    assert_eq!(text.matches("profiles: [monitoring]").count(), 2);
    for image in text.lines().filter_map(|line| line.trim().strip_prefix("image: ")) {
        let version = image.rsplit_once(':').unwrap().1;
        assert!(version.contains('.'), "{image} is not pinned");
    }
}

/// What promtool finds odd is odd in HAProxy's names as well; what is lb's own it does not find odd.
#[tokio::test]
async fn promtool_reads_a_scrape() {
    if !installed("promtool") {
        return;
    }
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    assert_eq!(lab.get("/").await.status(), 200);
    let scrape = lab.path("scrape.txt");
    std::fs::write(&scrape, &lab.page("/metrics?extra-counters").await.body).unwrap();
    let output = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::fs::File::open(scrape).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // 3: only advice.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
    assert!(said.lines().all(|line| line.starts_with("haproxy_")), "{said}");
}

/// Breaks when a rule or a panel asks for something that lb does not have, or that does not move.
#[tokio::test]
async fn a_real_prometheus_scrapes_what_dashboard_and_rules_look_at_and_it_moves() {
    if !installed("prometheus") {
        return;
    }
    let good = Origin::named("good").await;
    let bad = Origin::http(|_| answer("500 Oops", "oops")).await;
    let lab = Lab::new()
        .backend("retries = 2")
        .server("good", good.address())
        .server("bad", bad.address())
        .server("gone", Origin::nobody().await)
        .server("out", good.address())
        .start()
        .await;
    lab.order("disable server api_nodes/out").await;
    let prometheus = Prometheus::start(&compose().join("monitoring"), lab.stats()).await;
    prometheus.value_of("haproxy_process_uptime_seconds", |_| true).await;
    let mut client = lab.connect().await;
    for _ in 0..30 {
        assert!([200, 500].contains(&client.get("/").await.status()));
    }

    let rules = prometheus.rules().await;
    let dashboard = dashboard();
    let expressions: Vec<_> = rules.iter().chain(&dashboard).collect();
    let used = names(expressions.iter().copied());
    assert!(used.len() > 30, "{used:?}");
    for expression in &expressions {
        prometheus.query(expression).await;
    }
    for name in used {
        prometheus.value_of(name, |_| true).await;
    }

    // Once in the state that these requests have left, twice so that rates have something to go by.
    for (expression, wanted) in [
        ("haproxy_frontend_http_requests_total{proxy=\"fe_api\"}", 30.0),
        ("haproxy_backend_http_responses_total{proxy=\"api_nodes\",code=\"2xx\"}", 15.0),
        ("haproxy_server_http_responses_total{proxy=\"api_nodes\",server=\"bad\",code=\"5xx\"}", 15.0),
        ("haproxy_server_status{proxy=\"api_nodes\",server=\"out\",state=\"MAINT\"}", 1.0),
        ("haproxy_backend_active_servers{proxy=\"api_nodes\"}", 3.0),
        ("lb_backend_response_time_seconds_count{proxy=\"api_nodes\"}", 30.0),
        ("lb_backend_response_time_seconds_bucket{proxy=\"api_nodes\",le=\"+Inf\"}", 30.0),
    ] {
        prometheus.value_of(expression, |value| value == wanted).await;
    }
    for name in [
        "haproxy_server_connection_errors_total{server=\"gone\"}",
        "haproxy_backend_retry_warnings_total",
        "haproxy_backend_redispatch_warnings_total",
        "haproxy_backend_bytes_in_total",
        "haproxy_backend_bytes_out_total",
        "haproxy_backend_connection_attempts_total",
        "haproxy_backend_connection_reuses_total",
        "haproxy_process_current_connections",
    ] {
        prometheus.value_of(name, |value| value > 0.0).await;
    }
    let share =
        "sum(haproxy_backend_http_responses_total{code=\"5xx\"}) / sum(haproxy_backend_http_responses_total)";
    prometheus.value_of(share, |value| (value - 0.5).abs() < 1e-9).await;
    eventually("a rate", async || {
        assert_eq!(client.get("/").await.status() / 100 % 3, 2);
        let p99 =
            "histogram_quantile(0.99, sum by (le) (rate(lb_backend_response_time_seconds_bucket[10s])))";
        prometheus.query(p99).await.is_some_and(|value| value > 0.0)
    })
    .await;
}
