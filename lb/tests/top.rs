//! `lb top`, and `lb run` at a terminal, as a person meets them: a real `lb`, a real pseudo terminal, real keys.
//!
//! The screen is what a terminal emulator makes of the bytes. It refuses to know how the dashboard works inside.

#![expect(clippy::unwrap_used, reason = "in tests the place of a panic says what went wrong")]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

const PATIENCE: Duration = Duration::from_secs(30);
const ROWS: u16 = 24;
const COLUMNS: u16 = 140;

/// A process that is ended with the test.
struct Ended(Child);

/// A screen, and the keys before it.
struct Terminal {
    keys: File,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server whose health is `status`.
fn server(status: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut chunk = [0; 4096];
                while stream.read(&mut chunk).is_ok_and(|read| read > 0) {
                    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn lb(folder: &Path) -> Ended {
    configure(folder, "[log]\ntarget = \"log\"\n");
    let child =
        Command::new(env!("CARGO_BIN_EXE_lb")).args(["run", "-c", "lb.toml"]).current_dir(folder).spawn();
    Ended(child.unwrap())
}

/// Writes `lb.toml`.
fn configure(folder: &Path, log: &str) {
    let (good, bad) = (server("200 OK"), server("500 Out Of Tea"));
    let config = format!(
        "[admin]\nsocket = \"lb.sock\"\n[stats]\nbind = []\n{log}\
         [frontend.fe]\nbind = \"127.0.0.1:0\"\nbackend = \"shop\"\n\
         [backend.shop]\nhealth = {{ path = \"/\", interval = \"50ms\", rise = 1, fall = 1 }}\n\
         [backend.shop.servers]\nalice = \"{good}\"\nbob = \"{bad}\"\n"
    );
    std::fs::write(folder.join("lb.toml"), config).unwrap();
}

/// Starts `lb top` on a pseudo terminal.
fn top(folder: &Path, more: &[&str]) -> (Ended, Terminal, OwnedFd) {
    on_terminal(folder, &[&["top", "-s", "lb.sock", "--interval", "50ms"], more].concat())
}

/// Starts `lb` on a pseudo terminal.
fn on_terminal(folder: &Path, arguments: &[&str]) -> (Ended, Terminal, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&master, size).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let stdio = || Stdio::from(slave.try_clone().unwrap());
    let child = Command::new(env!("CARGO_BIN_EXE_lb"))
        .args(arguments)
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .current_dir(folder)
        .stdin(stdio())
        .stdout(stdio())
        .stderr(stdio())
        .spawn()
        .unwrap();
    let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 0)));
    let (mut bytes, seen) = (File::from(master.try_clone().unwrap()), Arc::clone(&screen));
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = bytes.read(&mut chunk) {
            seen.lock().unwrap().process(&chunk[..read]);
        }
    });
    (Ended(child), Terminal { keys: File::from(master), screen }, slave.into())
}

impl Terminal {
    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn shows(&self, wanted: &str) {
        eventually(wanted, || self.text().contains(wanted), || self.text());
    }
}

/// Waits for a condition, looking often.
fn eventually(what: &str, mut condition: impl FnMut() -> bool, state: impl Fn() -> String) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}\n{}", state());
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// The answer of the runtime socket; empty while nobody listens.
fn ask(folder: &Path, command: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_lb"))
        .args(["ctl", "-s", "lb.sock", command])
        .current_dir(folder)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_failing_server_and_why_and_it_is_drained_with_keys() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let _lb = lb(folder);
    eventually("a socket", || !ask(folder, "show version").is_empty(), String::new);
    let (mut child, mut terminal, slave) = top(folder, &[]);
    terminal.shows("shop/bob is DOWN");
    terminal.shows("L7STS 500 Out Of Tea");
    assert!(terminal.screen.lock().unwrap().screen().alternate_screen(), "what was there before is kept");
    terminal.press("/bob\r");
    terminal.shows("[bob]");
    terminal.press("d");
    terminal.shows("Drain shop/bob?");
    terminal.press("y");
    terminal.shows("shop/bob is in drain");
    let state = || ask(folder, "show servers state shop");
    eventually("the order at lb", || state().contains(" bob 127.0.0.1 0 8 "), state);
    terminal.press("q");
    eventually(
        "its end",
        || child.0.try_wait().unwrap().is_some_and(|status| status.success()),
        || terminal.text(),
    );
    eventually(
        "the screen as before",
        || !terminal.screen.lock().unwrap().screen().alternate_screen(),
        || terminal.text(),
    );
    let modes = tcgetattr(&slave).unwrap().local_modes;
    assert!(
        modes.contains(rustix::termios::LocalModes::ICANON | rustix::termios::LocalModes::ECHO),
        "lines again"
    );
}

#[test]
fn a_signal_puts_the_terminal_back_and_read_only_gives_no_orders() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let _lb = lb(folder);
    eventually("a socket", || !ask(folder, "show version").is_empty(), String::new);
    let (mut child, mut terminal, slave) = top(folder, &["--read-only"]);
    terminal.shows("shop/bob is DOWN");
    terminal.press("/bob\rm");
    terminal.shows("started with --read-only");
    let pid = rustix::process::Pid::from_child(&child.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    eventually("its end", || child.0.try_wait().unwrap().is_some(), || terminal.text());
    let modes = tcgetattr(&slave).unwrap().local_modes;
    assert!(modes.contains(rustix::termios::LocalModes::ICANON), "lines again");
    assert!(!ask(folder, "show servers state shop").contains(" bob 127.0.0.1 0 1 "), "nothing was ordered");
}

/// The address of the frontend is in the line, since its port is one that the system chose.
#[test]
fn at_a_terminal_one_line_tells_what_runs_where_and_the_log_is_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder, "");
    let (mut child, terminal, _slave) = on_terminal(folder, &["run", "-c", "lb.toml"]);
    let version = format!("lb {} (HAProxy 3.4 API): lb.toml; 127.0.0.1:", env!("CARGO_PKG_VERSION"));
    terminal.shows(&version);
    terminal.shows(" -> shop (2 servers); no page; socket lb.sock");
    let text = terminal.text();
    let address = text.split("lb.toml; ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    terminal.shows(" GET /x ");
    terminal.shows(" to 127.0.0.1");
    // In an event of its own words; JSON would have quotes.
    terminal.shows(" server shop/bob is ");
    assert!(!terminal.text().contains("{\""), "{}", terminal.text());
    let pid = rustix::process::Pid::from_child(&child.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    eventually("its end", || child.0.try_wait().unwrap().is_some(), || terminal.text());
}
