//! HAProxy's second configuration, `variety.cfg`, in TOML, and what it was asked, in the order in which it was.
//!
//! It holds what the fixture does not have: agents, servers that track others, static balancing, a section that is frontend and backend at
//! once, rows of listeners, a backend without servers. Without a folder of transcripts it only shows that the orders are obeyed.

use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;

use tests::{Lab, Origin, Running, Wire, eventually, normal};

use super::compare::{as_varied, fault, warm};
use super::read;
use super::states::{MUTE, Node};
use crate::agents::Teller;

/// The port of HAProxy's agent.
const AGENT: &str = "18020";

/// A step, in the order in which HAProxy's were taken.
enum Step {
    /// The answer of that name comes out the same.
    Replay(&'static str),
    /// The same for an order that later steps rest on, so that it is given where no answer of that name is known, too.
    Obey(&'static str, &'static str),
    /// The first node answers checks with this status, until a server has that state.
    Health(u16, &'static str, &'static str, &'static str),
    /// No node answers checks any more, so that servers that come back stay unproven.
    Mute,
    /// The agent says this from now on, and has been heard.
    Agent(&'static str),
    /// A server has that state.
    Until(&'static str, &'static str, &'static str),
    /// A request to that frontend.
    Request(&'static str),
    /// An order that is not compared, since others are.
    Order(&'static str),
}

use Step::{Agent, Health, Mute, Obey, Order, Replay, Request, Until};

const STEPS: [Step; 69] = [
    Replay("variety.show-servers-state"),
    Replay("variety.show-stat"),
    Replay("variety.show-stat-up"),
    Replay("variety.show-stat-no-maint"),
    Replay("variety.show-stat-json"),
    Replay("variety.unchecked.enable-health"),
    Order("disable server mix/checked"),
    Replay("variety.tracked-maint.show-stat"),
    Replay("variety.tracked-maint.show-servers-state"),
    Order("set server mix/checked state drain"),
    Until("mix", "checked", "DRAIN"),
    Replay("variety.tracked-drain.show-stat"),
    Order("set server mix/checked state ready"),
    Obey("variety.set-tracker-maint", "set server mix/tracker state maint"),
    Until("mix", "tracker2", "MAINT (via mix/tracker)"),
    Obey("variety.enable-tracker", "enable server mix/tracker"),
    Until("mix", "tracker2", "UP"),
    Replay("variety.health-on-tracker"),
    Order("disable server mix/slow;enable server mix/slow"),
    Until("mix", "slow", "UP"),
    Replay("variety.slowstart.show-stat"),
    Agent("drain"),
    Until("mix", "agented", "DRAIN (agent)"),
    Replay("variety.agent-drain.show-stat"),
    Agent("50%"),
    Replay("variety.agent-50.show-stat"),
    Obey("variety.set-agent-down", "set server mix/agented agent down"),
    Until("mix", "agented", "DOWN (agent)"),
    Obey("variety.set-agent-up", "set server mix/agented agent up"),
    Until("mix", "agented", "DRAIN (agent)"),
    Agent("down"),
    Until("mix", "agented", "DOWN (agent)"),
    Replay("variety.agent-down.show-stat"),
    Replay("variety.agent-bad"),
    Replay("variety.agent-addr"),
    Replay("variety.agent-port"),
    Replay("variety.agent-send"),
    Obey("variety.disable-agent", "disable agent mix/agented"),
    Until("mix", "agented", "DRAIN"),
    Replay("variety.set-agent-up-disabled"),
    Obey("variety.enable-agent", "enable agent mix/agented"),
    Agent("ready up 100%"),
    Until("mix", "agented", "UP"),
    Order("disable server mix/checked;disable server mix/unchecked;disable server mix/slow"),
    Order("disable server mix/agented;disable server mix/s404"),
    Replay("variety.backup-only.show-stat"),
    Order("enable server mix/checked;enable server mix/unchecked;enable server mix/slow"),
    Order("enable server mix/agented;enable server mix/s404"),
    Health(404, "nolb", "n1", "NOLB"),
    Replay("variety.nolb.show-stat"),
    Replay("variety.nolb.show-servers-state"),
    Health(200, "nolb", "n1", "UP"),
    Replay("variety.static-weight"),
    Replay("variety.static-add-server"),
    Replay("variety.listener.show-stat"),
    Replay("variety.show-stat-types-8"),
    // The one that HAProxy picked.
    Order("set server bytable/t1 state drain"),
    Request("fe_table"),
    Order("set server bytable/t1 state ready"),
    Replay("variety.show-table-stick"),
    Order("set weight static/s1 0%"),
    Replay("variety.listen-section"),
    Replay("variety.frontend-by-id"),
    Until("mix", "checked", "UP"),
    Until("mix", "s404", "UP"),
    Until("mix", "slow", "UP"),
    Mute,
    Order("disable server mix/checked;disable server mix/agented;disable server mix/s404"),
    Order("enable server mix/checked;enable server mix/agented;enable server mix/s404"),
];
/// What is asked at the end, when nothing else may come after it.
const LAST: [&str; 2] = ["variety.listen-as-frontend", "variety.frontend-disabled.show-stat"];

#[tokio::test]
async fn another_configuration_is_told_in_haproxys_words() {
    let folder = std::env::var_os("LB_TRANSCRIPTS");
    let known = folder.map_or_else(Vec::new, |folder| read(Path::new(&folder), &["variety."]));
    if known.is_empty() {
        println!("LB_TRANSCRIPTS names no folder: nothing is compared");
    }
    let nodes = [Node::start().await, Node::start().await, Node::start().await];
    let agent = Teller::start("up").await;
    let lab = start(&nodes, &agent).await;
    let port = agent.origin.address().port().to_string();
    let mut wrong = Vec::new();
    for step in STEPS.into_iter().chain(LAST.map(Replay)) {
        match step {
            Obey(_, command) if known.is_empty() => lab.order(command).await,
            Replay(name) | Obey(name, _) => {
                let Some(transcript) = known.iter().find(|known| known.name == name) else {
                    assert!(known.is_empty(), "{name} is not in the folder");
                    continue;
                };
                let sent = &transcript.sent.replace(AGENT, &port);
                let expected = normal(sent, &warm(&as_varied(&transcript.answer)));
                wrong.extend(fault(name, sent, &expected, &normal(sent, &warm(&lab.socket(sent).await))));
            }
            Health(status, backend, server, state) => {
                nodes[0].status.store(status, SeqCst);
                until(&lab, backend, server, state).await;
            }
            Agent(words) => agent.tell(words).await,
            Mute => nodes.iter().for_each(|node| node.status.store(MUTE, SeqCst)),
            Until(backend, server, state) => until(&lab, backend, server, state).await,
            Request(frontend) => {
                let mut wire = Wire::connect(lab.frontend_named(frontend)).await.expect("it listens");
                assert_eq!(wire.get("/").await.status(), 200);
            }
            Order(command) => lab.order(command).await,
        }
    }
    assert!(wrong.is_empty(), "{} are wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// The names of all transcripts that are replayed here.
pub(super) fn replayed() -> impl Iterator<Item = &'static str> {
    let steps = STEPS.iter().filter_map(|step| match step {
        Replay(name) | Obey(name, _) => Some(*name),
        Agent(_) | Mute | Health(..) | Until(..) | Request(_) | Order(_) => None,
    });
    steps.chain(LAST)
}

async fn until(lab: &Running, backend: &str, server: &str, state: &str) {
    eventually(state, async || lab.stat(backend, server).await.text("status") == state).await;
}

/// An `lb` like that HAProxy, when its checks have found what they will.
async fn start(nodes: &[Node; 3], agent: &Teller) -> Running {
    let [one, two, three] = nodes.each_ref().map(|node| node.origin.address());
    let process = "threads = 1\nmaxconn = 2000\nnode = \"lb-lab\"";
    let check = |more: &str| {
        format!("health = {{ path = \"/health\", rise = 2, fall = 3, timeout = \"1m\", {more} }}")
    };
    let server = |name: &str, at, more: &str| {
        let comma = if more.is_empty() { "" } else { ", " };
        format!("{name} = {{ address = \"{at}\"{comma}{more} }}\n")
    };
    let pair = |first: &str, second: &str| server(first, one, "") + &server(second, two, "");
    let bind = "bind = \"127.0.0.1:0\"\n";
    // HAProxy's balancing of a backend that does not say how.
    let random = "balance = \"random\"\n";
    let redisp = server("r1", one, "cookie = \"r1\"") + &server("r2", two, "cookie = \"r2\"");
    let asked = format!("agent = {{ port = {}, interval = \"100ms\" }}", agent.origin.address().port());
    let mix = server("checked", one, "")
        + &server("unchecked", two, "health = false")
        + &server("tracker", three, "track = \"mix/checked\"")
        + &server("tracker2", three, "track = \"tracker\"")
        + &server("spare", three, "backup = true")
        + &server("off", three, "disabled = true")
        + &server("slow", two, "weight = 10, slow_start = \"20s\"")
        + &server("agented", three, &asked)
        + &server("nothing", Origin::nobody().await, "")
        + &server("s404", one, &format!("maxconn = 5, max_queue = 9, health = {{ port = {} }}", one.port()));
    let lab = Lab::empty()
        .section("process", process)
        .timeout("queue = \"3s\"")
        .section("frontend.fe_api", &format!("{bind}backend = \"mix\""))
        .section("backend.mix", &check("interval = \"500ms\""))
        .section("backend.mix.servers", &mix)
        .section("backend.static", "balance = \"static-rr\"")
        .section("backend.static.servers", &(server("s1", one, "weight = 3") + &server("s2", two, "")))
        .section("backend.nolb", &(check("interval = \"300ms\", disable_on_404 = true") + "\n" + random))
        .section("backend.nolb.servers", &pair("n1", "n2"))
        .section("backend.redisp", &format!("{random}cookie = {{ name = \"SRV\", indirect = true }}"))
        .section("backend.redisp.servers", &redisp)
        .section("backend.empty", "retries = 3")
        .section("backend.bytable", &format!("{random}stick = {{ on = \"src\", table = \"bytable\" }}"))
        .section("backend.bytable.table", "type = \"ip\"\nsize = 1024\nexpire = \"10m\"")
        .section("backend.bytable.servers", &pair("t1", "t2"))
        .section("frontend.fe_table", &format!("{bind}backend = \"bytable\""))
        .section(
            "listen.combined",
            &format!(
                "bind = [{{ address = \"127.0.0.1:0\", name = \"l1\" }}]\nsocket_stats = true\n{random}"
            ),
        )
        .section("listen.combined.servers", &server("c1", one, ""))
        .start()
        .await;
    for server in ["n1", "n2"] {
        until(&lab, "nolb", server, "UP").await;
    }
    for server in ["checked", "tracker2", "spare", "slow", "agented", "s404"] {
        until(&lab, "mix", server, "UP").await;
    }
    until(&lab, "mix", "nothing", "DOWN").await;
    agent.tell("up").await;
    lab
}
