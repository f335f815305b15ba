//! The runtime socket: what commands do to traffic, and that nothing wrong that is said to it does anything.
//!
//! Texts that programs parse are held against HAProxy's by the socket's own tests; here it is states and bytes on the wire.

mod wrong;

use std::os::unix::fs::PermissionsExt as _;

use tests::{Lab, Origin, Running, Wire, eventually, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::get;

/// Two workers, each with two idle connections to the server.
async fn idle_connections(origin: &Origin, lab: &Running) -> Vec<Wire> {
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = lab.connect().await;
        client.send(get("/hold", "")).await;
        clients.push(client);
    }
    eventually("four at the server", async || origin.count() == 4).await;
    origin.release(4);
    for client in &mut clients {
        assert_eq!(client.answer().await.status(), 200);
    }
    assert_eq!(origin.open(), 4);
    clients
}

/// Breaks when a worker does not hear the order, or an exchange in flight puts its connection back afterwards.
#[tokio::test]
async fn maintenance_closes_idle_connections_in_every_worker_at_once() {
    let (a, b) = (Origin::named("a").await, Origin::named("b").await);
    let lab =
        Lab::new().server("a", a.address()).server_with("b", b.address(), "backup = true").start().await;
    let mut clients = idle_connections(&a, &lab).await;
    clients[0].send(get("/hold", "")).await;
    eventually("one more at the server", async || a.count() == 5).await;
    lab.order("disable server api_nodes/a").await;
    eventually("the idle ones closed", async || a.open() == 1).await;
    a.release(1);
    assert_eq!(clients[0].answer().await.text(), "a");
    eventually("the last one closed", async || a.open() == 0).await;
    for client in &mut clients {
        assert_eq!(client.get("/").await.text(), "b", "clients keep their connections");
    }
}

#[tokio::test]
async fn drain_keeps_idle_connections() {
    let (a, b) = (Origin::named("a").await, Origin::named("b").await);
    let lab =
        Lab::new().server("a", a.address()).server_with("b", b.address(), "backup = true").start().await;
    let mut clients = idle_connections(&a, &lab).await;
    lab.order("set server api_nodes/a state drain").await;
    for client in &mut clients {
        assert_eq!(client.get("/").await.text(), "b");
    }
    assert_eq!((a.open(), a.count()), (4, 4));
    lab.order("set server api_nodes/a state ready").await;
    for client in &mut clients {
        assert_eq!(client.get("/").await.text(), "a");
    }
    assert_eq!(a.accepted(), 4);
}

/// Breaks when a command's effect comes after its answer.
#[tokio::test]
async fn an_order_is_in_force_when_it_is_answered() {
    let (a, b) = (Origin::named("a").await, Origin::named("b").await);
    let lab = Lab::new().server("a", a.address()).server("b", b.address()).start().await;
    let mut client = lab.connect().await;
    for _ in 0..25 {
        lab.order("disable server api_nodes/a").await;
        assert_eq!(client.get("/").await.text(), "b");
        assert_eq!(client.get("/").await.text(), "b");
        lab.order("enable server api_nodes/a; disable server api_nodes/b").await;
        assert_eq!(client.get("/").await.text(), "a");
        lab.order("enable server api_nodes/b").await;
    }
}

#[tokio::test]
async fn weights_take_effect_at_once() {
    let (a, b) = (Origin::named("a").await, Origin::named("b").await);
    let lab = Lab::new().server("a", a.address()).server("b", b.address()).start().await;
    assert_eq!(lab.socket("get weight api_nodes/a").await, "1 (initial 1)\n\n");
    let mut client = lab.connect().await;
    for (a_weight, b_weight, a_share) in
        [("3", "1", 30), ("1", "3", 10), ("0", "1", 0), ("100%", "100%", 20), ("256", "0", 40)]
    {
        lab.order(&format!("set weight api_nodes/a {a_weight};set server api_nodes/b weight {b_weight}"))
            .await;
        let before = a.count();
        for _ in 0..40 {
            client.get("/").await;
        }
        assert_eq!(a.count() - before, a_share, "{a_weight}:{b_weight}");
    }
    assert_eq!(lab.socket("get weight api_nodes/a").await, "256 (initial 1)\n\n");
}

