//! The rules: what each program does with an answer, and where it would stop.

mod exporters;
mod native;
mod watchers;

use std::collections::HashMap;

pub(super) use exporters::*;
pub(super) use native::*;
pub(super) use watchers::*;

/// Why a program would fail.
#[derive(Debug)]
pub(super) struct Wrong(pub(super) String);

type Verdict = Result<(), Wrong>;

/// A row by column name.
type Row = HashMap<String, String>;

fn wrong<T>(why: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong(why.into()))
}

fn need(is: bool, why: impl Into<String>) -> Verdict {
    if is { Ok(()) } else { wrong(why) }
}

fn whole(text: &str, what: &str) -> Result<i64, Wrong> {
    text.parse().or_else(|_| wrong(format!("{what} is {text:?}")))
}

// === tables ===

/// Fields of a line, by a strict reader: a quote stands at both ends of a field, or is doubled within one that has them.
fn strict(line: &str) -> Result<Vec<String>, Wrong> {
    let (mut fields, mut rest) = (Vec::new(), line);
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            None => rest
                .split_once(',')
                .map_or((rest.to_owned(), None), |(field, after)| (field.to_owned(), Some(after))),
            Some(quoted) => {
                let mut text = String::new();
                let mut letters = quoted.char_indices().peekable();
                let end = loop {
                    match letters.next() {
                        Some((_, '"')) if letters.next_if(|(_, next)| *next == '"').is_some() => {
                            text.push('"');
                        }
                        Some((at, '"')) => break at,
                        Some((_, letter)) => text.push(letter),
                        None => return wrong(format!("a quote that does not end: {line}")),
                    }
                };
                match &quoted[end + 1..] {
                    "" => (text, None),
                    after => match after.strip_prefix(',') {
                        Some(after) => (text, Some(after)),
                        None => return wrong(format!("something behind a quote: {line}")),
                    },
                }
            }
        };
        need(rest.starts_with('"') || !field.contains('"'), format!("a bare quote: {line}"))?;
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return Ok(fields),
        }
    }
}

/// A CSV behind its `# `, every row as long as the header.
fn table(text: &str) -> Result<Vec<Row>, Wrong> {
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let Some(header) = lines.next().and_then(|line| line.strip_prefix("# ")) else {
        return wrong("no header that begins with `# `");
    };
    let columns = strict(header)?;
    let mut rows = Vec::new();
    for line in lines {
        let fields = strict(line)?;
        need(fields.len() == columns.len(), format!("{} fields of {}: {line}", fields.len(), columns.len()))?;
        rows.push(columns.iter().cloned().zip(fields).collect());
    }
    // A frontend, its address, six servers, their backend.
    need(rows.len() == 9, format!("{} rows", rows.len()))?;
    Ok(rows)
}

/// Every row has these, as whole numbers.
fn numbers(rows: &[Row], columns: &[&str]) -> Verdict {
    for (row, column) in rows.iter().flat_map(|row| columns.iter().map(move |column| (row, column))) {
        whole(&row[*column], &format!("{column} of {}", row["svname"]))?;
    }
    Ok(())
}

fn of_type<'a>(rows: &'a [Row], kind: &'a str) -> impl Iterator<Item = &'a Row> {
    rows.iter().filter(move |row| row["type"] == kind)
}

// === info ===

/// `Name: value` lines.
fn info(text: &str) -> Result<HashMap<&str, &str>, Wrong> {
    let mut facts = HashMap::new();
    for line in text.trim_end().lines() {
        let parts: Vec<_> = line.split(": ").collect();
        let [name, value] = parts[..] else { return wrong(format!("not one `: ` in {line:?}")) };
        facts.insert(name, value.trim());
    }
    need(facts.len() > 60, format!("{} facts", facts.len()))?;
    Ok(facts)
}

// === telegraf ===

/// Refuses a whole answer for one row of another length; a number that is none is lost without a word.
pub(super) fn telegraf(text: &str) -> Verdict {
    const TEXTS: [&str; 16] = [
        "pxname",
        "svname",
        "status",
        "check_status",
        "last_chk",
        "mode",
        "tracked",
        "agent_status",
        "last_agt",
        "addr",
        "cookie",
        "check_desc",
        "agent_desc",
        "algo",
        "proto",
        "-",
    ];
    for row in table(text)? {
        need(["0", "1", "2", "3"].contains(&&*row["type"]), format!("type {}", row["type"]))?;
        for (column, value) in row.iter().filter(|(column, _)| !TEXTS.contains(&column.as_str())) {
            let is_lost = !value.is_empty() && value.parse::<u64>().is_err() && column != "lastsess";
            need(!is_lost, format!("{column} is {value:?}"))?;
        }
    }
    Ok(())
}

// === Datadog ===

