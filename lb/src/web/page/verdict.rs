//! The headline: what is wrong and why, or that all is well.
//!
//! At most eight faults are listed; the rest is counted. Only backends that a frontend leads to are considered.

use super::Draw;
use super::doc::anchor;
use super::servers::{actions, failing, pending, why};
use super::text::{EscapedText, badge, many};
use crate::report::overview::{BackendReport, ServerView};

/// Maximum number of listed faults.
const LISTED: usize = 8;

/// Severity, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    /// All servers are up.
    Up,
    /// Servers were taken out by an operator.
    Drain,
    /// Servers are coming up, or fail now and then.
    Partial,
    /// A server is down, or clients are not served.
    Down,
}

/// A fault that needs attention.
struct VisibleFault {
    grade: Grade,
    html: String,
    /// Its text when it is the only fault.
    alone: String,
}

/// Counts of servers by state.
#[derive(Default)]
struct StateCounts {
    servers: usize,
    down: usize,
    rising: usize,
    failing: usize,
    drain: usize,
    maint: usize,
}

/// The headline of the page and its title.
pub(super) struct Headline {
    pub(super) headline: String,
    /// `up`, `drain`, `partial` or `down`: its color.
    pub(super) grade: &'static str,
    pub(super) html: String,
}

pub(super) fn verdict(draw: &Draw<'_>) -> Headline {
    let process = &draw.view.overview.process;
    let (mut counts, mut faults) = (StateCounts::default(), Vec::new());
    for (at, backend) in draw.view.overview.backends.iter().enumerate().filter(|(_, backend)| backend.used) {
        for (number, server) in backend.servers.iter().enumerate() {
            let Some((grade, text)) = counts.take(draw, backend, server) else { continue };
            faults.push(VisibleFault::of_server(draw, (at, number), backend, server, grade, &text));
        }
    }
    // A server that is down comes before one that is coming up.
    faults.sort_by_key(|fault| std::cmp::Reverse(fault.grade));
    let outages: Vec<_> = if process.stopping { &[][..] } else { &process.problems[..] }.iter().collect();
    let by_order = if counts.drain + counts.maint > 0 { Grade::Drain } else { Grade::Up };
    let serving = faults.first().map_or(by_order, |fault| fault.grade.max(by_order));
    let grade = if process.stopping || !outages.is_empty() { Grade::Down } else { serving };
    let headline = match &outages[..] {
        _ if process.stopping => {
            let in_flight: u64 = draw.view.overview.backends.iter().map(|backend| backend.in_flight).sum();
            format!("Stopping: {in_flight} in flight")
        }
        [] => counts.headline(&faults),
        [outage] => first_upper(&outage.text),
        [first, ..] => format!("Outage in {} and {} more", first.name, outages.len() - 1),
    };
    let list = outages
        .iter()
        .filter(|_| outages.len() > 1)
        .map(|outage| format!("<li>{} {}</li>", badge("down", "OUTAGE"), EscapedText(&outage.text)));
    let list = list.chain(faults.iter().map(|fault| fault.html.clone()));
    let mut list: Vec<String> = list.collect();
    let more = list.len().saturating_sub(LISTED);
    list.truncate(LISTED);
    if more > 0 {
        list.push(format!("<li>and {more} more, below</li>"));
    }
    let list = if list.is_empty() { String::new() } else { format!("<ul>{}</ul>", list.concat()) };
    let hint = if outages.is_empty() { "" } else { "<p>Clients get 503.</p>" };
    let grade = grade.word();
    let html =
        format!("<div class=\"verdict {grade}\"><h2>{}</h2>{hint}{list}</div>", EscapedText(&headline));
    Headline { headline, grade, html }
}

fn first_upper(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

// === impl Grade ===

impl Grade {
    fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Drain => "drain",
            Self::Partial => "partial",
            Self::Down => "down",
        }
    }
}

// === impl StateCounts ===

impl StateCounts {
    /// Counts a server; returns its fault, if it has one.
    fn take(
        &mut self,
        draw: &Draw<'_>,
        backend: &BackendReport,
        server: &ServerView,
    ) -> Option<(Grade, String)> {
        self.servers += 1;
        let check_failed = server.check.as_ref().is_some_and(|check| !check.passed);
        match server.state {
            "down" if pending(server).is_some() => {
                self.rising += 1;
                return Some((Grade::Partial, why(draw, server)));
            }
            "down" => {
                self.down += 1;
                return Some((
                    Grade::Down,
                    format!("{} · for {}", why(draw, server), draw.age(server.since)),
                ));
            }
            "drain" => self.drain += 1,
            "maint" => self.maint += 1,
            "partial" if check_failed => {
                self.failing += 1;
                return Some((Grade::Partial, why(draw, server)));
            }
            _ => {}
        }
        if server.state == "maint" {
            return None;
        }
        let text = failing(&draw.view.history.server(backend, server))?;
        self.failing += 1;
        Some((Grade::Partial, text))
    }

    fn headline(&self, faults: &[VisibleFault]) -> String {
        let mut parts = Vec::new();
        let mut say = |number: usize, text: &str| {
            if number > 0 {
                parts.push(format!("{number} {text}"));
            }
        };
        say(self.down, "down");
        say(self.rising, "coming up");
        say(self.failing, "failing");
        say(self.drain, "draining");
        say(self.maint, "in maintenance");
        if let [fault] = faults
            && parts.len() == 1
        {
            return fault.alone.clone();
        }
        let servers = many(self.servers, "server", "servers");
        if parts.is_empty() {
            format!("All well: {servers} up")
        } else {
            format!("{} of {servers}", parts.join(", "))
        }
    }
}

// === impl VisibleFault ===

impl VisibleFault {
    fn of_server(
        draw: &Draw<'_>,
        (at, number): (usize, usize),
        backend: &BackendReport,
        server: &ServerView,
        grade: Grade,
        text: &str,
    ) -> Self {
        let (badge, word) = match (pending(server), server.state) {
            (Some(word), _) => (badge("partial", &word), "is coming up"),
            (None, "down") => (badge("down", &server.status), "is down"),
            (None, "up") => (badge("partial", "FAILING"), "is failing"),
            (None, state) => (badge(state, &server.status), "is failing"),
        };
        let html = format!(
            "<li data-row=\"{0}\">{badge} <a href=\"#{0}\">{1}/{2}</a> <span>{text}</span>{3}</li>",
            anchor(at, number),
            EscapedText(&backend.name),
            EscapedText(&server.name),
            actions(draw, backend, server),
        );
        Self { grade, html, alone: format!("{}/{} {word}", backend.name, server.name) }
    }
}
