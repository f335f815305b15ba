//! HAProxy's own answers, replayed against `lb`: commands that are refused, and what a socket of the lowest level may see.
//!
//! `LB_TRANSCRIPTS` names a folder of them, one exchange a file: what was sent in the first line, the exact answer below. None are kept
//! here. What differs on purpose is listed with its reason in `tests/transcripts/exceptions.txt`; one that no longer differs has to go
//! from there. States that change and numbers that move are not replayed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tests::{Origin, normal};

use crate::ok;
use compare::as_configured;

mod compare;
mod fixture;
mod show;
mod states;
mod table;
mod variety;

/// Names of files begin so.
const REPLAYED: [&str; 3] = ["badarg.", "noarg.", "user-socket."];

/// What other tests know by heart: the pages' answers, the metrics, how a drain goes on in time, clients that close or are silent.
const ELSEWHERE: [&str; 7] = [
    "http-",
    "metrics-",
    "inflight-",
    "shutdown-session",
    "unterminated",
    "wait-200-half-closed",
    "wait-srv-removable.half-closed",
];

const EXCEPTIONS: &str = include_str!("../../transcripts/exceptions.txt");

struct Transcript {
    name: String,
    sent: String,
    answer: String,
}

#[tokio::test]
async fn what_haproxy_refuses_is_refused_in_its_words() {
    let Some(folder) = std::env::var_os("LB_TRANSCRIPTS") else {
        println!("LB_TRANSCRIPTS names no folder: nothing is replayed");
        return;
    };
    let mut transcripts = read(&PathBuf::from(folder), &REPLAYED);
    transcripts.retain(|transcript| states::replayed().all(|elsewhere| elsewhere != transcript.name));
    assert!(!transcripts.is_empty(), "there is nothing to replay");
    let origin = Origin::http(|_| ok("")).await;
    let lab = fixture::start([origin.address(); 3], "interval = \"500ms\"").await;
    let mut wrong = Vec::new();
    for Transcript { name, sent, answer } in &transcripts {
        let got = normal(sent, &lab.socket_of(&fixture::socket_of(name), sent).await);
        wrong.extend(compare::fault(name, sent, &normal(sent, &as_configured(answer)), &got));
    }
    let count = transcripts.len();
    println!("{count} transcripts replayed");
    assert!(wrong.is_empty(), "{} of {count} are wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// Breaks when a transcript is in the folder and is not compared: then the list of exceptions would be longer than it says.
#[test]
fn every_transcript_is_replayed_or_on_the_list() {
    let Some(folder) = std::env::var_os("LB_TRANSCRIPTS") else { return };
    let elsewhere = |name: &str| {
        let starts = REPLAYED.iter().chain(&show::REPLAYED).chain(&ELSEWHERE);
        starts.into_iter().any(|start| name.starts_with(start))
            || states::replayed().chain(variety::replayed()).any(|known| known == name)
    };
    let all = read(Path::new(&folder), &[""]);
    let exceptions = exceptions();
    let names = || all.iter().map(|transcript| transcript.name.as_str());
    let nobody: Vec<_> = names().filter(|name| !elsewhere(name) && !exceptions.contains_key(name)).collect();
    println!("{} transcripts, {} may differ", all.len(), exceptions.len());
    assert!(nobody.is_empty(), "nobody looks at {} of {}: {nobody:?}", nobody.len(), all.len());
    let gone: Vec<_> = exceptions.keys().filter(|name| names().all(|known| known != **name)).collect();
    assert!(gone.is_empty(), "the list names what is not there: {gone:?}");
}

#[test]
fn every_exception_has_a_reason() {
    for (name, reason) in exceptions() {
        assert!(reason.len() > 10, "{name} has no reason");
    }
}

fn read(folder: &Path, starts: &[&str]) -> Vec<Transcript> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut transcripts: Vec<_> = files
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|ending| ending == "txt"))
        .filter_map(|file| {
            let name = file.file_stem()?.to_str()?.to_owned();
            starts.iter().any(|start| name.starts_with(start)).then(|| {
                let text = std::fs::read_to_string(&file).unwrap();
                let (sent, answer) = text.split_once('\n').expect("a line that was sent");
                Transcript { name, sent: sent.to_owned(), answer: answer.to_owned() }
            })
        })
        .collect();
    transcripts.sort_by(|one, other| one.name.cmp(&other.name));
    transcripts
}

/// Names of transcripts that may differ, and why.
fn exceptions() -> BTreeMap<&'static str, &'static str> {
    let lines = EXCEPTIONS.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| line.split_once(char::is_whitespace).unwrap_or((line, ""))).collect()
}
