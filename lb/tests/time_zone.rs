//! Dates of log lines in local time: a real `lb` in a time zone of its own, told by `TZ`, and what its lines say.
//!
//! It refuses to look into the process: a zone that is known nowhere else shows in files and datagrams.

#![expect(clippy::unwrap_used, reason = "in tests the place of a panic says what went wrong")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PATIENCE: Duration = Duration::from_secs(30);
const DAY: i64 = 86_400;

/// A process that is ended with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An `lb` with nobody behind it, in this time zone, that logs to `http.log`, to `json.log` and to the daemon.
fn lb(folder: &Path, zone: Option<&str>, daemon: SocketAddr) -> (Ended, SocketAddr) {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = format!(
        "[admin]\nsocket = \"lb.sock\"\n[stats]\nbind = []\n\
         [[log]]\nformat = \"http\"\ntarget = \"http.log\"\n[[log]]\ntarget = \"json.log\"\n\
         [[log]]\nformat = \"http\"\ntarget = \"udp://{daemon}\"\n\
         [frontend.fe]\nbind = \"{address}\"\nbackend = \"be\"\n[backend.be.servers]\n"
    );
    std::fs::write(folder.join("lb.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lb"));
    command.args(["run", "-c", "lb.toml"]).current_dir(folder);
    match zone {
        Some(zone) => command.env("TZ", zone),
        None => command.env_remove("TZ"),
    };
    (Ended(command.spawn().unwrap()), address)
}

fn eventually<T>(what: &str, mut there: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match there() {
            Some(found) => return found,
            None => assert!(Instant::now() < end, "no {what}"),
        }
        std::thread::yield_now();
    }
}

/// The line of one request in the file, that of the daemon, and the JSON.
fn lines(zone: Option<&str>) -> [String; 3] {
    let folder = tempfile::tempdir().unwrap();
    let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
    daemon.set_read_timeout(Some(PATIENCE)).unwrap();
    let (_lb, address) = lb(folder.path(), zone, daemon.local_addr().unwrap());
    let mut client = eventually("listener", || TcpStream::connect(address).ok());
    client.write_all(b"GET /dated HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n").unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    let written = |name: &str, what: &str| {
        eventually("line", || {
            let text = std::fs::read_to_string(folder.path().join(name)).ok()?;
            text.lines().find(|line| line.contains(what)).map(str::to_owned)
        })
    };
    let mut buffer = [0; 10_000];
    let datagram = loop {
        let count = daemon.recv(&mut buffer).unwrap();
        let text = String::from_utf8_lossy(&buffer[..count]);
        if text.contains("/dated") {
            break text.into_owned();
        }
    };
    let told = if zone == Some("No/Where") { "TZ is" } else { "/dated" };
    [written("http.log", "/dated"), datagram, written("json.log", told)]
}

/// Seconds of the day of the first `21:34:05` in a text.
fn clock(text: &str) -> i64 {
    // A year with a colon behind it looks like hours.
    let is_time = |at: &usize| {
        let part = &text.as_bytes()[*at..*at + 9];
        part.iter().enumerate().all(|(place, byte)| match place {
            2 | 5 => *byte == b':',
            8 => matches!(byte, b'.' | b' '),
            _ => byte.is_ascii_digit(),
        })
    };
    let at = (0..=text.len() - 9).find(is_time).unwrap_or_else(|| panic!("{text}"));
    let number = |from: usize| text[at + from..at + from + 2].parse::<i64>().unwrap();
    number(0) * 3600 + number(3) * 60 + number(6)
}

/// How far a clock is ahead of UTC, in minutes, of which a test may take one.
fn ahead(text: &str) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let apart = (clock(text) - i64::try_from(now).unwrap() % DAY).rem_euclid(DAY);
    (apart + 60) / 60 % (24 * 60)
}

#[track_caller]
fn assert_ahead(text: &str, minutes: i64) {
    let ahead = ahead(text);
    assert!((minutes..=minutes + 1).contains(&ahead), "{ahead} minutes, not {minutes}: {text}");
}

/// Breaks when dates that HAProxy has in local time are in UTC, or JSON's seconds are moved with them.
#[test]
fn dates_are_those_of_the_time_zone() {
    for (zone, minutes) in [("XXX-5:45", 345), ("YYY3", 21 * 60)] {
        let [http, datagram, json] = lines(Some(zone));
        let date = http.split('[').nth(1).unwrap();
        assert_ahead(date, minutes);
        let (frame, line) = datagram.split_once("]: ").unwrap();
        assert_ahead(frame, minutes);
        assert_ahead(line.split('[').nth(1).unwrap(), minutes);
        let entry: serde_json::Value = serde_json::from_str(&json).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        assert!((0.0..60.0).contains(&(now - entry["time"].as_f64().unwrap())), "{json}");
    }
}

/// Breaks when a mistake in `TZ` is not told, or costs more than the time zone.
#[test]
fn a_time_zone_that_is_not_known_is_told_and_is_utc() {
    let [http, datagram, told] = lines(Some("No/Where"));
    assert_ahead(http.split('[').nth(1).unwrap(), 0);
    assert_ahead(&datagram, 0);
    assert!(told.contains("No/Where") && told.contains("UTC"), "{told}");
}

/// Where the machine has a time zone it is taken; where it has none, as in a container, UTC.
#[test]
fn without_a_word_it_is_the_machines() {
    let [http, ..] = lines(None);
    let date = Command::new("date").env_remove("TZ").arg("+%H:%M:%S ").output().unwrap();
    let here = clock(&String::from_utf8(date.stdout).unwrap());
    let apart = (here - clock(http.split('[').nth(1).unwrap())).rem_euclid(DAY);
    assert!(apart < 60, "{apart} s: {http}");
}
