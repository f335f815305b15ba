//! Delivery of lines, and what happens when a target moves, stalls or disappears.

use super::*;
use crate::config::{Facility, LogConfig as Config, LogFormat, LogTarget};

fn config(target: LogTarget) -> Config {
    Config { format: LogFormat::Http, target, buffer: 1000, ..Config::default() }
}

fn send(log: &Log, line: impl LogLine + 'static) {
    let line = std::cell::Cell::new(Some(line));
    log.sinks().tell(|_| Vec::from_iter(line.take()));
}

#[derive(Clone)]
struct TestEvent(&'static str);

impl LogLine for TestEvent {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }

    fn level(&self) -> Level {
        Level::Alert
    }

    fn is_dated(&self) -> bool {
        false
    }
}

#[test]
fn lines_arrive_in_order_and_a_moved_file_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    let log = start(&[config(LogTarget::File(path.clone()))]).unwrap();
    send(&log, "one");
    send(&log, "two");
    // The thread writes before it takes the next message; the file shows when it has.
    while std::fs::read(&path).unwrap().len() < 8 {
        std::thread::yield_now();
    }
    std::fs::rename(&path, &moved).unwrap();
    log.reopen();
    send(&log, "three");
    log.end();
    assert_eq!(std::fs::read_to_string(moved).unwrap(), "one\ntwo\n");
    assert_eq!(std::fs::read_to_string(path).unwrap(), "three\n");
    assert_eq!(log.dropped(), 0);
}

#[test]
fn a_line_without_a_date_gets_one_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let config = Config { tag: "lb0".into(), ..config(LogTarget::File(path.clone())) };
    let log = start(&[config]).unwrap();
    send(&log, TestEvent("Server be/a is DOWN."));
    log.end();
    let text = std::fs::read_to_string(path).unwrap();
    let (date, line) = text.split_at(16);
    assert!(date.ends_with(' ') && date.matches(':').count() == 2, "{text}");
    assert_eq!(line, format!("lb0[{}]: Server be/a is DOWN.\n", std::process::id()));
}

#[test]
fn a_stuck_writer_costs_lines_and_never_time() {
    struct Stuck(std::sync::Mutex<std::sync::mpsc::Receiver<()>>);
    impl LogLine for Stuck {
        fn write(&self, _: &mut Vec<u8>) {
            let _ = self.0.lock().unwrap().recv();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let log = start(&[config(LogTarget::File(folder.path().join("log")))]).unwrap();
    let (free, stuck) = std::sync::mpsc::channel();
    send(&log, Stuck(std::sync::Mutex::new(stuck)));
    (0..2000).for_each(|_| send(&log, "line"));
    assert!(log.dropped() >= 999);
    drop(free);
    log.end();
}

#[test]
fn datagrams_are_framed_cut_and_sent_one_by_one() {
    let daemon = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = daemon.local_addr().unwrap().port();
    let target = LogTarget::Udp { host: "127.0.0.1".into(), port };
    let facility = Facility::named("local1").unwrap();
    let log = start(&[Config { facility, length: 80, ..config(target) }]).unwrap();
    send(&log, "fine");
    send(&log, TestEvent("down"));
    send(&log, "x".repeat(200));
    let mut buffer = [0; 1000];
    let mut next = || {
        let count = daemon.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    };
    let sender = format!(" haproxy[{}]: ", std::process::id());
    let (fine, down, long) = (next(), next(), next());
    assert!(fine.starts_with("<142>") && fine.ends_with(&format!("{sender}fine\n")), "{fine}");
    assert!(down.starts_with("<137>") && down.ends_with(&format!("{sender}down\n")), "{down}");
    assert!(long.len() == 80 && long.ends_with("xx\n"), "{long}");
    log.end();
    assert_eq!(log.dropped(), 0);
}

/// Breaks when lb has to be started after the daemon, or a daemon that comes back is not found.
#[cfg(unix)]
#[test]
fn lines_for_a_daemon_that_is_not_there_are_lost_and_counted() {
    use std::os::unix::net::UnixDatagram;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = start(&[config(LogTarget::Unix(path.clone()))]).unwrap();
    let lost = |count| {
        send(&log, "lost");
        while log.dropped() < count {
            std::thread::yield_now();
        }
    };
    lost(1);
    let mut buffer = [0; 1000];
    for round in 2..4 {
        let daemon = UnixDatagram::bind(&path).unwrap();
        send(&log, "found");
        let count = daemon.recv(&mut buffer).unwrap();
        assert!(buffer[..count].ends_with(b"found\n"));
        drop(daemon);
        std::fs::remove_file(&path).unwrap();
        lost(round);
    }
    log.end();
    assert_eq!(log.dropped(), 3);
}

#[test]
fn what_cannot_be_had_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let table = [
        (LogTarget::File(folder.path().join("no/such/log")), "no/such/log"),
        (LogTarget::Udp { host: "no.such.host.invalid".into(), port: 514 }, "no.such.host.invalid:514"),
    ];
    for (target, name) in table {
        let error = start(&[config(target)]).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains('('), "{error}");
    }
}

