//! Every sentence, as HAProxy 2.6 wrote it in the same situation.

mod tracking;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::control::Origin;
use crate::control::fixture::Fixture;
use crate::server::CheckStatus;

const TWO: &str = "health = { fall = 1, rise = 1 }\n[backend.be.servers]\na = \"127.0.0.1:9\"\nb = { address = \"127.0.0.1:9\", backup = true }";

fn result(status: CheckStatus, code: Option<u16>, detail: &str) -> CheckResult {
    CheckResult { status, code, took: Duration::from_millis(7), detail: detail.into(), version: None }
}

/// The lines of the log that are no notes of lb's own, without their dates.
fn said(fixture: Fixture) -> Vec<String> {
    let log = fixture.logged();
    let events = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let kinds = ["admin", "health", "backend-down", "check", "stop", "frontend"];
    events
        .filter(|event| kinds.iter().any(|kind| event["event"] == *kind))
        .map(|event| format!("{} {}", event["level"].as_str().unwrap(), event["text"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn orders() {
    let fixture = Fixture::new(TWO);
    let (a, b) = (fixture.server("a"), fixture.server("b"));
    for (server, admin) in [
        (&a, AdminState::Maint),
        (&a, AdminState::Ready),
        (&a, AdminState::Drain),
        (&a, AdminState::Drain),
        (&a, AdminState::Maint),
        (&a, AdminState::Drain),
        (&b, AdminState::Maint),
        (&a, AdminState::Ready),
        (&a, AdminState::Maint),
    ] {
        fixture.control.set_admin(server, admin, &Origin::Signal);
    }
    assert_eq!(
        said(fixture),
        [
            "alert Server be/a is going DOWN for maintenance. 0 active and 1 backup servers left. Running on backup. 0 sessions active, 0 requeued, 0 remaining in queue.",
            "notice Server be/a is UP/READY (leaving forced maintenance).",
            "notice Server be/a enters drain state. 0 active and 1 backup servers online. Running on backup. 0 sessions requeued, 0 total in queue.",
            "notice Server be/a is going DOWN for maintenance. 0 active and 1 backup servers left. Running on backup. 0 sessions active, 0 requeued, 0 remaining in queue.",
            "notice Server be/a is UP/DRAIN (leaving forced maintenance).",
            "notice Server be/a remains in forced drain mode.",
            "alert Backup Server be/b is going DOWN for maintenance. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
            "emerg backend be has no server available!",
            "notice Server be/a is UP (leaving forced drain).",
            "alert Server be/a is going DOWN for maintenance. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
            "emerg backend be has no server available!",
        ]
    );
}

#[tokio::test]
async fn findings() {
    let fixture = Fixture::new(TWO);
    let (control, a, b) = (&fixture.control, fixture.server("a"), fixture.server("b"));
    control.checked(&a, result(CheckStatus::L4Con, None, "Connection refused"));
    control.checked(&a, result(CheckStatus::L7Ok, Some(200), ""));
    control.checked(&b, result(CheckStatus::L7Tout, None, ""));
    control.checked(&a, result(CheckStatus::L7Sts, Some(500), "Oops"));
    control.set_admin(&a, AdminState::Drain, &Origin::Signal);
    control.checked(&a, result(CheckStatus::L7Ok, Some(200), ""));
    control.set_admin(&a, AdminState::Ready, &Origin::Signal);
    control.force_health(&a, false, &Origin::Signal);
    control.set_admin(&a, AdminState::Maint, &Origin::Signal);
    control.force_health(&b, true, &Origin::Signal);
    assert_eq!(
        said(fixture),
        [
            "alert Server be/a is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 7ms. 0 active and 1 backup servers left. Running on backup. 0 sessions active, 0 requeued, 0 remaining in queue.",
            "notice Server be/a is UP, reason: Layer7 check passed, code: 200, check duration: 7ms. 1 active and 1 backup servers online. 0 sessions requeued, 0 total in queue.",
            "alert Backup Server be/b is DOWN, reason: Layer7 timeout, check duration: 7ms. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
            "alert Server be/a is DOWN, reason: Layer7 wrong status, code: 500, info: \"Oops\", check duration: 7ms. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
            "emerg backend be has no server available!",
            "notice Server be/a enters drain state. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
            "notice Server be/a is UP, reason: Layer7 check passed, code: 200, check duration: 7ms. 0 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.",
            "notice Server be/a remains in forced drain mode.",
            "notice Server be/a is UP (leaving forced drain).",
            "alert Server be/a is DOWN, changed from CLI. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
            "emerg backend be has no server available!",
            "notice Server be/a was DOWN and now enters maintenance.",
            "notice Backup Server be/b is UP, changed from CLI. 0 active and 1 backup servers online. Running on backup. 0 sessions requeued, 0 total in queue.",
        ]
    );
}

#[tokio::test]
async fn single_checks_when_they_are_wanted() {
    let head = "[log]\nhealth_checks = true\n";
    let fixture =
        Fixture::with(head, "health = { fall = 2, rise = 2 }\n[backend.be.servers]\na = \"127.0.0.1:9\"");
    let a = fixture.server("a");
    for (status, code) in [
        (CheckStatus::L7Ok, Some(200)),
        (CheckStatus::L7Ok, Some(200)),
        (CheckStatus::L7Sts, Some(500)),
        (CheckStatus::L4Con, None),
        (CheckStatus::L4Con, None),
        (CheckStatus::L7Rsp, None),
        (CheckStatus::L7Ok, Some(200)),
    ] {
        fixture.control.checked(&a, result(status, code, ""));
    }
    let check = |word: &str, what: &str, status: &str| {
        format!(
            "notice Health check for server be/a {word}, reason: {what}, check duration: 7ms, status: {status}."
        )
    };
    assert_eq!(
        said(fixture),
        [
            check("succeeded", "Layer7 check passed, code: 200", "2/2 UP"),
            check("failed", "Layer7 wrong status, code: 500", "1/2 UP"),
            check("failed", "Layer4 connection problem", "0/2 DOWN"),
            "alert Server be/a is DOWN. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.".to_owned(),
            "emerg backend be has no server available!".to_owned(),
            check("failed", "Layer7 invalid response", "0/2 DOWN"),
            check("succeeded", "Layer7 check passed, code: 200", "1/2 DOWN"),
        ]
    );
}

#[tokio::test]
async fn servers_that_finish() {
    let fixture = Fixture::new(
        "health = { fall = 1, rise = 1, path = \"/\", disable_on_404 = true }\n[backend.be.servers]\na = \"127.0.0.1:9\"",
    );
    let (control, a) = (&fixture.control, fixture.server("a"));
    control.checked(&a, result(CheckStatus::L7OkC, Some(404), ""));
    control.checked(&a, result(CheckStatus::L7Sts, Some(500), "Nope"));
    control.checked(&a, result(CheckStatus::L7Ok, Some(200), ""));
    control.force_stopping(&a, &Origin::Signal);
    assert_eq!(
        said(fixture),
        [
            "notice Server be/a is stopping, reason: Layer7 check conditionally passed, code: 404, check duration: 7ms. 0 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.",
            "emerg backend be has no server available!",
            "notice Server be/a is DOWN, reason: Layer7 wrong status, code: 500, info: \"Nope\", check duration: 7ms. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
            "notice Server be/a is UP, reason: Layer7 check passed, code: 200, check duration: 7ms. 1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.",
            "notice Server be/a is stopping, changed from CLI. 0 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.",
            "emerg backend be has no server available!",
        ]
    );
}

#[tokio::test]
async fn frontends_that_pause() {
    let fixture = Fixture::new("[backend.be.servers]\n");
    let frontend = Arc::clone(&fixture.control.topology().frontends[0]);
    fixture.control.disable_frontend(&frontend, &Origin::Signal).unwrap();
    fixture.control.enable_frontend(&frontend, &Origin::Signal).unwrap();
    fixture.control.shutdown_frontend(&frontend, &Origin::Signal).unwrap();
    assert_eq!(
        said(fixture),
        [
            "warning Paused frontend fe.",
            "warning Resumed frontend fe.",
            "warning Proxy fe stopped (cumulated conns: FE: 0, BE: 0).",
        ]
    );
}

#[tokio::test]
async fn proxies_that_stop() {
    let fixture = Fixture::new("[backend.be.servers]\n");
    let topology = fixture.control.topology();
    topology.frontends[0].live.tally.mine().connections.add(3);
    topology.backends[0].live.tally.mine().requests.add(2);
    fixture.control.begin_stop();
    assert_eq!(
        said(fixture),
        [
            "warning Proxy fe stopped (cumulated conns: FE: 3, BE: 0).",
            "warning Proxy be stopped (cumulated conns: FE: 0, BE: 2).",
        ]
    );
}
