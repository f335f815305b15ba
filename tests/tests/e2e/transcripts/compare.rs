//! What of HAProxy's answers cannot be in `lb`'s, and how a difference is found and shown.

use super::exceptions;

/// An answer with the `slim` that `clients` has because `fe_stats` leads there: in HAProxy it leads nowhere.
pub(super) fn as_configured(answer: &str) -> String {
    let (typed, json) = (":CLPV:u32:1", "\"scope\":\"Process\"},\"value\":{\"type\":\"u32\",\"value\":1}");
    let mut lines = Vec::new();
    for line in answer.split('\n') {
        let mut fields: Vec<_> = line.split(',').collect();
        if fields.len() == 146 && !line.starts_with('#') {
            // While a check runs HAProxy has no code: the last one stands in lb.
            if fields[36].starts_with("* ") && fields[37] == "0" {
                fields[37] = "200";
            }
            if fields[0] == "clients" {
                fields[6] = "200";
            }
            lines.push(fields.join(","));
        } else if line.starts_with("[[") {
            let objects = line.split(",{\"objType\"").map(|object| {
                let is_slim = object.contains("\"proxyId\":4,") && object.contains("\"name\":\"slim\"");
                if is_slim { object.replace(json, &json.replace(":1}", ":200}")) } else { object.to_owned() }
            });
            lines.push(objects.collect::<Vec<_>>().join(",{\"objType\""));
        } else if let Some((before, after)) = line.split_once(" 15 0 4 7 ") {
            // The same of its result.
            lines.push(format!("{before} 15 3 4 7 {after}"));
        } else if line.starts_with("B.4.0.6.slim.1:") {
            lines.push(line.replace(typed, ":CLPV:u32:200"));
        } else {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n")
}

/// An answer of `variety.cfg`'s HAProxy without the system's name of an error.
pub(super) fn as_varied(answer: &str) -> String {
    let named = "ECONNREFUSED returned by OS";
    let [full, plain] = [format!("{named} (Connection refused)"), "Connection refused".to_owned()];
    as_configured(answer).replace(&full, &plain).replace(named, &plain)
}

/// An answer of either side without how far servers have come in their slow start, and what of their weight they have: a matter of time.
pub(super) fn warm(answer: &str) -> String {
    let (proxy, server, throttle, weight) = (0, 1, 29, 18);
    let mut warming = None;
    let mut lines = Vec::new();
    for line in answer.split('\n') {
        let mut fields: Vec<_> = line.split(',').collect();
        if fields.len() == 146 && !line.starts_with('#') {
            if !fields[throttle].is_empty() {
                warming = Some(fields[proxy]);
                (fields[throttle], fields[weight]) = ("N", "N");
            } else if fields[server] == "BACKEND" && warming == Some(fields[proxy]) {
                fields[weight] = "N";
            }
        }
        lines.push(fields.join(","));
    }
    lines.join("\n")
}

/// What is wrong with an answer, both sides as `tests::normal` leaves them: those on the list have to differ, and no others.
pub(super) fn fault(name: &str, sent: &str, expected: &str, got: &str) -> Option<String> {
    match (got == expected, exceptions().contains_key(name)) {
        (true, false) | (false, true) => None,
        (false, false) => Some(format!("{name}: {sent}\n{}", difference(expected, got))),
        (true, true) => Some(format!("{name}: it no longer differs: take it off the list")),
    }
}

/// The lines that differ, and of a table its fields.
fn difference(expected: &str, got: &str) -> String {
    let (theirs, ours): (Vec<_>, Vec<_>) = (expected.lines().collect(), got.lines().collect());
    let mut out = String::new();
    let split = |line: &'_ str| -> Vec<String> {
        let at = if line.starts_with('[') { "},{" } else { "," };
        line.split(at).map(str::to_owned).collect()
    };
    for at in 0..theirs.len().max(ours.len()) {
        let pair = (theirs.get(at).copied(), ours.get(at).copied());
        match pair {
            (Some(one), Some(other)) if one == other => {}
            (Some(one), Some(other)) if split(one).len() == split(other).len() && split(one).len() > 3 => {
                for (field, (one, other)) in split(one).iter().zip(&split(other)).enumerate() {
                    if one != other {
                        out.push_str(&format!("  line {at} field {field}: HAProxy {one:?}, lb {other:?}\n"));
                    }
                }
            }
            (one, other) => {
                out.push_str(&format!("  line {at}: HAProxy {one:?}\n  line {at}: lb      {other:?}\n"));
            }
        }
    }
    out
}
