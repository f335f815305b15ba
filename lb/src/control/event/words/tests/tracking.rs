//! Agents, and servers that track others: HAProxy's sentences name the server by way of which something came.

use super::*;
use crate::control::AgentAnswer;

const CHAIN: &str = "health = { fall = 1, rise = 1 }\n[backend.be.servers]\na = \"127.0.0.1:9\"\nt = { address = \"127.0.0.1:9\", track = \"a\" }";
const ASKED: &str = "agent = { port = 1 }\n[backend.be.servers]\na = \"127.0.0.1:9\"\nb = \"127.0.0.1:9\"";
const NOBODY: &str = "0 sessions active, 0 requeued, 0 remaining in queue.";
const QUEUE: &str = "0 sessions requeued, 0 total in queue.";

#[tokio::test]
async fn what_becomes_of_one_becomes_of_the_other() {
    let fixture = Fixture::new(CHAIN);
    let (control, a, t) = (&fixture.control, fixture.server("a"), fixture.server("t"));
    control.checked(&a, result(CheckStatus::L4Con, None, ""));
    control.checked(&a, result(CheckStatus::L7Ok, Some(200), ""));
    for (server, admin) in [
        (&a, AdminState::Drain),
        (&a, AdminState::Ready),
        (&a, AdminState::Maint),
        (&t, AdminState::Maint),
        (&t, AdminState::Ready),
        (&t, AdminState::Maint),
        (&a, AdminState::Ready),
        (&t, AdminState::Ready),
        (&a, AdminState::Maint),
        (&a, AdminState::Ready),
    ] {
        control.set_admin(server, admin, &Origin::Signal);
    }
    let said = said(fixture);
    let by_hand = |line: &&String| !line.contains(" set to ");
    let said: Vec<_> = said.iter().filter(by_hand).map(String::as_str).collect();
    let reason = "reason: Layer4 connection problem, check duration: 7ms";
    let passed = "reason: Layer7 check passed, code: 200, check duration: 7ms";
    let expected = [
        format!("alert Server be/a is DOWN, {reason}. 1 active and 0 backup servers left. {NOBODY}"),
        format!("alert Server be/t is DOWN via be/a. 0 active and 0 backup servers left. {NOBODY}"),
        "emerg backend be has no server available!".to_owned(),
        format!("notice Server be/a is UP, {passed}. 1 active and 0 backup servers online. {QUEUE}"),
        format!("notice Server be/t is UP via be/a. 2 active and 0 backup servers online. {QUEUE}"),
        format!("notice Server be/a enters drain state. 1 active and 0 backup servers online. {QUEUE}"),
        format!(
            "notice Server be/t enters drain state via be/a. 0 active and 0 backup servers online. {QUEUE}"
        ),
        "emerg backend be has no server available!".to_owned(),
        "notice Server be/a is UP (leaving forced drain).".to_owned(),
        "notice Server be/t is UP (leaving drain) via be/a.".to_owned(),
        format!(
            "alert Server be/a is going DOWN for maintenance. 1 active and 0 backup servers left. {NOBODY}"
        ),
        format!(
            "alert Server be/t is going DOWN for maintenance via be/a. 0 active and 0 backup servers left. {NOBODY}"
        ),
        "emerg backend be has no server available!".to_owned(),
        "notice Server be/t is leaving forced maintenance but remains in maintenance via be/a.".to_owned(),
        "notice Server be/a is UP/READY (leaving forced maintenance).".to_owned(),
        "notice Server be/t remains in forced maintenance.".to_owned(),
        "notice Server be/t is UP/READY (leaving forced maintenance).".to_owned(),
        format!(
            "alert Server be/a is going DOWN for maintenance. 1 active and 0 backup servers left. {NOBODY}"
        ),
        format!(
            "alert Server be/t is going DOWN for maintenance via be/a. 0 active and 0 backup servers left. {NOBODY}"
        ),
        "emerg backend be has no server available!".to_owned(),
        "notice Server be/a is UP/READY (leaving forced maintenance).".to_owned(),
        format!(
            "notice Server be/t is UP/READY (leaving maintenance) via be/a. 2 active and 0 backup servers online. {QUEUE}"
        ),
    ];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn agents_are_quoted() {
    let fixture = Fixture::new(ASKED);
    let (control, a) = (&fixture.control, fixture.server("a"));
    let say = |status: CheckStatus, up: Option<bool>, order: Option<AdminState>, told: &str| {
        let code = status.has_code().then_some(0);
        let result = result(status, code, told);
        let said = told.to_owned();
        control.agent_said(&a, AgentAnswer { result, said, up, order, weight: None, maxconn: None });
    };
    say(CheckStatus::L7Sts, Some(false), None, "via agent : down");
    say(CheckStatus::L4Con, None, None, "Connection refused");
    say(CheckStatus::L7Ok, Some(true), None, "via agent : up");
    say(CheckStatus::Checked, None, Some(AdminState::Drain), "");
    say(CheckStatus::Checked, None, Some(AdminState::Ready), "");
    let expected = [
        format!(
            "alert Server be/a is DOWN, reason: Layer7 wrong status, code: 0, info: \"via agent : down\", check duration: 7ms. 1 active and 0 backup servers left. {NOBODY}"
        ),
        format!(
            "notice Server be/a is UP, reason: Layer7 check passed, code: 0, info: \"via agent : up\", check duration: 7ms. 2 active and 0 backup servers online. {QUEUE}"
        ),
        format!("notice Server be/a enters drain state. 1 active and 0 backup servers online. {QUEUE}"),
        "notice Server be/a is UP (leaving forced drain).".to_owned(),
    ];
    assert_eq!(said(fixture), expected);
}
