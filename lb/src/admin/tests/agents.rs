//! Commands about agents, and about servers that track others: protocol lines.

use super::lab;

const ASKED: &str = r#"
[backend.asked]
agent = { port = 9 }
[backend.asked.servers]
a = "127.0.0.1:4004"
t = { address = "127.0.0.1:4005", track = "a" }
"#;

/// In order: later lines see what earlier ones did.
#[tokio::test]
async fn protocol_lines() {
    let lab = lab::open_with(ASKED);
    let table = [
        ("set server asked/a agent x", "'set server <srv> agent' expects 'up' or 'down'.\n\n"),
        ("set server asked/a agent down", "\n"),
        ("set server asked/a agent-port", "set server <b>/<s> agent-port requires a port.\n\n"),
        ("set server asked/a agent-port 70000", "provided port is out of range [1-65535].\n\n"),
        ("set server asked/a agent-addr nope", "invalid addr 'nope'\n\n"),
        ("set server asked/a agent-addr 127.0.0.2 port 5", "\n"),
        ("set server asked/a agent-send hello", "\n"),
        ("set server asked/t health up", "cannot change health on a tracking server.\n\n"),
        ("enable health asked/t", "Health check was not configured on this server, cannot enable.\n\n"),
        ("enable agent asked/t", "Agent was not configured on this server, cannot enable.\n\n"),
        ("set server asked/t agent up", "agent checks are not enabled on this server.\n\n"),
        ("disable server asked/a", "\n"),
        (
            "del server asked/a",
            "This server cannot be removed at runtime due to other configuration elements pointing to it.\n\n",
        ),
        ("del server asked/t", "Server deleted.\n\n"),
        ("del server asked/a", "Server deleted.\n\n"),
        (
            "add server asked/x 127.0.0.1:9 track nope/a",
            "unable to find required proxy 'nope' for tracking.\n\n",
        ),
        ("add server asked/x 127.0.0.1:9 track a", "unable to find required server 'a' for tracking.\n\n"),
        ("add server asked/x 127.0.0.1:9 agent-check", "'agent-check' expects 'agent-port'.\n\n"),
        ("add server asked/x 127.0.0.1:9 agent-check agent-port 9", "New server registered.\n\n"),
        ("enable agent asked/x", "\n"),
        ("add server asked/y 127.0.0.1:9 track x", "New server registered.\n\n"),
        (
            "add server asked/z 127.0.0.1:9 check track x",
            "unable to enable checks and tracking at the same time!\n\n",
        ),
        ("disable agent asked/x", "\n"),
        ("set server asked/x agent up", "agent checks are not enabled on this server.\n\n"),
    ];
    for (command, expected) in table {
        assert_eq!(lab.ask(command).await, expected, "{command}");
    }
}

#[tokio::test]
async fn a_tracker_is_told_to_be_in_the_state_of_the_other() {
    let lab = lab::open_with(ASKED);
    let status = |name: &str| lab.server("asked", name).status().to_string();
    for (command, leader, tracker) in [
        ("set server asked/a agent down", "DOWN (agent)", "DOWN (agent)"),
        ("set server asked/a agent up", "no check", "no check"),
        ("set server asked/a state drain", "DRAIN (agent)", "DRAIN (agent)"),
        ("disable server asked/a", "MAINT", "MAINT (via asked/a)"),
        ("disable server asked/t", "MAINT", "MAINT (via asked/a)"),
        ("enable server asked/a", "no check", "MAINT"),
        ("enable server asked/t", "no check", "no check"),
    ] {
        assert_eq!(lab.ask(command).await, "\n", "{command}");
        assert_eq!((status("a"), status("t")), (leader.to_owned(), tracker.to_owned()), "{command}");
    }
}