/// Splits answers at empty lines; each line of the first at its only colon, up to the uptime.
pub(super) fn datadog(text: &str) -> Verdict {
    need(text.is_ascii(), "not ASCII")?;
    let answers: Vec<_> = text.split("\n\n").map(str::trim).filter(|answer| !answer.is_empty()).collect();
    let [info, stat] = answers[..] else { return wrong(format!("{} answers", answers.len())) };
    let (mut version, mut uptime) = (None, None);
    for line in info.lines() {
        let parts: Vec<_> = line.split(':').collect();
        let [name, value] = parts[..] else { return wrong(format!("not one colon in {line:?}")) };
        if name == "Version" {
            version = Some(value);
        }
        if name == "Uptime_sec" {
            uptime = value.trim().parse::<u64>().ok();
            break;
        }
    }
    need(uptime.is_some(), "no uptime")?;
    let numbers: Vec<_> =
        version.unwrap_or_default().trim().split('.').take(2).map(str::parse::<u32>).collect();
    need(
        matches!(numbers[..], [Ok(major), Ok(minor)] if (major, minor) >= (1, 5)),
        format!("version {version:?}"),
    )?;
    datadog_rows(stat)
}

/// Looks at rows from the last to the first; a status that it has no word for counts as not available.
pub(super) fn datadog_rows(text: &str) -> Verdict {
    const WORDS: [&str; 7] = ["up", "open", "down", "maint", "nolb", "no_check", "drain"];
    need(
        text.lines().all(|line| line.matches('"').count() % 2 == 0),
        "quotes that do not pair on their line",
    )?;
    let rows = table(text)?;
    for row in &rows {
        let status = row["status"].to_lowercase().replace(' ', "_");
        need(WORDS.iter().any(|word| status.starts_with(word)), format!("status {status}"))?;
    }
    numbers(&rows, &["stot", "bin", "bout"])?;
    need(rows.last().is_some_and(|row| row["svname"] == "BACKEND"), "servers not followed by their backend")
}

/// `# table: NAME, type: ip, size:1024, used:1` to the end of the line.
pub(super) fn datadog_tables(text: &str) -> Verdict {
    let line = text.lines().find(|line| line.starts_with("# table: ")).unwrap_or_default();
    let parts: Vec<_> = line.split(", ").collect();
    let [name, kind, size, used] = parts[..] else { return wrong(format!("no table: {line:?}")) };
    need(name == "# table: api_nodes" && kind == "type: ip", line)?;
    whole(size.strip_prefix("size:").unwrap_or_default(), "size")?;
    need(whole(used.strip_prefix("used:").unwrap_or_default(), "used")? == 1, line)
}

/// The version and the uptime, each on a line of the page.
pub(super) fn datadog_page(text: &str) -> Verdict {
    let version = text.lines().find_map(|line| line.split_once("HAProxy version ")).map(|(_, rest)| rest);
    let version = version.and_then(|rest| rest.split(',').next()).unwrap_or_default();
    need(version.starts_with("3.4.0"), format!("version {version:?}"))?;
    let line = text.lines().find(|line| line.contains("uptime = ")).unwrap_or_default();
    days(line).map_or_else(|| wrong(format!("no uptime in {line:?}")), |_| Ok(()))
}

/// The first `0d 0h00m03s` of a text, in seconds.
fn days(text: &str) -> Option<u64> {
    text.match_indices("d ").find_map(|(at, _)| {
        let digits =
            |text: &str| text.len() - text.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
        let day: u64 = text[at - digits(&text[..at])..at].parse().ok()?;
        let (hours, rest) = text[at + 2..].split_once('h')?;
        let (minutes, rest) = rest.split_once('m')?;
        let (seconds, _) = rest.split_once('s')?;
        let [hours, minutes, seconds] = [hours, minutes, seconds].map(|part| part.parse::<u64>().ok());
        Some(((day * 24 + hours?) * 60 + minutes?) * 60 + seconds?)
    })
}

/// The text of metrics: every family with its type, and those that the check asks for.
pub(super) fn datadog_metrics(text: &str) -> Verdict {
    let mut types = HashMap::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            types.insert(name, kind);
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').unwrap_or((line, ""));
            need(value == "NaN" || value.parse::<f64>().is_ok(), line)?;
            let name = series.split('{').next().unwrap_or_default();
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            need(types.contains_key(name) || family.is_some_and(|family| types.contains_key(family)), line)?;
        }
    }
    // Of the names that it maps, those of its dashboards; all of 3.4 are held against a list by the exporter's own tests.
    for name in [
        "haproxy_backend_active_servers",
        "haproxy_backend_connection_errors_total",
        "haproxy_backend_http_responses_total",
        "haproxy_backend_queue_time_average_seconds",
        "haproxy_frontend_bytes_in_total",
        "haproxy_frontend_http_requests_total",
        "haproxy_frontend_requests_denied_total",
        "haproxy_process_build_info",
        "haproxy_process_idle_time_percent",
        "haproxy_server_current_sessions",
        "haproxy_server_status",
        "haproxy_server_uweight",
    ] {
        need(types.contains_key(name), format!("no {name}"))?;
    }
    need(types.len() > 200, format!("{} families", types.len()))
}
