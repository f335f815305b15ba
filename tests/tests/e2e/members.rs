//! Servers that come and go at run time, and how they are checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};

use tests::{Lab, Origin, Running, Traffic, eventually, gets};

use crate::{answer, ok};

/// A server whose health answers have the status in the cell that comes with it.
async fn sickly() -> (Origin, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(200));
    let told = Arc::clone(&status);
    let origin = Origin::http(move |request| match request.target() {
        "/health" => answer(&format!("{} so", told.load(SeqCst)), ""),
        _ => ok("sickly"),
    });
    (origin.await, status)
}

async fn texts(lab: &Running, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for _ in 0..count {
        texts.push(lab.get("/").await.text().to_owned());
    }
    texts.sort();
    texts.dedup();
    texts
}

/// Breaks when a new server takes traffic before it is enabled, when its check is not made, or when a reload forgets what was done.
#[tokio::test]
async fn a_server_that_was_added_serves_and_one_that_was_deleted_is_gone_also_after_a_reload() {
    let (a, b) = (Origin::named("a").await, Origin::named("b").await);
    let mut lab = Lab::new().server("a", a.address()).start().await;
    let traffic = Traffic::start(lab.frontend(), 4, gets);
    let add = format!("add server api_nodes/b {} check inter 50ms rise 1 weight 3", b.address());
    assert_eq!(lab.socket(&add).await, "New server registered.\n\n");
    let row = lab.stat("api_nodes", "b").await;
    assert_eq!((row.text("status"), row.text("weight"), row.text("sid")), ("MAINT", "3", "2"));
    traffic.more(20).await;
    assert_eq!(b.count(), 0);
    lab.order("enable health api_nodes/b;enable server api_nodes/b").await;
    lab.status_of("b", "UP").await;
    assert_eq!(lab.stat("api_nodes", "b").await.text("check_status"), "L4OK");
    eventually("the new server serves", async || b.count() > 20).await;

    lab.reload(|plan| plan.set("backend.api_nodes", "retries = 2")).await;
    assert_eq!(lab.stat("api_nodes", "b").await.text("status"), "UP", "a reload leaves it in");
    lab.order("disable server api_nodes/a").await;
    let busy = lab.socket("del server api_nodes/b").await;
    assert_eq!(busy, "Only servers in maintenance mode can be deleted.\n\n");
    lab.drained("a").await;
    assert_eq!(lab.socket("del server api_nodes/a").await, "Server deleted.\n\n");
    lab.reload(|plan| plan.set("backend.api_nodes", "retries = 1")).await;
    assert!(lab.stat_rows().await.find("api_nodes", "a").is_none(), "a reload does not bring it back");
    let seen = a.count();
    traffic.more(40).await;
    assert_eq!(a.count(), seen);
    lab.reload(|plan| plan.set_server("api_nodes", "a", a.address(), "weight = 9")).await;
    assert_eq!(lab.stat("api_nodes", "a").await.text("weight"), "9", "what is new about it counts");
    eventually("it serves again", async || a.count() > seen).await;
    traffic.stop().await.assert_clean();
}

/// Breaks when `busy` is not seen: then a request would be on a server that cannot be found any more.
#[tokio::test]
async fn a_server_with_a_request_is_not_deleted() {
    let origin = Origin::script(|mut conn| async move {
        while conn.request().await.is_some() {
            conn.released().await;
            conn.send(ok("late")).await;
        }
    });
    let origin = origin.await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send(crate::get("/", "")).await;
    eventually("the request", async || origin.count() == 1).await;
    lab.order("disable server api_nodes/a").await;
    let refused = lab.socket("del server api_nodes/a").await;
    assert_eq!(refused, "Server still has connections attached to it, cannot remove it.\n\n");
    origin.release(1);
    assert_eq!(client.answer().await.text(), "late");
    lab.drained("a").await;
    assert_eq!(
        lab.socket("wait 5s srv-removable api_nodes/a;del server api_nodes/a").await,
        "Done.\n\nServer deleted.\n\n"
    );
    assert_eq!(client.get("/").await.status(), 503);
}

