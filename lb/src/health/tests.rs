//! When checks come, and what becomes of their results: paused clock, results made up. Checks over real sockets are in `network`.

mod network;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use super::*;
use crate::control::Origin;
use crate::control::fixture::Fixture;

const SECOND: Duration = Duration::from_secs(1);

/// Answers as told, and remembers when it was asked what.
#[derive(Default)]
struct ScriptedProbe {
    sick: AtomicBool,
    /// There is no descriptor for a check.
    short: AtomicBool,
    /// How long each check takes, milliseconds.
    takes: AtomicUsize,
    asked: Mutex<Vec<(Instant, ProbeTarget)>>,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

impl Probe for ScriptedProbe {
    async fn probe(&self, target: ProbeTarget) -> CheckResult {
        struct Leave<'a>(&'a AtomicUsize);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, SeqCst);
            }
        }
        self.asked.lock().unwrap().push((Instant::now(), target));
        self.most.fetch_max(self.under_way.fetch_add(1, SeqCst) + 1, SeqCst);
        let _leave = Leave(&self.under_way);
        tokio::time::sleep(Duration::from_millis(self.takes.load(SeqCst) as u64)).await;
        let status = match (self.short.load(SeqCst), self.sick.load(SeqCst)) {
            (true, _) => CheckStatus::SockErr,
            (_, true) => CheckStatus::L7Sts,
            _ => CheckStatus::L7Ok,
        };
        CheckResult { status, code: None, took: Duration::ZERO, detail: String::new(), version: None }
    }
}

impl ScriptedProbe {
    fn times(&self) -> Vec<Instant> {
        self.asked.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }
}

/// A backend of `servers`, checked every two seconds.
fn backend(servers: &str) -> String {
    let check = "{ path = \"/health\", interval = \"2s\", timeout = \"1s\", rise = 2, fall = 3 }";
    format!("health = {check}\n[backend.be.servers]\n{servers}")
}

fn start(backend: &str) -> (Fixture, Arc<ScriptedProbe>, tokio_util::sync::DropGuard) {
    let (fixture, told, stop) =
        (Fixture::new(backend), Arc::<ScriptedProbe>::default(), CancellationToken::new());
    tokio::spawn(run_with(Arc::clone(&fixture.control), Arc::clone(&told), stop.clone()));
    (fixture, told, stop.drop_guard())
}

/// Breaks when a check that could not be made for want of a descriptor counts for or against a server.
#[tokio::test(start_paused = true)]
async fn what_fails_here_is_no_finding() {
    let (fixture, told, _stop) = start(&backend("s1 = \"127.0.0.1:1000\""));
    let server = Arc::clone(&fixture.control.topology().backends[0].servers[0]);
    let seen = || (server.health.snapshot().is_up(), server.health.snapshot().level);
    tokio::time::sleep(SECOND * 10).await;
    let before = seen();
    told.short.store(true, SeqCst);
    tokio::time::sleep(SECOND * 30).await;
    assert_eq!(seen(), before);
    assert!(fixture.control.shared().process.shortages.checks.get() >= 10);
    told.short.store(false, SeqCst);
    told.sick.store(true, SeqCst);
    tokio::time::sleep(SECOND * 10).await;
    assert!(!seen().0, "checks go on");
}

