//! The sentence that everything serves: servers leave, are replaced and come back, and no request fails.

use std::collections::BTreeSet;
use std::time::Duration;

use tests::{Lab, Running, Traffic, eventually, mixed};
use tokio_util::sync::CancellationToken;

const HEALTH: &str =
    "health = { path = \"/health\", interval = \"50ms\", timeout = \"1s\", rise = 2, fall = 3 }";

/// What a deployment does to one node, with `out` as the order that takes it out.
async fn redeploy(lab: &mut Running, number: usize, out: &str) {
    let name = format!("api{number}");
    lab.order(&out.replace("NAME", &name)).await;
    lab.drained(&name).await;
    lab.replace_node(number, "v2").await;
    lab.order(&format!("enable server api_nodes/{name}")).await;
    lab.status_of(&name, "UP").await;
}

/// The headline: the sample's own judge, every kind of request, all three nodes replaced.
async fn rolling(out: &str) {
    let mut lab = Lab::new().nodes(3).backend(HEALTH).start().await;
    let options = client::Options {
        target: lab.frontend().into(),
        connections: 20,
        rate: 600,
        slow: Duration::from_millis(60),
        pause: Duration::from_millis(5),
        quiet: true,
        ..client::Options::default()
    };
    let over = CancellationToken::new();
    let judge = tokio::spawn(client::run(options, over.clone()));
    eventually("traffic", async || requests(&lab) > 100).await;
    for number in 0..3 {
        redeploy(&mut lab, number, out).await;
        let now = requests(&lab);
        eventually("traffic on the new version", async || requests(&lab) > now + 50).await;
    }
    over.cancel();
    let report = judge.await.unwrap().unwrap();
    assert!(report.passed(), "{} of {} failed: {:#?}", report.failed, report.requests, report.failures);
    assert_eq!(report.replayed, 0, "nothing had to be sent twice");
    let answered: BTreeSet<_> = report
        .nodes
        .iter()
        .map(|node| (node.node.clone().unwrap_or_default(), node.version.clone().unwrap_or_default()))
        .collect();
    for node in ["api0", "api1", "api2"] {
        for version in ["v1", "v2"] {
            assert!(answered.contains(&(node.to_owned(), version.to_owned())), "{answered:?}");
        }
    }
    for kind in &report.kinds {
        assert!(kind.requests > 0, "no {:?} among {}", kind.kind, report.requests);
    }
}

/// Requests at the present nodes.
fn requests(lab: &Running) -> u64 {
    lab.nodes.iter().map(api::Node::count).sum()
}

/// The same with traffic that never reconnects, so that a connection closed in between is a failure too.
async fn rolling_strictly(out: &str) {
    let mut lab = Lab::new().nodes(3).backend(HEALTH).start().await;
    let traffic = Traffic::start(lab.frontend(), 12, mixed);
    traffic.more(200).await;
    for number in 0..3 {
        redeploy(&mut lab, number, out).await;
        traffic.more(100).await;
    }
    let record = traffic.stop().await;
    record.assert_clean();
    for node in ["api0", "api1", "api2"] {
        for version in ["v1", "v2"] {
            assert!(record.answers.contains_key(&format!("{node} {version}")), "{:?}", record.answers);
        }
    }
}

/// Breaks when a request reaches a node that has been stopped, or is lost on the way out of one.
#[tokio::test]
async fn nothing_is_lost_when_nodes_leave_by_maintenance() {
    rolling("disable server api_nodes/NAME").await;
}

#[tokio::test]
async fn no_connection_is_lost_when_nodes_leave_by_maintenance() {
    rolling_strictly("disable server api_nodes/NAME").await;
}

#[tokio::test]
async fn nothing_is_lost_when_nodes_leave_by_drain() {
    rolling("set server api_nodes/NAME state drain").await;
}

#[tokio::test]
async fn no_connection_is_lost_when_nodes_leave_by_drain() {
    rolling_strictly("set server api_nodes/NAME state drain").await;
}

/// Breaks when the operator is told 0 while a request is on its way: claim, then look.
async fn probe(out: &str) {
    let lab = Lab::new().nodes(3).backend(HEALTH).start().await;
    let traffic = Traffic::start(lab.frontend(), 20, mixed);
    traffic.more(100).await;
    for round in 0..6 {
        let node = &lab.nodes[round % 3];
        lab.order(&out.replace("NAME", node.name())).await;
        lab.drained(node.name()).await;
        let (count, last) = (node.count(), node.last_request_at());
        traffic.more(150).await;
        assert_eq!((node.count(), node.last_request_at()), (count, last), "a request on a drained server");
        lab.order(&format!("set server api_nodes/{} state ready", node.name())).await;
        eventually("traffic again", async || node.count() > count).await;
    }
    traffic.stop().await.assert_clean();
}

#[tokio::test]
async fn a_server_in_maintenance_with_nothing_in_flight_never_sees_another_request() {
    probe("disable server api_nodes/NAME").await;
}

#[tokio::test]
async fn a_drained_server_never_sees_another_request() {
    probe("set server api_nodes/NAME state drain").await;
}

/// Breaks when an order waits for what is in flight, or cuts it.
#[tokio::test]
async fn orders_are_answered_at_once_and_what_is_in_flight_is_finished() {
    let lab = Lab::new().nodes(2).start().await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = lab.connect().await;
        client.send(crate::get("/slow?ms=400", "")).await;
        clients.push(client);
    }
    let arrived = async || lab.nodes.iter().map(api::Node::count).sum::<u64>() == 4;
    eventually("four at the nodes", arrived).await;
    lab.order("disable server api_nodes/api0").await;
    let row = lab.stat("api_nodes", "api0").await;
    assert_eq!((row.text("status"), row.number("scur")), ("MAINT", 2));
    for client in &mut clients {
        assert_eq!(client.answer().await.status(), 200);
    }
    lab.drained("api0").await;
}
