//! What a configuration changed, for the log and for whoever asked for it.

use std::fmt;

/// Names that are listed at most: a reload may concern thousands of servers.
const LISTED: usize = 20;

/// What a configuration changed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Servers that are new, as `backend/server`.
    pub added: Vec<String>,
    /// Servers that are gone.
    pub removed: Vec<String>,
    /// Servers whose settings changed, with the keys that did: `backend/server (weight, maxconn)`.
    pub changed: Vec<String>,
    /// Settings that changed, a line for each section.
    pub settings: Vec<String>,
    /// Listening sockets opened.
    pub opened: usize,
    /// Listening sockets closed.
    pub closed: usize,
    /// Whether logs were opened or closed.
    pub logs: bool,
}

// === impl Changes ===

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (word, servers) in
            [("added", &self.added), ("removed", &self.removed), ("changed", &self.changed)]
        {
            if !servers.is_empty() {
                parts.push(format!("servers {word}: {}", listed(servers)));
            }
        }
        for (word, count) in [("opened", self.opened), ("closed", self.closed)] {
            if count > 0 {
                let plural = if count == 1 { "" } else { "s" };
                parts.push(format!("{count} listener{plural} {word}"));
            }
        }
        parts.extend(self.settings.iter().take(LISTED).cloned());
        if self.settings.len() > LISTED {
            parts.push(format!("and {} sections more", self.settings.len() - LISTED));
        }
        if self.logs && !self.settings.iter().any(|line| line.contains("log")) {
            parts.push("log changed".to_owned());
        }
        if parts.is_empty() { f.write_str("nothing changed") } else { f.write_str(&parts.join("; ")) }
    }
}

fn listed(names: &[String]) -> String {
    match names.len().checked_sub(LISTED) {
        Some(more @ 1..) => format!("{} and {more} more", names[..LISTED].join(" ")),
        _ => names.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_of_names_make_no_endless_line() {
        let names = |count: usize| (0..count).map(|number| format!("b/s{number}")).collect::<Vec<_>>();
        let changes = Changes { added: names(20), removed: names(1000), ..Changes::default() };
        let text = changes.to_string();
        assert!(text.starts_with("servers added: b/s0 ") && text.ends_with(" b/s19 and 980 more"), "{text}");
        assert!(text.contains("b/s19; servers removed"), "{text}");
        let one = Changes { settings: vec!["backend b: balance".to_owned()], ..Changes::default() };
        assert_eq!(
            (one.to_string().as_str(), Changes::default().to_string().as_str()),
            ("backend b: balance", "nothing changed")
        );
    }

    #[test]
    fn one_listener_is_not_several() {
        let changes = Changes { opened: 1, closed: 2, ..Changes::default() };
        assert_eq!(changes.to_string(), "1 listener opened; 2 listeners closed");
    }
}
