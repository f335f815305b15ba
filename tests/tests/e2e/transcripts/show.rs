//! HAProxy's dumps, replayed: every `show …` that changes nothing, in every form, field by field.
//!
//! `lb` is configured as the transcripts' HAProxy was and put into the same situation; both answers are compared as `tests::normal` leaves
//! them. The table in `tests/transcripts/show.txt` is always compared, and the whole folder where it is known. What the fixture cannot
//! have in `lb` is changed in HAProxy's answer by `compare`, and nowhere else: a frontend that leads nowhere.

use std::path::{Path, PathBuf};

use tests::{Origin, Running, Wire, eventually, normal};

use super::compare::{as_configured, fault};
use super::fixture::{self, SERVERS};
use super::table::{self, Dump};
use super::{Transcript, read};
use crate::{get, ok};

/// Names of files begin so.
pub(super) const REPLAYED: [&str; 2] = ["show-", "operator-socket.show-env"];

/// Replayed in the order of these situations.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Situation {
    Quiet,
    /// One client has been there.
    Tracked,
    /// An operator has made an entry beside its.
    Set,
    /// All entries were taken away.
    Cleared,
    /// A bad request and a bad response were seen.
    Errors,
    /// One exchange is in flight on api0.
    InFlight,
}

#[tokio::test]
async fn haproxys_dumps_have_the_same_form() {
    let mut dumps = table::kept();
    match std::env::var_os("LB_TRANSCRIPTS") {
        None => println!("LB_TRANSCRIPTS names no folder: only the table is compared"),
        Some(folder) => {
            dumps = told(&PathBuf::from(folder));
            table::check(&dumps);
        }
    }
    dumps.sort_by_key(|dump| situation(&dump.name));
    let origin = origin().await;
    let lab = fixture::start([origin.address(); 3], "interval = \"500ms\"").await;
    let (mut wrong, mut waiting) = (Vec::new(), None);
    for Dump { name, sent, expected } in &dumps {
        match situation(name) {
            Situation::Tracked if entries(&lab).await == 0 => drop(lab.get("/").await),
            Situation::Set if entries(&lab).await == 1 => {
                lab.order("set table clients key 192.0.2.1 data.gpc0 5").await;
            }
            Situation::Cleared => lab.order("clear table clients").await,
            Situation::Errors if name == "show-errors" => provoke(&lab).await,
            Situation::InFlight if waiting.is_none() => waiting = Some(ask_slowly(&lab).await),
            _ => {}
        }
        let command = in_our_words(sent, waiting.as_ref().map_or("", |(_, id)| id));
        let got = lab.socket_of(&fixture::socket_of(name), &command).await;
        let folder = lab.path("").display().to_string();
        let got = normal(sent, &got.replace(folder.trim_end_matches('/'), "./run"));
        wrong.extend(fault(name, sent, expected, &got));
    }
    println!("{} dumps compared", dumps.len());
    assert!(wrong.is_empty(), "{} of {} are wrong\n{}", wrong.len(), dumps.len(), wrong.join("\n"));
}

/// The dumps among HAProxy's transcripts.
fn told(folder: &Path) -> Vec<Dump> {
    let dump = |Transcript { name, sent, answer }| {
        let expected = normal(&sent, &as_configured(&in_our_words(&answer, "")));
        Dump { name, sent, expected }
    };
    read(folder, &REPLAYED).into_iter().map(dump).collect()
}

fn situation(name: &str) -> Situation {
    match name {
        "show-table" | "show-table-clients" | "show-table-clients-data" => Situation::Tracked,
        "show-table-key" | "show-table-data-filter" => Situation::Set,
        "show-table-after-clear" => Situation::Cleared,
        "show-errors" | "show-errors-request" | "show-errors-response" => Situation::Errors,
        "show-sess-one" | "show-sess-backend" | "show-sess-server" | "show-sess-older" | "show-sess-id" => {
            Situation::InFlight
        }
        _ => Situation::Quiet,
    }
}

/// Entries of the table, none of them in use.
async fn entries(lab: &Running) -> usize {
    let mut count = 0;
    eventually("nobody tracked", async || {
        let table = lab.socket("show table clients").await;
        count = table.lines().filter(|line| line.contains(": key=")).count();
        count == table.lines().filter(|line| line.contains(" use=0 ")).count()
    })
    .await;
    count
}

/// A server that can be bad and can be slow.
async fn origin() -> Origin {
    Origin::script(|mut conn| async move {
        while let Some(request) = conn.request().await {
            let answer = match request.target() {
                "/slow" => continue,
                "/bad" => "HTTP/1.1 200 OK\r\nbad header: x\r\n\r\n".to_owned(),
                _ => ok(""),
            };
            if conn.try_send(answer).await.is_err() {
                return;
            }
        }
    })
    .await
}

/// A bad response of api1, then a bad request, as the transcripts had them.
async fn provoke(lab: &Running) {
    only(lab, "api1").await;
    lab.get("/bad").await;
    lab.send("GET / HTTP/1.1\r\nHost: x\r\nbad header: y\r\n\r\n").await;
}

/// A request that api0 does not answer, and its number in `show sess`.
async fn ask_slowly(lab: &Running) -> (Wire, String) {
    only(lab, "api0").await;
    let mut wire = lab.connect().await;
    wire.send(&get("/slow", "")).await;
    let mut id = String::new();
    eventually("an exchange older than a second", async || {
        let sessions = lab.socket("show sess older 1").await;
        id = sessions.split(':').next().unwrap_or_default().trim().to_owned();
        !id.is_empty()
    })
    .await;
    (wire, id)
}

/// Drains all servers but one.
async fn only(lab: &Running, wanted: &str) {
    for server in SERVERS {
        let state = if server == wanted { "ready" } else { "drain" };
        lab.order(&format!("set server api_nodes/{server} state {state}")).await;
    }
}

/// A command or an answer with what is otherwise called here: a variable that every test has, and the exchange in flight.
fn in_our_words(text: &str, session: &str) -> String {
    match text {
        "show env LAB" => "show env CARGO_PKG_NAME".to_owned(),
        "LAB=1\n\n" => "CARGO_PKG_NAME=tests\n\n".to_owned(),
        known if known.starts_with("show sess 0x5") => format!("show sess {session}"),
        other => other.to_owned(),
    }
}
