//! The first thing to see: what is wrong and why, or that nothing is.
//!
//! It refuses to be long: a few faults are told, the rest is counted.

use super::View;
use super::servers::{actions, anchor, facts_of, failing, why};
use super::text::{Text, ago, badge, many};
use crate::report::overview::{Backend, ServerView};

/// Faults that are told one by one.
const TOLD: usize = 8;

/// Something that somebody should look at.
struct Fault<'a> {
    place: Option<(usize, usize)>,
    backend: &'a Backend,
    server: Option<&'a ServerView>,
    text: String,
}

/// How many servers are how.
#[derive(Default)]
struct Counts {
    servers: usize,
    down: usize,
    failing: usize,
    drain: usize,
    maint: usize,
}

/// The headline, for people and for the title.
pub(super) struct Verdict {
    pub(super) headline: String,
    /// `up`, `drain` or `down`: its colour.
    pub(super) grade: &'static str,
    pub(super) html: String,
}

pub(super) fn verdict(view: &View<'_>) -> Verdict {
    let (mut counts, mut faults) = (Counts::default(), Vec::new());
    for (at, backend) in view.overview.backends.iter().enumerate() {
        if backend.usable == 0 && !backend.servers.is_empty() {
            let text = "no server can take traffic: its clients get 503".to_owned();
            faults.push(Fault { place: None, backend, server: None, text });
        }
        for (number, server) in backend.servers.iter().enumerate() {
            if let Some(text) = counts.take(view, backend, server) {
                faults.push(Fault { place: Some((at, number)), backend, server: Some(server), text });
            }
        }
    }
    // What is down comes before what limps.
    faults.sort_by_key(|fault| fault.server.is_some_and(|server| server.state != "down"));
    let process = &view.overview.process;
    let is_bad = !faults.is_empty() || process.stopping;
    let grade = if is_bad {
        "down"
    } else if counts.drain + counts.maint > 0 {
        "drain"
    } else {
        "up"
    };
    let headline = if process.stopping { "stopping".to_owned() } else { counts.headline(&faults) };
    let items: String = faults.iter().take(TOLD).map(|fault| fault.html(view)).collect();
    let more = match faults.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!("<li>and {more} more, below</li>"),
    };
    let list = if items.is_empty() { String::new() } else { format!("<ul>{items}{more}</ul>") };
    let html = format!("<div class=\"verdict {grade}\"><h2>{}</h2>{list}</div>", Text(&headline));
    Verdict { headline, grade, html }
}

// === impl Counts ===

impl Counts {
    /// Counts a server; returns its fault, if it has one.
    fn take(&mut self, view: &View<'_>, backend: &Backend, server: &ServerView) -> Option<String> {
        self.servers += 1;
        let check_failed = server.check.as_ref().is_some_and(|check| !check.passed);
        match server.state {
            "down" => {
                self.down += 1;
                return Some(format!("{} · for {}", why(server), ago(server.since_seconds)));
            }
            "drain" => self.drain += 1,
            "maint" => self.maint += 1,
            "partial" if check_failed => {
                self.failing += 1;
                return Some(why(server));
            }
            _ => {}
        }
        if server.state == "maint" {
            return None;
        }
        let text = failing(&view.history.server(backend, server))?;
        self.failing += 1;
        Some(text)
    }

    fn headline(&self, faults: &[Fault<'_>]) -> String {
        let mut parts = Vec::new();
        let mut say = |number: usize, text: &str| {
            if number > 0 {
                parts.push(format!("{number} {text}"));
            }
        };
        say(self.down, "down");
        say(self.failing, "failing");
        say(self.drain, "draining");
        say(self.maint, "in maintenance");
        if let [Fault { server: Some(server), backend, .. }] = faults
            && parts.len() == 1
        {
            let word = if server.state == "down" { "is down" } else { "is failing" };
            return format!("{}/{} {word}", backend.name, server.name);
        }
        let servers = many(self.servers, "server", "servers");
        if parts.is_empty() {
            format!("All well: {servers} up")
        } else {
            format!("{} of {servers}", parts.join(", "))
        }
    }
}

// === impl Fault ===

impl Fault<'_> {
    fn html(&self, view: &View<'_>) -> String {
        let Some((server, (backend_at, number))) = self.server.zip(self.place) else {
            return format!(
                "<li>{} <strong>{}</strong> {}</li>",
                badge("down", "DOWN"),
                Text(&self.backend.name),
                self.text
            );
        };
        format!(
            "<li{}>{} <a href=\"#{}\">{}/{}</a> <span>{}</span>{}</li>",
            facts_of(self.backend, server),
            if server.state == "up" {
                badge("partial", "FAILING")
            } else {
                badge(server.state, &server.status)
            },
            anchor(backend_at, number),
            Text(&self.backend.name),
            Text(&server.name),
            self.text,
            actions(view, self.backend, server),
        )
    }
}
