//! The status page as the server draws it: complete without a script, which then only keeps it current.
//!
//! Everything dynamic goes through [`Text`], which escapes. It refuses to read state: it draws an [`Overview`].

use std::fmt;

use crate::report::Overview;
use crate::report::overview::{Backend, Frontend, Process, ServerView};

const PAGE: &str = include_str!("assets/page.html");

/// What makes the page refresh: the script, or without one the browser.
const REFRESH: &str = "<script src=\"/stats.js\" defer></script>\n<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>";

/// Text in a place where HTML would be read.
struct Text<'a>(&'a str);

/// What the page says besides the state.
pub(super) struct Frame<'a> {
    /// Whether it keeps itself current.
    pub(super) refreshing: bool,
    /// What forms prove themselves with, where changes are allowed.
    pub(super) token: Option<&'a str>,
    /// What came of a form.
    pub(super) notice: Option<&'a str>,
}

/// The page.
pub(super) fn html(overview: &Overview, frame: &Frame<'_>) -> String {
    let all = |parts: Vec<String>| parts.concat();
    let values = [
        ("node", Text(&overview.process.node).to_string()),
        ("version", Text(overview.process.version).to_string()),
        ("refresh", if frame.refreshing { REFRESH.to_owned() } else { String::new() }),
        ("token", frame.token.map(token).unwrap_or_default()),
        ("notice", frame.notice.map(notice).unwrap_or_default()),
        ("facts", facts(&overview.process)),
        ("ready", ready(&overview.process)),
        ("process", process(&overview.process)),
        ("frontends", all(overview.frontends.iter().map(frontend).collect())),
        ("backends", all(overview.backends.iter().map(backend).collect())),
    ];
    fill(PAGE, &values)
}

fn token(token: &str) -> String {
    format!("<meta name=\"lb-token\" content=\"{}\">", Text(token))
}

fn notice(text: &str) -> String {
    format!("<p class=\"notice\" role=\"status\">{}</p>", Text(text))
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

fn ready(process: &Process) -> String {
    if process.ready {
        return badge("up", "ready");
    }
    format!("{} {}", badge("down", "not ready"), Text(&process.not_ready.join("; ")))
}

/// What HAProxy's page says of the process, in the shape in which tools look for it.
fn facts(process: &Process) -> String {
    let up = process.uptime_seconds;
    let (days, hours, minutes, seconds) = (up / 86_400, up / 3600 % 24, up / 60 % 60, up % 60);
    format!(
        "<b>pid = </b> {}; <b>uptime = </b> {days}d {hours}h{minutes:02}m{seconds:02}s; idle = {} %",
        process.pid, process.idle_percent
    )
}

fn process(process: &Process) -> String {
    let facts = [
        ("Up for", ago(process.uptime_seconds)),
        ("Connections", format!("{} of {}", process.connections, process.maxconn)),
        ("Requests a second", process.request_rate.to_string()),
        ("Connections a second", process.connection_rate.to_string()),
        ("Requests", process.requests_total.to_string()),
        ("Workers", process.threads.to_string()),
    ];
    facts.map(|(name, value)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>")).concat()
}

fn frontend(frontend: &Frontend) -> String {
    let addresses = frontend.addresses.join(", ");
    format!(
        "<p><strong>{}</strong> on {} → {}: {} connections, {}/s, {} requests, {} errors</p>",
        Text(&frontend.name),
        Text(if addresses.is_empty() { "nothing" } else { &addresses }),
        Text(&frontend.backend),
        frontend.connections,
        frontend.traffic.request_rate,
        frontend.traffic.requests_total,
        frontend.traffic.errors_total,
    )
}

fn backend(backend: &Backend) -> String {
    const HEAD: &str = "<thead><tr><th scope=\"col\">Server</th><th scope=\"col\">State</th>\
        <th scope=\"col\">Why, and last check</th><th scope=\"col\" class=\"number\">In flight</th>\
        <th scope=\"col\" class=\"number\">Rate</th><th scope=\"col\" class=\"number\">Errors</th>\
        <th scope=\"col\" class=\"number\">Latency</th><th scope=\"col\" class=\"number\">Weight</th></tr></thead>";
    let name = Text(&backend.name);
    let facts = format!(
        "for {}, {}, {} of {} usable, in flight {}, queue {} (most {}), {}/s, {} errors, {} ms",
        ago(backend.since_seconds),
        backend.balance,
        backend.usable,
        backend.servers.len(),
        backend.in_flight,
        backend.queue,
        backend.queue_max,
        backend.traffic.request_rate,
        backend.traffic.errors_total,
        backend.traffic.total_ms,
    );
    let servers = if backend.servers.is_empty() {
        "<p class=\"empty\">no servers</p>".to_owned()
    } else {
        let rows: String = backend.servers.iter().map(server).collect();
        format!("<table aria-label=\"servers of {name}\">{HEAD}<tbody>{rows}</tbody></table>")
    };
    let badge = badge(&backend.status.to_lowercase(), backend.status);
    format!(
        "<section><header><h2>{name}</h2>{badge}<span class=\"soft\">{facts}</span></header>{servers}</section>"
    )
}

fn server(server: &ServerView) -> String {
    let number = |label: &str, value: &dyn fmt::Display, extra: &str| {
        let extra = if extra.is_empty() { String::new() } else { format!("<small>{extra}</small>") };
        format!("<td class=\"number\" data-label=\"{label}\">{value}{extra}</td>")
    };
    let in_flight = match server.maxconn {
        Some(maxconn) => format!("{} of {maxconn}", server.in_flight),
        None => server.in_flight.to_string(),
    };
    let traffic = &server.traffic;
    let check = server.check.as_ref().map(|check| format!("<small>{}</small>", Text(&check.summary())));
    [
        format!(
            "<tr><th scope=\"row\">{}{}<small>{}</small></th>",
            Text(&server.name),
            if server.backup { " (backup)" } else { "" },
            Text(server.address.as_deref().unwrap_or(&server.host)),
        ),
        format!(
            "<td class=\"state\">{}<small>for {}</small></td>",
            badge(server.state, &server.status),
            ago(server.since_seconds)
        ),
        format!(
            "<td class=\"check\">{}{}</td>",
            Text(server.reason.as_deref().unwrap_or_default()),
            check.unwrap_or_default()
        ),
        number("In flight", &in_flight, &format!("most {}", server.in_flight_max)),
        number(
            "Rate",
            &format_args!("{}/s", traffic.request_rate),
            &format!("{} in all", traffic.requests_total),
        ),
        number("Errors", &traffic.errors_total, &format!("{} × 5xx", traffic.responses[4])),
        number(
            "Latency",
            &format_args!("{} ms", traffic.total_ms),
            &format!("head {} ms", traffic.response_ms),
        ),
        number("Weight", &server.weight, ""),
        "</tr>".to_owned(),
    ]
    .concat()
}

fn badge(state: &str, word: &str) -> String {
    format!("<span class=\"badge {}\">{}</span>", Text(state), Text(word))
}

/// A length of time as people say it.
fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

// === impl Text ===

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            letter => write!(f, "{letter}"),
        })
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

    #[test]
    fn times_are_told_as_people_do() {
        let texts = [0, 59, 60, 3599, 3660, 90_000].map(ago);
        assert_eq!(texts, ["0 s", "59 s", "1 min", "59 min", "1 h 1 min", "1 d 1 h"]);
    }
}
