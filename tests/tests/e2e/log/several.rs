//! Several logs at once, and others after a reload: no line is lost, and none is where it was not wanted.

use std::collections::HashMap;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use serde_json::Value;
use tests::{Lab, Origin, Running, Wire, eventually, within};

use super::targets::{Blocked, ask, dropped};
use crate::get;

fn read(lab: &Running, name: &str) -> String {
    std::fs::read_to_string(lab.path(name)).unwrap_or_default()
}

/// HAProxy's `log … local0` beside `log … local1 notice err`: each takes what matters enough to it, in its own shape.
#[tokio::test]
async fn each_log_has_its_own_target_format_and_levels() {
    let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
    daemon.set_read_timeout(Some(tests::PATIENCE)).unwrap();
    let udp = format!("udp://127.0.0.1:{}", daemon.local_addr().unwrap().port());
    let origin = Origin::named("a").await;
    let lab = Lab::new()
        .server("a", origin.address())
        .section("log#all", "format = \"http\"\ntarget = \"http.log\"")
        .section("log#events", "format = \"http\"\ntarget = \"events.log\"\nlevel = \"notice\"")
        .section("log#syslog", &format!("format = \"off\"\ntarget = \"{udp}\"\nmin_level = \"err\""))
        .start()
        .await;
    assert_eq!(lab.get("/fine").await.status(), 200);
    lab.order("disable server api_nodes/a").await;
    assert_eq!(lab.get("/none").await.status(), 503);
    eventually("the last lines", async || {
        lab.log().contains("/none") && read(&lab, "http.log").contains("/none")
    })
    .await;
    let down = "Server api_nodes/a is going DOWN for maintenance.";
    let objects: Vec<Value> = lab.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.iter().filter(|line| line["uri"] == "/fine").count(), 1);
    assert!(objects.iter().any(|line| line["text"].as_str().is_some_and(|text| text.starts_with(down))));
    let (http, events) = (read(&lab, "http.log"), read(&lab, "events.log"));
    assert_eq!(http.matches("\"GET /fine HTTP/1.1\"").count(), 1, "{http}");
    assert_eq!((http.matches(down).count(), events.matches(down).count()), (1, 1), "{http}{events}");
    assert!(!events.contains("/fine") && !http.contains('{'), "{events}{http}");
    let mut buffer = [0; 10_000];
    let datagram = loop {
        let count = daemon.recv(&mut buffer).unwrap();
        let text = String::from_utf8_lossy(&buffer[..count]);
        assert!(!text.contains("/fine"), "{text}");
        if text.contains(down) {
            break text.into_owned();
        }
    };
    // An alert, which syslog may hear of as an error only.
    assert!(datagram.starts_with("<131>"), "{datagram}");
}

/// Requests whose targets are all different, for as long as they are wanted.
struct Numbered {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Numbered {
    fn start(lab: &Running, clients: usize) -> Self {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let address = lab.frontend();
        let client = |_| {
            let (stop, sent) = (Arc::clone(&stop), Arc::clone(&sent));
            tokio::spawn(async move {
                let mut wire = Wire::connect(address).await.unwrap();
                while !stop.load(SeqCst) {
                    let number = sent.fetch_add(1, SeqCst);
                    wire.send(get(&format!("/{number}"), "")).await;
                    assert_eq!(wire.answer().await.status(), 200);
                }
            })
        };
        let tasks = (0..clients).map(client).collect();
        Self { stop, sent, tasks }
    }

    async fn more(&self, count: usize) {
        let goal = self.sent.load(SeqCst) + count;
        eventually("so many more", async || self.sent.load(SeqCst) >= goal).await;
    }

