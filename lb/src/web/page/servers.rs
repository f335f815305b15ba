//! Frontends, backends and their servers: the tables of the page.

use std::collections::BTreeMap;

use super::Draw;
use super::doc::{BackendTable, FOLD, ServerTableRow, TableCell};
use super::text::{EscapedText, Spark, badge, count, millis};
use crate::report::overview::{
    AgentReport, BackendReport, CheckReport, FrontendReport, ServerView, UNCHECKED,
};
use crate::web::history::{Trend, failures};

/// Headings and classes of the columns.
const COLUMNS: [(&str, &str); 9] = [
    ("Server", "name"),
    ("State", "state"),
    ("Reason and last check", "why"),
    ("In flight", "n flight"),
    ("Requests", "n requests"),
    ("Total", "n total"),
    ("Failures", "n failures"),
    ("p99 latency", "n latency"),
    ("Weight", "n weight"),
];
/// An additional column where changes are allowed.
const CHANGE: (&str, &str) = ("Change", "acts");

pub(super) fn frontend(frontend: &FrontendReport) -> String {
    let addresses = frontend.addresses.join(", ");
    let bad = if frontend.unserved_total > 0 { " class=\"fault\"" } else { "" };
    format!(
        "<p><strong>{}</strong> on {} → {}: {} connections, {}/s, {} requests, {} answered 5xx, <span{bad}>{} of them by lb itself</span>, {} errors</p>",
        EscapedText(&frontend.name),
        EscapedText(if addresses.is_empty() { "no address" } else { &addresses }),
        EscapedText(&frontend.backend),
        frontend.connections,
        frontend.traffic.request_rate,
        count(frontend.traffic.requests_total),
        count(frontend.traffic.responses[4]),
        count(frontend.unserved_total),
        count(frontend.traffic.errors_total),
    )
}

pub(super) fn backend(draw: &Draw<'_>, backend: &BackendReport) -> BackendTable {
    let rows: Vec<_> = backend.servers.iter().map(|one| server(draw, backend, one)).collect();
    let is_folded = rows.len() > FOLD;
    let (mut shown, mut folded) = (Vec::new(), Vec::new());
    for (number, (_, rank)) in rows.iter().enumerate() {
        let list = if is_folded && *rank == Rank::Well { &mut folded } else { &mut shown };
        list.push(number);
    }
    if is_folded {
        shown.sort_by_key(|number| rows[*number].1);
    }
    let columns = COLUMNS.iter().chain(draw.view.token.is_some().then_some(&CHANGE));
    BackendTable {
        name: backend.name.clone(),
        head: head(draw, backend),
        columns: columns.copied().collect(),
        rows: rows.into_iter().map(|(row, _)| row).collect(),
        shown,
        folded,
    }
}

/// How unusual a server's state is, the most unusual first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Down,
    Failing,
    Out,
    Well,
}

/// The heading of a backend.
fn head(draw: &Draw<'_>, backend: &BackendReport) -> String {
    let trend = draw.view.history.backend(backend);
    let mut facts = vec![
        format!("{} in flight", backend.in_flight),
        format!("{} waiting", backend.queue),
        format!("{}/s", backend.traffic.request_rate),
    ];
    if let Some(latency) = &backend.latency {
        facts.push(format!("last minute p50 {}, p99 {}", millis(latency.p50_ms), millis(latency.p99_ms)));
    }
    facts.push(backend.balance.to_owned());
    format!(
        "<h2>{}</h2>{}{}<span class=\"soft\"><span data-others=\"{}\">{} of {} usable</span> · {} · for {}</span>{}",
        EscapedText(&backend.name),
        status(backend),
        versions(backend),
        backend.usable,
        backend.usable,
        backend.servers.len(),
        EscapedText(&facts.join(" · ")),
        draw.age(backend.since),
        Spark::counts(&trend.requests, "rate").html(true),
    )
}

/// A backend's status, as its clients see it.
fn status(backend: &BackendReport) -> String {
    if !backend.used {
        return badge("unused", "UNUSED");
    }
    if backend.servers.is_empty() {
        return badge("down", "NO SERVERS");
    }
    badge(&backend.status.to_lowercase(), backend.status)
}

