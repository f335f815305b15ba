//! Replies about internals that lb does not have, or has little to say about.
//!
//! Programs do not parse them, except for replies about unsupported objects (certificates, caches, peers), whose
//! bytes are HAProxy's.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::admin::answer::CommandOutput;
use crate::admin::session::Session;
use crate::control::Record;
use crate::log::date;
use crate::report;

/// HAProxy's event sinks; lb writes nothing to them.
const SINKS: [&str; 3] = ["stdout", "stderr", "buf0"];
/// lb's own sink: changes of state, commands, reloads.
const JOURNAL: &str = "journal";

pub(in crate::admin::commands) fn activity(session: &mut Session, _: &[String]) -> CommandOutput {
    let shared = session.control.shared();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let accepted: u64 = session
        .control
        .topology()
        .frontends
        .iter()
        .map(|frontend| frontend.live.tally.totals().connections)
        .sum();
    let (workers, started) = (shared.workers.count(), shared.process.started.elapsed());
    CommandOutput::Dump(format!(
        "thread_id: 1 (1..{workers})\ndate_now: {:.6}\nuptime_now: {:.6}\nmaxconn_reached: {}\naccepted: {accepted}\n",
        now.as_secs_f64(),
        started.as_secs_f64(),
        shared.process.full.get(),
    ))
}

pub(in crate::admin::commands) fn threads(session: &mut Session, _: &[String]) -> CommandOutput {
    let mut out = String::from("One thread of the control side, and the data workers:\n");
    for (number, connections) in session.control.shared().workers.connections().iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  worker {}: {connections} client connections", number + 1);
    }
    CommandOutput::Dump(out)
}

pub(in crate::admin::commands) fn pools(_: &mut Session, _: &[String]) -> CommandOutput {
    CommandOutput::Dump("There are no memory pools: lb uses the system's allocator.\n".to_owned())
}

pub(in crate::admin::commands) fn fd(_: &mut Session, _: &[String]) -> CommandOutput {
    // Unknown where the system does not list them.
    let open = std::fs::read_dir("/proc/self/fd").map(|list| list.count().saturating_sub(1));
    let open = open.map_or_else(|_| "An unknown number of".to_owned(), |count| count.to_string());
    CommandOutput::Dump(format!("{open} file descriptors are open.\n"))
}

pub(in crate::admin::commands) fn startup_logs(_: &mut Session, _: &[String]) -> CommandOutput {
    let (pid, version) = (std::process::id(), report::VERSION);
    CommandOutput::Dump(format!("[NOTICE]   ({pid}) : lb version is {version}\n"))
}

pub(in crate::admin::commands) fn profiling(_: &mut Session, _: &[String]) -> CommandOutput {
    CommandOutput::Dump("Nothing is profiled from within: use perf on the process.\n".to_owned())
}

pub(in crate::admin::commands) fn events(session: &mut Session, words: &[String]) -> CommandOutput {
    match words.first().map(String::as_str) {
        None => {
            let lines = SINKS.map(|sink| format!("    {sink:<11}: 0 dropped, nothing is kept\n"));
            CommandOutput::Dump(format!(
                "Sinks of events:\n    {JOURNAL:<11}: the last changes of state, orders and reloads\n{}",
                lines.concat()
            ))
        }
        Some(JOURNAL) => CommandOutput::Dump(journal(session)),
        Some(sink) if SINKS.contains(&sink) => CommandOutput::Done,
        Some(_) => CommandOutput::error("No such event sink"),
    }
}

/// The events that are kept, oldest first.
fn journal(session: &Session) -> String {
    let line = |record: &Record| {
        let at = UNIX_EPOCH + Duration::try_from_secs_f64(record.time).unwrap_or_default();
        // An empty line would look like the end of the reply.
        format!("[{}] {}\n", date::http(at), record.text.replace('\n', " "))
    };
    session.control.journal().iter().rev().map(|record| line(record)).collect()
}

pub(in crate::admin::commands) fn anon(_: &mut Session, _: &[String]) -> CommandOutput {
    CommandOutput::info("Anonymized mode disabled")
}

pub(in crate::admin::commands) fn tls_keys(_: &mut Session, _: &[String]) -> CommandOutput {
    CommandOutput::Dump("# id (file)\n".to_owned())
}

/// The reply about objects that lb does not have.
pub(in crate::admin::commands) fn none(_: &mut Session, _: &[String]) -> CommandOutput {
    CommandOutput::Done
}
