//! Where lines go, and what becomes of them when it moves, leaves or stalls.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;

use tests::{Lab, Origin, Running, Wire, eventually, within};

use super::http::fits;
use crate::get;

/// `Nov 25 09:31:58 ` with a day that may have one digit.
fn is_syslog_date(text: &str) -> bool {
    let (month, rest) = text.split_at(3);
    let months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
    months.contains(month) && (fits(rest, " * *:*:* ") || fits(rest, "  * *:*:* "))
}

/// What a datagram says behind `<PRI>date tag[pid]: `, after its frame has been looked at.
fn unframed(datagram: &[u8], priority: u32, tag: &str) -> String {
    let text = String::from_utf8(datagram.to_vec()).unwrap();
    let rest = text.strip_prefix(&format!("<{priority}>")).unwrap_or_else(|| panic!("{priority}: {text}"));
    let (date, rest) = rest.split_at(16);
    assert!(is_syslog_date(date), "{text}");
    let rest = rest.strip_prefix(&format!("{tag}[{}]: ", std::process::id()));
    let line = rest.and_then(|rest| rest.strip_suffix('\n'));
    line.unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// A daemon's socket that waits for no longer than any test does.
fn udp() -> (UdpSocket, u16) {
    let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
    daemon.set_read_timeout(Some(tests::PATIENCE)).unwrap();
    let port = daemon.local_addr().unwrap().port();
    (daemon, port)
}

/// The next datagram that contains `part`.
fn next(receive: impl Fn(&mut [u8]) -> std::io::Result<usize>, part: &str) -> Vec<u8> {
    let mut buffer = [0; 65_536];
    loop {
        let count = receive(&mut buffer).unwrap();
        if String::from_utf8_lossy(&buffer[..count]).contains(part) {
            return buffer[..count].to_vec();
        }
    }
}

const DOWN: &str = "Server api_nodes/a is going DOWN for maintenance. 0 active and 0 backup servers left. \
    0 sessions active, 0 requeued, 0 remaining in queue.";
const NOBODY: &str = "backend api_nodes has no server available!";

#[tokio::test(flavor = "multi_thread")]
async fn syslog_over_udp_gets_haproxys_lines() {
    let origin = Origin::named("a").await;
    let (daemon, port) = udp();
    let log = format!("format = \"http\"\ntarget = \"udp://127.0.0.1:{port}\"");
    let lab = Lab::new().server("a", origin.address()).section("log", &log).start().await;
    let receive = |buffer: &mut [u8]| daemon.recv(buffer);
    assert_eq!(lab.get("/fine").await.status(), 200);
    let line = unframed(&next(receive, "/fine"), 134, "haproxy");
    let line = line.split_once("] ").unwrap().1;
    let expected = "fe_api api_nodes/a */*/*/*/* 200 * - - ---- 1/1/0/0/0 0/0 \"GET /fine HTTP/1.1\"";
    assert!(fits(line, expected), "{line}");
    lab.order("disable server api_nodes/a").await;
    assert_eq!(unframed(&next(receive, "going DOWN"), 129, "haproxy"), DOWN);
    assert_eq!(unframed(&next(receive, "no server"), 128, "haproxy"), NOBODY);
    let told = unframed(&next(receive, "set to maint"), 133, "haproxy");
    assert!(told.contains(&format!("pid {}", std::process::id())), "{told}");
    lab.stop();
    let stopped = unframed(&next(receive, "Proxy fe_api"), 132, "haproxy");
    assert!(fits(&stopped, "Proxy fe_api stopped (cumulated conns: FE: *, BE: 0)."), "{stopped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn syslog_on_a_unix_socket_gets_json_with_its_facility_and_tag() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let daemon = UnixDatagram::bind(&path).unwrap();
    daemon.set_read_timeout(Some(tests::PATIENCE)).unwrap();
    let origin = Origin::named("a").await;
    let log = format!("target = \"unix://{}\"\nfacility = \"daemon\"\ntag = \"lb0\"", path.display());
    let lab = Lab::new().server("a", origin.address()).section("log", &log).start().await;
    let receive = |buffer: &mut [u8]| daemon.recv(buffer);
    assert_eq!(lab.get("/fine").await.status(), 200);
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let entry = read(&unframed(&next(receive, "/fine"), 30, "lb0"));
    assert_eq!((&entry["status"], &entry["server"]), (&200.into(), &"a".into()));
    lab.order("disable server api_nodes/a").await;
    let down = read(&unframed(&next(receive, "going DOWN"), 25, "lb0"));
    assert_eq!(
        (&down["text"], &down["order"], &down["level"]),
        (&DOWN.into(), &"maint".into(), &"alert".into())
    );
    assert!(down["by"].as_str().unwrap().contains("uid"), "{down}");
    let nobody = read(&unframed(&next(receive, "no server"), 24, "lb0"));
    assert_eq!((&nobody["text"], &nobody["backend"]), (&NOBODY.into(), &"api_nodes".into()));
}

/// Breaks when a daemon that is not there holds up traffic, or what it misses is not counted.
#[tokio::test]
async fn a_daemon_that_is_not_there_costs_lines_that_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = format!("target = \"unix://{}\"", path.display());
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).section("log", &log).start().await;
    assert_eq!(lab.get("/lost").await.status(), 200);
    let info = async || lab.socket("show info").await;
    let dropped = async || {
        let info = info().await;
        let line = info.lines().find_map(|line| line.strip_prefix("DroppedLogs: ").map(str::to_owned));
        line.unwrap().parse::<u64>().unwrap()
    };
    eventually("the line counted", async || dropped().await >= 1).await;
    let daemon = UnixDatagram::bind(&path).unwrap();
    assert_eq!(lab.get("/found").await.status(), 200);
    next(|buffer| daemon.recv(buffer), "/found");
}

