//! Reports when a log begins to lose lines and when it works again: once each, on standard error and as an event.
//!
//! Lines are lost and counted elsewhere.

use std::io::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config::{self, LogTarget};

/// How long a log must lose nothing before it counts as working again, so that intermittent loss is reported
/// once.
const SETTLED: Duration = Duration::from_secs(1);

/// The state of one log.
#[derive(Debug)]
pub(super) struct Trouble {
    /// The log's name for people.
    name: String,
    /// Whether this log is standard error itself.
    is_stderr: bool,
    state: Mutex<TroubleState>,
}

#[derive(Debug, Default)]
struct TroubleState {
    failing: Option<Failing>,
    /// Total of lines lost because the queue was full, at the last report.
    overflown: u64,
    /// The error of opening the file again that was reported last.
    not_opened: Option<io::ErrorKind>,
    news: Vec<String>,
}

#[derive(Debug)]
struct Failing {
    lost: u64,
    last: Instant,
    /// Whether a line has been written since.
    works: bool,
}

// === impl Trouble ===

impl Trouble {
    pub(super) fn new(config: &config::LogConfig) -> Self {
        let name = match &config.target {
            LogTarget::Stderr => "on standard error".to_owned(),
            LogTarget::Stdout => "on standard output".to_owned(),
            LogTarget::File(path) => path.display().to_string(),
            LogTarget::Udp { host, port } => format!("udp://{}", config::host_and_port(host, *port)),
            LogTarget::Unix(path) => format!("unix://{}", path.display()),
        };
        Self { name, is_stderr: config.target == LogTarget::Stderr, state: Mutex::default() }
    }

    /// Records that lines could not be written.
    pub(super) fn fails(&self, count: u64, error: Option<&io::Error>) {
        let reason = error.map_or_else(|| "it takes no more".to_owned(), ToString::to_string);
        self.lost(&mut self.state(), count, &reason);
    }

    /// Records that lines were written.
    pub(super) fn works(&self) {
        if let Some(failing) = &mut self.state().failing {
            failing.works = true;
        }
    }

    /// Records that the file was moved and no new one could be opened.
    pub(super) fn not_opened(&self, error: &io::Error) {
        let mut state = self.state();
        if state.not_opened.replace(error.kind()) != Some(error.kind()) {
            self.emit(&mut state, format!("{error}; lines go on to the file that was open before"));
        }
    }

    /// Returns new reports. `overflown`: total of lines lost because the queue was full.
    pub(super) fn news(&self, overflown: u64) -> Vec<String> {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.overflown, overflown);
        if overflown > before {
            self.lost(&mut state, overflown - before, "its lines are not taken as fast as they come");
            // Lines that are written meanwhile prove nothing: the queue loses others.
            if let Some(failing) = &mut state.failing {
                failing.works = true;
            }
        }
        let settled = |failing: &mut Failing| failing.works && failing.last.elapsed() >= SETTLED;
        if let Some(Failing { lost, .. }) = state.failing.take_if(settled) {
            let name = &self.name;
            self.emit(&mut state, format!("the log {name} works again; lines lost meanwhile: {lost}"));
        }
        std::mem::take(&mut state.news)
    }

    fn lost(&self, state: &mut TroubleState, count: u64, reason: &str) {
        if state.failing.is_none() {
            self.emit(state, format!("the log {} loses lines: {reason}", self.name));
        }
        let before = state.failing.as_ref().map_or(0, |failing| failing.lost);
        state.failing = Some(Failing { lost: before + count, last: Instant::now(), works: false });
    }

    fn emit(&self, state: &mut TroubleState, text: String) {
        if !self.is_stderr {
            let line = format!("lb: {text}\n");
            // Standard error may be a pipe without a reader, which must block neither this thread nor
            // the next report.
            let told = std::thread::Builder::new().name("lb-stderr".to_owned());
            let told = told.spawn(move || io::stderr().write_all(line.as_bytes()));
            // If it cannot be printed, the event is still recorded.
            drop(told);
        }
        state.news.push(text);
    }

    fn state(&self) -> MutexGuard<'_, TroubleState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ages the last loss so that the log counts as working again.
    fn settle(trouble: &Trouble) {
        if let Some(failing) = &mut trouble.state().failing {
            failing.last = Instant::now().checked_sub(SETTLED * 2).unwrap();
        }
    }

    #[test]
    fn the_first_loss_and_the_end_are_said_once() {
        let trouble = Trouble::new(&config::LogConfig::default());
        let full = io::Error::from(io::ErrorKind::StorageFull);
        trouble.works();
        assert!(trouble.news(0).is_empty());
        trouble.fails(3, Some(&full));
        trouble.fails(4, Some(&full));
        let news = trouble.news(0);
        assert_eq!(news, [format!("the log on standard error loses lines: {full}")]);
        settle(&trouble);
        assert!(trouble.news(0).is_empty(), "no line has been written yet");
        trouble.works();
        assert_eq!(trouble.news(0), ["the log on standard error works again; lines lost meanwhile: 7"]);
        assert!(trouble.news(0).is_empty());
    }

    #[test]
    fn lines_that_find_no_room_are_said_as_well() {
        let trouble = Trouble::new(&config::LogConfig::default());
        assert_eq!(trouble.news(5).len(), 1);
        assert!(trouble.news(6).is_empty());
        settle(&trouble);
        assert_eq!(trouble.news(6), ["the log on standard error works again; lines lost meanwhile: 6"]);
        trouble.not_opened(&io::Error::other("no folder"));
        trouble.not_opened(&io::Error::other("no folder"));
        assert_eq!(trouble.news(6).len(), 1);
    }
}
