//! Programs that look whether all is well, and those that take servers out and put them back.

use super::{Verdict, days, info, need, of_type, table, whole, wrong};

/// The version up to a comma, and the first uptime of the page.
pub(in super::super) fn zabbix_page(text: &str) -> Verdict {
    let version = text.split_once("HAProxy version ").and_then(|(_, rest)| rest.split_once(','));
    need(
        version.is_some_and(|(version, _)| version.starts_with("3.4.0") && version.len() < 30),
        "no version",
    )?;
    need(days(text).is_some_and(|seconds| seconds < 600), "no uptime")
}

/// A server that is not up, open, unchecked or draining is down; those in maintenance are not looked at.
pub(in super::super) fn sensu(text: &str) -> Verdict {
    let rows = table(text)?;
    let is_up = |status: &str| {
        status.starts_with("UP") || status == "OPEN" || status == "no check" || status.starts_with("DRAIN")
    };
    let looked_at = of_type(&rows, "2").filter(|row| !row["status"].starts_with("MAINT"));
    let down: Vec<_> = looked_at.filter(|row| !is_up(&row["status"])).map(|row| &*row["svname"]).collect();
    need(down == ["down", "nolb"], format!("down: {down:?}"))
}

/// Takes the 33rd field for the kind of each row, split at every comma.
pub(in super::super) fn munin(text: &str) -> Verdict {
    let mut lines = text.lines();
    let columns: Vec<_> = lines.next().unwrap_or_default().split(',').collect();
    need(
        columns.first() == Some(&"# pxname") && columns.get(32) == Some(&"type"),
        "another order of columns",
    )?;
    let kinds: Vec<_> = lines.filter_map(|line| line.split(',').nth(32)).collect();
    need(kinds == ["0", "3", "2", "2", "2", "2", "2", "2", "1"], format!("{kinds:?}"))
}

/// Compares statuses whole, `act` and `bck` with `1`, and sessions with their limit.
pub(in super::super) fn nagios(text: &str) -> Verdict {
    let rows = table(text)?;
    let down: Vec<_> =
        of_type(&rows, "2").filter(|row| row["status"] == "DOWN").map(|row| &*row["svname"]).collect();
    need(down == ["down"], format!("down: {down:?}"))?;
    need(of_type(&rows, "2").all(|row| (&*row["act"], &*row["bck"]) == ("1", "0")), "not all active")?;
    for row in rows.iter().filter(|row| !row["slim"].is_empty()) {
        need(whole(&row["scur"], "scur")? <= whole(&row["slim"], "slim")?, "more sessions than the limit")?;
    }
    need(rows.iter().any(|row| row["slim"] == "9"), "no limit of a server")
}

/// Two numbers, at least 1.5, before it trusts `drain`.
pub(in super::super) fn ansible_version(text: &str) -> Verdict {
    let facts = info(text)?;
    let numbers: Vec<_> = facts["Version"].split('.').take(2).map(|part| whole(part, "version")).collect();
    let [Ok(major), Ok(minor)] = numbers[..] else { return wrong(facts["Version"]) };
    need((major, minor) >= (1, 5), facts["Version"])
}

/// Finds a server by its names, waits for its status and for `"0"` in `scur`.
pub(in super::super) fn ansible_stat(text: &str) -> Verdict {
    let rows = table(text)?;
    let state = |name: &str| rows.iter().find(|row| row["svname"] == name && row["pxname"] == "api_nodes");
    for (server, status) in [("up", "UP"), ("maint", "MAINT"), ("drain", "DRAIN"), ("down", "DOWN")] {
        let row = state(server);
        need(
            row.is_some_and(|row| row["status"] == status && row["scur"] == "0"),
            format!("{server}: {row:?}"),
        )?;
    }
    let weight = state("drain").map(|row| &*row["weight"]);
    need(weight == Some("3"), format!("weight {weight:?}"))
}

/// `3 (initial 3)`.
pub(in super::super) fn ansible_weight(text: &str) -> Verdict {
    let words: Vec<_> = text.trim_end().split(' ').collect();
    need(words == ["3", "(initial", "3)"], text)
}

/// One byte.
pub(in super::super) fn silent(text: &str) -> Verdict {
    need(text == "\n", format!("{text:?}"))
}
