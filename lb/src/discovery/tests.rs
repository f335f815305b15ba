//! Look-ups with made-up answers: when they come, and what they change.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use super::*;
use crate::control::fixture::Fixture;

const SECOND: Duration = Duration::from_secs(1);

/// Answers as told; a name without an entry does not exist, one with an empty entry gets no answer for a minute.
#[derive(Default)]
struct ScriptedAnswers {
    names: Mutex<HashMap<String, Vec<IpAddr>>>,
    asked: Mutex<Vec<(Instant, String)>>,
}

impl Names for ScriptedAnswers {
    async fn addresses(&self, host: String, _held: Families) -> io::Result<LookupResult> {
        let found = |addresses| LookupResult { addresses, unknown: Families::default() };
        self.asked.lock().unwrap().push((Instant::now(), host.clone()));
        let answer = self.names.lock().unwrap().get(&host).cloned();
        match answer {
            Some(answer) if answer.is_empty() => {
                tokio::time::sleep(SECOND * 60).await;
                let answer = self.names.lock().unwrap().get(&host).cloned();
                answer.map(found).ok_or(io::ErrorKind::NotFound.into())
            }
            Some(answer) => Ok(found(answer)),
            None => Err(io::Error::other("Name or service not known")),
        }
    }
}

impl ScriptedAnswers {
    fn tell(&self, host: &str, addresses: &str) {
        let addresses = addresses.split_whitespace().map(|ip| ip.parse().unwrap()).collect();
        self.names.lock().unwrap().insert(host.to_owned(), addresses);
    }

    fn forget(&self, host: &str) {
        self.names.lock().unwrap().remove(host);
    }

    fn times(&self, host: &str) -> Vec<Instant> {
        self.asked.lock().unwrap().iter().filter(|(_, asked)| asked == host).map(|(at, _)| *at).collect()
    }
}

/// A backend whose names are looked up every two seconds.
fn backend(servers: &str) -> String {
    format!("resolve = \"2s\"\n[backend.be.servers]\n{servers}")
}

fn start(servers: &str, told: &Arc<ScriptedAnswers>) -> (Fixture, tokio_util::sync::DropGuard) {
    let (fixture, stop) = (Fixture::new(&backend(servers)), CancellationToken::new());
    tokio::spawn(run_with(Arc::clone(&fixture.control), Arc::clone(told), stop.clone()));
    (fixture, stop.drop_guard())
}

fn told(names: &[(&str, &str)]) -> Arc<ScriptedAnswers> {
    let told = Arc::<ScriptedAnswers>::default();
    names.iter().for_each(|(host, addresses)| told.tell(host, addresses));
    told
}

fn address(fixture: &Fixture, server: &str) -> Option<String> {
    fixture.server(server).place.address().map(|address| address.to_string())
}

fn failed(fixture: &Fixture) -> u64 {
    fixture.control.shared().process.failed_lookups.get()
}