#[tokio::test]
async fn a_check_goes_where_it_is_sent() {
    let (well, (sick, status)) = (Origin::named("well").await, sickly().await);
    let lab = Lab::new().backend("health = { path = \"/health\", interval = \"50ms\", rise = 1, fall = 1 }");
    let mut lab = lab.server("a", well.address()).start().await;
    lab.status_of("a", "UP").await;
    status.store(500, SeqCst);
    let port = sick.address().port();
    lab.order(&format!("set server api_nodes/a check-addr 127.0.0.1 port {port}")).await;
    lab.status_of("a", "DOWN").await;
    let state = lab.socket("show servers state api_nodes").await;
    assert!(state.contains(&format!(" {port} 127.0.0.1 - 0\n")), "{state}");
    lab.reload(|plan| plan.set("backend.api_nodes", "retries = 1")).await;
    assert_eq!(lab.stat("api_nodes", "a").await.text("status"), "DOWN");
    lab.order("set server api_nodes/a check-port 0").await;
    lab.status_of("a", "UP").await;
}

/// Breaks when 404 counts as a failure, or when a server that stops gets new requests.
#[tokio::test]
async fn a_server_that_stops_finishes_and_takes_nothing_new() {
    let (well, (stopping, status)) = (Origin::named("well").await, sickly().await);
    let check =
        "health = { path = \"/health\", interval = \"50ms\", rise = 1, fall = 1, disable_on_404 = true }";
    let lab = Lab::new().backend(check).server("a", well.address()).server("b", stopping.address());
    let lab = lab.start().await;
    lab.status_of("b", "UP").await;
    assert_eq!(texts(&lab, 8).await.len(), 2);
    status.store(404, SeqCst);
    lab.status_of("b", "NOLB").await;
    assert_eq!(texts(&lab, 8).await, ["well"]);
    let row = lab.stat("api_nodes", "b").await;
    assert_eq!((row.text("check_status"), row.text("check_code")), ("L7OKC", "404"));
    let state = lab.socket("show servers state api_nodes").await;
    assert!(
        state.lines().any(|line| line.contains(" b 127.0.0.1 3 0 ") && line.contains(" 16 4 ")),
        "{state}"
    );
    status.store(200, SeqCst);
    lab.status_of("b", "UP").await;
    assert_eq!(texts(&lab, 8).await.len(), 2);
    status.store(500, SeqCst);
    lab.status_of("b", "DOWN").await;
    status.store(404, SeqCst);
    let checks = stopping.count();
    eventually("a check", async || stopping.count() > checks + 1).await;
    assert_eq!(
        lab.stat("api_nodes", "b").await.text("status"),
        "DOWN",
        "who is down does not come up by stopping"
    );
}

#[tokio::test]
async fn an_operator_can_say_that_a_server_stops() {
    let (a, b) = (Origin::named("a").await, Origin::named("b").await);
    let lab = Lab::new().backend("health = { path = \"/health\", interval = \"1h\" }");
    let lab = lab.server("a", a.address()).server("b", b.address()).start().await;
    lab.order("set server api_nodes/b health stopping").await;
    assert_eq!(lab.stat("api_nodes", "b").await.text("status"), "NOLB");
    assert_eq!(texts(&lab, 6).await, ["a"]);
    lab.order("set server api_nodes/b health up").await;
    assert_eq!(lab.stat("api_nodes", "b").await.text("status"), "UP");
    assert_eq!(texts(&lab, 6).await.len(), 2);
}

/// Breaks when a server that comes back gets its whole share at once, or never.
#[tokio::test]
async fn a_server_that_comes_back_gets_its_share_little_by_little() {
    let (a, b) = (Origin::named("a").await, Origin::named("b").await);
    let lab = Lab::new().backend("slow_start = \"1h\"").server("a", a.address()).server("b", b.address());
    let mut lab = lab.start().await;
    assert_eq!(texts(&lab, 4).await, ["a", "b"], "at the start all have their share");
    lab.order("disable server api_nodes/b;enable server api_nodes/b").await;
    let row = lab.stat("api_nodes", "b").await;
    assert_eq!((row.text("status"), row.text("throttle")), ("no check", "0"));
    let state = lab.socket("show servers state api_nodes").await;
    assert!(state.lines().any(|line| line.contains(" b 127.0.0.1 1 0 ")), "{state}");
    let before = b.count();
    texts(&lab, 34).await;
    assert_eq!(b.count() - before, 2, "one of seventeen is the least there is");
    lab.reload(|plan| plan.set("backend.api_nodes", "slow_start = \"1ms\"")).await;
    eventually("the whole share", async || {
        let before = b.count();
        texts(&lab, 10).await;
        b.count() - before == 5
    })
    .await;
    assert_eq!(lab.stat("api_nodes", "b").await.text("throttle"), "");
}
