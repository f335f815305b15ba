//! What happens to servers, in the words that programs look for in HAProxy's log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use serde_json::Value;
use tests::{Lab, Origin, Running, eventually};

use super::http::fits;
use crate::{answer, ok};

/// A server whose health is a switch.
async fn sick() -> (Origin, Arc<AtomicBool>) {
    let sick = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&sick);
    let answer = move |_: &tests::Message| {
        if told.load(SeqCst) { answer("500 Oops", "") } else { ok("") }
    };
    (Origin::http(answer).await, sick)
}

const CHECKS: &str = "health = { path = \"/\", interval = \"20ms\", rise = 1, fall = 2 }";

/// The first line that is as expected, but for numbers and the date before it.
async fn said(lab: &Running, expected: &str) {
    let is_there = || {
        let log = lab.log();
        log.lines().any(|line| line.split_once("]: ").is_some_and(|(_, line)| fits(line, expected)))
    };
    eventually(expected, async || is_there()).await;
}

#[tokio::test]
async fn checks_and_orders_are_told_in_haproxys_words() {
    let (origin, sick) = sick().await;
    let other = Origin::named("b").await;
    let lab = Lab::new()
        .server("a", origin.address())
        .server_with("b", other.address(), "backup = true")
        .backend(CHECKS)
        .section("log", "format = \"http\"")
        .start()
        .await;
    lab.status_of("a", "UP").await;
    sick.store(true, SeqCst);
    said(
        &lab,
        "Server api_nodes/a is DOWN, reason: Layer7 wrong status, code: 500, info: \"Oops\", check duration: *ms. \
        0 active and 1 backup servers left. Running on backup. 0 sessions active, 0 requeued, 0 remaining in queue.",
    )
    .await;
    sick.store(false, SeqCst);
    said(
        &lab,
        "Server api_nodes/a is UP, reason: Layer7 check passed, code: 200, check duration: *ms. \
        1 active and 1 backup servers online. 0 sessions requeued, 0 total in queue.",
    )
    .await;
    for (order, line) in [
        (
            "set server api_nodes/a state drain",
            "Server api_nodes/a enters drain state. 0 active and 1 backup servers online. Running on backup. \
            0 sessions requeued, 0 total in queue.",
        ),
        ("set server api_nodes/a state ready", "Server api_nodes/a is UP (leaving forced drain)."),
        (
            "disable server api_nodes/b",
            "Backup Server api_nodes/b is going DOWN for maintenance. 1 active and 0 backup servers left. \
            0 sessions active, 0 requeued, 0 remaining in queue.",
        ),
        ("enable server api_nodes/b", "Backup Server api_nodes/b is UP/READY (leaving forced maintenance)."),
        (
            "set server api_nodes/a health down",
            "Server api_nodes/a is DOWN, changed from CLI. 0 active and 1 backup servers left. Running on backup. \
            0 sessions active, 0 requeued, 0 remaining in queue.",
        ),
    ] {
        lab.order(order).await;
        said(&lab, line).await;
    }
}

#[tokio::test]
async fn json_tells_the_same_in_fields() {
    let (origin, sick) = sick().await;
    let lab = Lab::new().server("a", origin.address()).backend(CHECKS).start().await;
    lab.status_of("a", "UP").await;
    sick.store(true, SeqCst);
    lab.status_of("a", "DOWN").await;
    let event = |kind: &str| {
        let log = lab.log();
        let mut events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.find(|event| event["event"] == kind && event["backend"] == "api_nodes")
    };
    eventually("the backend's event", async || event("backend-down").is_some()).await;
    let down = event("health").unwrap();
    let facts = ["server", "status", "level", "check_status", "check_info"].map(|key| down[key].clone());
    assert_eq!(facts, ["a", "DOWN", "alert", "L7STS", "Oops"].map(Value::from));
    assert_eq!(down["check_code"], 500);
    assert!(down["check_ms"].is_u64() && down["time"].is_f64(), "{down}");
    assert_eq!(event("backend-down").unwrap()["text"], "backend api_nodes has no server available!");
}

#[tokio::test]
async fn single_checks_have_lines_when_they_are_wanted() {
    let (origin, sick) = sick().await;
    let lab = Lab::new()
        .server("a", origin.address())
        .backend(CHECKS)
        .section("log", "format = \"http\"\nhealth_checks = true")
        .start()
        .await;
    said(
        &lab,
        "Health check for server api_nodes/a succeeded, reason: Layer7 check passed, code: 200, \
        check duration: *ms, status: 2/2 UP.",
    )
    .await;
    sick.store(true, SeqCst);
    for status in ["1/2 UP", "0/1 DOWN"] {
        let line = "Health check for server api_nodes/a failed, reason: Layer7 wrong status, code: 500, info: \"Oops\", \
            check duration: *ms, status: ";
        said(&lab, &format!("{line}{status}.")).await;
    }
}
