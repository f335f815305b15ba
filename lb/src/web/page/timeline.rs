//! What happened last: changes of state, orders and deployments, the newest first.

use std::sync::Arc;

use super::text::{Text, ago, badge, class};
use crate::control::Record;

/// Events that are shown at once; more are folded away.
const SHOWN: usize = 12;
/// Events that are told at all.
const TOLD: usize = 100;

/// The list; `now` is Unix time.
pub(super) fn timeline(events: &[Arc<Record>], now: f64) -> String {
    let Some(newest) = events.first() else {
        return "<p class=\"empty\">nothing yet</p>".to_owned();
    };
    let list = |events: &[Arc<Record>]| events.iter().map(|event| item(event, now)).collect::<String>();
    let events = &events[..events.len().min(TOLD)];
    let (first, rest) = events.split_at(events.len().min(SHOWN));
    let more = if rest.is_empty() {
        String::new()
    } else {
        format!(
            "<details id=\"earlier\"><summary>{} earlier</summary><ol>{}</ol></details>",
            rest.len(),
            list(rest)
        )
    };
    format!("<ol data-newest=\"{}\">{}</ol>{more}", newest.number, list(first))
}

fn item(event: &Record, now: f64) -> String {
    let status = event.status.as_deref().map(|status| badge(class(status), status)).unwrap_or_default();
    let deployed = if event.kind == "version" { badge("deployed", "deployed") } else { String::new() };
    // Times before 1970 do not come.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time in seconds")]
    let (time, age) = (event.time as u64, (now - event.time).max(0.0) as u64);
    format!(
        "<li data-kind=\"{}\" data-number=\"{}\"><time data-time=\"{}\">{:02}:{:02}:{:02} UTC</time> <span class=\"soft\">{} ago</span> {status} {deployed} <span class=\"what\">{}</span></li>",
        Text(event.kind),
        event.number,
        event.time,
        time / 3600 % 24,
        time / 60 % 60,
        time % 60,
        ago(age),
        Text(&event.text),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_come_first_and_the_rest_is_folded_away() {
        let event = |number: u64| {
            Arc::new(Record {
                number,
                time: 3_723.5,
                kind: "health",
                server: None,
                status: Some("DOWN".to_owned()),
                text: format!("<{number}>"),
            })
        };
        let events: Vec<_> = (1..=20).rev().map(event).collect();
        let html = timeline(&events, 3_783.9);
        assert!(html.starts_with("<ol data-newest=\"20\">"), "{html}");
        assert!(html.contains(">01:02:03 UTC</time> <span class=\"soft\">1 min ago</span>"), "{html}");
        assert!(html.contains("&lt;20&gt;") && html.contains("<summary>8 earlier</summary>"), "{html}");
        assert!(timeline(&[], 0.0).contains("nothing yet"));
    }
}
