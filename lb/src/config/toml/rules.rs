//! Rules of a frontend or backend: lists of lines in HAProxy's language.

use toml::de::DeValue;

use super::section::Section;
use super::value::{Parsed, Wrong};
use crate::config::rules::{RuleLine, RuleSet, words};

/// Whose rules they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A frontend, which has routes as well.
    Frontend,
    /// A backend.
    Backend,
}

/// Reads the rules of a section.
pub(super) fn read(section: &mut Section<'_>, owner: Owner) -> RuleSet {
    let mut lines = |key| {
        let values = section.maybe_list(key);
        let placed = values.iter().filter_map(|value| section.placed(key, value, line));
        placed.map(|line| RuleLine { words: line.value, place: line.place }).collect()
    };
    RuleSet {
        acls: lines("acl"),
        http_request: lines("http_request"),
        http_response: lines("http_response"),
        redirect: lines("redirect"),
        use_backend: if owner == Owner::Frontend { lines("use_backend") } else { Vec::new() },
    }
}

fn line(value: &DeValue<'_>) -> Parsed<Vec<String>> {
    let found = value.as_str().and_then(words).filter(|words| !words.is_empty());
    found.ok_or_else(|| Wrong {
        wants: "a rule, or a list of rules, with quotes that are closed".to_owned(),
        meant: None,
    })
}
