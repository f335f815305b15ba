//! An event on its way to the log: HAProxy's sentences and lb's own as text, or one object of JSON with everything as fields.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::words::{self, LogMessage};
use super::{BackendCounts, Event, Origin};
use crate::config::{LogConfig, LogFormat};
use crate::counters::millis;
use crate::log::{Level, LogLine, date};
use crate::server::Orders;

/// A line, written already.
#[derive(Debug)]
pub(in crate::control) struct EventLine {
    text: String,
    level: Level,
    dated: bool,
}

/// The lines of an event, and of the backends that it left without a server, as a log wants them.
pub(in crate::control) fn lines(
    event: &Event<'_>,
    scene: BackendCounts,
    lost: &[impl AsRef<str>],
    log: &LogConfig,
) -> Vec<EventLine> {
    if matches!(event, Event::Probed { .. }) && !log.health_checks {
        return Vec::new();
    }
    let sentences = event.sentences(scene, log.health_checks);
    let lost = lost.iter().map(|backend| (backend.as_ref(), words::nobody_left(backend.as_ref())));
    match log.format {
        LogFormat::Json => {
            let mut lines = vec![EventLine::json(event.fields(&sentences), level(event, &sentences))];
            lines.extend(sentences.iter().skip(1).map(|more| {
                EventLine::json(json!({ "event": event.name(), "text": more.text }), more.level)
            }));
            lines.extend(lost.map(|(backend, said)| {
                let fields = json!({ "event": "backend-down", "backend": backend, "text": said.text });
                EventLine::json(fields, said.level)
            }));
            lines
        }
        LogFormat::Text => {
            let own = EventLine::text(&event.to_string(), level(event, &sentences));
            std::iter::once(own)
                .chain(lost.map(|(_, said)| EventLine::text(&said.text, said.level)))
                .collect()
        }
        LogFormat::Http | LogFormat::Off => {
            let said = sentences.into_iter().chain(lost.map(|(_, said)| said));
            let mut lines: Vec<_> =
                said.map(|LogMessage { level, text }| EventLine { text, level, dated: false }).collect();
            // Who asked is not HAProxy's to say.
            if lines.is_empty() || event.origin().is_some() {
                let level = event.own_level();
                // A text of several lines is several lines of the log.
                let text = event.to_string();
                let own = text.lines().filter(|line| !line.is_empty());
                lines.extend(own.map(|line| EventLine { text: line.to_owned(), level, dated: false }));
            }
            lines
        }
    }
}

fn level(event: &Event<'_>, sentences: &[LogMessage]) -> Level {
    sentences.first().map_or(event.own_level(), |sentence| sentence.level)
}

// === impl EventLine ===

impl EventLine {
    fn json(mut fields: Value, level: Level) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        fields["time"] = json!(now.as_secs_f64());
        fields["level"] = json!(level.name());
        Self { text: fields.to_string(), level, dated: true }
    }

    /// For people: what matters more than usual says so.
    fn text(said: &str, level: Level) -> Self {
        let mut line = Vec::new();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Writing to memory does not fail.
        let _ = date::write_clock(&mut line, now);
        let mut text = String::from_utf8_lossy(&line).into_owned();
        if level < Level::Notice {
            text.push_str(&format!(" [{}]", level.name()));
        }
        text.push(' ');
        text.push_str(said);
        Self { text, level, dated: true }
    }
}

impl LogLine for EventLine {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.text.as_bytes());
    }

    fn level(&self) -> Level {
        self.level
    }

    fn is_dated(&self) -> bool {
        self.dated
    }
}

// === impl Event ===

impl Event<'_> {
    /// How much it matters where HAProxy has no words for it.
    fn own_level(&self) -> Level {
        if matches!(self, Self::Refused { .. }) { Level::Error } else { Level::Notice }
    }

    /// What it says, as fields; the text is HAProxy's where it has one, with lb's own beside it.
    fn fields(&self, sentences: &[LogMessage]) -> Value {
        let own = self.to_string();
        let mut fields = match sentences.first() {
            Some(sentence) => json!({ "event": self.name(), "text": sentence.text, "note": own }),
            None => json!({ "event": self.name(), "text": own }),
        };
        if let Some(server) = self.subject() {
            fields["backend"] = json!(&*server.backend);
            fields["server"] = json!(&*server.name);
            fields["status"] = json!(server.status().to_string());
            fields["in_flight"] = json!(server.in_flight());
        }
        if let Some(origin) = self.origin() {
            fields["by"] = json!(origin.to_string());
        }
        match self {
            Self::Ordered { before, after, origin, .. } => {
                let whose = |orders: &Orders| match origin {
                    Origin::Agent => orders.agent,
                    Origin::Tracked => orders.tracked,
                    _ => orders.operator,
                };
                fields["before"] = json!(whose(before).word());
                fields["order"] = json!(whose(after).word());
            }
            Self::Checked { result, .. } | Self::Probed { result, .. } => {
                fields["check_status"] = json!(result.status.to_string());
                fields["check_code"] = json!(result.code);
                fields["check_ms"] = json!(millis(result.took));
                fields["check_info"] = json!(result.detail);
            }
            Self::Stopped { name, connections, requests } => {
                fields["proxy"] = json!(name);
                fields["connections"] = json!(connections);
                fields["requests"] = json!(requests);
            }
            Self::Applied { .. } => fields["applied"] = json!(true),
            Self::Refused { .. } => fields["applied"] = json!(false),
            Self::Turned { frontend, .. } => fields["frontend"] = json!(&*frontend.name),
            _ => {}
        }
        fields
    }

    fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Ordered { origin, .. }
            | Self::Weighed { origin, .. }
            | Self::Limited { origin, .. }
            | Self::Moved { origin, .. }
            | Self::Forced { origin, .. }
            | Self::Watched { origin, .. }
            | Self::Killed { origin, .. }
            | Self::Added { origin, .. }
            | Self::Deleted { origin, .. }
            | Self::Turned { origin, .. }
            | Self::Applied { origin, .. }
            | Self::Refused { origin, .. } => Some(origin),
            _ => None,
        }
    }
}
