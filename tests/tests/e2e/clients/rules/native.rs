//! HAProxy's own Go library, which the data plane API and the ingress controllers stand on.
//!
//! It puts `set severity-output number;` before each command, takes one line feed off the end, and looks for `[3]:` and graver behind the
//! first byte.

use super::{Verdict, Wrong, need, table, whole, wrong};

/// What is left of an answer, or the error that it is.
fn answer(text: &str) -> Result<Result<&str, &str>, Wrong> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let Some(rest) = text.strip_prefix('\n') else {
        return wrong("no empty answer to `set severity-output`");
    };
    let is_error = ["[0]:", "[1]:", "[2]:", "[3]:"].iter().any(|grave| rest.starts_with(grave));
    Ok(if is_error { Err(rest) } else { Ok(rest) })
}

fn good(text: &str) -> Result<&str, Wrong> {
    answer(text)?.or_else(wrong)
}

fn refused(text: &str) -> Result<&str, Wrong> {
    match answer(text)? {
        Ok(text) => wrong(format!("no error: {text:?}")),
        Err(text) => Ok(text),
    }
}

pub(in super::super) fn native_succeeds(text: &str) -> Verdict {
    good(text).map(drop)
}

pub(in super::super) fn native_refused(text: &str) -> Verdict {
    refused(text).map(drop)
}

pub(in super::super) fn native_no_server(text: &str) -> Verdict {
    let text = refused(text)?;
    need(text.contains("No such server"), text)
}

pub(in super::super) fn native_modified(text: &str) -> Verdict {
    let text = good(text)?;
    need(text.contains("changed from"), text)
}

pub(in super::super) fn native_unmodified(text: &str) -> Verdict {
    let text = good(text)?;
    need(!text.contains("changed from"), text)
}

/// Takes the fourth part of each line between colons, by the number that it begins with; all but a few are whole numbers.
pub(in super::super) fn native_info(text: &str) -> Verdict {
    let mut seen = 0;
    for line in good(text)?.lines().filter(|line| !line.is_empty()) {
        let parts: Vec<_> = line.split(':').collect();
        let number = whole(parts[0].split('.').next().unwrap_or_default(), "a number")?;
        let Some(value) = parts.get(3) else { return wrong(line) };
        match number {
            // Texts, a date, and a time with units.
            0 | 1 | 7 | 50 | 51 => {}
            2 => need(value.split('/').count() == 3, line)?,
            3..=62 => drop(whole(value, line)?),
            _ => {}
        }
        seen += 1;
    }
    need(seen > 60, format!("{seen} facts"))
}

/// Three numbers, and whatever follows a `-`.
pub(in super::super) fn native_version(text: &str) -> Verdict {
    let line = good(text)?.lines().find_map(|line| line.strip_prefix("Version: "));
    let parts: Vec<_> = line.unwrap_or_default().split('-').next().unwrap_or_default().split('.').collect();
    need(parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok()), format!("{line:?}"))
}

/// Splits at every comma, and needs no fewer fields than the header has.
pub(in super::super) fn native_stats(text: &str) -> Verdict {
    let text = good(text)?;
    let columns: Vec<_> = text.lines().next().unwrap_or_default().split(',').collect();
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let fields: Vec<_> = line.split(',').collect();
        need(fields.len() >= columns.len(), line)?;
        // What stands before the first text that may have a comma has to be right all the same.
        let kind = columns.iter().position(|column| *column == "type").and_then(|at| fields.get(at));
        need(kind.is_some_and(|kind| ["0", "1", "2", "3"].contains(kind)), format!("type {kind:?}"))?;
    }
    table(text).map(drop)
}

/// The format's version, then 25 fields a server, split at single blanks.
pub(in super::super) fn native_servers(text: &str) -> Verdict {
    let mut lines = good(text)?.lines();
    need(lines.next() == Some("1"), "not version 1 of the format")?;
    let servers: Vec<_> = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    need(servers.len() == 6, format!("{} servers", servers.len()))?;
    let mut orders = Vec::new();
    for line in servers {
        let fields: Vec<_> = line.split(' ').collect();
        need(fields.len() >= 25 && fields.iter().all(|field| !field.is_empty()), line)?;
        need(["0", "1", "2", "3"].contains(&fields[5]), line)?;
        for at in [0, 2, 6, 7, 8, 9, 10, 11, 12, 13, 14, 18] {
            whole(fields[at], &format!("field {at} of {line}"))?;
        }
        orders.push(fields[6]);
    }
    need(orders.contains(&"1") && orders.contains(&"8"), format!("orders {orders:?}"))
}

pub(in super::super) fn native_tables(text: &str) -> Verdict {
    let line = good(text)?.lines().next().unwrap_or_default();
    let part = |begin: &str| line.split(',').find_map(|part| part.strip_prefix(begin)).map(str::trim);
    need(part("# table:") == Some("api_nodes") && part(" type:") == Some("ip"), line)?;
    whole(part(" size:").unwrap_or_default(), "size")?;
    whole(part(" used:").unwrap_or_default(), "used").map(drop)
}

/// An identifier and a colon, then words with one `=` each.
pub(in super::super) fn native_entries(text: &str) -> Verdict {
    let entry =
        good(text)?.lines().find(|line| !line.starts_with('#') && !line.is_empty()).unwrap_or_default();
    let Some((_, data)) = entry.split_once(':') else { return wrong(entry) };
    let value = |name: &str| {
        let pairs = data.split(' ').filter_map(|word| word.split_once('='));
        pairs.filter(|(key, _)| key.starts_with(name)).map(|(_, value)| value).next().unwrap_or_default()
    };
    need(value("key") == "127.0.0.1", entry)?;
    for name in ["use", "exp", "gpc0", "http_req_rate("] {
        whole(value(name), name)?;
    }
    Ok(())
}