#[tokio::test]
async fn several_commands_are_answered_in_order_and_a_bad_one_stops_nobody() {
    let a = Origin::named("a").await;
    let lab = Lab::new().server("a", a.address()).start().await;
    let answer = lab
        .socket("disable server api_nodes/a;nonsense;get weight api_nodes/a;enable server api_nodes/nobody")
        .await;
    let parts: Vec<_> = answer.split("\n\n").collect();
    assert!(answer.starts_with('\n'), "{answer:?}");
    assert!(parts.iter().any(|part| part.trim_start().starts_with("Unknown command")), "{answer:?}");
    assert!(answer.ends_with("1 (initial 1)\n\nNo such server.\n\n"), "{answer:?}");
    assert_eq!(lab.stat("api_nodes", "a").await.text("status"), "MAINT");
}

/// Clients such as ansible and telegraf read to the end without closing their side.
#[tokio::test]
async fn the_answer_ends_by_itself_and_a_half_closed_client_gets_it_too() {
    let lab = Lab::new().start().await;
    for half_close in [false, true] {
        let mut stream = UnixStream::connect(lab.socket_path()).await.unwrap();
        stream.write_all(b"show info\n").await.unwrap();
        if half_close {
            stream.shutdown().await.unwrap();
        }
        let mut answer = String::new();
        within("the end", stream.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.contains("\nPid: ") && answer.ends_with("\n\n"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_prompt_keeps_the_connection() {
    let a = Origin::named("a").await;
    let lab = Lab::new().server("a", a.address()).start().await;
    let mut stream = UnixStream::connect(lab.socket_path()).await.unwrap();
    stream.write_all(b"prompt\n").await.unwrap();
    let mut said = String::new();
    for (command, end) in [
        ("", "\n> "),
        ("disable server api_nodes/a\n", "\n> "),
        ("get weight api_nodes/a\n", "1 (initial 1)\n\n> "),
    ] {
        stream.write_all(command.as_bytes()).await.unwrap();
        said.clear();
        while !said.ends_with(end) {
            let mut bytes = [0; 256];
            let count = within("an answer", stream.read(&mut bytes)).await.unwrap();
            assert!(count > 0, "closed after {said:?}");
            said.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
        assert_eq!(said, end, "{command:?}");
    }
    stream.write_all(b"quit\n").await.unwrap();
    assert_eq!(within("the end", stream.read(&mut [0])).await.unwrap(), 0);
    assert_eq!(lab.stat("api_nodes", "a").await.text("status"), "MAINT");
}

/// Breaks when a level can be talked out of, or refuses what it allows.
#[tokio::test]
async fn levels_allow_what_they_say() {
    let denied = "Permission denied\n\n";
    for (level, may_clear) in [("user", false), ("operator", true)] {
        let a = Origin::named("a").await;
        let lab = Lab::new()
            .server("a", a.address())
            .section("admin", &format!("level = \"{level}\""))
            .start()
            .await;
        assert_eq!(lab.get("/").await.status(), 200);
        // An answer is counted when its last byte has left, which its client may hear of first.
        let counted = async || lab.stat("api_nodes", "a").await.number("hrsp_2xx") == 1;
        eventually("the answer is counted", counted).await;
        for command in [
            "disable server api_nodes/a",
            "set server api_nodes/a state maint",
            "set weight api_nodes/a 0",
            "shutdown sessions server api_nodes/a",
            "clear counters all",
            "disable server api_nodes/nobody",
        ] {
            assert_eq!(lab.socket(command).await, denied, "{level}: {command}");
        }
        assert_eq!(lab.socket("clear counters").await, if may_clear { "\n" } else { denied });
        assert_eq!(lab.socket("show sess").await == denied, !may_clear, "{level}");
        let row = lab.stat("api_nodes", "a").await;
        assert_eq!((row.text("status"), row.number("weight"), row.number("hrsp_2xx")), ("no check", 1, 1));
    }
}

#[tokio::test]
async fn the_socket_has_the_mode_that_was_asked_for() {
    let lab = Lab::new().section("admin", "mode = \"0640\"").start().await;
    let mode = std::fs::metadata(lab.socket_path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

/// Breaks when a killed exchange stays counted, hurts the server's state, or gets an answer that looks good.
#[tokio::test]
async fn shutting_sessions_down_ends_them_and_nothing_else() {
    let (a, b) = (Origin::named("a").await, Origin::named("b").await);
    let lab = Lab::new().server("a", a.address()).server("b", b.address()).start().await;
    let mut clients = Vec::new();
    for _ in 0..6 {
        let mut client = lab.connect().await;
        client.send(get("/hold", "")).await;
        clients.push(client);
    }
    eventually("all at the servers", async || (a.count(), b.count()) == (3, 3)).await;
    lab.order("shutdown sessions server api_nodes/a").await;
    lab.drained("a").await;
    assert_eq!(lab.stat("api_nodes", "b").await.number("scur"), 3);
    b.release(3);
    let (mut good, mut ended) = (0, 0);
    for client in &mut clients {
        match client.try_answer().await {
            Ok(answer) if answer.status() == 200 => good += 1,
            _ => ended += 1,
        }
    }
    assert_eq!((good, ended), (3, 3));
    assert_eq!(lab.stat("api_nodes", "a").await.text("status"), "no check");
    assert_eq!(lab.get("/").await.text(), "a");
}

#[tokio::test]
async fn show_sess_tells_what_is_in_flight() {
    let a = Origin::named("a").await;
    let lab = Lab::new().server("a", a.address()).start().await;
    assert!(!lab.socket("show sess").await.contains("fe=fe_api"));
    let mut client = lab.connect().await;
    client.send(get("/hold", "")).await;
    eventually("the request at the server", async || a.count() == 1).await;
    let sessions = lab.socket("show sess").await;
    let line = sessions.lines().find(|line| line.contains("fe=fe_api")).unwrap();
    assert!(line.contains("be=api_nodes") && line.contains("srv=a"), "{line}");
    assert!(line.contains(&format!("src={}", client.local())), "{line}");
    let id = line.split(':').next().unwrap();
    lab.order(&format!("shutdown session {id}")).await;
    lab.drained("a").await;
    assert!(client.try_answer().await.map_or(true, |answer| answer.status() >= 500));
    assert!(!lab.socket("show sess").await.contains("srv=a"));
}

#[tokio::test]
async fn counters_are_cleared_and_gauges_are_not() {
    let a = Origin::named("a").await;
    let lab = Lab::new().server("a", a.address()).start().await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = lab.connect().await;
        client.send(get("/hold", "")).await;
        clients.push(client);
    }
    eventually("all at the server", async || a.count() == 3).await;
    a.release(2);
    eventually("one left", async || lab.stat("api_nodes", "a").await.number("scur") == 1).await;
    lab.order("clear counters").await;
    let row = lab.stat("api_nodes", "a").await;
    assert_eq!((row.number("scur"), row.number("hrsp_2xx")), (1, 2), "maxima only");
    assert!(row.number("smax") <= 1);
    lab.order("clear counters all").await;
    let row = lab.stat("api_nodes", "a").await;
    assert_eq!(
        (row.number("scur"), row.number("hrsp_2xx"), row.number("bin"), row.number("bout")),
        (1, 0, 0, 0)
    );
    a.release(1);
    lab.drained("a").await;
    assert_eq!(lab.stat("api_nodes", "a").await.number("hrsp_2xx"), 1);
}

/// Breaks when connections to the socket leak, pile up unbounded, or get in the way of traffic.
#[tokio::test]
async fn a_thousand_careless_clients_do_no_harm() {
    let a = Origin::named("a").await;
    let lab = Lab::new().server("a", a.address()).start().await;
    let mut client = lab.connect().await;
    let mut open = Vec::new();
    for number in 0..1000 {
        // A refusal is a bound, and no harm.
        if let Ok(mut stream) = UnixStream::connect(lab.socket_path()).await {
            let words: &[u8] =
                [&b""[..], b"disable ser", b"show stat\n", b"show info;show stat;", b"prompt\n"][number % 5];
            let _ = stream.write_all(words).await;
            open.push(stream);
        }
        if number % 100 == 99 {
            assert_eq!(client.get("/").await.status(), 200);
            open.clear();
        }
    }
    assert_eq!(lab.stat("api_nodes", "a").await.number("hrsp_2xx"), 10);
    lab.order("disable server api_nodes/a").await;
    assert_eq!(lab.stat("api_nodes", "a").await.text("status"), "MAINT");
}

/// Breaks when one client that does not read holds up the others.
#[tokio::test]
async fn a_client_that_does_not_read_holds_nobody_up() {
    let lab = Lab::new().start().await;
    let flood = "show stat;".repeat(60) + "show info\n";
    let mut deaf = Vec::new();
    for _ in 0..20 {
        let mut stream = UnixStream::connect(lab.socket_path()).await.unwrap();
        stream.write_all(flood.as_bytes()).await.unwrap();
        deaf.push(stream);
    }
    assert!(lab.socket("show info").await.contains("\nPid: "));
}
