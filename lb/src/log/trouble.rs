//! What has become of a log: that it loses lines, and that it works again. Each is said once, on standard error and as an event.
//!
//! It decides nothing: lines are lost elsewhere, and counted there.

use std::io::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config::{self, LogTarget};

/// How long no line may have been lost before a log works again: one that comes and goes is not said to each time.
const SETTLED: Duration = Duration::from_secs(1);

/// The state of one log.
#[derive(Debug)]
pub(super) struct Trouble {
    /// What people call it.
    name: String,
    /// Standard error is this log.
    is_stderr: bool,
    state: Mutex<TroubleState>,
}

#[derive(Debug, Default)]
struct TroubleState {
    failing: Option<Failing>,
    /// Lines lost in all because too many waited, when this was looked at last.
    overflown: u64,
    /// Why its file could not be opened again, when that was said last.
    not_opened: Option<io::ErrorKind>,
    news: Vec<String>,
}

#[derive(Debug)]
struct Failing {
    lost: u64,
    last: Instant,
    /// A line has been written since.
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

    /// Lines could not be written.
    pub(super) fn fails(&self, count: u64, error: Option<&io::Error>) {
        let reason = error.map_or_else(|| "it takes no more".to_owned(), ToString::to_string);
        self.lost(&mut self.state(), count, &reason);
    }

    /// Lines were written.
    pub(super) fn works(&self) {
        if let Some(failing) = &mut self.state().failing {
            failing.works = true;
        }
    }

    /// Its file was moved away, and there is no other in its place.
    pub(super) fn not_opened(&self, error: &io::Error) {
        let mut state = self.state();
        if state.not_opened.replace(error.kind()) != Some(error.kind()) {
            self.emit(&mut state, format!("{error}; lines go on to the file that was open before"));
        }
    }

    /// What there is to say; `overflown` lines were lost so far because too many waited.
    pub(super) fn news(&self, overflown: u64) -> Vec<String> {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.overflown, overflown);
        if overflown > before {
            self.lost(&mut state, overflown - before, "its lines are not taken as fast as they come");
            // Whether others are written meanwhile says nothing.
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
            // Standard error may be a pipe that is not read, which must hold up neither this thread nor the next.
            let told = std::thread::Builder::new().name("lb-stderr".to_owned());
            let told = told.spawn(move || io::stderr().write_all(line.as_bytes()));
            // There is nobody else to tell; the event is still there.
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

    /// Makes the last loss so old that the log has settled.
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
