//! Reloading a real `lb`: with hardly a descriptor left, by `lb reload`, and by both signals; and putting another one in its place.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in tests the place of a panic says what went wrong")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};

const PATIENCE: Duration = Duration::from_secs(60);

/// A process that is ended with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Ended {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    /// Descriptors that are open.
    fn open_files(&self) -> Vec<u64> {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.0.id())).unwrap();
        folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
    }
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

/// A server that answers every request with its name, and closes.
fn server(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut chunk = [0; 4096];
            let _ = stream.read(&mut chunk);
            let length = name.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{name}");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The name of the server that answers at `address`.
fn get(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

fn config(address: SocketAddr, server: SocketAddr, more: &str) -> String {
    format!(
        "[admin]\nsocket = \"lb.sock\"\n[stats]\nbind = []\n[process]\nthreads = 1\nmaxconn = 50\n[log]\ntarget = \"log\"\n\
         [frontend.fe]\nbind = \"{address}\"\nbackend = \"be\"\n[backend.be.servers]\ns = \"{server}\"\n{more}"
    )
}

fn lb(folder: &Path, config: &str) -> Ended {
    std::fs::write(folder.join("lb.toml"), config).unwrap();
    let child =
        Command::new(env!("CARGO_BIN_EXE_lb")).args(["run", "-c", "lb.toml"]).current_dir(folder).spawn();
    Ended(child.unwrap())
}

fn command(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lb"))
        .args(args)
        .current_dir(folder)
        .env_remove("LB_SOCKET")
        .output()
        .unwrap()
}

/// How often the log says that a configuration was applied, and that it was not.
fn outcomes(folder: &Path) -> (usize, usize) {
    let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    (log.matches("\"applied\":true").count(), log.matches("\"applied\":false").count())
}

/// Breaks when a descriptor that is missing is found out about after requests have gone to the new servers.
#[test]
fn a_reload_with_few_descriptors_left_is_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (address, old, new) = (free_address(), server("old"), server("new"));
    let before = config(address, old, "");
    let lb = lb(folder.path(), &before);
    eventually("answer", || get(address).filter(|name| name == "old"));
    let limit = getrlimit(Resource::Nofile);
    // The log has a thread of its own: a line that comes late must not be taken for the next one.
    let (mut applied, mut refused) =
        eventually("start", || Some(outcomes(folder.path())).filter(|now| now.0 > 0));
    eventually("runtime socket", || folder.path().join("lb.sock").exists().then_some(()));
    let mut seen = [false, false];
    for spare in 0..8 {
        let more = format!("[frontend.more]\nbind = \"{}\"\nbackend = \"be\"\n", free_address());
        std::fs::write(folder.path().join("lb.toml"), config(address, new, &more)).unwrap();
        // The limit bounds the numbers of descriptors: so many of them below it are free.
        let open = lb.open_files();
        let lowest = (0..).filter(|number| !open.contains(number)).nth(spare).unwrap();
        let few = Rlimit { current: Some(lowest), ..limit };
        prlimit(Some(lb.pid()), Resource::Nofile, few).unwrap();
        kill_process(lb.pid(), Signal::HUP).unwrap();
        let now =
            eventually("outcome", || Some(outcomes(folder.path())).filter(|now| *now != (applied, refused)));
        prlimit(Some(lb.pid()), Resource::Nofile, limit).unwrap();
        let was_applied = now.0 > applied;
        assert_eq!(get(address).as_deref(), Some(if was_applied { "new" } else { "old" }), "{spare} spare");
        seen[usize::from(was_applied)] = true;
        std::fs::write(folder.path().join("lb.toml"), &before).unwrap();
        assert_eq!(command(folder.path(), &["reload", "-s", "lb.sock"]).status.code(), Some(0));
        assert_eq!(get(address).as_deref(), Some("old"));
        (applied, refused) =
            eventually("outcome", || Some(outcomes(folder.path())).filter(|later| later.0 > now.0));
    }
    assert_eq!(seen, [true, true], "none spare is too few, seven are enough");
}

/// Breaks when `lb reload` does not wait for the result, hides a fault, or takes silence for success.
#[test]
fn lb_reload_waits_and_tells_what_came_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (address, old, new) = (free_address(), server("old"), server("new"));
    let mut lb = lb(folder.path(), &config(address, old, ""));
    eventually("answer", || get(address));
    eventually("runtime socket", || folder.path().join("lb.sock").exists().then_some(()));
    let write = |text: &str| std::fs::write(folder.path().join("lb.toml"), text).unwrap();
    let reload = || command(folder.path(), &["reload", "-s", "lb.sock"]);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();

    write(&config(address, new, "[backend.be]\nretries = 7\n"));
    let done = reload();
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert_eq!(text(&done.stdout), "applied: servers changed: be/s (address); backend be: retries\n");
    assert_eq!(get(address).as_deref(), Some("new"));
    assert_eq!(text(&reload().stdout), "applied: nothing changed\n");

    write(&config(address, old, "[frontend.fe2]\nbimd = \"x\"\nbackend = \"nowhere\"\n"));
    let (refused, checked) = (reload(), command(folder.path(), &["check", "-c", "lb.toml"]));
    assert_eq!((refused.status.code(), text(&refused.stdout).as_str()), (Some(1), ""));
    let faults = text(&checked.stderr);
    let same = |text: &str| {
        // The process was started in that folder with that name.
        text.lines()
            .filter(|line| line.contains("bimd") || line.contains("nowhere"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert!(same(&faults).len() > 1);
    assert_eq!(same(&text(&refused.stderr)), same(&faults), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("not applied, everything goes on as before"));
    assert_eq!(get(address).as_deref(), Some("new"));

    // HAProxy's reload is SIGUSR2.
    write(&config(address, old, ""));
    kill_process(lb.pid(), Signal::USR2).unwrap();
    eventually("old server", || get(address).filter(|name| name == "old"));

    lb.0.kill().unwrap();
    lb.0.wait().unwrap();
    let silent = reload();
    assert_eq!(silent.status.code(), Some(3), "{}", text(&silent.stderr));
}

/// A server that answers when it is told to.
fn held() -> (SocketAddr, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ((arrive, arrived), (release, released)) = (mpsc::channel(), mpsc::channel());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        arrive.send(()).unwrap();
        released.recv().unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nheld").unwrap();
    });
    (address, arrived, release)
}

/// Breaks when a successor cannot start while its predecessor finishes, or loses its socket to that one's end.
#[test]
fn a_successor_starts_while_its_predecessor_finishes() {
    let folder = tempfile::tempdir().unwrap();
    let (address, page) = (free_address(), free_address());
    let (server, arrived, release) = held();
    let with_page = |server| config(address, server, "").replace("bind = []", &format!("bind = \"{page}\""));
    let first = lb(folder.path(), &with_page(server));
    eventually("a listener", || TcpStream::connect(address).ok());
    let busy = std::thread::spawn(move || get(address));
    arrived.recv_timeout(PATIENCE).unwrap();
    kill_process(first.pid(), Signal::TERM).unwrap();
    let second = lb(folder.path(), &with_page(self::server("new")));
    let pid = format!("Pid: {}\n", second.0.id());
    let info = || {
        let info = command(folder.path(), &["ctl", "-s", "lb.sock", "show info"]);
        String::from_utf8(info.stdout).unwrap()
    };
    eventually("the successor's socket", || info().contains(&pid).then_some(()));
    eventually("the successor's pages", || TcpStream::connect(page).ok());
    assert_eq!(get(address).as_deref(), Some("new"));
    release.send(()).unwrap();
    assert_eq!(busy.join().unwrap().as_deref(), Some("held"));
    let mut first = first;
    assert!(first.0.wait().unwrap().success());
    assert!(info().contains(&pid), "the file of its socket is still there");
}

/// Breaks when a file that is no socket is deleted because `[admin] socket` names it, or is found out about only at the start.
#[test]
fn a_file_in_the_place_of_the_socket_stays() {
    let folder = tempfile::tempdir().unwrap();
    let text = config(free_address(), free_address(), "").replace("lb.sock", "lb.toml");
    std::fs::write(folder.path().join("lb.toml"), &text).unwrap();
    for verb in ["check", "run"] {
        let refused = command(folder.path(), &[verb, "-c", "lb.toml"]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{verb}: {said}");
        assert!(said.contains("lb.toml") && said.contains("`socket` in [admin]"), "{verb}: {said}");
        assert_eq!(std::fs::read_to_string(folder.path().join("lb.toml")).unwrap(), text);
    }
}

/// Breaks when a pipe that nobody writes to, or reads, holds up a reload.
#[test]
fn pipes_hold_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (address, old) = (free_address(), server("old"));
    let good = config(address, old, "");
    let lb = lb(folder.path(), &good);
    eventually("answer", || get(address));
    let file = folder.path().join("lb.toml");
    let pipe = |name: &str| {
        let made = Command::new("mkfifo").arg(folder.path().join(name)).status().unwrap();
        assert!(made.success());
    };
    let threads = || std::fs::read_dir(format!("/proc/{}/task", lb.0.id())).unwrap().count();
    let reload = || {
        let refused = command(folder.path(), &["reload", "-s", "lb.sock"]);
        (refused.status.code(), String::from_utf8(refused.stderr).unwrap())
    };
    let refused = || {
        let (code, said) = reload();
        assert_eq!(code, Some(1), "{said}");
        said
    };
    pipe("log.pipe");
    let with_pipe = good.replace("target = \"log\"", "target = \"log.pipe\"");
    std::fs::write(&file, &with_pipe).unwrap();
    assert!(refused().contains("nobody reads this pipe"));
    let before = threads();
    for _ in 0..20 {
        refused();
    }
    // The runtime keeps some threads for work that blocks; one for each reload would be a leak.
    assert!(threads() < before + 10, "threads are left behind");
    std::fs::remove_file(&file).unwrap();
    pipe("lb.toml");
    assert!(refused().contains("not a file"));
    assert_eq!(get(address).as_deref(), Some("old"));
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, &with_pipe).unwrap();
    let reader =
        std::fs::OpenOptions::new().read(true).write(true).open(folder.path().join("log.pipe")).unwrap();
    assert_eq!(reload().0, Some(0));
    assert_eq!(get(address).as_deref(), Some("old"));
    drop(reader);
}