#[tokio::test(start_paused = true)]
async fn checks_keep_their_interval_and_never_come_as_a_herd() {
    let servers: String = (0..1000).map(|n| format!("s{n} = \"127.0.0.1:{}\"\n", 1000 + n)).collect();
    let (_fixture, told, _stop) = start(&backend(&servers));
    let begun = Instant::now();
    tokio::time::sleep(SECOND * 2).await;
    let first = told.times();
    for tenth in 0..10u32 {
        let from = begun + SECOND / 5 * tenth;
        let here = first.iter().filter(|at| (from..from + SECOND / 5).contains(at)).count();
        assert!((30..200).contains(&here), "{here} first checks in tenth {tenth}");
    }
    tokio::time::sleep(SECOND * 18).await;
    let asked = told.asked.lock().unwrap();
    for port in [1000, 1500, 1999] {
        let times: Vec<_> =
            asked.iter().filter(|(_, target)| target.address.port() == port).map(|(at, _)| *at).collect();
        assert!((9..=11).contains(&times.len()), "{} checks in 20 s", times.len());
        for pair in times.windows(2) {
            let gap = pair[1] - pair[0];
            // The clock of timers has milliseconds.
            assert!((1900..=2102).contains(&gap.as_millis()), "{gap:?} between two checks");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_check_at_a_time_for_a_server_and_a_bounded_number_for_all() {
    let servers: String = (0..1000).map(|n| format!("s{n} = \"127.0.0.1:{}\"\n", 1000 + n)).collect();
    let (_fixture, told, _stop) = start(&backend(&servers));
    told.takes.store(5000, SeqCst);
    tokio::time::sleep(SECOND * 30).await;
    assert_eq!(told.most.load(SeqCst), AT_ONCE);
    let asked = told.asked.lock().unwrap();
    for port in [1000, 1500, 1999] {
        let times: Vec<_> =
            asked.iter().filter(|(_, target)| target.address.port() == port).map(|(at, _)| *at).collect();
        assert!(times.len() > 1 && times.windows(2).all(|pair| pair[1] - pair[0] >= SECOND * 5));
    }
}

#[tokio::test(start_paused = true)]
async fn three_failures_take_a_server_down_and_two_passes_bring_it_back() {
    let (fixture, told, _stop) = start(&backend("s1 = \"127.0.0.1:9\""));
    let server = fixture.server("s1");
    tokio::time::sleep(SECOND * 2).await;
    assert_eq!(server.status().to_string(), "UP");
    told.sick.store(true, SeqCst);
    let mut seen = Vec::new();
    for sick in [true, true, true, true, false, false] {
        told.sick.store(sick, SeqCst);
        let before = told.times().len();
        while told.times().len() == before || server.health.snapshot().checking {
            tokio::time::sleep(SECOND / 10).await;
        }
        seen.push(server.status().to_string());
    }
    assert_eq!(seen, ["UP 2/3", "UP 1/3", "DOWN", "DOWN", "DOWN 1/2", "UP"]);
    let log = fixture.logged();
    assert!(log.contains("Server be/s1 is DOWN, reason: Layer7 wrong status"), "{log}");
    assert!(log.contains("Server be/s1 is UP, reason: Layer7 check passed"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn maintenance_stops_checks_drain_does_not_and_leaving_brings_one_soon() {
    let (fixture, told, _stop) = start(&backend("s1 = \"127.0.0.1:9\""));
    let (server, control) = (fixture.server("s1"), &fixture.control);
    control.set_admin(&server, AdminState::Drain, &Origin::Signal);
    tokio::time::sleep(SECOND * 20).await;
    assert!(told.times().len() >= 9, "drained: checks go on");

    control.set_admin(&server, AdminState::Maint, &Origin::Signal);
    let before = told.times().len();
    tokio::time::sleep(SECOND * 20).await;
    assert_eq!(told.times().len(), before, "in maintenance: none");

    control.set_admin(&server, AdminState::Ready, &Origin::Signal);
    let back = Instant::now();
    assert_eq!(server.status().to_string(), "UP 1/3");
    tokio::time::sleep(SECOND / 4).await;
    let after = told.times()[before];
    assert!(after >= back && after - back <= SECOND / 5 + Duration::from_millis(1));
    assert_eq!(server.status().to_string(), "UP");
}

#[tokio::test(start_paused = true)]
async fn results_from_before_an_order_or_a_move_are_dropped() {
    let (fixture, told, _stop) = start(&backend("s1 = \"127.0.0.1:9\""));
    let (server, control) = (fixture.server("s1"), &fixture.control);
    told.takes.store(900, SeqCst);
    told.sick.store(true, SeqCst);
    while !server.health.snapshot().checking {
        tokio::time::sleep(SECOND / 100).await;
    }
    // Out and in before anybody looks: the check under way is of the time before.
    control.set_admin(&server, AdminState::Maint, &Origin::Signal);
    control.set_admin(&server, AdminState::Ready, &Origin::Signal);
    told.takes.store(5000, SeqCst);
    tokio::task::yield_now().await;
    assert!(!server.health.snapshot().checking);
    tokio::time::sleep(SECOND).await;
    assert_eq!(server.status().to_string(), "UP 1/3", "the result of the check before did not count");

    told.takes.store(0, SeqCst);
    told.sick.store(false, SeqCst);
    fixture.apply(&backend("s1 = \"127.0.0.2:9\""));
    tokio::time::sleep(SECOND).await;
    let last = told.asked.lock().unwrap().last().cloned().unwrap().1;
    assert_eq!(last.address, "127.0.0.2:9".parse().unwrap(), "the new address, and soon");
    assert_eq!(server.status().to_string(), "UP");
}

#[tokio::test(start_paused = true)]
async fn a_result_that_outruns_the_news_of_an_order_is_dropped() {
    let (fixture, told) = (Fixture::new(&backend("s1 = \"127.0.0.1:9\"")), Arc::<ScriptedProbe>::default());
    let (server, control) = (fixture.server("s1"), &fixture.control);
    told.takes.store(900, SeqCst);
    told.sick.store(true, SeqCst);
    let check = server.check.plan().unwrap();
    let slots = Arc::new(Semaphore::new(1));
    // The task alone: nobody is there to end it.
    let (watched, probe) = (Arc::clone(&server), Arc::clone(&told));
    tokio::spawn(check_for_ever(Arc::clone(control), watched, check, Duration::ZERO, probe, slots));
    tokio::time::sleep(SECOND / 2).await;
    control.set_admin(&server, AdminState::Maint, &Origin::Signal);
    control.set_admin(&server, AdminState::Ready, &Origin::Signal);
    tokio::time::sleep(SECOND).await;
    assert_eq!((told.times().len(), server.status().to_string()), (1, "UP 1/3".to_owned()));
    tokio::time::sleep(SECOND * 2).await;
    assert_eq!((told.times().len(), server.status().to_string()), (2, "DOWN".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn checks_follow_the_configuration() {
    let (fixture, told, _stop) = start(&backend("s1 = \"127.0.0.1:9\""));
    let ports = || {
        let asked = std::mem::take(&mut *told.asked.lock().unwrap());
        let mut ports: Vec<_> = asked.into_iter().map(|(_, target)| target.address.port()).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    };
    tokio::time::sleep(SECOND * 5).await;
    assert_eq!(ports(), [9]);
    fixture.apply(&backend("s1 = \"127.0.0.1:9\"\ns2 = \"127.0.0.1:10\"\ns3 = \"unresolved:11\""));
    tokio::time::sleep(SECOND * 5).await;
    assert_eq!(ports(), [9, 10], "a server without an address is not checked");
    fixture.apply("health = { port = 80 }\n[backend.be.servers]\ns2 = \"127.0.0.1:10\"");
    tokio::time::sleep(SECOND * 5).await;
    assert_eq!(ports(), [80]);
    fixture.apply("[backend.be.servers]\ns2 = \"127.0.0.1:10\"");
    tokio::time::sleep(SECOND * 5).await;
    assert_eq!(ports(), [0u16; 0]);
}

/// Breaks when a server goes down because lb itself did not run.
#[tokio::test(start_paused = true)]
async fn a_timeout_on_a_thread_that_was_late_is_no_finding() {
    /// Times out: the first time because the clock jumped, then, if `hangs`, for want of an answer.
    struct Late {
        asked: AtomicUsize,
        hangs: bool,
        always_late: bool,
    }
    impl Probe for Late {
        async fn probe(&self, target: ProbeTarget) -> CheckResult {
            let first = self.asked.fetch_add(1, SeqCst) == 0;
            if first || self.always_late {
                tokio::time::advance(SECOND * 5).await;
            }
            let status = match first || self.hangs {
                true => CheckStatus::L7Tout,
                false => CheckStatus::L7Ok,
            };
            CheckResult { status, code: None, took: target.timeout, detail: String::new(), version: None }
        }
    }
    let fixture = Fixture::new(&backend("s1 = \"127.0.0.1:9\""));
    let server = fixture.server("s1");
    let target = ProbeTarget::new(&server, &server.check.plan().unwrap()).unwrap();
    for (hangs, always_late, status, asked) in [
        (false, false, CheckStatus::L7Ok, 2),
        (true, false, CheckStatus::L7Tout, 2),
        (true, true, CheckStatus::L7Tout, 1 + REPEATS as usize),
    ] {
        let probe = Late { asked: AtomicUsize::new(0), hangs, always_late };
        let result = found(&probe, &target).await;
        assert_eq!((result.status, probe.asked.load(SeqCst)), (status, asked));
    }
}
