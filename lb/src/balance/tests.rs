//! Every algorithm against a handful of servers: proportions, limits, orders, and who comes last.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::config::{self, HealthStart};
use crate::server::{AdminState, Queue};

fn server(name: &str, weight: u32, maxconn: u32, backup: bool) -> Arc<Server> {
    starting(name, weight, maxconn, backup, Duration::ZERO)
}

fn starting(name: &str, weight: u32, maxconn: u32, backup: bool, slow_start: Duration) -> Arc<Server> {
    let plain = config::ServerConfig::new(name, "127.0.0.1", 1);
    let spec = config::ServerConfig { weight, maxconn, backup, slow_start, ..plain };
    Server::new(&"be".into(), 1, &spec, HealthStart::Up, &Arc::new(Queue::default()), 1)
}

fn three() -> Vec<Arc<Server>> {
    [("a", 1), ("b", 2), ("c", 1)].map(|(name, weight)| server(name, weight, 0, false)).into()
}

fn claim(pick: Pick) -> Claim {
    let Pick::Claimed(claim) = pick else { panic!("{pick:?}") };
    claim
}

/// Who gets how many of `picks`, each given back at once or all held.
fn shares(rotation: &Rotation, picks: u64, hold: bool) -> BTreeMap<String, u32> {
    let cursor = AtomicUsize::new(0);
    let mut held = Vec::new();
    let mut shares = BTreeMap::new();
    for key in 0..picks {
        let claim = claim(rotation.pick(&cursor, hash(&key.to_le_bytes()), &Tried::default()));
        *shares.entry(claim.server().name.to_string()).or_default() += 1;
        if hold {
            held.push(claim);
        }
    }
    shares
}

fn expect<const N: usize>(pairs: [(&str, u32); N]) -> BTreeMap<String, u32> {
    pairs.map(|(name, count)| (name.to_owned(), count)).into()
}

#[test]
fn weights_are_kept() {
    let servers = three();
    let by_turn = Rotation::new(&Balance::RoundRobin, &servers);
    assert_eq!(shares(&by_turn, 400, false), expect([("a", 100), ("b", 200), ("c", 100)]));
    let by_load = Rotation::new(&Balance::LeastConn, &servers);
    assert_eq!(shares(&by_load, 400, true), expect([("a", 100), ("b", 200), ("c", 100)]));
    for balance in [Balance::Random, Balance::Source, Balance::Uri, Balance::Header("x".into())] {
        let shares = shares(&Rotation::new(&balance, &servers), 4000, false);
        assert!(shares["b"] > shares["a"] && shares["b"] > shares["c"], "{balance:?}: {shares:?}");
    }
    assert_eq!(shares(&Rotation::new(&Balance::First, &servers), 9, true), expect([("a", 9)]));
}

/// Breaks when all requests without a key go to one server.
#[test]
fn a_hash_without_a_key_takes_turns() {
    let (rotation, cursor) = (Rotation::new(&Balance::Header("x".into()), &three()), AtomicUsize::new(0));
    let mut counts = BTreeMap::new();
    for _ in 0..400 {
        let claim = claim(rotation.pick(&cursor, NO_KEY, &Tried::default()));
        *counts.entry(claim.server().name.to_string()).or_default() += 1;
    }
    assert_eq!(counts, expect([("a", 100), ("b", 200), ("c", 100)]));
}

#[test]
fn a_full_server_is_passed_over_and_all_full_is_worth_waiting() {
    let servers = vec![server("a", 1, 1, false), server("b", 1, 1, false)];
    for balance in [Balance::RoundRobin, Balance::LeastConn, Balance::Random, Balance::First, Balance::Source]
    {
        let rotation = Rotation::new(&balance, &servers);
        let cursor = AtomicUsize::new(0);
        let one = claim(rotation.pick(&cursor, 7, &Tried::default()));
        let two = claim(rotation.pick(&cursor, 7, &Tried::default()));
        assert_ne!(one.server().id, two.server().id, "{balance:?}");
        assert!(matches!(rotation.pick(&cursor, 7, &Tried::default()), Pick::Full), "{balance:?}");
    }
}

#[test]
fn who_left_after_the_rotation_was_made_is_not_claimed() {
    let servers = three();
    let rotation = Rotation::new(&Balance::RoundRobin, &servers);
    servers[0].set_admin(AdminState::Maint);
    servers[1].set_admin(AdminState::Drain);
    let cursor = AtomicUsize::new(0);
    for _ in 0..8 {
        assert_eq!(&*claim(rotation.pick(&cursor, 0, &Tried::default())).server().name, "c");
    }
    servers[2].set_admin(AdminState::Maint);
    assert!(matches!(rotation.pick(&cursor, 0, &Tried::default()), Pick::Nobody));
}

#[test]
fn who_was_tried_comes_last() {
    let servers = vec![server("a", 1, 0, false), server("b", 1, 0, false)];
    for balance in [Balance::RoundRobin, Balance::LeastConn, Balance::First, Balance::Source] {
        let rotation = Rotation::new(&balance, &servers);
        let cursor = AtomicUsize::new(0);
        let mut tried = Tried::default();
        tried.add(servers[0].id);
        for key in 0..8 {
            assert_eq!(&*claim(rotation.pick(&cursor, key, &tried)).server().name, "b", "{balance:?}");
        }
        tried.add(servers[1].id);
        claim(rotation.pick(&cursor, 0, &tried));
    }
}

#[test]
fn backups_serve_only_when_nobody_else_can_and_one_at_a_time() {
    let servers = vec![server("a", 1, 0, false), server("x", 1, 0, true), server("y", 1, 0, true)];
    let names = |servers: &[Arc<Server>]| {
        let rotation = Rotation::new(&Balance::RoundRobin, servers);
        rotation.servers().map(|server| server.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&servers), ["a"]);
    servers[0].set_weight(0);
    assert_eq!(names(&servers), ["x"]);
    servers[1].set_admin(AdminState::Drain);
    assert_eq!(names(&servers), ["y"]);
}

/// Breaks when a server that has come back gets its whole share at once, or when a weight of 1 leaves nothing to divide.
#[tokio::test(start_paused = true)]
async fn a_server_that_comes_back_warms_up() {
    let slow_start = Duration::from_secs(20);
    let servers = [("a", 1), ("b", 2), ("c", 1)];
    let servers = servers.map(|(name, weight)| starting(name, weight, 0, false, slow_start));
    let share = |balance: &Balance| {
        let rotation = Rotation::new(balance, &servers);
        let counts = shares(&rotation, 4000, false);
        (counts.get("a").copied().unwrap_or_default(), rotation.weight())
    };
    assert_eq!(share(&Balance::RoundRobin), (1000, 4), "nobody warms up at the start");
    servers[0].set_admin(AdminState::Maint);
    servers[0].set_admin(AdminState::Ready);
    for (seconds, percent) in [(5, 25), (5, 50), (9, 95)] {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        assert_eq!(servers[0].slow_start_percent(), Some(percent));
        let (served, weight) = share(&Balance::RoundRobin);
        let expected = 4000 * percent / (300 + percent);
        assert!(served.abs_diff(expected) < 60, "{served}, not {expected}, at {percent}%");
        assert_eq!(weight, 4, "a part of a weight is told as a whole one");
    }
    let (by_hash, _) = share(&Balance::Source);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(servers[0].slow_start_percent(), None);
    assert_eq!(share(&Balance::RoundRobin).0, 1000);
    assert_eq!(share(&Balance::Source).0, by_hash, "a hash does not wander");
}
