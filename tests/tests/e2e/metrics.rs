//! That every metric moves: each family of HAProxy's has, at some time of an eventful life, a value other than zero, or it is on the list
//! of those that cannot have one in lb, with the reason. So no dashboard has a panel that stays empty without a known reason.
//!
//! That all families are there, in HAProxy's order and with the labels that dashboards sum by, is tested beside the exporter; the
//! resolvers' have a test of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tests::{Deaf, Lab, Origin, Running, Wire, eventually};

use crate::{answer, get, ok};

/// The families that stay at zero, and why, a line each; those with a `?` move where luck has it.
const STILL: &str = include_str!("metrics/still.txt");

/// What has been seen of each family: whether one of its series was ever something.
#[derive(Default)]
struct Seen(BTreeMap<String, bool>);

impl Seen {
    async fn look(&mut self, lab: &Running) {
        let page = lab.page("/metrics?scope=*").await;
        for line in page.text().lines() {
            if let Some(family) = line.strip_prefix("# TYPE haproxy_").and_then(|rest| rest.split(' ').next())
            {
                self.0.entry(family.to_owned()).or_insert(false);
            } else if let Some((series, value)) =
                line.strip_prefix("haproxy_").and_then(|rest| rest.rsplit_once(' '))
            {
                let family = series.split('{').next().unwrap_or_default();
                let is_something = value.parse::<f64>().is_ok_and(|value| value != 0.0 && !value.is_nan());
                *self.0.get_mut(family).expect("a family of that name") |= is_something;
            }
        }
    }

    /// Those that have always been nothing.
    fn still(&self) -> BTreeSet<&str> {
        let nothing = self.0.iter().filter(|(name, moved)| !**moved && !name.starts_with("resolver_"));
        nothing.map(|(name, _)| name.as_str()).collect()
    }
}

/// Servers of every kind, and what may happen to a request on each.
struct Life {
    lab: Running,
    good: Origin,
    _others: ([Origin; 2], Deaf),
}

impl Life {
    async fn begin() -> Self {
        let good = Origin::named("good").await;
        let sick = Origin::http(|request| match request.target() {
            "/health" => answer("500 Oops", ""),
            _ => ok("sick"),
        })
        .await;
        let faulty = Origin::script(|mut conn| async move {
            while let Some(request) = conn.request().await {
                let said = match request.target() {
                    "/cut" => "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf",
                    _ => "this is not HTTP\r\n\r\n",
                };
                if conn.try_send(said).await.is_err() || request.target() == "/cut" {
                    return;
                }
            }
        })
        .await;
        let deaf = Origin::deaf().await;
        let check = "health = { path = \"/health\", interval = \"20ms\" }";
        let lab = Lab::new()
            .section("process", "threads = 2\ndescription = \"a lab\"")
            .section("log", "target = \"unix://nobody\"")
            .frontend("socket_stats = true")
            .backend("retries = 3\ncookie = { name = \"SRV\" }\nstick = { on = \"header:X-User\", table = \"api_nodes\" }")
            .section("backend.api_nodes.table", "type = \"string\"")
            .section("frontend.fe_narrow", "bind = \"127.0.0.1:0\"\nbackend = \"narrow\"")
            .section("backend.narrow.servers", &format!("one = {{ address = \"{}\", maxconn = 1 }}", good.address()))
            .section("backend.closed.servers", "one = \"127.0.0.1:1\"")
            .server_with("good", good.address(), "cookie = \"good\", maxconn = 1, max_queue = 9")
            .server_with("gone", Origin::nobody().await, "")
            .server_with("sick", sick.address(), check)
            .server_with("faulty", faulty.address(), "cookie = \"faulty\"")
            .server_with("deaf", deaf.address, "weight = 0, health = { interval = \"20ms\", timeout = \"20ms\" }")
            .server_with("warming", good.address(), "slow_start = \"20s\"")
            .server_with("spare", good.address(), "backup = true")
            .server_with("nowhere", "nowhere.invalid:80", "")
            .start()
            .await;
        lab.order("set rate-limit connections global 10000; set rate-limit sessions global 10000").await;
        lab.order("disable server api_nodes/warming; enable server api_nodes/warming").await;
        lab.order("disable server closed/one").await;
        Self { lab, good, _others: ([sick, faulty], deaf) }
    }