/// Breaks when an access line waits for a sweep although its thread is idle, or when each of many lines wakes the
/// log's thread.
#[test]
fn lines_go_before_their_thread_sleeps_but_not_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = start(&[config(LogTarget::File(path.clone()))]).unwrap();
    let line_buffer = LineBuffer::new(&log.sinks());
    let written = || std::fs::read_to_string(&path).unwrap();
    line_buffer.add(|_, out| out.extend_from_slice(b"one"));
    before_sleep();
    while written().is_empty() {
        std::thread::yield_now();
    }
    line_buffer.add(|_, out| out.extend_from_slice(b"two"));
    line_buffer.add(|_, out| out.extend_from_slice(b"three"));
    assert_eq!(written(), "one\n");
    drop(line_buffer);
    before_sleep();
    log.end();
    assert_eq!((written().as_str(), log.dropped()), ("one\ntwo\nthree\n", 0));
}

/// Breaks when a log gets lines of another one, or lines below its level.
#[test]
fn each_of_several_logs_gets_what_it_wants() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let to = |name: &str| config(LogTarget::File(path(name)));
    let json = Config { format: LogFormat::Json, ..to("json") };
    let log = start(&[
        to("http"),
        to("http too"),
        json,
        Config { level: Level::Notice, ..to("events") },
        Config { format: LogFormat::Off, ..to("off") },
        Config { level: Level::Emergency, ..to("nothing") },
    ])
    .unwrap();
    let line_buffer = LineBuffer::new(&log.sinks());
    assert!(line_buffer.are_wanted());
    line_buffer.add(|format, out| out.extend_from_slice(format!("{format:?}").as_bytes()));
    line_buffer.hand_over();
    log.sinks().tell(|config| vec![TestEvent(if config.format == LogFormat::Json { "{}" } else { "down" })]);
    log.end();
    let read = |name: &str| {
        let text = std::fs::read_to_string(path(name)).unwrap();
        text.lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(read("http"), ["Http", "down"]);
    assert_eq!(read("http too"), ["Http", "down"]);
    assert_eq!(read("json"), ["Json", "{}"]);
    assert_eq!(
        (read("events"), read("off"), read("nothing")),
        (vec!["down".into()], vec!["down".into()], vec![])
    );
    let off =
        start(&[Config { format: LogFormat::Off, ..to("off") }, Config { level: Level::Notice, ..to("x") }]);
    assert!(!LineBuffer::new(&off.unwrap().sinks()).are_wanted());
}

/// Breaks when lines are lost, or reach the wrong log, when logs are replaced.
#[test]
fn a_log_that_is_replaced_still_writes_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let to = |name: &str| config(LogTarget::File(path(name)));
    let log = start(&[to("old"), to("kept")]).unwrap();
    let line_buffer = LineBuffer::new(&log.sinks());
    let line = |text: &'static str| line_buffer.add(|format, out| write_line(out, format, text));
    line("before");
    assert!(log.prepare(&[to("old"), to("kept")]).unwrap().is_none(), "nothing to change");
    assert!(log.prepare(&[to("new"), to("no/such/folder")]).is_err());
    log.sinks().tell(|_| vec!["event"]);
    let json = Config { format: LogFormat::Json, ..to("kept") };
    log.replace(log.prepare(&[to("new"), json]).unwrap().unwrap());
    // The buffer has not been given the new sinks yet.
    line("meanwhile");
    line_buffer.turn_to(&log.sinks());
    line("after");
    drop(line_buffer);
    // The old log's thread ends when its last sink is dropped.
    while log.now().threads.iter().filter(|thread| thread.is_running()).count() > 2 {
        std::thread::yield_now();
    }
    log.end();
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    assert_eq!(read("old"), "event\nHttp before\nHttp meanwhile\n");
    assert_eq!(read("new"), "Http after\n");
    assert_eq!(read("kept"), "event\nHttp before\nHttp meanwhile\nJson after\n");
    assert_eq!(log.dropped(), 0);
}

fn write_line(out: &mut Vec<u8>, format: LogFormat, text: &str) {
    out.extend_from_slice(format!("{format:?} {text}").as_bytes());
}
