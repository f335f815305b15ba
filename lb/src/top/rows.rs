//! Turns `show stat` and `show info` into the lines of the dashboard.

use std::collections::HashMap;

use crate::ctl::stat::StatRow;

/// What a line describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RowKind {
    Frontend,
    Server,
    Backend,
}

/// Severity of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mood {
    Down,
    /// Going up or down.
    Shaky,
    /// Taken out by an operator.
    Out,
    Draining,
    Up,
}

/// A frontend, a server or a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopRow {
    pub(super) kind: RowKind,
    pub(super) proxy: String,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) mood: Mood,
    /// The last check: result, code, details.
    pub(super) why: String,
    /// Seconds since the state changed.
    pub(super) since: Option<u64>,
    pub(super) weight: Option<u64>,
    pub(super) in_flight: u64,
    pub(super) queue: u64,
    pub(super) rate: u64,
    pub(super) errors: u64,
    /// Mean milliseconds to the response head, and of the whole exchange.
    pub(super) times: Option<(u64, u64)>,
    /// Version that its checks reported; empty if unknown.
    pub(super) version: String,
}

/// The process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Info {
    pub(super) node: String,
    pub(super) version: String,
    pub(super) uptime: String,
    pub(super) connections: String,
    pub(super) maxconn: String,
    pub(super) stopping: bool,
}

/// Lines in the order of `show stat`, except that backends stand above their servers. `versions`: the reply to
/// `show versions`.
pub(super) fn lines(rows: &[StatRow], versions: &str) -> Vec<TopRow> {
    let versions: HashMap<_, _> = versions
        .lines()
        .filter_map(|line| {
            let mut words = line.splitn(3, ' ');
            Some(((words.next()?, words.next()?), words.next()?))
        })
        .collect();
    let mut lines: Vec<TopRow> = Vec::new();
    for mut line in rows.iter().filter_map(line) {
        if let Some(version) = versions.get(&(&*line.proxy, &*line.name)) {
            line.version = (*version).to_owned();
        }
        let servers = |other: &TopRow| other.kind == RowKind::Server && other.proxy == line.proxy;
        let above = match line.kind {
            RowKind::Backend => lines.iter().position(servers),
            _ => None,
        };
        lines.insert(above.unwrap_or(lines.len()), line);
    }
    lines
}

fn line(row: &StatRow) -> Option<TopRow> {
    let (text, number) = (|name: &str| row.text(name), |name: &str| row.number(name));
    let sum = |names: &[&str]| names.iter().filter_map(|name| number(name)).sum();
    let kind = match text("type") {
        "0" => RowKind::Frontend,
        "1" => RowKind::Backend,
        "2" => RowKind::Server,
        _ => return None,
    };
    let status = text("status").to_owned();
    let parts = [text("check_status").trim_start_matches("* "), text("check_code"), text("last_chk")];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty() && *part != "0").collect();
    let mut why = parts.join(" ");
    if let Some(took) = number("check_duration") {
        why.push_str(&format!(" in {took}ms"));
    }
    // HAProxy shows an agent's words behind this prefix.
    let said = text("last_agt").trim_start_matches("via agent : ");
    let agent = text("agent_status").trim_start_matches("* ");
    if !agent.is_empty() && (!said.is_empty() || status.contains("(agent)")) {
        let said = if said.is_empty() { agent } else { said };
        let between = if why.is_empty() { "" } else { ", " };
        why = format!("{why}{between}agent said: {said}");
    }
    let times = (kind != RowKind::Frontend).then(|| (sum(&["rtime"]), sum(&["ttime"])));
    Some(TopRow {
        kind,
        proxy: text("pxname").to_owned(),
        name: text("svname").to_owned(),
        mood: mood(&status),
        status,
        why,
        since: number("lastchg"),
        weight: number("uweight").or_else(|| number("weight")),
        in_flight: sum(&["scur"]),
        queue: sum(&["qcur"]),
        rate: if kind == RowKind::Frontend { sum(&["req_rate"]) } else { sum(&["rate"]) },
        errors: sum(&["ereq", "econ", "eresp", "hrsp_5xx"]),
        times,
        version: String::new(),
    })
}

fn mood(status: &str) -> Mood {
    let word = status.split(' ').next().unwrap_or_default();
    match word {
        "UP" if status.contains('/') && !status.contains('(') => Mood::Shaky,
        "UP" | "OPEN" | "no" => Mood::Up,
        "DRAIN" | "NOLB" => Mood::Draining,
        "MAINT" | "PAUSED" | "STOP" => Mood::Out,
        _ => Mood::Down,
    }
}

/// Parses `show info`.
pub(super) fn info(text: &str) -> Info {
    let pairs: HashMap<_, _> = text.lines().filter_map(|line| line.split_once(": ")).collect();
    let value = |name: &str| pairs.get(name).copied().unwrap_or_default().to_owned();
    Info {
        node: value("node"),
        version: value("Version"),
        uptime: value("Uptime"),
        connections: value("CurrConns"),
        maxconn: value("Maxconn"),
        stopping: value("Stopping") == "1",
    }
}

// === impl TopRow ===

impl TopRow {
    /// `backend/server`, or the proxy alone.
    pub(super) fn full_name(&self) -> String {
        match self.kind {
            RowKind::Server => format!("{}/{}", self.proxy, self.name),
            RowKind::Frontend | RowKind::Backend => self.proxy.clone(),
        }
    }

    /// Whether it needs attention.
    pub(super) fn is_trouble(&self) -> bool {
        matches!(self.mood, Mood::Down | Mood::Shaky)
    }
}
