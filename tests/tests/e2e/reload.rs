//! Reloading the configuration: whole or not at all, and only what changed is affected.

mod idle;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use tests::{Lab, Origin, Traffic, Wire, eventually, mixed};

use crate::get;

/// An address that is free now.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Connects until it is stopped, a new connection for each request; every refusal counts.
struct Callers {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<Vec<String>>,
}

impl Callers {
    fn start(frontend: SocketAddr) -> Self {
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (ended, count) = (Arc::clone(&stop), Arc::clone(&served));
        let task = tokio::spawn(async move {
            let mut failures = Vec::new();
            while !ended.load(SeqCst) {
                let result = async {
                    let mut wire = Wire::connect(frontend).await?;
                    wire.try_send(get("/", "Connection: close\r\n")).await?;
                    wire.try_answer().await
                };
                match result.await {
                    Ok(answer) if answer.status() == 200 => {
                        count.fetch_add(1, SeqCst);
                    }
                    other => failures.push(format!("{other:?}")),
                }
            }
            failures
        });
        Self { stop, served, task }
    }

    async fn more(&self, count: usize) {
        let goal = self.served.load(SeqCst) + count;
        eventually("callers served", async || self.served.load(SeqCst) >= goal).await;
    }

    async fn stop(self) {
        self.stop.store(true, SeqCst);
        let failures = self.task.await.unwrap();
        assert!(failures.is_empty(), "{failures:?}");
    }
}

/// Breaks when a reload closes a listener that stays, drops a connection, or sends a request to a server that is gone.
#[tokio::test]
async fn nothing_is_lost_when_the_configuration_changes_under_load() {
    let mut lab = Lab::new().nodes(3).start().await;
    let traffic = Traffic::start(lab.frontend(), 10, mixed);
    let callers = Callers::start(lab.frontend());
    traffic.more(50).await;
    let (removed, second) = (lab.nodes[2].addr(), free_address());
    for _ in 0..4 {
        lab.reload(|plan| plan.remove("backend.api_nodes.servers", "api2")).await;
        lab.reload(|plan| {
            plan.set_server("api_nodes", "api2", removed, "weight = 3");
            plan.set("frontend.fe_more", &format!("bind = \"{second}\"\nbackend = \"api_nodes\""));
        })
        .await;
        eventually("a listener more", async || Wire::connect(second).await.is_ok()).await;
        traffic.more(30).await;
        callers.more(10).await;
        lab.reload(|plan| {
            plan.remove_section("frontend.fe_more");
            plan.set("timeout", "server = \"20s\"");
        })
        .await;
        eventually("a listener less", async || Wire::connect(second).await.is_err()).await;
        lab.reload(|plan| plan.set("timeout", "server = \"21s\"")).await;
        traffic.more(30).await;
        callers.more(10).await;
    }
    callers.stop().await;
    traffic.stop().await.assert_clean();
}

/// Breaks when a removed server keeps getting requests, loses the one it has, or keeps idle connections.
#[tokio::test]
async fn a_removed_server_finishes_what_it_has_and_gets_nothing_more() {
    let (a, b) = (Origin::named("a").await, Origin::named("b").await);
    let mut lab = Lab::new().server("a", a.address()).server("b", b.address()).start().await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut client = lab.connect().await;
        client.send(get("/hold", "")).await;
        held.push(client);
    }
    eventually("one each", async || (a.count(), b.count()) == (1, 1)).await;
    lab.reload(|plan| plan.remove("backend.api_nodes.servers", "a")).await;
    assert!(lab.stat_rows().await.find("api_nodes", "a").is_none());
    for _ in 0..10 {
        assert_eq!(lab.get("/").await.text(), "b");
    }
    a.release(1);
    b.release(1);
    for client in &mut held {
        assert_eq!(client.answer().await.status(), 200);
    }
    assert_eq!(a.count(), 1);
    eventually("no connection left to the removed server", async || a.open() == 0).await;
}

