//! Stick tables: clients that are bound to servers by them, what is written down of clients, and what an operator does with both.

use tests::{Lab, Message, Origin, Running, eventually};

use crate::{answer, get, ok};

async fn with(lab: &Running, lines: &str) -> Message {
    lab.send(&get("/", lines)).await
}

/// The words of the only entry of a table, when it is not in use.
async fn entry(lab: &Running, table: &str) -> Vec<String> {
    let mut words = Vec::new();
    eventually("an entry that is not in use", async || {
        let told = lab.socket(&format!("show table {table}")).await;
        let line = told.lines().nth(1).unwrap_or_default();
        words = line.split(' ').map(str::to_owned).collect();
        line.contains(" use=0 ")
    })
    .await;
    words
}

/// Breaks when a client wanders, when an entry does not survive a reload, or when a server that is gone keeps its clients.
#[tokio::test]
async fn a_client_stays_with_the_server_of_its_entry() {
    let (a, b) = (Origin::named("a").await, Origin::named("b").await);
    let lines = "balance = \"roundrobin\"\nstick = { on = \"header:X-User\", table = \"api_nodes\" }";
    let mut lab = Lab::new()
        .backend(lines)
        .section("backend.api_nodes.table", "type = \"string\"\nexpire = \"30m\"")
        .server("a", a.address())
        .server("b", b.address())
        .start()
        .await;
    let first = with(&lab, "X-User: one\r\n").await.text().to_owned();
    let other = if first == "a" { "b" } else { "a" };
    lab.reload(|plan| plan.set("backend.api_nodes", "retries = 1")).await;
    for _ in 0..3 {
        assert_eq!(with(&lab, "X-User: one\r\n").await.text(), first);
    }
    let told = entry(&lab, "api_nodes").await;
    assert_eq!(told[1], "key=one");
    assert!(told.contains(&format!("server_key={first}")), "{told:?}");
    let free = [lab.get("/").await, lab.get("/").await];
    assert_ne!(free[0].text(), free[1].text(), "who has no key is balanced");

    lab.order(&format!("set server api_nodes/{first} state drain")).await;
    assert_eq!(with(&lab, "X-User: one\r\n").await.text(), first);
    lab.order(&format!("disable server api_nodes/{first}")).await;
    assert_eq!(with(&lab, "X-User: one\r\n").await.text(), other);
    lab.order(&format!("enable server api_nodes/{first}")).await;
    assert_eq!(with(&lab, "X-User: one\r\n").await.text(), other, "the entry was changed");
    lab.order("clear table api_nodes key one").await;
    assert_eq!(lab.socket("show table api_nodes").await.lines().count(), 2);
}

/// Breaks when a request is counted twice or not at all, or when one in flight can be taken away.
#[tokio::test]
async fn what_clients_do_is_written_down() {
    let origin = Origin::script(|mut conn| async move {
        while let Some(request) = conn.request().await {
            let answer = match request.target() {
                "/held" => {
                    conn.released().await;
                    ok("held")
                }
                "/missing" => answer("404 Not Found", ""),
                "/broken" => answer("503 Service Unavailable", ""),
                _ => ok("hello"),
            };
            if conn.try_send(answer).await.is_err() {
                return;
            }
        }
    })
    .await;
    let store = ["conn_cur", "conn_cnt", "sess_cnt", "http_req_rate(1h)", "http_err_cnt", "http_fail_cnt"];
    let lab = Lab::new()
        .frontend("track = { key = \"src\", table = \"clients\" }")
        .section("backend.clients.table", &format!("store = {store:?}"))
        .server("a", origin.address())
        .start()
        .await;
    let mut client = lab.connect().await;
    for (target, status) in [("/", 200), ("/missing", 404), ("/broken", 503)] {
        assert_eq!(client.get(target).await.status(), status);
    }
    let told = entry(&lab, "clients").await;
    let expected = "key=127.0.0.1 use=0 exp=0 shard=0 conn_cnt=3 conn_cur=0 sess_cnt=1 http_req_rate(3600000)=3 \
                    http_err_cnt=1 http_fail_cnt=1";
    assert_eq!(told[1..].join(" "), expected);

    client.send(get("/held", "")).await;
    eventually("it at the server", async || origin.count() == 4).await;
    let held = lab.socket("show table clients data.conn_cur gt 0").await;
    assert!(held.contains(" use=1 ") && held.contains(" conn_cur=1 "), "{held}");
    let in_use = "Entry currently in use, cannot remove\n\n";
    assert_eq!(lab.socket("clear table clients key 127.0.0.1").await, in_use);
    lab.order("clear table clients").await;
    origin.release(1);
    assert_eq!(client.answer().await.text(), "held");
    entry(&lab, "clients").await;
    lab.order("clear table clients data.conn_cnt ge 4").await;
    assert_eq!(lab.socket("show table clients").await.lines().count(), 2);
}

/// What is refused, in HAProxy's words; the levels are those of the commands.
#[tokio::test]
async fn orders_that_mean_nothing_are_refused() {
    let lab = Lab::new()
        .section("backend.t.table", "store = [\"gpc0\", \"gpc0_rate(1m)\"]\nsize = 1")
        .section("admin#user", "socket = \"user.sock\"\nlevel = \"user\"")
        .start()
        .await;
    lab.order("set table t key 192.0.2.1 data.gpc0 3 data.gpc0_rate 4").await;
    let told = entry(&lab, "t").await;
    assert_eq!(told[5..].join(" "), "gpc0=3 gpc0_rate(60000)=4");
    let pointer = told[0].trim_end_matches(':').to_owned();
    assert!(lab.socket(&format!("show table t ptr {pointer}")).await.contains("key=192.0.2.1 "));
    let hidden =
        "# table: t, type: ip, size:1, used:1\n# contents not dumped due to insufficient privileges\n\n";
    assert_eq!(lab.socket_of("user.sock", "show table t").await, hidden);
    assert_eq!(lab.socket_of("user.sock", "clear table t").await, "Permission denied\n\n");
    for (command, answer) in [
        ("show table t key", "Key value expected"),
        ("show table t key 9.9.9.9", ""),
        (
            "show table t x",
            "Optional argument only supports \"data.<store_data_type>\" <operator> <value> or key <key> or ptr <ptr>",
        ),
        ("show table t data.nope eq 1", "Filter entry #1: Unknown data type"),
        ("show table t data.gpc0 eq 3 data.gpc1 eq 1", "Filter entry #2: Data type not stored in this table"),
        ("show table t data.gpc0 eq x", "Filter entry #1: Require a valid integer value to compare against"),
        ("show table t ptr 12", "Pointer expected (0xffff notation)"),
        ("show table t ptr 0xffffff", "No entry can be found matching ptr."),
        (
            "set table t data.gpc0 eq 3",
            "content-based lookup is only supported with the \"show\" and \"clear\" actions",
        ),
        ("set table t key 192.0.2.1 gpc0 3", "\"data.<type>\" followed by a value expected"),
        ("set table t key 192.0.2.1 data.gpc0 x", "Require a valid integer value to store"),
        ("set table t key 192.0.2.1 data.gpc0", "Require a valid integer value to store"),
    ] {
        assert_eq!(lab.socket(command).await.trim_end_matches('\n'), answer, "{command}");
    }
    lab.order("set table t key 192.0.2.2").await;
    assert_eq!(entry(&lab, "t").await[1], "key=192.0.2.2", "the oldest made room");
}
