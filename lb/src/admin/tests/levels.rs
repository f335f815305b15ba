//! Access levels: they are checked before anything else.

use super::lab;
use crate::server::AdminState;

const DENIED: &str = "Permission denied\n\n";

#[tokio::test]
async fn what_a_level_may_not_do_is_denied_before_names_are_looked_at() {
    let lab = lab::open();
    let changes = [
        "disable server api_nodes/api1",
        "disable server nope/nope",
        "disable server",
        "enable server api_nodes/api1",
        "set server api_nodes/api1 state drain",
        "set weight api_nodes/api1 5",
        "set maxconn server api_nodes/api1 5",
        "shutdown sessions server api_nodes/api1",
        "shutdown session 0x1",
        "clear counters all",
        "wait 1",
        "disable frontend fe_api",
        "shutdown frontend nope",
        "set maxconn global 1",
        "set rate-limit connections global 1",
        "add server api_nodes/a 127.0.0.1:1",
        "del server api_nodes/api1",
        "unpublish backend api_nodes",
        "expert-mode",
    ];
    for line in changes {
        for level in ["operator", "user"] {
            assert_eq!(lab.send(level, &format!("{line}\n")).await, DENIED, "{line} at {level}");
        }
    }
    for line in ["show env", "show sess", "clear counters", "operator"] {
        assert_eq!(lab.send("user", &format!("{line}\n")).await, DENIED, "{line}");
        assert_ne!(lab.send("operator", &format!("{line}\n")).await, DENIED, "{line}");
    }
    for line in
        ["get weight api_nodes/api1", "show cli sockets", "show servers state", "set timeout cli 1", "user"]
    {
        assert_ne!(lab.send("user", &format!("{line}\n")).await, DENIED, "{line}");
    }
    assert_eq!(lab.server("api_nodes", "api1").admin(), AdminState::Ready);
    assert_eq!(lab.server("api_nodes", "api1").weight(), 1);
}

#[tokio::test]
async fn a_level_falls_and_never_rises() {
    let lab = lab::open();
    let lowered = lab.ask("operator;show cli level;disable server api_nodes/api1").await;
    assert_eq!(lowered, format!("\noperator\n\n{DENIED}"));
    assert_eq!(lab.ask("user;operator;show cli level").await, format!("\n{DENIED}user\n\n"));
    let help = lab.send("user", "help\n").await;
    assert!(
        help.contains("\n  show info") && !help.contains("set weight") && !help.contains("show sess"),
        "{help}"
    );
}
