//! Idle connections to servers follow the configuration: those that it would not make or keep are closed.

use tests::{Lab, Origin, Running, eventually};

use crate::get;

/// A lab of one server that has `count` idle connections.
async fn idle(origin: &Origin, count: usize) -> Running {
    let lab = Lab::new().section("process", "threads = 1").server("a", origin.address()).start().await;
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = lab.connect().await;
        client.send(get("/hold", "")).await;
        clients.push(client);
    }
    eventually("all at the server", async || origin.count() == count).await;
    origin.release(count);
    for client in &mut clients {
        client.answer().await;
    }
    assert_eq!(origin.open(), count);
    lab
}

/// Breaks when connections to a server outlive its address or its protocol in the file.
#[tokio::test]
async fn connections_that_would_be_made_in_another_way_are_closed() {
    let other = Origin::named("other").await;
    for (section, line) in [
        ("backend.api_nodes.servers", format!("a = \"{}\"", other.address())),
        ("backend.api_nodes", "protocol = \"h2c\"".to_owned()),
    ] {
        let origin = Origin::named("a").await;
        let mut lab = idle(&origin, 1).await;
        lab.reload(|plan| plan.set(section, &line)).await;
        eventually(&line, async || origin.open() == 0).await;
    }
}

#[tokio::test]
async fn connections_that_are_more_than_may_be_kept_are_closed() {
    let origin = Origin::named("a").await;
    let mut lab = idle(&origin, 3).await;
    lab.reload(|plan| plan.set("backend.api_nodes", "max_idle = 1")).await;
    eventually("one left", async || origin.open() == 1).await;
    lab.reload(|plan| plan.set("backend.api_nodes", "idle_timeout = \"1ms\"")).await;
    eventually("none left", async || origin.open() == 0).await;
}