/// Number of servers for each version, if they differ.
fn versions(backend: &BackendReport) -> String {
    let mut versions = BTreeMap::<&str, usize>::new();
    for version in backend.servers.iter().filter_map(|server| server.version.as_deref()) {
        *versions.entry(version).or_default() += 1;
    }
    let is_mixed = versions.len() > 1;
    let chips = versions.iter().map(|(version, number)| {
        let times = if is_mixed { format!(" ×{number}") } else { String::new() };
        format!("<span class=\"version\">{}{times}</span>", EscapedText(version))
    });
    chips.collect()
}

fn server(draw: &Draw<'_>, backend: &BackendReport, server: &ServerView) -> (ServerTableRow, Rank) {
    let trend = draw.view.history.server(backend, server);
    let failing = failing(&trend).filter(|_| server.state != "maint");
    let is_pending = pending(server).is_some();
    let is_partial = server.state == "up" && failing.is_some() || is_pending;
    let class = if is_partial { "partial" } else { server.state };
    let rank = match class {
        "down" => Rank::Down,
        "partial" => Rank::Failing,
        "up" if server.weight > 0 && !server.backup && server.weight == server.weight_configured => {
            Rank::Well
        }
        _ => Rank::Out,
    };
    let traffic = &server.traffic;
    let in_a_minute: u64 = trend.failures.iter().sum();
    let failed = match (failures(traffic), in_a_minute) {
        (0, _) => "0".to_owned(),
        (all, 0) => format!("0 <small>{} total</small>", count(all)),
        (all, last) => {
            format!("<b class=\"fault\">{}/min</b> <small>{} total</small>", count(last), count(all))
        }
    };
    let latency = trend.latency.last().copied().flatten();
    // Whole microseconds are exact in a float.
    #[expect(clippy::cast_precision_loss, reason = "a time of less than years")]
    let latency = latency.map_or_else(|| "–".to_owned(), |micros| millis(micros as f64 / 1e3));
    let limit = server.maxconn.map(|maxconn| format!("/{maxconn}")).unwrap_or_default();
    let state = format!("{} <small>{}</small>", state(server), draw.age(server.since));
    let flight = format!("{}{limit} <small>peak {}</small>", server.in_flight, server.in_flight_max);
    let values = [
        (name(server), None),
        (state, None),
        (reason(draw, server, class == "up", failing), None),
        (flight, None),
        (format!("{}/s", traffic.request_rate), Some(Spark::counts(&trend.requests, "rate"))),
        (count(traffic.requests_total), None),
        (failed, Some(Spark::counts(&trend.failures, "bad"))),
        (latency, Some(Spark::gaps(&trend.latency, "time"))),
        (weight(draw, backend, server), None),
    ];
    let cell = |((label, class), (html, spark))| TableCell { label, class, html, spark };
    let mut cells: Vec<_> = COLUMNS.into_iter().zip(values).map(cell).collect();
    if draw.view.token.is_some() {
        cells.push(cell((CHANGE, (actions(draw, backend, server), None))));
    }
    let row = ServerTableRow { name: server.name.clone(), class, usable: is_usable(server), cells };
    (row, rank)
}

fn name(server: &ServerView) -> String {
    let version = server
        .version
        .as_deref()
        .map(|version| format!(" <span class=\"version\">{}</span>", EscapedText(version)));
    let address = EscapedText(server.address.as_deref().unwrap_or(&server.host));
    let name = EscapedText(&server.name);
    let backup = if server.backup { " (backup)" } else { "" };
    let version = version.unwrap_or_default();
    format!("<span title=\"{name} at {address}\">{name}{backup}{version} <small>{address}</small></span>")
}

/// What a server that is coming up waits for: checks that it has yet to pass.
pub(super) fn pending(server: &ServerView) -> Option<String> {
    if let Some(rising) = server.rising {
        return Some(format!("COMING UP {}/{}", rising.passed, rising.needed));
    }
    let is_waiting = server.state == "down" && server.reason.as_deref() == Some(UNCHECKED);
    is_waiting.then(|| "CHECKING".to_owned())
}

/// A server's state as a badge.
fn state(server: &ServerView) -> String {
    match pending(server) {
        Some(word) => badge("partial", &word),
        None => badge(server.state, &server.status),
    }
}

