//! Which server gets a request, seen from the servers.

use std::collections::BTreeMap;

use tests::{Lab, Origin, Running, eventually};

use crate::get;

/// Three named servers behind `balance`, their tables' other keys as given.
async fn three(balance: &str, more: [&str; 3]) -> (Running, [Origin; 3]) {
    let origins = [Origin::named("a").await, Origin::named("b").await, Origin::named("c").await];
    let mut lab = Lab::new().backend(&format!("balance = \"{balance}\""));
    for ((name, origin), more) in ["a", "b", "c"].iter().zip(&origins).zip(more) {
        lab = lab.server_with(name, origin.address(), more);
    }
    (lab.start().await, origins)
}

/// How many of `count` requests each server gets, by its name.
async fn shares(lab: &Running, count: usize) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    let mut client = lab.connect().await;
    for _ in 0..count {
        *shares.entry(client.get("/").await.text().to_owned()).or_default() += 1;
    }
    shares
}

fn expected<const N: usize>(shares: [(&str, usize); N]) -> BTreeMap<String, usize> {
    shares.into_iter().map(|(name, share)| (name.to_owned(), share)).collect()
}

#[tokio::test]
async fn round_robin_gives_each_its_share_to_the_request() {
    let (lab, _origins) = three("roundrobin", ["weight = 3", "weight = 2", ""]).await;
    assert_eq!(shares(&lab, 60).await, expected([("a", 30), ("b", 20), ("c", 10)]));
}

/// Breaks when each worker or each connection starts its own rotation.
#[tokio::test]
async fn the_turn_is_the_backends_and_not_a_connections() {
    let (lab, origins) = three("roundrobin", [""; 3]).await;
    for _ in 0..9 {
        lab.get("/").await;
    }
    assert_eq!(origins.each_ref().map(Origin::count), [3, 3, 3]);
}

#[tokio::test]
async fn weight_0_gets_nothing() {
    let (lab, _origins) = three("roundrobin", ["weight = 0", "", ""]).await;
    assert_eq!(shares(&lab, 10).await, expected([("b", 5), ("c", 5)]));
}

/// Breaks when finished requests stay counted, or held ones are not.
#[tokio::test]
async fn leastconn_goes_where_the_fewest_are() {
    let (lab, origins) = three("leastconn", [""; 3]).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut client = lab.connect().await;
        client.send(get("/hold", "")).await;
        held.push(client);
        eventually("it arrived", async || origins.iter().map(Origin::count).sum::<usize>() == held.len())
            .await;
    }
    let busy: Vec<_> = origins.iter().filter(|origin| origin.count() == 1).collect();
    assert_eq!(busy.len(), 2, "the second goes to another one");
    let free = origins.iter().find(|origin| origin.count() == 0).unwrap();
    shares(&lab, 10).await;
    assert_eq!(free.count(), 10, "everything goes to the one with nothing to do");
    busy.iter().for_each(|origin| origin.release(1));
    for client in &mut held {
        client.answer().await;
    }
    let shares = shares(&lab, 30).await;
    assert_eq!(shares.len(), 3, "and to all when all are free: {shares:?}");
}

/// Two held requests on a server of weight 3 are less than one on a server of weight 1.
#[tokio::test]
async fn leastconn_counts_in_proportion_to_weight() {
    let (lab, origins) = three("leastconn", ["weight = 6", "weight = 3", "weight = 0"]).await;
    let mut held = Vec::new();
    for count in 1..=9 {
        let mut client = lab.connect().await;
        client.send(get("/hold", "")).await;
        held.push(client);
        eventually("it arrived", async || origins.iter().map(Origin::count).sum::<usize>() == count).await;
    }
    assert_eq!(origins.each_ref().map(Origin::count), [6, 3, 0]);
}

#[tokio::test]
async fn first_fills_one_server_after_the_other() {
    let (lab, origins) = three("first", ["maxconn = 2", "maxconn = 1", ""]).await;
    assert_eq!(shares(&lab, 5).await, expected([("a", 5)]));
    let mut held = Vec::new();
    for count in 6..=10 {
        let mut client = lab.connect().await;
        client.send(get("/hold", "")).await;
        held.push(client);
        eventually("it arrived", async || origins.iter().map(Origin::count).sum::<usize>() == count).await;
    }
    assert_eq!(origins.each_ref().map(Origin::count), [7, 1, 2]);
}

/// One in 3^60 runs fails by chance.
#[tokio::test]
async fn random_uses_all() {
    let (lab, _origins) = three("random", [""; 3]).await;
    assert_eq!(shares(&lab, 150).await.len(), 3);
}

#[tokio::test]
async fn hashes_stay_with_their_server_until_it_leaves() {
    for (balance, request) in [
        ("source", get("/", "")),
        ("uri", get("/some/path?query=1", "")),
        ("header:X-User", get("/", "X-User: carol\r\n")),
    ] {
        let (lab, origins) = three(balance, [""; 3]).await;
        let chosen = lab.send(&request).await.text().to_owned();
        for _ in 0..10 {
            assert_eq!(lab.send(&request).await.text(), chosen, "{balance}");
        }
        lab.order(&format!("disable server api_nodes/{chosen}")).await;
        let other = lab.send(&request).await.text().to_owned();
        assert_ne!(other, chosen, "{balance}");
        lab.order(&format!("enable server api_nodes/{chosen}")).await;
        assert_eq!(lab.send(&request).await.text(), chosen, "{balance}: back where it was");
        assert_eq!(origins.iter().map(Origin::count).sum::<usize>(), 13);
    }
}

/// Breaks when all requests without the header that is hashed go to one server. One that is empty is as good as none.
#[tokio::test]
async fn requests_without_the_hashed_header_take_turns() {
    let (lab, origins) = three("header:X-User", ["weight = 2", "", ""]).await;
    let mut client = lab.connect().await;
    for round in 0..20 {
        let empty = if round % 2 == 0 { "X-User:  \r\n" } else { "" };
        client.send(get("/", empty)).await;
        assert_eq!(client.answer().await.status(), 200);
    }
    assert_eq!(origins.each_ref().map(Origin::count), [10, 5, 5]);
}

/// Breaks when the hash takes all of the target or nothing of it.
#[tokio::test]
async fn uri_goes_by_the_path_and_spreads() {
    let (lab, _origins) = three("uri", [""; 3]).await;
    let mut client = lab.connect().await;
    let mut seen = std::collections::HashSet::new();
    for path in 0..50 {
        let one = client.get(&format!("/{path}?a=1")).await.text().to_owned();
        assert_eq!(client.get(&format!("/{path}?b=2")).await.text(), one);
        seen.insert(one);
    }
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn a_backup_serves_only_when_nobody_else_can() {
    let (lab, origins) = three("roundrobin", ["", "", "backup = true"]).await;
    shares(&lab, 10).await;
    assert_eq!(origins[2].count(), 0);
    lab.order("disable server api_nodes/a; disable server api_nodes/b").await;
    assert_eq!(shares(&lab, 5).await, expected([("c", 5)]));
    lab.order("enable server api_nodes/a").await;
    assert_eq!(shares(&lab, 5).await, expected([("a", 5)]));
}