    /// A request that is bound to a server.
    async fn bound(&self, target: &str, server: &str) -> Wire {
        let mut client = self.lab.connect().await;
        client.send(get(target, &format!("Cookie: SRV={server}\r\n"))).await;
        client
    }

    /// Exchanges in flight or waiting.
    async fn sessions(&self) -> u64 {
        let rows = self.lab.stat_rows().await;
        ["api_nodes", "narrow"].map(|backend| rows.row(backend, "BACKEND").number("scur")).iter().sum()
    }

    /// A request on each server that takes one at a time, and one that waits for that server, or in front of the backend.
    async fn waiting(&self) -> [Wire; 4] {
        let (lab, before) = (&self.lab, self.good.count());
        let narrow = async || {
            let mut client = Wire::connect(lab.frontend_named("fe_narrow")).await.unwrap();
            client.send(get("/hold", "")).await;
            client
        };
        let first = [self.bound("/hold", "good").await, narrow().await];
        eventually("two in flight", async || self.good.count() == before + 2).await;
        let [one, other] = [self.bound("/hold", "good").await, narrow().await];
        let queued = async |backend, row| lab.stat(backend, row).await.number("qcur") == 1;
        eventually("two waiting", async || {
            queued("api_nodes", "good").await && queued("narrow", "BACKEND").await
        })
        .await;
        let [first, second] = first;
        [first, second, one, other]
    }

    /// A round of everything that happens; what shows only meanwhile is looked at meanwhile.
    async fn round(&self, seen: &mut Seen) {
        let Self { lab, good, .. } = self;
        for gives_up in [false, true] {
            let mut clients = self.waiting().await;
            let began = Instant::now();
            seen.look(lab).await;
            eventually("some milliseconds", async || began.elapsed() > Duration::from_millis(5)).await;
            if gives_up {
                // Waiting requests first: one whose turn comes would be sent on.
                let [first, second, one, other] = clients;
                [one, other].into_iter().for_each(Wire::reset);
                eventually("nobody waiting", async || self.sessions().await == 2).await;
                [first, second].into_iter().for_each(Wire::reset);
                eventually("nobody there", async || self.sessions().await == 0).await;
                // Their server still holds both.
                good.release(2);
            } else {
                good.release(4);
                for client in &mut clients {
                    assert_eq!(client.answer().await.status(), 200);
                }
            }
        }
        // At some point it picks a server that does not listen, and goes on to another.
        for user in 0..8 {
            let answer = lab.send(&get("/", &format!("X-User: {user}\r\n"))).await;
            assert!([200, 502, 503, 504].contains(&answer.status()), "{}", answer.status());
        }
        assert!(self.bound("/garbage", "faulty").await.answer().await.status() >= 500);
        assert!(self.bound("/cut", "faulty").await.try_answer().await.is_err());
        assert_eq!(lab.send("GARBAGE\r\n\r\n").await.status(), 400);
        seen.look(lab).await;
    }
}

/// Breaks when a number is collected and not told, told as zero, or taken off the list of those that stay so without moving.
#[tokio::test]
async fn every_metric_moves_or_says_why_it_does_not() {
    let life = Life::begin().await;
    let (mut still, mut uncertain) = (BTreeSet::new(), BTreeSet::new());
    for line in STILL.lines() {
        let (name, reason) = line.split_once(' ').expect("a name and a reason");
        assert!(reason.len() > 5, "{line}");
        match name.strip_suffix('?') {
            Some(name) => uncertain.insert(name),
            None => still.insert(name),
        };
    }
    let mut seen = Seen::default();
    let began = Instant::now();
    // Rates and whole seconds take a moment.
    loop {
        life.round(&mut seen).await;
        let left: Vec<_> = seen
            .still()
            .into_iter()
            .filter(|name| !still.contains(name) && !uncertain.contains(name))
            .collect();
        if left.is_empty() {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "they never moved: {left:?}");
    }
    let moved: Vec<_> = still.difference(&seen.still()).copied().collect();
    assert!(moved.is_empty(), "on the list, and moved: {moved:?}");
    assert!(seen.0.len() > 230, "{} families", seen.0.len());
}
