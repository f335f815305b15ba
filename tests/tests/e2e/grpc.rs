//! gRPC through `lb`, with tonic at both ends: the four kinds of call, refusals, cancellation, and a deployment.

mod service;

use futures_util::stream::{self, TryStreamExt as _};
use tests::{Lab, Running, eventually};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::Code;
use tonic::transport::Channel;

use service::{Node, Text, chat, connect, download, unary, upload, words};

async fn lab(nodes: &[(&'static str, &Node)]) -> Running {
    let lab = Lab::new().backend("protocol = \"h2c\"");
    nodes.iter().fold(lab, |lab, (name, node)| lab.server(name, node.address)).start().await
}

/// Makes a call of each kind and compares the responses; returns which server sent them.
async fn one_of_each(channel: &Channel) -> Result<Vec<String>, tonic::Status> {
    let mut answers = vec![unary(channel, "one").await?, upload(channel, &["o", "n", "e"]).await?];
    let large = "x".repeat(200_000);
    assert_eq!(unary(channel, &large).await?.text, large);
    let all = |texts: &[Text]| texts.iter().map(|text| text.text.as_str()).collect::<Vec<_>>().join(" ");
    let down: Vec<_> = download(channel, "one two three").await?.try_collect().await?;
    assert_eq!(all(&down), "one two three");
    let said = ["four", "five", "six"].map(words);
    let talk: Vec<_> = chat(channel, stream::iter(said)).await?.try_collect().await?;
    assert_eq!(all(&talk), "four five six");
    assert!(answers.iter().all(|answer| answer.text == "one"));
    answers.extend(down.into_iter().chain(talk));
    Ok(answers.into_iter().map(|answer| answer.node).collect())
}

#[tokio::test]
async fn the_four_kinds_of_call_and_a_refusal() {
    let node = Node::start("a").await;
    let lab = lab(&[("a", &node)]).await;
    let channel = connect(lab.frontend()).await;
    assert!(one_of_each(&channel).await.unwrap().iter().all(|name| name == "a"));
    let refused = unary(&channel, "refuse").await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::FailedPrecondition, "so it was asked"));
    lab.drained("a").await;
    let row = lab.stat("api_nodes", "a").await;
    assert_eq!((row.number("hrsp_2xx"), row.number("eresp")), (6, 0));
}

/// A client that no longer wants an answer ends it at the server as well.
#[tokio::test]
async fn a_cancelled_call_is_cancelled_at_the_server() {
    let node = Node::start("a").await;
    let lab = lab(&[("a", &node)]).await;
    let channel = connect(lab.frontend()).await;
    let mut answer = download(&channel, "endless").await.unwrap();
    assert_eq!(answer.message().await.unwrap().unwrap().text, "first");
    assert_eq!((node.endless(), lab.stat("api_nodes", "a").await.number("scur")), (1, 1));
    drop(answer);
    lab.drained("a").await;
    eventually("the server has heard of it", async || node.endless() == 0).await;
    // The connection has survived it.
    assert_eq!(unary(&channel, "again").await.unwrap().node, "a");
}

/// Nodes are taken out one after the other under calls of all kinds: none fails, a conversation that has begun goes on where it is, and
/// a drained node hears of no further call.
#[tokio::test]
async fn a_deployment_loses_no_call() {
    let (a, b) = (Node::start("a").await, Node::start("b").await);
    let nodes = [("a", &a), ("b", &b)];
    let lab = lab(&nodes).await;
    let address = lab.frontend();
    let (stop, _) = tokio::sync::watch::channel(false);
    let mut callers = JoinSet::new();
    for _ in 0..4 {
        let stopped = stop.subscribe();
        callers.spawn(async move {
            let channel = connect(address).await;
            let mut rounds = 0;
            while !*stopped.borrow() {
                one_of_each(&channel).await.unwrap();
                rounds += 1;
            }
            rounds
        });
    }
    let talker = connect(address).await;
    for (name, node) in nodes {
        let (say, said) = mpsc::channel(1);
        let hear = stream::unfold(said, async |mut said| said.recv().await.map(|text| (text, said)));
        let mut talk = chat(&talker, hear).await.unwrap();
        say.send(words("before")).await.unwrap();
        let before = talk.message().await.unwrap().unwrap();
        lab.order(&format!("disable server api_nodes/{name}")).await;
        say.send(words("after")).await.unwrap();
        let after = talk.message().await.unwrap().unwrap();
        assert_eq!((after.text.as_str(), &after.node), ("after", &before.node));
        drop(say);
        assert!(talk.message().await.unwrap().is_none());
        lab.drained(name).await;
        let calls = node.calls();
        // As many calls as the others take: none of them comes here.
        let other = nodes.iter().find(|(other, _)| *other != name).unwrap().1;
        let seen = other.calls();
        eventually("the other node serves", async || other.calls() > seen + 40).await;
        assert_eq!(node.calls(), calls, "{name} was called after it had drained");
        lab.order(&format!("enable server api_nodes/{name}")).await;
        eventually("it serves again", async || node.calls() > calls).await;
    }
    stop.send_replace(true);
    for rounds in callers.join_all().await {
        assert!(rounds > 0);
    }
}
