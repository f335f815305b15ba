//! Compiled patterns of one kind.

use std::collections::HashSet;

use regex::bytes::{RegexSet, RegexSetBuilder};

use super::MatchMethod;
use super::address::Networks;
use crate::sample::{SampleKind, SampleValue};

/// Most memory of compiled regular expressions, bytes.
const REGEX_SIZE: usize = 16 << 20;

/// Compiled patterns.
#[derive(Debug)]
pub(super) enum Matcher {
    Found,
    Bool(bool),
    Int(Vec<Span>),
    Length(Vec<Span>),
    Address(Networks),
    Whole(HashSet<Box<[u8]>>, bool),
    Binary(HashSet<Box<[u8]>>),
    Regex(RegexSet),
    Part(MatchMethod, Vec<Box<[u8]>>, bool),
}

/// Numbers from the first to the second, both included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span(i64, i64);

// === impl Matcher ===

impl Matcher {
    /// Compiles patterns.
    pub(super) fn new(method: MatchMethod, ignores_case: bool, patterns: &[String]) -> Result<Self, String> {
        let folded = || {
            patterns.iter().map(|pattern| {
                let pattern = if ignores_case { pattern.to_ascii_lowercase() } else { pattern.clone() };
                pattern.into_bytes().into_boxed_slice()
            })
        };
        Ok(match method {
            MatchMethod::Found => Self::Found,
            MatchMethod::Bool => Self::Bool(match patterns.first().map(String::as_str) {
                None | Some("true" | "1" | "yes" | "on") => true,
                Some("false" | "0" | "no" | "off") => false,
                Some(other) => return Err(format!("`{other}` is neither true nor false")),
            }),
            MatchMethod::Int => Self::Int(spans(patterns)?),
            MatchMethod::Length => Self::Length(spans(patterns)?),
            MatchMethod::Address => {
                let mut networks = Networks::default();
                match patterns.iter().find(|pattern| !networks.add(pattern)) {
                    Some(wrong) => return Err(format!("`{wrong}` is neither an address nor a network")),
                    None => Self::Address(networks),
                }
            }
            MatchMethod::Whole => Self::Whole(folded().collect(), ignores_case),
            MatchMethod::Binary => {
                let decoded = patterns.iter().map(|pattern| {
                    let bytes = crate::sample::decode_hex(pattern.as_bytes());
                    bytes
                        .map(Vec::into_boxed_slice)
                        .ok_or_else(|| format!("`{pattern}` is no pairs of hex digits"))
                });
                Self::Binary(decoded.collect::<Result<_, _>>()?)
            }
            MatchMethod::Regex => {
                let set = RegexSetBuilder::new(patterns)
                    .case_insensitive(ignores_case)
                    .size_limit(REGEX_SIZE)
                    .build();
                match set {
                    Ok(set) => Self::Regex(set),
                    // Says which one it is.
                    Err(error) => {
                        let each =
                            patterns.iter().find_map(|one| crate::sample::regex(one, ignores_case).err());
                        return Err(each.unwrap_or_else(|| error.to_string()));
                    }
                }
            }
            part => Self::Part(part, folded().collect(), ignores_case),
        })
    }

    /// Whether a value matches one of them.
    pub(super) fn matches(&self, value: SampleValue<'_>) -> bool {
        let lowered;
        match self {
            Self::Found => true,
            Self::Bool(wanted) => value.as_bool() == Some(*wanted),
            Self::Int(spans) => {
                value.as_int().is_some_and(|number| spans.iter().any(|span| span.has(number)))
            }
            Self::Address(networks) => value.as_address().is_some_and(|address| networks.has(address)),
            Self::Length(spans) => {
                let length = i64::try_from(value.into_bytes().len()).unwrap_or(i64::MAX);
                spans.iter().any(|span| span.has(length))
            }
            Self::Binary(all) => {
                value.cast(SampleKind::Binary).is_some_and(|value| all.contains(&*value.into_bytes()))
            }
            Self::Regex(set) => set.is_match(&value.into_bytes()),
            Self::Whole(all, false) => all.contains(&*value.into_bytes()),
            Self::Whole(all, true) => all.contains(value.into_bytes().to_ascii_lowercase().as_slice()),
            Self::Part(method, parts, ignores_case) => {
                let text = value.into_bytes();
                let text = if *ignores_case {
                    lowered = text.to_ascii_lowercase();
                    &lowered[..]
                } else {
                    &*text
                };
                parts.iter().any(|part| is_part(*method, text, part))
            }
        }
    }
}

// === impl Span ===

impl Span {
    fn has(self, number: i64) -> bool {
        (self.0..=self.1).contains(&number)
    }
}

/// Numbers, spans (`a:b`), and numbers behind `eq`, `ge`, `gt`, `le` or `lt`, which stays in force.
fn spans(patterns: &[String]) -> Result<Vec<Span>, String> {
    let mut operator = "eq";
    let mut spans = Vec::new();
    for pattern in patterns {
        if let known @ ("eq" | "ge" | "gt" | "le" | "lt") = pattern.as_str() {
            operator = known;
            continue;
        }
        let wrong = || format!("`{pattern}` is neither a number nor a span such as `1:10`");
        let number = |text: &str, usual: i64| match text {
            "" => Ok(usual),
            text => text.parse().map_err(|_| wrong()),
        };
        let span = match pattern.split_once(':') {
            Some((from, to)) => Span(number(from, i64::MIN)?, number(to, i64::MAX)?),
            None => {
                let one: i64 = pattern.parse().map_err(|_| wrong())?;
                match operator {
                    "ge" => Span(one, i64::MAX),
                    "gt" => Span(one.saturating_add(1), i64::MAX),
                    "le" => Span(i64::MIN, one),
                    "lt" => Span(i64::MIN, one.saturating_sub(1)),
                    _ => Span(one, one),
                }
            }
        };
        spans.push(span);
    }
    if spans.is_empty() { Err(format!("a number is missing behind `{operator}`")) } else { Ok(spans) }
}

fn is_part(method: MatchMethod, text: &[u8], part: &[u8]) -> bool {
    match method {
        MatchMethod::Begin => text.starts_with(part),
        MatchMethod::End => text.ends_with(part),
        MatchMethod::Sub => memchr::memmem::find(text, part).is_some(),
        MatchMethod::Dir => is_between(text, part, b"/?"),
        MatchMethod::Dom => is_between(text, part, b"/?.:"),
        _ => false,
    }
}

/// Whether `part` stands in `text` between delimiters or its ends.
fn is_between(text: &[u8], part: &[u8], delimiters: &[u8]) -> bool {
    let is_delimiter = |byte: &u8| delimiters.contains(byte);
    let start = part.iter().position(|byte| !is_delimiter(byte)).unwrap_or(part.len());
    let end = part.iter().rposition(|byte| !is_delimiter(byte)).map_or(start, |last| last + 1);
    let part = &part[start..end];
    if part.is_empty() {
        return false;
    }
    memchr::memmem::find_iter(text, part).any(|at| {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        before.is_none_or(is_delimiter) && text.get(at + part.len()).is_none_or(is_delimiter)
    })
}
