//! Servers that die without a word, as `kill -9` makes them.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Mutex;

use tests::{Lab, Origin, Running, Traffic, Wire, eventually, gets};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::{ok, post};

/// A node as a process of its own.
async fn node_process(name: &str, address: &str) -> (Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_node"))
        .args([name, "v1", address])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = tests::within("the node's address", lines.next_line()).await.unwrap().unwrap();
    (child, address.parse().unwrap())
}

async fn killed(lab: &Running, name: &str) {
    let errors = async || {
        let row = lab.stat("api_nodes", name).await;
        row.number("econ") + row.number("eresp")
    };
    eventually("the dead server noticed", async || errors().await > 0).await;
}

/// Breaks when a GET that was on the dead server, or is sent to it afterwards, fails instead of going elsewhere.
#[tokio::test]
async fn no_get_fails_when_a_node_is_killed() {
    let (mut first, one) = node_process("api0", "127.0.0.1:0").await;
    let (_second, two) = node_process("api1", "127.0.0.1:0").await;
    let (_third, three) = node_process("api2", "127.0.0.1:0").await;
    let lab = Lab::new().server("api0", one).server("api1", two).server("api2", three).start().await;
    let traffic = Traffic::start(lab.frontend(), 20, gets);
    for _ in 0..3 {
        traffic.more(200).await;
        // SIGKILL, and the process is gone when this returns.
        first.kill().await.unwrap();
        killed(&lab, "api0").await;
        traffic.more(200).await;
        let before = traffic.record().answers["api0 v1"];
        (first, _) = node_process("api0", &one.to_string()).await;
        eventually("the new process at work", async || traffic.record().answers["api0 v1"] > before).await;
        lab.order("clear counters all").await;
    }
    traffic.stop().await.assert_clean();
}

/// Breaks when a POST is sent to two servers, or when one fails that no server can have seen.
#[tokio::test]
async fn a_post_fails_only_where_its_bytes_went() {
    let make = || Origin::http(|request| ok(request.text()));
    let (a, b, c) = (make().await, make().await, make().await);
    let lab =
        Lab::new().server("a", a.address()).server("b", b.address()).server("c", c.address()).start().await;
    let failed: Mutex<BTreeSet<String>> = Mutex::default();
    let answered: Mutex<BTreeSet<String>> = Mutex::default();
    let (lab, failed, answered) = (&lab, &failed, &answered);
    let client = |number: usize| async move {
        let mut wire: Option<Wire> = None;
        for round in 0..60 {
            let id = format!("/{number}-{round}");
            let result = async {
                let mut open = match wire.take() {
                    Some(open) => open,
                    None => Wire::connect(lab.frontend()).await?,
                };
                open.try_send(post(&id, &id)).await?;
                let answer = open.try_answer().await?;
                wire = Some(open);
                Ok::<_, std::io::Error>(answer)
            };
            match result.await {
                Ok(answer) if answer.status() == 200 && answer.text() == id => {
                    answered.lock().unwrap().insert(id)
                }
                _ => failed.lock().unwrap().insert(id),
            };
        }
    };
    let killer = async {
        eventually("traffic", async || answered.lock().unwrap().len() > 200).await;
        a.kill().await
    };
    let seen_by_a = async {
        let ((), seen) = tokio::join!(
            async {
                tokio::join!(
                    client(0),
                    client(1),
                    client(2),
                    client(3),
                    client(4),
                    client(5),
                    client(6),
                    client(7)
                );
            },
            killer
        );
        seen
    }
    .await;

    let mut times: HashMap<String, usize> = HashMap::new();
    for request in seen_by_a.iter().chain(&b.requests()).chain(&c.requests()) {
        *times.entry(request.target().to_owned()).or_default() += 1;
    }
    let twice: Vec<_> = times.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "sent twice: {twice:?}");
    let failed = failed.lock().unwrap().clone();
    assert!(failed.len() <= 8, "more than were in flight: {failed:?}");
    assert_eq!(failed.len() + answered.lock().unwrap().len(), 480);
    eventually("all exchanges in the log", async || lab.log().matches("\"POST\"").count() >= 480).await;
    for id in failed {
        let log = lab.log();
        let line = log.lines().find(|line| line.contains(&format!("\"{id}\""))).unwrap();
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        // It had been sent to the server that died; a refused connection would have gone elsewhere.
        assert!(entry["server"] == "a" && entry["termination"] == "SH", "{line}");
    }
}

/// Breaks when a dead server's idle connections are handed out one by one to requests that cannot be repeated.
#[tokio::test]
async fn posts_after_the_death_do_not_fail() {
    let make = || Origin::http(|request| ok(request.text()));
    let (a, b) = (make().await, make().await);
    let lab = Lab::new().server("a", a.address()).server("b", b.address()).start().await;
    let mut clients = Vec::new();
    for _ in 0..6 {
        let mut client = lab.connect().await;
        client.get("/").await;
        client.get("/").await;
        clients.push(client);
    }
    assert!(a.open() > 0 && b.open() > 0);
    a.kill().await;
    for client in &mut clients {
        for _ in 0..4 {
            client.send(post("/", "body")).await;
            assert_eq!(client.answer().await.text(), "body");
        }
    }
}
