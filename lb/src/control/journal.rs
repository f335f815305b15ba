//! The last events, for who looks at the page: a bounded memory beside the log.
//!
//! It refuses to be read back by any decision: what it holds is for people.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::Event;
use crate::server::Server;

/// Events that are kept.
const KEPT: usize = 256;
/// Characters of one that are kept: a fault in a configuration can be a long text.
const LONGEST: usize = 500;

/// An event that was. Its fields are those of `/stats.json`: they are added to, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    /// Rises by one with each event of this process.
    pub number: u64,
    /// Unix time, seconds.
    pub time: f64,
    /// Its kind: `admin`, `health`, `version`, `weight`, `configuration`, …
    pub kind: &'static str,
    /// The server that it is about: `backend/server`.
    pub server: Option<String>,
    /// That server's state just afterwards, in HAProxy's word.
    pub status: Option<String>,
    /// What happened, and who asked for it.
    pub text: String,
}

/// The memory.
#[derive(Debug, Default)]
pub(super) struct Journal {
    records: VecDeque<Arc<Record>>,
    last: u64,
}

// === impl Journal ===

impl Journal {
    pub(super) fn add(&mut self, event: &Event<'_>) {
        self.last += 1;
        let server = event.subject();
        let record = Record {
            number: self.last,
            time: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            kind: event.name(),
            server: server.map(Server::full_name),
            status: server.map(|server| server.status().to_string()),
            text: event.to_string().chars().take(LONGEST).collect(),
        };
        if self.records.len() == KEPT {
            self.records.pop_back();
        }
        self.records.push_front(Arc::new(record));
    }

    pub(super) fn newest_first(&self) -> Vec<Arc<Record>> {
        self.records.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Origin;
    use crate::control::fixture::Fixture;
    use crate::server::{AdminState, CheckResult, CheckStatus};
    use std::time::Duration;

    #[test]
    fn the_newest_are_kept() {
        let mut journal = Journal::default();
        for number in 0..=KEPT {
            journal.add(&Event::Notice { text: &number.to_string() });
        }
        let records = journal.newest_first();
        let ends = [&records[0], &records[KEPT - 1]].map(|record| (record.number, record.text.clone()));
        assert_eq!((records.len(), ends), (KEPT, [(257, "256".to_owned()), (2, "1".to_owned())]));
    }

    #[test]
    fn orders_and_new_versions_are_remembered() {
        let fixture = Fixture::new("health = {}\n[backend.be.servers]\ns1 = \"127.0.0.1:9\"");
        let (control, server) = (&fixture.control, fixture.server("s1"));
        control.set_admin(&server, AdminState::Drain, &Origin::Signal);
        for version in [None, Some("v1"), Some("v1"), Some("v2")] {
            let (status, took) = (CheckStatus::L7Ok, Duration::ZERO);
            let version = version.map(str::to_owned);
            control.checked(
                &server,
                CheckResult { status, code: Some(200), took, detail: String::new(), version },
            );
        }
        let records = control.journal();
        let told: Vec<_> = records
            .iter()
            .map(|record| (record.kind, record.server.as_deref(), record.status.as_deref()))
            .collect();
        assert_eq!(told[0], ("version", Some("be/s1"), Some("DRAIN")));
        assert_eq!(told[1], ("admin", Some("be/s1"), Some("DRAIN 1/3")));
        assert!(records[0].text.contains("v2") && records[0].text.contains("v1"));
        assert!(records[1].text.ends_with("by signal, 0 in flight"), "{}", records[1].text);
    }
}
