//! Malformed and odd exchanges, each with the outcome that it must have: the cases are the files in `tests/corpus`, whose README tells how
//! to read them.
//!
//! Each case has a frontend, a backend and a server of its own in a lab that it shares, so that whatever reaches the server is its doing.
//! It runs at once and byte by byte. All failures are told together; `LB_CORPUS=text` runs only the cases whose names contain the text.

mod case;
mod escape;
mod judge;
mod run;
mod script;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tests::{Lab, PATIENCE, Rows, Running};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;

use case::{Case, Outcome};
use run::Trial;
use script::Pace;

/// Cases with more bytes than this come at once only.
const LONG: usize = 4 << 10;
/// Between two looks at something that is to come to rest.
const POLL: Duration = Duration::from_millis(5);

#[tokio::test]
async fn requests() {
    folder("requests").await;
}

#[tokio::test]
async fn responses() {
    folder("responses").await;
}

/// Runs all files of a folder, one after the other.
async fn folder(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let only = std::env::var("LB_CORPUS").unwrap_or_default();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut cases = case::read(&text).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()));
        let subject = format!("{name}/{}", file.file_stem().unwrap().to_string_lossy());
        assert!(!cases.is_empty(), "{subject} has no cases");
        cases.retain(|case| case.name.contains(&only));
        count += cases.len();
        let faults = lab(cases).await;
        wrong.extend(faults.into_iter().map(|fault| format!("{subject}: {fault}")));
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} cases have other outcomes:\n\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The ways in which a case is run.
fn paces(case: &Case) -> Vec<Pace> {
    let mut paces = vec![Pace::AtOnce];
    if case.client.len() + case.server.concat().len() <= LONG {
        paces.push(Pace::ByteByByte);
    }
    if case.pieces {
        paces.extend((1..case.client.len()).map(Pace::Cut));
    }
    paces
}

/// Runs cases in a lab that they share; returns what is wrong, a text for each that fails.
async fn lab(cases: Vec<Case>) -> Vec<String> {
    let mut trials = Vec::new();
    for case in cases.into_iter().map(Arc::new) {
        for pace in paces(&case) {
            trials.push(Trial::new(format!("c{}", trials.len()), Arc::clone(&case), pace).await);
        }
    }
    // One worker: a connection that could be used again then is.
    let mut lab = Lab::new().section("process", "threads = 1");
    for Trial { name, .. } in &trials {
        let bind = format!("bind = \"127.0.0.1:0\"\nbackend = \"{name}\"");
        lab = lab.section(&format!("frontend.fe_{name}"), &bind).section(&format!("backend.{name}"), "");
    }
    for trial in &trials {
        let server = format!("a = {{ address = \"{}\" }}", trial.server());
        lab = lab.section(&format!("backend.{}.servers", trial.name), &server);
    }
    let lab = Arc::new(lab.start().await);
    let trials: Vec<_> = trials.into_iter().map(Arc::new).collect();
    let mut running = JoinSet::new();
    let here = LocalSet::new();
    for (number, trial) in trials.iter().cloned().enumerate() {
        let lab = Arc::clone(&lab);
        running.spawn_local_on(async move { (number, trial.run(&lab).await.err()) }, &here);
    }
    let mut faults = here.run_until(running.join_all()).await;
    faults.sort_by_key(|(number, _)| *number);
    let rows = at_rest(&lab, &trials).await;
    for (trial, (_, fault)) in trials.iter().zip(&mut faults) {
        let row = rows.row(&trial.name, "a");
        if !row.is_drained() {
            fault.get_or_insert_default().push_str("something stays in flight\n");
        }
        let blame = row.number("eresp") + row.number("srv_abrt") + row.number("wretr");
        let clients_fault = |outcome: &Outcome| matches!(outcome, Outcome::Refused(_) | Outcome::Stopped(_));
        if blame > 0 && trial.case.outcomes.iter().all(clients_fault) {
            fault.get_or_insert_default().push_str("the server is blamed for it\n");
        }
    }
    let faults: Vec<_> =
        trials.iter().zip(faults).filter_map(|(trial, (_, fault))| Some((trial, fault?))).collect();
    let cases = faults.chunk_by(|(one, _), (other, _)| Arc::ptr_eq(&one.case, &other.case));
    cases.map(told).collect()
}

/// The statistics once nothing is in flight, or when that does not come to pass.
async fn at_rest(lab: &Running, trials: &[Arc<Trial>]) -> Rows {
    let deadline = Instant::now() + PATIENCE / 4;
    loop {
        let rows = lab.stat_rows().await;
        let drained = trials.iter().all(|trial| rows.row(&trial.name, "a").is_drained());
        if drained || Instant::now() > deadline {
            return rows;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// What is wrong with one case, in the first of the ways in which it is.
fn told(faults: &[(&Arc<Trial>, String)]) -> String {
    let (trial, fault) = &faults[0];
    let paces: Vec<_> = faults.iter().map(|(trial, _)| trial.pace).take(3).collect();
    let more = if faults.len() > 3 { ", …" } else { "" };
    format!("{} {paces:?}{more}: {fault}", trial.case.name)
}
