//! Parses an agent's line: words between blanks, tabs or commas, and after `#` a description (HAProxy manual,
//! `agent-check`).
//!
//! The last word of each kind counts. Whether a weight or a limit is valid for the server is checked elsewhere.

use crate::server::{AdminState, CheckStatus};

/// A parsed line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AgentLine {
    /// The word about health, as received.
    pub(super) health: Option<String>,
    pub(super) order: Option<AdminState>,
    /// `50%`.
    pub(super) weight: Option<String>,
    /// What is behind `maxconn:`.
    pub(super) maxconn: Option<String>,
    /// The first unknown word.
    pub(super) odd: Option<String>,
    pub(super) description: String,
}

// === impl AgentLine ===

impl AgentLine {
    pub(super) fn parse(text: &str) -> Self {
        let mut line = Self::default();
        let mut rest = text;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if let Some(description) = rest.strip_prefix('#') {
                line.description = description.trim().to_owned();
                return line;
            }
            if rest.is_empty() {
                return line;
            }
            let end = rest.find([' ', '\t', ',']).unwrap_or(rest.len());
            line.take(&rest[..end]);
            rest = &rest[end..];
        }
    }

    fn take(&mut self, word: &str) {
        let owned = word.to_owned();
        match word.to_ascii_lowercase().as_str() {
            "up" | "down" | "stopped" | "fail" => self.health = Some(owned),
            "ready" => self.order = Some(AdminState::Ready),
            "drain" => self.order = Some(AdminState::Drain),
            "maint" => self.order = Some(AdminState::Maint),
            lower if lower.starts_with("maxconn:") => {
                self.maxconn = Some(word["maxconn:".len()..].to_owned());
            }
            lower if lower.starts_with(|letter: char| letter.is_ascii_digit()) && lower.contains('%') => {
                self.weight = Some(owned);
            }
            _ => drop(self.odd.get_or_insert(owned)),
        }
    }

    /// Whether the server is up, if the line says so.
    pub(super) fn up(&self) -> Option<bool> {
        self.health.as_ref().map(|word| word.eq_ignore_ascii_case("up"))
    }

    /// The result in HAProxy's words. `wrong`: what is wrong with a weight or a limit.
    pub(super) fn told(&self, wrong: Option<&str>) -> (CheckStatus, Option<u16>, String) {
        let odd = self.odd.as_deref();
        if let Some(word) = &self.health {
            let up = self.up() == Some(true);
            let status = if up { CheckStatus::L7Ok } else { CheckStatus::L7Sts };
            // The reason for a server's being down is more important than an unknown word.
            let told = Some(self.description.as_str()).filter(|text| !text.is_empty());
            let told = if up { odd.or(wrong).or(told) } else { told.or(odd).or(wrong) };
            let told = told.map(|text| format!(" ({text})")).unwrap_or_default();
            return (status, Some(0), format!("via agent : {word}{told}"));
        }
        let text = match (odd, wrong) {
            (Some(word), _) => format!("agent reports an error : {word}"),
            (None, Some(wrong)) => format!("agent warns : {wrong}"),
            (None, None) => String::new(),
        };
        (CheckStatus::Checked, None, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_what_haproxys_manual_says() {
        use CheckStatus::{Checked, L7Ok, L7Sts};
        let code = |status| if status == Checked { None } else { Some(0) };
        // The line; health, weight, limit; the result and its text.
        let table = [
            ("up", None, None, None, L7Ok, "via agent : up"),
            ("UP", None, None, None, L7Ok, "via agent : UP"),
            ("down", None, None, None, L7Sts, "via agent : down"),
            ("stopped", None, None, None, L7Sts, "via agent : stopped"),
            ("fail # out of disk ", None, None, None, L7Sts, "via agent : fail (out of disk)"),
            ("down,nope #why", None, None, None, L7Sts, "via agent : down (why)"),
            ("up nope # fine", None, None, None, L7Ok, "via agent : up (nope)"),
            ("up # fine", None, None, None, L7Ok, "via agent : up (fine)"),
            ("drain", Some(AdminState::Drain), None, None, Checked, ""),
            ("maint", Some(AdminState::Maint), None, None, Checked, ""),
            ("ready,up 75%", Some(AdminState::Ready), Some("75%"), None, L7Ok, "via agent : up"),
            ("10%\t20% maxconn:7", None, Some("20%"), Some("7"), Checked, ""),
            ("maxconn:", None, None, Some(""), Checked, ""),
            ("75", None, None, None, Checked, "agent reports an error : 75"),
            ("what is this", None, None, None, Checked, "agent reports an error : what"),
            ("#only words", None, None, None, Checked, ""),
            ("", None, None, None, Checked, ""),
        ];
        for (text, order, weight, maxconn, status, told) in table {
            let line = AgentLine::parse(text);
            let got = (line.order, line.weight.as_deref(), line.maxconn.as_deref());
            assert_eq!(got, (order, weight, maxconn), "{text}");
            assert_eq!(line.told(None), (status, code(status), told.to_owned()), "{text}");
        }
        let wrong = |text| AgentLine::parse(text).told(Some("Value out of range.")).2;
        assert_eq!(wrong("maxconn:-1"), "agent warns : Value out of range.");
        assert_eq!(wrong("up maxconn:-1"), "via agent : up (Value out of range.)");
        assert_eq!(wrong("nope maxconn:-1"), "agent reports an error : nope");
    }
}