/// Breaks when rotation by `mv` alone, or `rm`, loses lines until somebody sends a signal.
#[tokio::test]
async fn a_file_that_was_moved_or_deleted_is_opened_anew() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    lab.get("/before").await;
    super::entry(&lab, "/before").await;
    std::fs::rename(lab.path("access.log"), lab.path("access.log.1")).unwrap();
    let again = async || {
        lab.get("/after").await;
        lab.log().contains("/after")
    };
    eventually("a new file", again).await;
    assert!(std::fs::read_to_string(lab.path("access.log.1")).unwrap().contains("/before"));
    std::fs::remove_file(lab.path("access.log")).unwrap();
    eventually("another", again).await;
}

/// An open pipe without a reader: it fills, and then a write to it never returns.
pub(super) struct Blocked {
    folder: tempfile::TempDir,
    _reader: std::fs::File,
}

impl Blocked {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let reader = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
        Self { folder, _reader: reader }
    }

    pub(super) fn line(&self) -> String {
        format!("target = \"{}\"", self.folder.path().join("pipe").display())
    }
}

/// Requests, each answered by lb itself, until `enough`.
pub(super) async fn ask(wire: &mut Wire, mut enough: impl AsyncFnMut() -> bool) {
    let burst = get("/", "").repeat(100);
    while !enough().await {
        wire.send(&burst).await;
        for _ in 0..100 {
            assert_eq!(wire.answer().await.status(), 503);
        }
    }
}

pub(super) async fn dropped(lab: &Running) -> f64 {
    let page = lab.page("/metrics").await;
    let line = page.text().lines().find(|line| line.starts_with("haproxy_process_dropped_logs_total"));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

/// Breaks when traffic waits for the log, or lost lines are not counted. (That it stops at all is what dropping the lab asserts.)
#[tokio::test]
async fn a_log_that_blocks_stalls_nobody_and_lost_lines_are_counted() {
    let blocked = Blocked::new();
    // A small buffer is full soon.
    let lab = Lab::new().section("log", &format!("{}\nbuffer = 100", blocked.line())).start().await;
    let mut wire = lab.connect().await;
    ask(&mut wire, async || dropped(&lab).await > 300.0).await;
    lab.stop();
    within("the end of lb", lab.exit()).await;
}

/// The same with room left in the queue of lines: the end must not wait for the writer.
#[tokio::test]
async fn a_log_that_blocks_does_not_hold_up_the_end() {
    let blocked = Blocked::new();
    let lab = Lab::new().section("log", &blocked.line()).start().await;
    let mut wire = lab.connect().await;
    let mut rounds = 0;
    // More than a pipe takes.
    ask(&mut wire, async || {
        rounds += 1;
        rounds > 5
    })
    .await;
    drop(wire);
    lab.stop();
    within("the end of lb", lab.exit()).await;
    assert!(std::fs::metadata(blocked.folder.path().join("pipe")).is_ok());
}