#[tokio::test(start_paused = true)]
async fn addresses_come_at_once_and_follow_a_swap() {
    let told = told(&[("api0", "10.0.0.1"), ("api_1", "10.0.0.2")]);
    let (fixture, _stop) = start("s0 = \"api0:4000\"\ns1 = \"api_1:4001\"\ns2 = \"127.0.0.1:4002\"", &told);
    assert_eq!(fixture.server("s0").status().to_string(), "MAINT (resolution)");
    let begun = Instant::now();
    fixture.until(|| fixture.server("s0").is_usable() && fixture.server("s1").is_usable()).await;
    assert!(begun.elapsed() < SECOND / 100);

    told.tell("api0", "10.0.0.2");
    told.tell("api_1", "10.0.0.1");
    tokio::time::sleep(SECOND * 22 / 10).await;
    assert_eq!(address(&fixture, "s0").as_deref(), Some("10.0.0.2:4000"));
    assert_eq!(address(&fixture, "s1").as_deref(), Some("10.0.0.1:4001"));
    assert_eq!(address(&fixture, "s2").as_deref(), Some("127.0.0.1:4002"));
    tokio::time::sleep(SECOND * 20).await;
    let times = told.times("api0");
    assert!((10..=12).contains(&times.len()), "{} look-ups in 22 s", times.len());
    for pair in times.windows(2) {
        let gap = (pair[1] - pair[0]).as_millis();
        assert!((1900..=2101).contains(&gap), "{gap} ms between two look-ups");
    }
    assert!(told.times("127.0.0.1").is_empty());
    let log = fixture.logged();
    assert!(log.contains("server be/s0 moved from 10.0.0.1:4000 to 10.0.0.2:4000"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_look_up_keeps_the_last_good_address_and_is_told_once() {
    let told = told(&[("api", "10.0.0.1 10.0.0.2")]);
    let (fixture, _stop) = start("s0 = \"api:4000\"\ns1 = \"api:4000\"", &told);
    fixture.until(|| fixture.server("s1").is_usable()).await;
    told.forget("api");
    tokio::time::sleep(SECOND * 9).await;
    let places = ["s0", "s1"].map(|server| address(&fixture, server).unwrap());
    assert_eq!(places, ["10.0.0.1:4000", "10.0.0.2:4000"]);
    assert_eq!(failed(&fixture), told.times("api").len() as u64 - 1, "one a look-up, not one a server");
    told.tell("api", "10.0.0.2");
    tokio::time::sleep(SECOND * 3).await;
    assert_eq!(["s0", "s1"].map(|server| address(&fixture, server).unwrap()), ["10.0.0.2:4000"; 2]);
    let log = fixture.logged();
    let failing = "looking up the name api failed: Name or service not known; the last good address stays";
    assert_eq!(log.matches(failing).count(), 1, "{log}");
    assert_eq!(log.matches("the name api has an address again").count(), 1, "{log}");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_does_not_exist_yet_is_found_when_it_does() {
    let told = told(&[]);
    let (fixture, _stop) = start("s0 = \"api:4000\"", &told);
    tokio::time::sleep(SECOND * 5).await;
    assert!(!fixture.server("s0").is_usable() && failed(&fixture) >= 2);
    told.tell("api", "10.0.0.1");
    tokio::time::sleep(SECOND * 3).await;
    assert!(fixture.server("s0").is_usable());
    let log = fixture.logged();
    assert_eq!(log.matches("its servers take no traffic until it has one").count(), 1, "{log}");
}

#[tokio::test(start_paused = true)]
async fn doubts_bring_a_look_up_at_once_but_never_a_flood() {
    let told = told(&[("api", "10.0.0.1")]);
    let (fixture, _stop) = start("s0 = \"api:4000\"\ns1 = \"api:4001\"", &told);
    fixture.until(|| fixture.server("s1").is_usable()).await;
    tokio::time::sleep(SECOND / 2).await;
    told.tell("api", "10.0.0.2");
    fixture.server("s1").place.request_lookup();
    let doubted = Instant::now();
    fixture.until(|| address(&fixture, "s1").as_deref() == Some("10.0.0.2:4001")).await;
    assert!(doubted.elapsed() < SECOND / 100);

    let before = told.times("api").len();
    for _ in 0..1000 {
        ["s0", "s1"].iter().for_each(|server| fixture.server(server).place.request_lookup());
        tokio::time::sleep(SECOND / 1000).await;
    }
    let times = told.times("api");
    assert!((4..=5).contains(&(times.len() - before)), "{} look-ups in a second", times.len() - before);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= AT_MOST_EVERY));
}

#[tokio::test(start_paused = true)]
async fn a_slow_look_up_is_not_repeated_and_blocks_nobody() {
    let told = told(&[("slow", ""), ("quick", "10.0.0.1")]);
    let (fixture, _stop) = start("s0 = \"slow:4000\"\ns1 = \"quick:4000\"", &told);
    let begun = Instant::now();
    fixture.until(|| fixture.server("s1").is_usable()).await;
    assert!(begun.elapsed() < SECOND / 100);
    tokio::time::sleep(SECOND * 30).await;
    assert_eq!(told.times("slow").len(), 1, "left alone until it ends");
    assert!(failed(&fixture) >= 4, "and a failure each time it is waited for");
    assert!(told.times("quick").len() > 10);
    told.tell("slow", "10.0.0.9");
    tokio::time::sleep(SECOND * 31).await;
    assert_eq!(address(&fixture, "s0").as_deref(), Some("10.0.0.9:4000"), "a late answer is an answer");
}

#[tokio::test(start_paused = true)]
async fn look_ups_follow_the_configuration() {
    let told = told(&[("api0", "10.0.0.1"), ("api1", "10.0.0.2")]);
    let (fixture, _stop) = start("s0 = \"api0:4000\"", &told);
    fixture.until(|| fixture.server("s0").is_usable()).await;
    fixture.apply(&backend("s0 = \"api1:4000\"\ns1 = \"api1:4000\""));
    let applied = Instant::now();
    fixture.until(|| fixture.server("s0").place.is_settled() && fixture.server("s1").is_usable()).await;
    assert!(applied.elapsed() < SECOND / 100);
    assert_eq!(address(&fixture, "s0").as_deref(), Some("10.0.0.2:4000"));
    let before = told.times("api0").len();
    fixture.apply(&backend("s0 = \"127.0.0.1:4000\""));
    let other = told.times("api1").len();
    tokio::time::sleep(SECOND * 10).await;
    assert_eq!((told.times("api0").len(), told.times("api1").len()), (before, other));
    assert_eq!(address(&fixture, "s0").as_deref(), Some("127.0.0.1:4000"));
}

/// Breaks when a new name costs a server its address before the name has one.
#[tokio::test(start_paused = true)]
async fn a_changed_name_leaves_the_former_address_in_force() {
    let told = told(&[("api0", "10.0.0.1")]);
    let (fixture, _stop) = start("s0 = \"api0:4000\"", &told);
    fixture.until(|| fixture.server("s0").is_usable()).await;
    let server = fixture.server("s0");
    let epoch = server.place.connection_generation();
    fixture.control.set_place(&server, "api1", 4000, &crate::control::Origin::Start);
    tokio::time::sleep(SECOND * 20).await;
    assert_eq!(
        (address(&fixture, "s0").as_deref(), server.place.connection_generation()),
        (Some("10.0.0.1:4000"), epoch)
    );
    assert!(server.is_usable() && told.times("api1").len() > 5);
    let drift = crate::report::drift(&fixture.control);
    assert!(drift.contains("server be/s0 former-address 10.0.0.1:4000 api1:4000\n"), "{drift}");

    // A reload with another name, and another port.
    fixture.apply(&backend("s0 = \"api2:4001\""));
    tokio::time::sleep(SECOND * 5).await;
    assert_eq!(address(&fixture, "s0").as_deref(), Some("10.0.0.1:4000"));
    told.tell("api2", "10.0.0.2");
    fixture.until(|| server.place.is_settled()).await;
    assert_eq!(address(&fixture, "s0").as_deref(), Some("10.0.0.2:4001"));
    assert_ne!(server.place.connection_generation(), epoch, "connections to the former address are closed");
    assert!(!crate::report::drift(&fixture.control).contains("former-address"));

    // The answer for a name that the server had comes too late.
    assert!(!fixture.control.resolved(&server, "api1", "10.0.0.9:4000".parse().unwrap()));
    let log = fixture.logged();
    let moved = "moved from api0:4000 to api1:4000 by start; 10.0.0.1:4000 serves until api1 has an address";
    assert!(log.contains(moved), "{log}");
    for name in ["api1", "api2"] {
        let failing = format!(
            "looking up the name {name} failed: Name or service not known; the address of the former name serves until it has one"
        );
        assert_eq!(log.matches(&failing).count(), 1, "{log}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_round_at_the_start_waits_for_quick_answers_only() {
    let told = told(&[("slow", ""), ("quick", "10.0.0.1")]);
    let fixture = Fixture::new(&backend("s0 = \"slow:1\"\ns1 = \"quick:1\"\ns2 = \"nobody:1\""));
    let begun = Instant::now();
    resolve_all_once_with(&fixture.control, &told, SECOND * 2).await;
    assert!((SECOND * 2..SECOND * 21 / 10).contains(&begun.elapsed()));
    let usable = ["s0", "s1", "s2"].map(|server| fixture.server(server).is_usable());
    assert_eq!(
        (usable, failed(&fixture)),
        ([false, true, false], 0),
        "failures are left to the rounds that follow"
    );
    told.forget("slow");
    let begun = Instant::now();
    resolve_all_once_with(&fixture.control, &told, SECOND * 2).await;
    assert!(begun.elapsed() < SECOND / 100, "nothing to wait for");
}

#[tokio::test]
async fn the_system_knows_localhost_and_refuses_what_cannot_be() {
    let names = System::new();
    let look_up = |host: &str| names.addresses(host.to_owned(), Families::default());
    let addresses = look_up("localhost").await.unwrap().addresses;
    assert!(addresses.iter().all(IpAddr::is_loopback) && !addresses.is_empty());
    assert!(look_up("no..such..name").await.is_err());
}

#[tokio::test]
async fn a_server_called_localhost_gets_its_address_over_the_system() {
    let fixture = Fixture::new(&backend("s0 = \"localhost:4000\""));
    resolve_all_once(&fixture.control, SECOND * 10).await;
    assert!(fixture.server("s0").is_usable());

    fixture.apply(&backend("s0 = \"localhost:4000\"\ns1 = \"localhost:4001\""));
    let stop = CancellationToken::new();
    let running = tokio::spawn(run(Arc::clone(&fixture.control), stop.clone()));
    fixture.until(|| fixture.server("s1").is_usable()).await;
    stop.cancel();
    running.await.unwrap();
}