/// What lives longer than a configuration: orders, weights, counters, connections.
#[tokio::test]
async fn states_and_counters_survive() {
    let (a, b) = (Origin::named("a").await, Origin::named("b").await);
    let mut lab = Lab::new().server("a", a.address()).server("b", b.address()).start().await;
    let mut client = lab.connect().await;
    for _ in 0..10 {
        client.get("/").await;
    }
    lab.order("disable server api_nodes/a; set weight api_nodes/b 50").await;
    lab.reload(|plan| plan.set("timeout", "server = \"20s\"")).await;
    let rows = lab.stat_rows().await;
    assert_eq!(
        (rows.row("api_nodes", "a").text("status"), rows.row("api_nodes", "a").number("hrsp_2xx")),
        ("MAINT", 5)
    );
    assert_eq!(
        (rows.row("api_nodes", "b").number("weight"), rows.row("api_nodes", "b").number("hrsp_2xx")),
        (50, 5)
    );
    assert_eq!(client.get("/").await.text(), "b");
    assert_eq!(b.accepted(), 1, "idle connections to servers that stay are kept");
    lab.reload(|plan| plan.set_server("api_nodes", "b", b.address(), "weight = 7")).await;
    assert_eq!(lab.stat("api_nodes", "b").await.number("weight"), 7, "a changed weight is the newer order");
}

/// Breaks when half of a faulty configuration is applied, or the fault is not told.
#[tokio::test]
async fn a_faulty_configuration_changes_nothing() {
    let (a, taken) = (Origin::named("a").await, Origin::named("b").await);
    let mut lab = Lab::new().server("a", a.address()).start().await;
    let before = lab.socket("show servers state").await;
    let faults: [(&str, &str); 3] = [
        ("frontend.fe_api", "backend = \"nowhere\""),
        ("frontend.fe_more", &format!("bind = \"{}\"\nbackend = \"api_nodes\"", taken.address())),
        ("process", "threads = 1"),
    ];
    for (section, lines) in faults {
        let said = lab.log().len();
        let mut good = None;
        lab.ask_reload(|plan| {
            good = Some(plan.clone());
            plan.set(section, lines);
            plan.set_server("api_nodes", "new", a.address(), "");
        });
        eventually("the fault in the log", async || lab.log().len() > said).await;
        assert_eq!(lab.socket("show servers state").await, before, "{section}");
        assert_eq!(lab.get("/").await.text(), "a");
        lab.reload(|plan| *plan = good.unwrap()).await;
    }
}

/// Breaks when a removed listener cuts an exchange, or leaves an idle client waiting.
#[tokio::test]
async fn a_removed_listener_lets_its_clients_finish() {
    let origin = Origin::named("a").await;
    let mut lab = Lab::new()
        .server("a", origin.address())
        .section("frontend.fe_more", &format!("bind = \"{}\"\nbackend = \"api_nodes\"", free_address()))
        .start()
        .await;
    let second = lab.frontend_named("fe_more");
    let (mut idle, mut busy) = (Wire::connect(second).await.unwrap(), Wire::connect(second).await.unwrap());
    let mut stays = lab.connect().await;
    assert_eq!(idle.get("/").await.status(), 200);
    assert_eq!(stays.get("/").await.status(), 200);
    busy.send(get("/hold", "")).await;
    eventually("the request at the server", async || origin.count() == 3).await;
    lab.reload(|plan| plan.remove_section("frontend.fe_more")).await;
    idle.closed().await;
    eventually("a closed listener", async || Wire::connect(second).await.is_err()).await;
    origin.release(1);
    assert_eq!(busy.answer().await.status(), 200);
    busy.closed().await;
    assert_eq!(stays.get("/").await.status(), 200, "others are not concerned");
}

