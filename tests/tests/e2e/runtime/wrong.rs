//! Wrong input of every kind: a clear answer, and nothing changes.

use tests::{Lab, Origin};

/// Commands that are wrong in themselves or name what is not there, and how their answer begins.
const WRONG: &[(&str, &str)] = &[
    ("nonsense", "Unknown command"),
    ("DISABLE server api_nodes/a", "Unknown command"),
    ("disable", "Unknown command"),
    ("show", "Unknown command"),
    ("show health", "Unknown command"),
    ("#comment", "Unknown command"),
    ("\u{1}\u{2}\u{3}", "Control characters are not permitted"),
    ("GET / HTTP/1.0", "This is the runtime socket, which does not speak HTTP"),
    ("disable server", "Require 'backend/server'."),
    ("disable server api_nodes", "Require 'backend/server'."),
    ("disable server api_nodes/", "Require 'backend/server'."),
    ("disable server /", "Require 'backend/server'."),
    ("disable server /a", "No such backend."),
    ("disable server fe_api/a", "No such backend."),
    ("disable server nowhere/a", "No such backend."),
    ("disable server API_NODES/a", "No such backend."),
    ("disable server api_nodes/A", "No such server."),
    ("disable server api_nodes/a/b", "No such server."),
    ("disable server api_nodes/../a", "No such server."),
    ("disable server #99/#1", "No such backend."),
    ("enable server api_nodes/nobody", "No such server."),
    ("set server api_nodes/a", "usage: set server"),
    ("set server api_nodes/a state", "'set server <srv> state' expects"),
    ("set server api_nodes/a state READY", "'set server <srv> state' expects"),
    ("set server api_nodes/a state maintenance", "'set server <srv> state' expects"),
    ("set server api_nodes/a weight", "Require <weight>"),
    ("set server api_nodes/nobody state maint", "No such server."),
    ("set weight api_nodes/a", "Require <weight>"),
    ("set weight api_nodes/a 257", "Absolute weight"),
    ("set weight api_nodes/a -1", "Absolute weight"),
    ("set weight api_nodes/a -1%", "Relative weight must be positive."),
    ("set weight api_nodes/a heavy", "Empty weight string"),
    ("set weight api_nodes/a 1x", "Trailing garbage"),
    ("set weight api_nodes/a 99999999999999999999", ""),
    ("get weight", "Require 'backend/server'."),
    ("get weight api_nodes/nobody", "No such server."),
    ("set maxconn server api_nodes/a", "Require <maxconn>."),
    ("set maxconn server api_nodes/a many", "maxconn string empty"),
    ("set maxconn server api_nodes/a -1", ""),
    ("shutdown sessions server", "Require 'backend/server'."),
    ("shutdown sessions server api_nodes/nobody", "No such server."),
    ("shutdown session", "Session pointer expected"),
    ("shutdown session 0xdead", "No such session"),
    ("shutdown session ../..", "Session pointer expected"),
    ("show servers state nowhere", "Can't find backend."),
    ("show stat nowhere 4 -1", "No such proxy."),
    ("disable frontend fe_apis", "No such frontend."),
];

#[tokio::test]
async fn wrong_commands_are_told_so_and_change_nothing() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let before = lab.socket("show servers state").await;
    let mut wrong = Vec::new();
    for (command, start) in WRONG {
        let answer = lab.socket(command).await;
        if !answer.starts_with(start) || answer.trim().is_empty() || !answer.ends_with("\n\n") {
            wrong.push((command, answer));
        }
        let after = lab.socket("show servers state").await;
        assert_eq!(state(&after), state(&before), "{command}");
    }
    assert!(wrong.is_empty(), "answers that do not say what is wrong: {wrong:#?}");
    assert_eq!(lab.get("/").await.text(), "a");
}

/// Random words, random punctuation, random bytes: an answer or a close, never a changed state. The seed is in the message.
#[tokio::test]
async fn random_bytes_change_nothing() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let before = lab.socket("show servers state").await;
    let words = [
        "set",
        "server",
        "show",
        "stat",
        "weight",
        "a",
        "api_nodes",
        "state",
        "<<",
        "\\",
        "prompt",
        "-1",
        "all",
        "\t",
    ];
    let marks = [" ", "/", "#", "=", "%", "\\;", "\"", "", "  ", "\0", "\r"];
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..300 {
        let mut line = Vec::new();
        for _ in 0..random.usize(1..8) {
            match random.u8(0..4) {
                0 => line.push(random.u8(..)),
                1 => line.extend(random.choice(marks).unwrap_or_default().bytes()),
                _ => {
                    line.extend(random.choice(words).unwrap_or_default().bytes());
                    line.push(b' ');
                }
            }
        }
        line.retain(|byte| *byte != b'\n');
        // The empty line ends a payload that may have begun.
        line.extend(b"\nquit\n\n");
        let _ = lab.socket_raw(&line).await;
        let after = lab.socket("show servers state").await;
        assert_eq!(state(&after), state(&before), "seed {seed}: {:?}", String::from_utf8_lossy(&line));
    }
    assert_eq!(lab.get("/").await.text(), "a");
}

#[tokio::test]
async fn lines_without_an_end_are_bounded() {
    let lab = Lab::new().start().await;
    let answer = lab.socket(&"x".repeat(100_000)).await;
    assert!(answer.len() < 20_000, "{} bytes", answer.len());
    let many = lab.socket(&"show info ".repeat(1000)).await;
    assert!(!many.trim().is_empty());
    assert!(lab.socket("show info").await.contains("\nPid: "));
}

/// `show servers state` without the column that only tells the time.
fn state(dump: &str) -> Vec<Vec<&str>> {
    let columns: Vec<_> = dump.lines().find_map(|line| line.strip_prefix("# ")).unwrap().split(' ').collect();
    let clock = columns.iter().position(|column| *column == "srv_time_since_last_change").unwrap();
    dump.lines()
        .map(|line| {
            line.split(' ')
                .enumerate()
                .filter(|(at, _)| *at != clock || line.starts_with('#'))
                .map(|(_, word)| word)
                .collect()
        })
        .collect()
}
