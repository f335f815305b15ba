//! The status page: one look tells what is up, draining or down, and why.
//!
//! The server renders it whole, and there is no other rendering: without scripts the browser reloads it, with scripts it fetches itself and
//! puts the parts in place. Everything dynamic is escaped. It changes nothing: there are no buttons.

use std::fmt::Write as _;

use crate::control::Control;
use crate::report::json::{self, BackendReport, Report, ServerReport};

/// The page's style.
pub(super) const STYLE: &str = include_str!("page/style.css");
/// The page's script.
pub(super) const SCRIPT: &str = include_str!("page/script.js");

const FRAME: &str = include_str!("page/frame.html");

/// The page at this moment.
pub(super) fn render(control: &Control) -> String {
    let report = json::report(control);
    FRAME.replace("{{summary}}", &summary(&report)).replace("{{backends}}", &backends(&report))
}

fn summary(report: &Report) -> String {
    let state = if report.stopping { "stopping" } else { "running" };
    let rate: u64 = report.frontends.iter().map(|frontend| frontend.request_rate).sum();
    let names: Vec<_> = report
        .frontends
        .iter()
        .map(|frontend| format!("{} on {}", escape(&frontend.name), escape(&frontend.addresses.join(", "))))
        .collect();
    format!(
        "<b>{state}</b> for {}, {} of {} connections, {rate} requests/s · {}",
        age(report.uptime),
        report.connections,
        report.maxconn,
        names.join(" · ")
    )
}

fn backends(report: &Report) -> String {
    report.backends.iter().fold(String::new(), |mut out, backend| {
        table(&mut out, backend);
        out
    })
}

fn table(out: &mut String, backend: &BackendReport) {
    let (word, class) = if backend.up { ("UP", "up") } else { ("DOWN", "down") };
    // Written to a string, which does not fail.
    let _ = write!(
        out,
        "<section><h2>{} <span class=\"state {class}\">{word}</span></h2><p>{} · {} in flight · {} waiting · {} requests/s · \
         {} requests · {} retries</p><div class=\"wide\"><table><thead><tr><th scope=\"col\">Server<th scope=\"col\">State\
         <th scope=\"col\">Why<th scope=\"col\" class=\"n\">In flight<th scope=\"col\" class=\"n\">Rate<th scope=\"col\" class=\"n\">\
         Requests<th scope=\"col\" class=\"n\">5xx<th scope=\"col\" class=\"n\">Errors<th scope=\"col\" class=\"n\">Mean ms\
         <th scope=\"col\" class=\"n\">Weight</tr></thead><tbody>",
        escape(&backend.name),
        escape(&backend.balance),
        backend.in_flight,
        backend.queued,
        backend.request_rate,
        backend.requests,
        backend.retries
    );
    backend.servers.iter().for_each(|server| row(out, server));
    out.push_str("</tbody></table></div></section>");
}

fn row(out: &mut String, server: &ServerReport) {
    let limit = if server.maxconn > 0 { format!(" of {}", server.maxconn) } else { String::new() };
    let backup = if server.backup { " <small>backup</small>" } else { "" };
    // Written to a string, which does not fail.
    let _ = write!(
        out,
        "<tr><th scope=\"row\">{}{backup}<small>{}</small><td><span class=\"state {}\">{}</span><td>{}<td class=\"n\">{}{limit}\
         <td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}</tr>",
        escape(&server.name),
        escape(server.address.as_deref().unwrap_or("no address yet")),
        server.state,
        escape(&server.status),
        escape(&server.why),
        server.in_flight,
        server.request_rate,
        server.requests,
        server.responses[4],
        server.errors,
        server.mean.total,
        server.weight
    );
}

/// `3d 4h`, `5m 6s`: the two largest units.
fn age(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, ..) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
    }

    #[test]
    fn ages_have_two_units() {
        let table = [(5, "5s"), (65, "1m 5s"), (3_700, "1h 1m"), (90_000, "1d 1h")];
        for (seconds, expected) in table {
            assert_eq!(age(seconds), expected);
        }
    }
}
