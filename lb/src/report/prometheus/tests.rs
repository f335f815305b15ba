//! The text of a scrape: that it is well-formed, complete for each object, and follows states.

use std::collections::BTreeSet;

use super::*;
use crate::control::Origin;
use crate::control::fixture::Fixture;
use crate::server::Admin;

const BACKEND: &str = "health = { path = \"/\" }\n[backend.be.servers]\na = \"127.0.0.1:1\"\nb = { address = \"127.0.0.1:2\", maxconn = 5 }\n";

fn scrape(fixture: &Fixture, query: &str) -> String {
    text(&fixture.control, query).unwrap()
}

/// Every sample belongs to the family above it, has no twin, and a number for a value.
fn check(text: &str) -> BTreeSet<&str> {
    let (mut family, mut families, mut seen) = ("", BTreeSet::new(), BTreeSet::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split(' ').next().unwrap();
            assert!(families.insert(family), "{family} twice");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert!(kind == format!("{family} gauge") || kind == format!("{family} counter"), "{line}");
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert_eq!(series.split('{').next().unwrap(), family);
            assert!(seen.insert(series), "{series} twice");
            assert!(value == "NaN" || value.parse::<f64>().is_ok(), "{line}");
        }
    }
    families
}

#[tokio::test]
async fn every_object_has_its_series() {
    let fixture = Fixture::new(BACKEND);
    let text = scrape(&fixture, "");
    let families = check(&text);
    assert!(families.len() > 120, "{}", families.len());
    for line in [
        "haproxy_server_limit_sessions{proxy=\"be\",server=\"a\"} NaN",
        "haproxy_server_limit_sessions{proxy=\"be\",server=\"b\"} 5",
        "haproxy_server_status{proxy=\"be\",server=\"a\",state=\"UP\"} 1",
        "haproxy_backend_active_servers{proxy=\"be\"} 2",
        "haproxy_frontend_status{proxy=\"fe\",state=\"UP\"} 1",
        "haproxy_frontend_http_responses_total{proxy=\"fe\",code=\"2xx\"} 0",
        "haproxy_process_max_connections 20000",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}");
    }
}

#[tokio::test]
async fn maintenance_is_a_state_and_silences_checks() {
    let fixture = Fixture::new(BACKEND);
    fixture.control.set_admin(&fixture.server("a"), Admin::Maint, &Origin::Signal);
    let text = scrape(&fixture, "scope=server");
    check(&text);
    let with = |part: &str| text.lines().filter(|line| line.contains(part)).count();
    assert_eq!(with("haproxy_server_status{proxy=\"be\",server=\"a\",state=\"MAINT\"} 1"), 1);
    assert_eq!(with("haproxy_server_check_status{proxy=\"be\",server=\"a\""), 0);
    assert_eq!(with("haproxy_process_"), 0);
    assert!(!scrape(&fixture, "no-maint").contains("server=\"a\""));
}

#[tokio::test]
async fn queries_filter_and_wrong_ones_are_told_so() {
    let fixture = Fixture::new(BACKEND);
    let only = scrape(&fixture, "metrics=haproxy_backend_weight,haproxy_server_weight");
    assert_eq!(check(&only), ["haproxy_backend_weight", "haproxy_server_weight"].into());
    assert!(!scrape(&fixture, "metrics=-haproxy_backend_weight").contains("haproxy_backend_weight"));
    assert_eq!(text(&fixture.control, "scope=bogus"), Err(QueryError::Scope("bogus".into())));
}
