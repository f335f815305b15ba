//! Rules of a frontend or backend: lists of lines in HAProxy's language.

use toml::de::DeValue;

use super::routes;
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
    let lines = |section: &mut Section<'_>, key| {
        let values = section.maybe_list(key);
        let placed = values.iter().filter_map(|value| section.placed(key, value, line));
        placed.map(|line| RuleLine { words: line.value, place: line.place }).collect()
    };
    RuleSet {
        acls: lines(section, "acl"),
        http_request: lines(section, "http_request"),
        http_response: lines(section, "http_response"),
        redirect: lines(section, "redirect"),
        use_backend: match owner {
            Owner::Frontend => [lines(section, "use_backend"), routes::read(section)].concat(),
            Owner::Backend => Vec::new(),
        },
    }
}

fn line(value: &DeValue<'_>) -> Parsed<Vec<String>> {
    let found = value.as_str().and_then(words).filter(|words| !words.is_empty());
    found.ok_or_else(|| Wrong {
        wants: "a rule, or a list of rules, with quotes that are closed".to_owned(),
        meant: None,
    })
}