/// A connection that was there before keeps being served, by the new rules.
#[tokio::test]
async fn kept_connections_follow_the_new_configuration() {
    let (a, b) = (Origin::named("a").await, Origin::named("b").await);
    let mut lab = Lab::new()
        .server("a", a.address())
        .section("backend.others.servers", &format!("b = \"{}\"", b.address()))
        .start()
        .await;
    let mut client = lab.connect().await;
    assert_eq!(client.get("/").await.text(), "a");
    lab.reload(|plan| plan.set("frontend.fe_api", "backend = \"others\"")).await;
    assert_eq!(client.get("/").await.text(), "b");
}

/// Breaks when a connection that was there before keeps a setting of its frontend.
#[tokio::test]
async fn kept_connections_follow_every_setting() {
    let origin = Origin::named("a").await;
    let mut lab = Lab::new().server("a", origin.address()).start().await;
    let (mut client, mut slow) = (lab.connect().await, lab.connect().await);
    assert_eq!((client.get("/").await.status(), slow.get("/").await.status()), (200, 200));
    lab.reload(|plan| {
        let lines = "forwarded = false\nmax_head = \"100KiB\"\nmax_headers = 3\ncapture_request = \"x-name\"";
        plan.set("frontend.fe_api", lines);
    })
    .await;
    client.send(get("/large", &format!("x-large: {}\r\nx-name: somebody\r\n", "x".repeat(80_000)))).await;
    assert_eq!(client.answer().await.status(), 200);
    let seen = origin.requests();
    assert_eq!(
        [0, 2].map(|at: usize| seen[at].field("x-forwarded-for").is_some()),
        [true, false],
        "{:?}",
        seen[2].head.line
    );
    eventually("the captured field", async || lab.log().contains("somebody")).await;
    client.send(get("/", "a: 1\r\nb: 2\r\nc: 3\r\n")).await;
    assert_eq!(client.answer().await.status(), 431);
    lab.reload(|plan| plan.set("timeout", "http_request = \"200ms\"")).await;
    slow.send("GET / HT").await;
    assert_eq!(slow.answer().await.status(), 408);
}

/// Breaks when a request whose head was still arriving goes where it would have gone before.
#[tokio::test]
async fn a_head_that_arrives_meanwhile_follows_the_new_configuration() {
    let (a, b) = (Origin::named("a").await, Origin::named("b").await);
    let mut lab = Lab::new().server("a", a.address()).start().await;
    let mut client = lab.connect().await;
    client.send("GET / HTTP/1.1\r\nHost").await;
    client.taken().await;
    lab.reload(|plan| {
        plan.remove_section("backend.api_nodes");
        plan.set("backend.others.servers", &format!("b = \"{}\"", b.address()));
        plan.set("frontend.fe_api", "backend = \"others\"\nforwarded = false");
    })
    .await;
    client.send(": lab\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "b");
    assert_eq!(b.request().field("x-forwarded-for"), None);
}

/// A server that was moved at run time stays where it is through a reload that does not move it, and goes where one says.
#[tokio::test]
async fn an_address_set_at_run_time_survives_a_reload() {
    let answering = |name: &'static str| Origin::http(move |_| crate::ok(name));
    let (first, second, third) = (answering("1").await, answering("2").await, answering("3").await);
    let mut lab = Lab::new().server("a", first.address()).start().await;
    assert_eq!(lab.get("/").await.text(), "1");
    let port = second.address().port();
    let moved =
        format!("port changed from '{}' to '{port}' by 'stats socket command'\n\n", first.address().port());
    assert_eq!(lab.socket(&format!("set server api_nodes/a addr 127.0.0.1 port {port}")).await, moved);
    assert_eq!(lab.get("/").await.text(), "2");
    lab.order("set maxconn server api_nodes/a 7").await;
    lab.reload(|plan| plan.set("backend.api_nodes", "retries = 2")).await;
    assert_eq!((lab.get("/").await.text(), lab.stat("api_nodes", "a").await.number("slim")), ("2", 7));
    lab.reload(|plan| plan.set_server("api_nodes", "a", third.address(), "")).await;
    assert_eq!(lab.get("/").await.text(), "3");
}
