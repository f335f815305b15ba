//! Active checks: the reason of the last result, down and up again, and the operator's order above all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use tests::{Lab, Origin, eventually};

use crate::{answer, ok};

const QUICK: &str =
    "health = { path = \"/health\", interval = \"20ms\", timeout = \"500ms\", rise = 2, fall = 3 }";

/// A server whose health a test switches.
async fn moody(name: &'static str) -> (Origin, Arc<AtomicBool>) {
    let sick = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&sick);
    let origin = Origin::http(move |request| {
        if request.target() == "/health" && flag.load(SeqCst) { answer("503 Sick", "") } else { ok(name) }
    })
    .await;
    (origin, sick)
}

#[tokio::test]
async fn a_failing_server_goes_down_with_the_reason_and_comes_back() {
    let ((a, sick), (b, _)) = (moody("a").await, moody("b").await);
    let lab = Lab::new().server("a", a.address()).server("b", b.address()).backend(QUICK).start().await;
    lab.status_of("a", "UP").await;
    sick.store(true, SeqCst);
    lab.status_of("a", "DOWN").await;
    let row = lab.stat("api_nodes", "a").await;
    assert_eq!((row.text("check_status"), row.text("check_code")), ("L7STS", "503"));
    assert_eq!((row.number("chkdown"), row.number("chkfail")), (1, 3));
    let mut client = lab.connect().await;
    for _ in 0..10 {
        assert_eq!(client.get("/").await.text(), "b");
    }
    sick.store(false, SeqCst);
    lab.status_of("a", "UP").await;
    assert_eq!(lab.stat("api_nodes", "a").await.text("check_status"), "L7OK");
    eventually("traffic again", async || lab.get("/").await.text() == "a").await;
}

#[tokio::test]
async fn a_dead_server_says_that_nobody_answers() {
    let lab = Lab::new()
        .server("a", Origin::nobody().await)
        .backend("health = { interval = \"20ms\", timeout = \"500ms\", rise = 1, fall = 2 }")
        .start()
        .await;
    lab.status_of("a", "DOWN").await;
    assert_eq!(lab.stat("api_nodes", "a").await.text("check_status"), "L4CON");
    assert_eq!(lab.get("/").await.status(), 503);
}

#[tokio::test]
async fn a_check_without_an_answer_runs_out_of_time() {
    let origin = Origin::script(|mut conn| async move { conn.gone().await }).await;
    let lab = Lab::new()
        .server("a", origin.address())
        .backend("health = { path = \"/\", interval = \"20ms\", timeout = \"50ms\", rise = 1, fall = 1 }")
        .start()
        .await;
    lab.status_of("a", "DOWN").await;
    // A star stands before it while the next check runs.
    assert_eq!(lab.stat("api_nodes", "a").await.text("check_status").trim_start_matches("* "), "L7TOUT");
}

/// Breaks when a check that was under way undoes an order, or checks go on in maintenance.
#[tokio::test]
async fn no_check_undoes_an_order() {
    let (a, sick) = moody("a").await;
    let lab = Lab::new().server("a", a.address()).backend(QUICK).start().await;
    lab.status_of("a", "UP").await;
    for _ in 0..10 {
        lab.order("disable server api_nodes/a").await;
        assert_eq!(lab.stat("api_nodes", "a").await.text("status"), "MAINT");
        assert_eq!(lab.get("/").await.status(), 503);
        sick.store(true, SeqCst);
        lab.order("enable server api_nodes/a").await;
        // HAProxy's way: it takes traffic at once and is one failed check away from down.
        lab.status_of("a", "DOWN").await;
        sick.store(false, SeqCst);
        lab.status_of("a", "UP").await;
    }
}

/// Breaks when `health_start = "checked"` lets a request through before the first pass.
#[tokio::test]
async fn an_unchecked_server_gets_nothing_when_so_configured() {
    let (a, sick) = moody("a").await;
    sick.store(true, SeqCst);
    let lab = Lab::new()
        .server("a", a.address())
        .backend(&format!("{QUICK}\nhealth_start = \"checked\""))
        .start()
        .await;
    assert_eq!(lab.get("/").await.status(), 503);
    sick.store(false, SeqCst);
    lab.status_of("a", "UP").await;
    assert_eq!(lab.get("/").await.status(), 200);
}

/// Breaks when a server in drain is no longer checked, or its health is hidden by the order.
#[tokio::test]
async fn checks_go_on_in_drain() {
    let (a, sick) = moody("a").await;
    let lab = Lab::new().server("a", a.address()).backend(QUICK).start().await;
    lab.status_of("a", "UP").await;
    lab.order("set server api_nodes/a state drain").await;
    lab.status_of("a", "DRAIN").await;
    sick.store(true, SeqCst);
    lab.status_of("a", "DOWN").await;
    sick.store(false, SeqCst);
    lab.status_of("a", "DRAIN").await;
}

/// Checks that are switched off are not made, whatever they would find, and begin again when they are switched on.
#[tokio::test]
async fn checks_that_are_switched_off_are_not_made() {
    let ((a, sick), (b, _)) = (moody("a").await, moody("b").await);
    let lab = Lab::new().server("a", a.address()).server("b", b.address()).backend(QUICK).start().await;
    lab.status_of("a", "UP").await;
    lab.order("disable health api_nodes/a").await;
    lab.status_of("a", "no check").await;
    // A check may have been under way.
    let other_checks = async |more: usize| {
        let before = b.count();
        eventually("the other's checks go on", async || b.count() >= before + more).await;
    };
    other_checks(2).await;
    sick.store(true, SeqCst);
    let quiet = a.count();
    other_checks(8).await;
    assert_eq!(a.count(), quiet, "nobody asks how it is");
    assert_eq!(lab.stat("api_nodes", "a").await.text("status"), "no check");
    lab.order("enable health api_nodes/a").await;
    lab.status_of("a", "DOWN").await;
    sick.store(false, SeqCst);
    lab.status_of("a", "UP").await;
}
