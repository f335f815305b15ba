//! Frontends, backends and their servers: the tables of the page.

use std::collections::BTreeMap;
use std::fmt;

use super::View;
use super::text::{Spark, Text, ago, badge, count};
use crate::report::overview::{Agent, Backend, Check, Frontend, ServerView, UNCHECKED};
use crate::web::history::{Trend, failures};

pub(super) fn frontend(frontend: &Frontend) -> String {
    let addresses = frontend.addresses.join(", ");
    format!(
        "<p><strong>{}</strong> on {} → {}: {} connections, {}/s, {} requests, {} not served by lb, {} answered 5xx, {} bad requests</p>",
        Text(&frontend.name),
        Text(if addresses.is_empty() { "nothing" } else { &addresses }),
        Text(&frontend.backend),
        frontend.connections,
        frontend.traffic.request_rate,
        count(frontend.traffic.requests_total),
        count(frontend.unserved_total),
        count(frontend.traffic.responses[4]),
        count(frontend.traffic.errors_total),
    )
}

pub(super) fn backend(view: &View<'_>, at: usize, backend: &Backend) -> String {
    let name = Text(&backend.name);
    let trend = view.history.backend(backend);
    let mut facts = vec![
        format!("{} of {} usable", backend.usable, backend.servers.len()),
        format!("{} in flight", backend.in_flight),
        format!("{} waiting", backend.queue),
        format!("{}/s", backend.traffic.request_rate),
    ];
    if let Some(latency) = &backend.latency {
        facts.push(format!("p50 {} · p99 {}", millis(latency.p50_ms), millis(latency.p99_ms)));
    }
    facts.push(backend.balance.to_owned());
    facts.push(format!("for {}", ago(backend.since_seconds)));
    let servers = if backend.servers.is_empty() {
        "<p class=\"empty\">no servers</p>".to_owned()
    } else {
        let rows: String = backend
            .servers
            .iter()
            .enumerate()
            .map(|(number, one)| server(view, (at, number), backend, one))
            .collect();
        format!(
            "<table><caption class=\"unseen\">servers of {name}</caption>{}<tbody>{rows}</tbody></table>",
            heads(view.token.is_some())
        )
    };
    format!(
        "<section id=\"b{at}\" aria-labelledby=\"b{at}-name\"><header><h2 id=\"b{at}-name\">{name}</h2>{}{}<span class=\"soft\">{}</span>{}</header>{servers}</section>",
        status(backend),
        versions(backend),
        Text(&facts.join(" · ")),
        Spark { values: &trend.requests, kind: "rate" },
    )
}

/// A backend's status, as far as its clients are concerned.
fn status(backend: &Backend) -> String {
    if !backend.used {
        return badge("unused", "UNUSED");
    }
    if backend.servers.is_empty() {
        return badge("down", "NO SERVERS");
    }
    badge(&backend.status.to_lowercase(), backend.status)
}

/// What a server that is down waits for when nothing is wrong with it: checks that it has yet to pass.
pub(super) fn pending(server: &ServerView) -> Option<String> {
    if let Some(rising) = server.rising {
        return Some(format!("COMING UP {}/{}", rising.passed, rising.needed));
    }
    let is_unchecked = server.state == "down" && server.status == "DOWN" && server.check.is_none();
    let is_waiting = is_unchecked && server.agent.as_ref().is_none_or(|agent| agent.up);
    (is_waiting && server.reason.as_deref() == Some(UNCHECKED)).then(|| "CHECKING".to_owned())
}

/// A server's state in a word, with its color.
fn state(server: &ServerView) -> String {
    match pending(server) {
        Some(word) => badge("partial", &word),
        None => badge(server.state, &server.status),
    }
}

/// How many servers run which version, where they do not all say the same.
fn versions(backend: &Backend) -> String {
    let mut versions = BTreeMap::<&str, usize>::new();
    for version in backend.servers.iter().filter_map(|server| server.version.as_deref()) {
        *versions.entry(version).or_default() += 1;
    }
    let is_mixed = versions.len() > 1;
    let chips = versions.iter().map(|(version, number)| {
        let times = if is_mixed { format!(" ×{number}") } else { String::new() };
        format!("<span class=\"version\">{}{times}</span>", Text(version))
    });
    chips.collect()
}

fn heads(with_actions: bool) -> String {
    let plain = ["Server", "State", "Reason and last check"];
    let numbers = ["In flight", "Requests", "Failures", "Latency", "Weight"];
    let plain = plain.map(|name| format!("<th scope=\"col\">{name}</th>")).concat();
    let numbers = numbers.map(|name| format!("<th scope=\"col\" class=\"number\">{name}</th>")).concat();
    let actions = if with_actions { "<th scope=\"col\" class=\"acts\">Change</th>" } else { "" };
    format!("<thead><tr>{plain}{numbers}{actions}</tr></thead>")
}