/// The reason for a server's state; for a healthy server, just its last check.
fn reason(draw: &Draw<'_>, server: &ServerView, is_well: bool, failing: Option<String>) -> String {
    let mut parts = Vec::new();
    parts.extend(failing.map(|text| format!("<strong class=\"fault\">{text}</strong>")));
    parts.extend(server.reason.as_deref().map(|text| EscapedText(text).to_string()));
    let check = server.check.as_ref().map(|check| if is_well { brief(check) } else { checked(draw, check) });
    parts.extend(check);
    parts.extend(server.agent.as_ref().map(|agent| said(draw, agent, is_well)));
    let text = parts.join("; ");
    format!("<span class=\"lines\">{text}</span>")
}

/// The result of a check that passed. Durations of ordinary checks are left out, because they would change the
/// page with every check.
fn brief(check: &CheckReport) -> String {
    let code = check.code.map(|code| format!(" {code}")).unwrap_or_default();
    let slow = if check.duration_ms >= 100 { format!(" in {} ms", check.duration_ms) } else { String::new() };
    format!("<small>{}{code}{slow}</small>", EscapedText(&check.status))
}

/// The result and time of the last check.
fn checked(draw: &Draw<'_>, check: &CheckReport) -> String {
    format!("{}, checked {} ago", EscapedText(&check.summary()), draw.age(check.at))
}

/// The agent's last answer, with its time where that matters.
fn said(draw: &Draw<'_>, agent: &AgentReport, is_well: bool) -> String {
    let text = agent.summary();
    if is_well {
        format!("<small>{}</small>", EscapedText(&text))
    } else {
        format!("{}, {} ago", EscapedText(&text), draw.age(agent.at))
    }
}

/// The weight in force, with the configured one beside it where they differ.
fn weight(draw: &Draw<'_>, backend: &BackendReport, server: &ServerView) -> String {
    let (now, set, configured) = (server.weight_in_force, server.weight, server.weight_configured);
    let text = if draw.view.token.is_some() {
        format!(
            "<button type=\"button\" class=\"weight\" data-act=\"weight\" aria-label=\"weight of {}/{}: {now}, change\" data-weight=\"{set}\">{now}</button>",
            EscapedText(&backend.name),
            EscapedText(&server.name),
        )
    } else {
        now.to_string()
    };
    if now == configured {
        return text;
    }
    format!("<small title=\"{now} in force, {configured} configured\">of {configured}</small> {text}")
}

/// The reason for a server's state, in one line.
pub(super) fn why(draw: &Draw<'_>, server: &ServerView) -> String {
    // Whatever has taken it down comes first.
    let agent = server.agent.as_ref().filter(|agent| !agent.up).map(|agent| said(draw, agent, false));
    let found = agent.or_else(|| server.check.as_ref().map(|check| checked(draw, check)));
    let reason = server.reason.as_deref().map(|reason| EscapedText(reason).to_string());
    [reason, found].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// The share of a server's requests that fail, regardless of its checks.
pub(super) fn failing(trend: &Trend) -> Option<String> {
    let (requests, failures) = trend.failing()?;
    Some(format!("{failures} of its {requests} requests failed in the last minute"))
}

fn is_usable(server: &ServerView) -> bool {
    matches!(server.state, "up" | "partial") && server.weight > 0
}

/// The buttons that fit a server's state, where changes are allowed.
pub(super) fn actions(draw: &Draw<'_>, backend: &BackendReport, server: &ServerView) -> String {
    if draw.view.token.is_none() {
        return String::new();
    }
    let offered: &[(&str, &str)] = match server.order {
        "maint" => &[("ready", "Ready"), ("drain", "Drain")],
        "drain" => &[("ready", "Ready"), ("maint", "Maint")],
        _ => &[("drain", "Drain"), ("maint", "Maint")],
    };
    let buttons = offered.iter().map(|(act, word)| {
        let (backend, server) = (EscapedText(&backend.name), EscapedText(&server.name));
        format!("<button type=\"button\" data-act=\"{act}\" aria-label=\"{word} {backend}/{server}\">{word}</button>")
    });
    format!("<span class=\"buttons\">{}</span>", buttons.collect::<String>())
}
