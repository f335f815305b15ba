//! The status page as the server draws it: complete without a script, which then only keeps it current and lets it be used.
//!
//! Everything dynamic goes through [`text::Text`], which escapes. It refuses to read state: it draws an [`Overview`] and a [`History`].

mod servers;
mod text;
mod timeline;
mod verdict;

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::history::History;
use crate::report::Overview;
use crate::report::info;
use crate::report::overview::Process;
use text::{Spark, Text, ago, badge, count};

const PAGE: &str = include_str!("assets/page.html");

/// What makes the page refresh: the script, or without one the browser.
const REFRESH: &str = "<script src=\"/stats.js\" defer></script>\n<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>";
/// What asks before something is changed.
const DIALOG: &str = include_str!("assets/dialog.html");

/// What would bring the buttons.
const HINT: &str = "<span>Read-only: <code>admin = true</code> in <code>[stats]</code> lets this page drain and stop servers</span>";

/// What is drawn.
pub(super) struct View<'a> {
    pub(super) overview: &'a Overview,
    pub(super) history: &'a History,
    /// What forms prove themselves with, where changes are allowed.
    pub(super) token: Option<&'a str>,
}

/// What the page says besides the state.
pub(super) struct Frame<'a> {
    /// Whether it keeps itself current.
    pub(super) refreshing: bool,
    /// What came of a form.
    pub(super) notice: Option<&'a str>,
}

/// The parts that move, by the `id` of the element that holds each, and the title.
struct Parts {
    title: String,
    grade: &'static str,
    parts: [(&'static str, String); 7],
}

/// The page.
pub(super) fn html(view: &View<'_>, frame: &Frame<'_>) -> String {
    let Parts { title, grade, parts } = Parts::of(view);
    let mut values = vec![
        ("title", Text(&title).to_string()),
        ("grade", grade.to_owned()),
        ("node", Text(&view.overview.process.node).to_string()),
        ("version", Text(view.overview.process.version).to_string()),
        ("own", env!("CARGO_PKG_VERSION").to_owned()),
        ("released", info::RELEASE_DATE.to_owned()),
        ("refresh", if frame.refreshing { REFRESH.to_owned() } else { String::new() }),
        ("token", view.token.map(token).unwrap_or_default()),
        ("dialog", if view.token.is_some() { DIALOG } else { "" }.to_owned()),
        ("hint", if view.token.is_none() { HINT } else { "" }.to_owned()),
        ("notice", frame.notice.map(notice).unwrap_or_default()),
    ];
    values.extend(parts);
    fill(PAGE, &values)
}

/// The parts that move, as JSON for the script.
pub(super) fn parts(view: &View<'_>) -> String {
    let Parts { title, grade, parts } = Parts::of(view);
    let parts: serde_json::Map<_, _> =
        parts.into_iter().map(|(id, html)| (id.to_owned(), html.into())).collect();
    json!({ "title": title, "grade": grade, "parts": parts }).to_string()
}

/// Fills the `{{name}}` places of a template. Values are not looked into again.
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
    format!("<meta name=\"lb-token\" content=\"{}\">", Text(token))
}

fn notice(text: &str) -> String {
    format!("<p class=\"notice\" role=\"status\">{}</p>", Text(text))
}

/// What HAProxy's page says of the process, in the shape in which tools look for it.
fn facts(process: &Process) -> String {
    format!(
        "<b>pid = </b> {}; <b>uptime = </b> {}; idle = {} %",
        process.pid,
        info::uptime(process.uptime_seconds),
        process.idle_percent
    )
}

fn ready(process: &Process) -> String {
    if process.ready {
        return badge("up", "ready");
    }
    format!("{} {}", badge("down", "not ready"), Text(&process.not_ready.join("; ")))
}

/// The whole in a few numbers.
fn process(view: &View<'_>) -> String {
    let (process, trend) = (&view.overview.process, view.history.process());
    let in_flight: u64 = view.overview.backends.iter().map(|backend| backend.in_flight).sum();
    let failures: u64 = trend.failures.iter().sum();
    let line = |values, kind| Spark { values, kind }.to_string();
    let facts = [
        ("Requests/s", process.request_rate.to_string(), line(&trend.requests, "rate")),
        ("Failures, last minute", count(failures), line(&trend.failures, "bad")),
        ("In flight", in_flight.to_string(), line(&trend.in_flight, "rate")),
        ("Connections", format!("{} of {}", process.connections, process.maxconn), String::new()),
        ("Requests", count(process.requests_total), String::new()),
        ("Up for", ago(process.uptime_seconds), String::new()),
    ];
    facts.map(|(name, value, line)| format!("<div><dt>{name}</dt><dd>{value}{line}</dd></div>")).concat()
}

// === impl Parts ===

impl Parts {
    fn of(view: &View<'_>) -> Self {
        let overview = view.overview;
        let verdict = verdict::verdict(view);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let backends = overview.backends.iter().enumerate().map(|(at, of)| servers::backend(view, at, of));
        Self {
            title: format!("{} · lb on {}", verdict.headline, overview.process.node),
            grade: verdict.grade,
            parts: [
                ("verdict", verdict.html),
                ("ready", ready(&overview.process)),
                ("process", process(view)),
                ("backends", backends.collect()),
                ("frontends", overview.frontends.iter().map(servers::frontend).collect()),
                ("timeline", timeline::timeline(&overview.events, now)),
                ("facts", facts(&overview.process)),
            ],
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
            &[("a", Text("<script>'\"&{{b}}").to_string()), ("b", "x".to_owned())],
        );
        assert_eq!(filled, "<p>&lt;script&gt;&#39;&quot;&amp;{{b}}</p>x");
    }
}