fn server(view: &View<'_>, (at, number): (usize, usize), backend: &Backend, server: &ServerView) -> String {
    let trend = view.history.server(backend, server);
    let traffic = &server.traffic;
    let limit = server.maxconn.map(|maxconn| format!(" of {maxconn}")).unwrap_or_default();
    let version =
        server.version.as_deref().map(|version| format!("<span class=\"version\">{}</span>", Text(version)));
    let failing = failing(&trend).filter(|_| server.state != "maint");
    let is_partial = server.state == "up" && failing.is_some() || pending(server).is_some();
    let class = if is_partial { "partial" } else { server.state };
    let failing = failing.map(|text| format!("<strong class=\"fault\">{text}</strong> ")).unwrap_or_default();
    let reason = server.reason.as_deref().unwrap_or_default();
    let check = server.check.as_ref().map(|check| format!("<small>{}</small>", Text(&checked(check))));
    let agent = server.agent.as_ref().map(|agent| format!("<small>{}</small>", Text(&agent.summary())));
    let in_a_minute: u64 = trend.failures.iter().sum();
    let cells = [
        cell(
            "In flight",
            &format_args!("{}{limit}", server.in_flight),
            &format!("peak {}", server.in_flight_max),
            &trend.in_flight,
            "rate",
        ),
        cell(
            "Requests",
            &format_args!("{}/s", traffic.request_rate),
            &format!("{} total", count(traffic.requests_total)),
            &trend.requests,
            "rate",
        ),
        cell(
            "Failures",
            &format_args!("{in_a_minute}/min"),
            &format!("{} total", count(failures(traffic))),
            &trend.failures,
            "bad",
        ),
        cell(
            "Latency",
            &server.latency.as_ref().map_or_else(|| "–".to_owned(), |latency| millis(latency.p50_ms)),
            &server
                .latency
                .as_ref()
                .map(|latency| format!("p99 {}", millis(latency.p99_ms)))
                .unwrap_or_default(),
            &trend.latency,
            "time",
        ),
        format!("<td class=\"number\" data-label=\"Weight\">{}</td>", weight(view, backend, server)),
    ];
    let acts = if view.token.is_some() {
        format!("<td class=\"acts\">{}</td>", actions(view, backend, server))
    } else {
        String::new()
    };
    format!(
        "<tr id=\"{}\" class=\"{}\"{}><th scope=\"row\">{}{} {}<small>{}</small></th><td class=\"state\">{}<small>for {}</small></td><td class=\"why\">{failing}{}{}{}</td>{}{acts}</tr>",
        anchor(at, number),
        class,
        facts_of(backend, server),
        Text(&server.name),
        if server.backup { " (backup)" } else { "" },
        version.unwrap_or_default(),
        Text(server.address.as_deref().unwrap_or(&server.host)),
        state(server),
        ago(server.since_seconds),
        Text(reason),
        check.unwrap_or_default(),
        agent.unwrap_or_default(),
        cells.concat(),
    )
}

fn cell(label: &str, value: &dyn fmt::Display, small: &str, values: &[u64], kind: &'static str) -> String {
    let spark = Spark { values, kind };
    format!("<td class=\"number\" data-label=\"{label}\">{value}{spark}<small>{small}</small></td>")
}

/// A time as exact as it is worth.
fn millis(millis: f64) -> String {
    if millis < 10.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}

fn weight(view: &View<'_>, backend: &Backend, server: &ServerView) -> String {
    if view.token.is_none() {
        return server.weight.to_string();
    }
    format!(
        "<button type=\"button\" class=\"weight\" data-act=\"weight\" aria-label=\"weight of {}/{}: {}, change\">{}</button>",
        Text(&backend.name),
        Text(&server.name),
        server.weight,
        server.weight
    )
}

/// What a server's state is due to, in a line.
pub(super) fn why(server: &ServerView) -> String {
    let reason = server.reason.as_deref().unwrap_or_default();
    // What has taken it down comes first.
    let agent = server.agent.as_ref().filter(|agent| !agent.up).map(Agent::summary);
    let found = agent.or_else(|| server.check.as_ref().map(checked));
    let found = found.map(|found| format!(": {found}")).unwrap_or_default();
    Text(&format!("{reason}{found}")).to_string()
}

/// What the last check found, and when.
fn checked(check: &Check) -> String {
    match check.age_seconds {
        0 => format!("{}, checked just now", check.summary()),
        age => format!("{}, checked {} ago", check.summary(), ago(age)),
    }
}

/// That many of a server's requests fail, whatever its checks say.
pub(super) fn failing(trend: &Trend) -> Option<String> {
    let (requests, failures) = trend.failing()?;
    Some(format!("{failures} of its {requests} requests failed in the last minute"))
}

/// Where a server's row is.
pub(super) fn anchor(backend: usize, server: usize) -> String {
    format!("s{backend}-{server}")
}

/// What the script says before it changes something.
pub(super) fn facts_of(backend: &Backend, server: &ServerView) -> String {
    let is_usable = matches!(server.state, "up" | "partial") && server.weight > 0;
    let others = backend.usable.saturating_sub(usize::from(is_usable));
    format!(
        " data-backend=\"{}\" data-server=\"{}\" data-flight=\"{}\" data-others=\"{others}\" data-weight=\"{}\"",
        Text(&backend.name),
        Text(&server.name),
        server.in_flight,
        server.weight
    )
}

/// The buttons that fit a server's state, where changes are allowed.
pub(super) fn actions(view: &View<'_>, backend: &Backend, server: &ServerView) -> String {
    if view.token.is_none() {
        return String::new();
    }
    let offered: &[(&str, &str)] = match server.order {
        "maint" => &[("ready", "Ready"), ("drain", "Drain")],
        "drain" => &[("ready", "Ready"), ("maint", "Maint")],
        _ => &[("drain", "Drain"), ("maint", "Maint")],
    };
    let buttons = offered.iter().map(|(act, word)| {
        let (backend, server) = (Text(&backend.name), Text(&server.name));
        format!("<button type=\"button\" data-act=\"{act}\" aria-label=\"{word} {backend}/{server}\">{word}</button>")
    });
    format!("<span class=\"buttons\">{}</span>", buttons.collect::<String>())
}