    async fn stop(self) -> usize {
        self.stop.store(true, SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
        self.sent.load(SeqCst)
    }
}

/// Breaks when a line is lost or doubled between two logs, or an old one is still written to.
#[tokio::test]
async fn a_reload_to_another_log_loses_no_line() {
    let origin = Origin::http(|_| crate::ok("")).await;
    let mut lab = Lab::new().server("a", origin.address()).start().await;
    let numbered = Numbered::start(&lab, 4);
    for round in 0..3 {
        numbered.more(200).await;
        lab.reload(|plan| plan.set("log", &format!("target = \"round{round}.log\""))).await;
        numbered.more(200).await;
        lab.reload(|plan| plan.set("log", "format = \"http\"")).await;
        numbered.more(200).await;
        lab.reload(|plan| plan.set("log", "format = \"json\"\nbuffer = 20000")).await;
        lab.reload(|plan| plan.set("log", "buffer = 30000\ntarget = \"access.log\"")).await;
    }
    let sent = numbered.stop().await;
    assert_eq!(dropped(&lab).await, 0.0);
    lab.stop();
    within("the end of lb", lab.exit()).await;
    let mut lines: HashMap<String, usize> = HashMap::new();
    for name in ["access.log", "round0.log", "round1.log", "round2.log"] {
        let text = read(&lab, name);
        assert!(!text.is_empty(), "{name}");
        for line in text.lines() {
            let target = match serde_json::from_str::<Value>(line) {
                Ok(object) => object["uri"].as_str().map(str::to_owned),
                Err(_) => {
                    line.split("\"GET ").nth(1).and_then(|rest| rest.split(' ').next()).map(str::to_owned)
                }
            };
            if let Some(target) = target {
                *lines.entry(target).or_default() += 1;
            }
        }
    }
    for number in 0..sent {
        assert_eq!(lines.get(&format!("/{number}")), Some(&1), "/{number} of {sent}");
    }
    assert_eq!(lines.len(), sent);
}

/// Breaks when half of a configuration comes into force because its log cannot be had.
#[tokio::test]
async fn a_log_that_cannot_be_had_changes_nothing() {
    let origin = Origin::named("a").await;
    let mut lab = Lab::new().server("a", origin.address()).start().await;
    let mut good = None;
    lab.ask_reload(|plan| {
        good = Some(plan.clone());
        plan.set("log", "target = \"no/such/folder/log\"");
        plan.set_server("api_nodes", "new", origin.address(), "");
    });
    eventually("the refusal in the log", async || lab.log().contains("configuration not applied")).await;
    assert!(lab.log().contains("no/such/folder/log"), "{}", lab.log());
    assert!(lab.stat_rows().await.find("api_nodes", "new").is_none());
    lab.get("/still").await;
    super::entry(&lab, "/still").await;
    lab.reload(|plan| *plan = good.unwrap()).await;
}

/// Breaks when opening a pipe without a reader delays a reload or commands.
#[tokio::test]
async fn a_log_that_does_not_open_is_given_up() {
    let origin = Origin::named("a").await;
    let mut lab = Lab::new().server("a", origin.address()).start().await;
    let made = std::process::Command::new("mkfifo").arg(lab.path("pipe")).status().unwrap();
    assert!(made.success());
    lab.ask_reload(|plan| plan.set("log", "target = \"pipe\""));
    lab.order("disable server api_nodes/a; enable server api_nodes/a").await;
    eventually("the refusal", async || lab.log().contains("not applied")).await;
    assert!(lab.log().contains("nobody reads this pipe"), "{}", lab.log());
    lab.get("/still").await;
    super::entry(&lab, "/still").await;
}

/// Breaks when single checks have lines where they are not wanted, or a change of state lacks its reason there.
#[tokio::test]
async fn single_checks_are_told_to_the_log_that_wants_them() {
    let origin = Origin::named("a").await;
    let lab = Lab::new()
        .server("a", origin.address())
        .backend("health = { path = \"/\", interval = \"20ms\", rise = 1, fall = 1 }")
        .section("log", "format = \"http\"")
        .section("log#checks", "format = \"http\"\ntarget = \"checks.log\"\nhealth_checks = true")
        .start()
        .await;
    lab.status_of("a", "UP").await;
    origin.kill().await;
    let down = "Server api_nodes/a is DOWN";
    eventually("it down in both", async || {
        lab.log().contains(down) && read(&lab, "checks.log").contains(down)
    })
    .await;
    let (plain, checks) = (lab.log(), read(&lab, "checks.log"));
    assert!(plain.contains("is DOWN, reason: ") && !plain.contains("Health check for"), "{plain}");
    assert!(checks.contains("is DOWN. 0 active") && checks.contains("Health check for server"), "{checks}");
}

/// Breaks when a reload forgets what was lost, when one that got stuck is waited for, or the new file is not opened.
#[tokio::test]
async fn what_was_lost_stays_counted_and_the_new_log_is_like_any() {
    let blocked = Blocked::new();
    let mut lab = Lab::new().section("log", &format!("{}\nbuffer = 100", blocked.line())).start().await;
    let mut wire = lab.connect().await;
    ask(&mut wire, async || dropped(&lab).await > 300.0).await;
    let lost = dropped(&lab).await;
    lab.reload(|plan| plan.set("log", "target = \"access.log\"")).await;
    assert!(dropped(&lab).await >= lost);
    lab.get("/before").await;
    super::entry(&lab, "/before").await;
    std::fs::rename(lab.path("access.log"), lab.path("moved.log")).unwrap();
    lab.reload(|plan| plan.set("timeout", "server = \"20s\"")).await;
    eventually("a new file", async || lab.path("access.log").exists()).await;
    lab.get("/after").await;
    super::entry(&lab, "/after").await;
    lab.stop();
    within("the end of lb", lab.exit()).await;
}

/// A log that there was not when the process started, and none again.
#[tokio::test]
async fn logs_come_and_go() {
    let origin = Origin::named("a").await;
    let mut lab = Lab::new().server("a", origin.address()).section("log", "format = \"off\"").start().await;
    let mut client = lab.connect().await;
    client.get("/silent").await;
    lab.reload(|plan| plan.set("log#more", "target = \"more.log\"")).await;
    // The same connection: it is the worker that was told.
    client.get("/told").await;
    eventually("the line", async || read(&lab, "more.log").contains("/told")).await;
    lab.reload(|plan| plan.remove_section("log#more")).await;
    client.get("/silent").await;
    lab.order("disable server api_nodes/a").await;
    eventually("the order in the log", async || lab.log().contains("api_nodes/a set to maint")).await;
    assert!(!lab.log().contains("/silent") && !read(&lab, "more.log").contains("/silent"));
}
