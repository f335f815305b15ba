//! Recent events: changes of state, commands and deployments, the newest first.

use std::sync::Arc;

use super::Draw;
use super::text::{EscapedText, badge, class};
use crate::control::Record;

/// Number of visible events; more are folded.
const SHOWN: usize = 12;
/// Maximum number of events.
const TOLD: usize = 100;

/// The list.
pub(super) fn timeline(draw: &Draw<'_>, events: &[Arc<Record>]) -> String {
    let Some(newest) = events.first() else {
        return "<p class=\"empty\">nothing yet</p>".to_owned();
    };
    let list = |events: &[Arc<Record>]| events.iter().map(|event| item(draw, event)).collect::<String>();
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

fn item(draw: &Draw<'_>, event: &Record) -> String {
    let status = event.status.as_deref().map(|status| badge(class(status), status)).unwrap_or_default();
    let deployed = if event.kind == "version" { badge("deployed", "deployed") } else { String::new() };
    // Times are never before 1970.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time in seconds")]
    let time = event.time as u64;
    format!(
        "<li data-kind=\"{}\" data-number=\"{}\"><time data-time=\"{}\">{:02}:{:02}:{:02} UTC</time> <span class=\"soft\">{} ago</span> {status} {deployed} <span class=\"what\">{}</span></li>",
        EscapedText(event.kind),
        event.number,
        event.time,
        time / 3600 % 24,
        time / 60 % 60,
        time % 60,
        draw.age(time),
        EscapedText(&event.text),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::fixture::Fixture;
    use crate::report::Overview;
    use crate::web::history::History;
    use crate::web::page::View;

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
        let (overview, history) = (Overview::of(&Fixture::new("").control), History::default());
        let view = View { overview: &overview, history: &history, token: None };
        let draw = Draw { view: &view, now: Some(3_783) };
        let html = timeline(&draw, &events);
        assert!(html.starts_with("<ol data-newest=\"20\">"), "{html}");
        assert!(
            html.contains(
                ">01:02:03 UTC</time> <span class=\"soft\"><span data-since=\"3723\">1 min</span> ago</span>"
            ),
            "{html}"
        );
        assert!(html.contains("&lt;20&gt;") && html.contains("<summary>8 earlier</summary>"), "{html}");
        assert!(timeline(&draw, &[]).contains("nothing yet"));
    }
}
