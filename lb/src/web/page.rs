//! The status page as HTML: complete without a script; the script only keeps it current and enables changes.
//!
//! Everything dynamic goes through [`text::EscapedText`]. It draws an [`Overview`] and a [`History`], and reads
//! no other state.

mod doc;
mod servers;
mod text;
mod timeline;
mod verdict;

use super::history::History;
use crate::report::Overview;
use crate::report::info;
use crate::report::overview::ProcessReport;
pub(super) use doc::Doc;
use text::{Age, EscapedText, Spark, badge, count};

const PAGE: &str = include_str!("assets/page.html");

/// Refreshes the page: by the script, or without one by the browser.
const REFRESH: &str = "<script src=\"/stats.js\" defer></script>\n<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>";
/// The dialog that asks before a change.
const DIALOG: &str = include_str!("assets/dialog.html");

/// How to enable the buttons.
const HINT: &str = "<span>Read-only: <code>admin = true</code> in <code>[stats]</code> lets this page drain and stop servers</span>";

/// The state that is drawn.
pub(super) struct View<'a> {
    pub(super) overview: &'a Overview,
    pub(super) history: &'a History,
    /// The secret for forms, where changes are allowed.
    pub(super) token: Option<&'a str>,
}

/// What the page shows besides the state.
pub(super) struct PageContext<'a> {
    /// Whether it refreshes itself.
    pub(super) refreshing: bool,
    /// The result of a form.
    pub(super) notice: Option<&'a str>,
}

/// The state that is drawn, and for which viewer.
pub(super) struct Draw<'a> {
    view: &'a View<'a>,
    /// Unix time, where ages are written out; `None` where the page's script fills them in.
    now: Option<u64>,
}

/// The page, complete without a script.
pub(super) fn html(view: &View<'_>, frame: &PageContext<'_>) -> String {
    let doc = Doc::draw(&Draw { view, now: Some(view.overview.process.now) });
    let Doc { title, grade, .. } = &doc;
    let mut values = vec![
        ("title", EscapedText(title).to_string()),
        ("grade", (*grade).to_owned()),
        ("now", doc.now.to_string()),
        ("backends", doc.groups_html(true)),
        ("node", EscapedText(&view.overview.process.node).to_string()),
        ("version", EscapedText(view.overview.process.version).to_string()),
        ("own", env!("CARGO_PKG_VERSION").to_owned()),
        ("released", info::RELEASE_DATE.to_owned()),
        ("refresh", if frame.refreshing { REFRESH.to_owned() } else { String::new() }),
        ("token", view.token.map(token).unwrap_or_default()),
        ("dialog", if view.token.is_some() { DIALOG } else { "" }.to_owned()),
        ("hint", if view.token.is_none() { HINT } else { "" }.to_owned()),
        ("notice", frame.notice.map(notice).unwrap_or_default()),
    ];
    values.extend(doc.parts);
    fill(PAGE, &values)
}

/// Replaces `{{name}}` in a template. Values are not expanded again.
fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut out = String::with_capacity(template.len() * 4);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
            out.push_str(value);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn token(token: &str) -> String {
    format!("<meta name=\"lb-token\" content=\"{}\">", EscapedText(token))
}

fn notice(text: &str) -> String {
    format!("<p class=\"notice\" role=\"status\">{}</p>", EscapedText(text))
}

/// Facts about the process, in the form in which tools look for them on HAProxy's page.
fn facts(process: &ProcessReport) -> String {
    format!(
        "<b>pid = </b> {}; <b>uptime = </b> {}; idle = {} %",
        process.pid,
        info::uptime(process.uptime_seconds),
        process.idle_percent
    )
}

fn ready(process: &ProcessReport) -> String {
    if process.ready {
        return badge("up", "ready");
    }
    format!("{} {}", badge("down", "not ready"), EscapedText(&process.not_ready.join("; ")))
}

/// The figures of the process.
fn process(draw: &Draw<'_>) -> String {
    let view = draw.view;
    let (process, trend) = (&view.overview.process, view.history.process());
    let in_flight: u64 = view.overview.backends.iter().map(|backend| backend.in_flight).sum();
    let failures: u64 = trend.failures.iter().sum();
    let line = |values, kind| Spark::counts(values, kind).html(true);
    let facts = [
        ("Requests/s", process.request_rate.to_string(), line(&trend.requests, "rate")),
        ("Failures, last minute", count(failures), line(&trend.failures, "bad")),
        ("In flight", in_flight.to_string(), line(&trend.in_flight, "rate")),
        ("Connections", format!("{} of {}", process.connections, process.maxconn), String::new()),
        ("Requests", count(process.requests_total), String::new()),
        ("Up for", draw.age(process.now.saturating_sub(process.uptime_seconds)).to_string(), String::new()),
    ];
    facts.map(|(name, value, line)| format!("<div><dt>{name}</dt><dd>{value}{line}</dd></div>")).concat()
}

// === impl Draw ===

impl Draw<'_> {
    /// The age of something.
    fn age(&self, since: u64) -> Age {
        Age { since, now: self.now }
    }
}

// === impl Doc ===

impl Doc {
    /// The page for viewers with a script.
    pub(super) fn of(view: &View<'_>) -> Self {
        Self::draw(&Draw { view, now: None })
    }

    fn draw(draw: &Draw<'_>) -> Self {
        let overview = draw.view.overview;
        let verdict = verdict::verdict(draw);
        Self {
            title: format!("{} · lb on {}", verdict.headline, overview.process.node),
            grade: verdict.grade,
            now: overview.process.now,
            parts: vec![
                ("verdict", verdict.html),
                ("ready", ready(&overview.process)),
                ("process", process(draw)),
                ("frontends", overview.frontends.iter().map(servers::frontend).collect()),
                ("timeline", timeline::timeline(draw, &overview.events)),
                ("facts", facts(&overview.process)),
            ],
            groups: overview.backends.iter().map(|of| servers::backend(draw, of)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_dynamic_is_read_as_html_or_as_a_place() {
        let filled = fill(
            "<p>{{a}}</p>{{b}}{{unknown}}",
            &[("a", EscapedText("<script>'\"&{{b}}").to_string()), ("b", "x".to_owned())],
        );
        assert_eq!(filled, "<p>&lt;script&gt;&#39;&quot;&amp;{{b}}</p>x");
    }
}
