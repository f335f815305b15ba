//! Agents that say how their servers are, and servers that track others: where requests go, and what a reload leaves as it is.

use std::sync::{Arc, Mutex};

use tests::{Lab, Origin, Running, eventually};

/// An agent whose words a test changes.
pub(crate) struct Teller {
    pub(crate) origin: Origin,
    words: Arc<Mutex<&'static str>>,
}

impl Teller {
    pub(crate) async fn start(words: &'static str) -> Self {
        let words = Arc::new(Mutex::new(words));
        let told = Arc::clone(&words);
        let origin = Origin::script(move |mut conn| {
            let line = format!("{}\n", told.lock().unwrap());
            // A client that closes early does not want the response.
            async move { drop(conn.try_send(line).await) }
        });
        Self { origin: origin.await, words }
    }

    /// From now on it says this: the second question is asked when the first has been answered so.
    pub(crate) async fn tell(&self, words: &'static str) {
        *self.words.lock().unwrap() = words;
        let before = self.origin.accepted();
        eventually("an agent that was heard", async || self.origin.accepted() >= before + 2).await;
    }

    fn key(&self) -> String {
        format!("agent = {{ port = {}, interval = \"20ms\" }}", self.origin.address().port())
    }
}

/// The servers that answer ten requests, each once.
async fn answering(lab: &Running) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..10 {
        names.push(lab.get("/").await.text().to_owned());
    }
    names.sort_unstable();
    names.dedup();
    names
}

#[tokio::test]
async fn requests_go_where_agents_let_them() {
    let ((a, b), agent) = ((Origin::named("a").await, Origin::named("b").await), Teller::start("up").await);
    let mut lab =
        Lab::new().server_with("a", a.address(), &agent.key()).server("b", b.address()).start().await;
    for (said, status, taking) in [
        ("down # no disk", "DOWN (agent)", vec!["b"]),
        ("up", "no check", vec!["a", "b"]),
        ("drain", "DRAIN (agent)", vec!["b"]),
        ("maint", "MAINT", vec!["b"]),
        ("ready", "no check", vec!["a", "b"]),
        ("0%", "no check", vec!["b"]),
        ("100%", "no check", vec!["a", "b"]),
        ("maint", "MAINT", vec!["b"]),
    ] {
        agent.tell(said).await;
        eventually(said, async || {
            let status_is = lab.stat("api_nodes", "a").await.text("status") == status;
            status_is && answering(&lab).await == taking
        })
        .await;
    }
    let page = lab.page("/").await;
    let page = page.text();
    assert!(page.contains("taken out by its agent") && page.contains("agent said: maint"), "{page}");
    agent.tell("nothing to say").await;
    let drift = "server api_nodes/a agent-state maint ready\n";
    assert!(lab.socket("show drift").await.contains(drift));
    lab.reload(|plan| plan.set("timeout", "queue = \"7s\"")).await;
    assert_eq!(lab.stat("api_nodes", "a").await.text("status"), "MAINT", "a reload is no order");
    lab.order("set server api_nodes/a state ready").await;
    assert_eq!(answering(&lab).await, ["a", "b"]);
    agent.tell("drain").await;
    lab.status_of("a", "DRAIN (agent)").await;
    lab.reload(|plan| plan.set_server("api_nodes", "a", a.address(), "")).await;
    assert_eq!(lab.stat("api_nodes", "a").await.text("status"), "no check", "who is not asked has no say");
    assert_eq!(answering(&lab).await, ["a", "b"]);
}

#[tokio::test]
async fn requests_go_where_tracked_servers_let_them() {
    let ((a, b, c), agent) = (
        (Origin::named("a").await, Origin::named("b").await, Origin::named("c").await),
        Teller::start("up").await,
    );
    let mut lab = Lab::new()
        .server("c", c.address())
        .server_with("b", b.address(), "track = \"other/a\"")
        .section(
            "backend.other.servers",
            &format!("a = {{ address = \"{}\", {} }}", a.address(), agent.key()),
        )
        .start()
        .await;
    agent.tell("down").await;
    lab.status_of("b", "DOWN (agent)").await;
    assert_eq!(answering(&lab).await, ["c"]);
    agent.tell("up").await;
    lab.status_of("b", "no check").await;
    assert_eq!(answering(&lab).await, ["b", "c"]);
    lab.order("disable server other/a").await;
    assert_eq!(lab.stat("api_nodes", "b").await.text("status"), "MAINT (via other/a)");
    assert_eq!(answering(&lab).await, ["c"]);
    lab.reload(|plan| plan.set("timeout", "queue = \"7s\"")).await;
    assert_eq!(lab.stat("api_nodes", "b").await.text("tracked"), "other/a");
    assert_eq!(answering(&lab).await, ["c"], "a reload is no order");
    lab.reload(|plan| plan.set_server("api_nodes", "b", b.address(), "")).await;
    assert_eq!(answering(&lab).await, ["b", "c"], "who tracks nobody inherits nothing");
    lab.reload(|plan| plan.set_server("api_nodes", "b", b.address(), "track = \"other/a\"")).await;
    assert_eq!(answering(&lab).await, ["c"]);
    lab.order("enable server other/a").await;
    assert_eq!(answering(&lab).await, ["b", "c"]);
}
