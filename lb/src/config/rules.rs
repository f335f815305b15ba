//! Rules and ACLs as they stand in a configuration: words of HAProxy's language, with their places.
//!
//! What the words mean is found out where rules are compiled; a fault found there is reported at the place that is kept here.

use super::Place;

/// A line of rules, split into words.
#[derive(Debug, Clone)]
pub struct RuleLine {
    /// The words, without quotes.
    pub words: Vec<String>,
    /// Where the line stands.
    pub place: Place,
}

/// The rules of a frontend or backend, each kind in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleSet {
    /// `acl`: `NAME FETCH [FLAGS] PATTERN…`.
    pub acls: Vec<RuleLine>,
    /// `http-request`: `ACTION … [if|unless CONDITION]`.
    pub http_request: Vec<RuleLine>,
    /// `http-response`, of responses that servers give.
    pub http_response: Vec<RuleLine>,
    /// `redirect`, after `http-request`.
    pub redirect: Vec<RuleLine>,
    /// `use_backend`: `NAME [if|unless CONDITION]`; of frontends only.
    pub use_backend: Vec<RuleLine>,
}

/// A fault that was found when rules were compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    /// The line.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub suggestion: Option<String>,
}

// === impl RuleLine ===

/// Lines are the same wherever they stand.
impl PartialEq for RuleLine {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

impl Eq for RuleLine {}

// === impl RuleSet ===

impl RuleSet {
    /// Whether there is no rule that does anything.
    pub fn is_empty(&self) -> bool {
        let Self { acls: _, http_request, http_response, redirect, use_backend } = self;
        [http_request, http_response, redirect, use_backend].iter().all(|lines| lines.is_empty())
    }
}

/// Splits a line into words as HAProxy does: at blanks outside of quotes; a backslash takes the meaning from a blank, a quote, `#` and itself
/// (HAProxy manual, configuration, section 2.2). Nothing when a quote is not closed.
pub fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            (letter, Some(open)) if letter == open => quote = None,
            (letter, Some('\'')) => word.get_or_insert_default().push(letter),
            ('\\', quoted) => {
                let word = word.get_or_insert_default();
                match letters.peek().copied() {
                    Some(escaped @ ('\\' | '"')) => word.push(escaped),
                    Some(escaped @ (' ' | '#' | '\'')) if quoted.is_none() => word.push(escaped),
                    Some('$') if quoted.is_some() => word.push('$'),
                    _ => {
                        word.push('\\');
                        continue;
                    }
                }
                letters.next();
            }
            ('"' | '\'', None) => {
                word.get_or_insert_default();
                quote = Some(letter);
            }
            (' ' | '\t' | '\n' | '\r', None) => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn lines_are_split_as_haproxy_does() {
        let table: [(&str, Option<&[&str]>); 8] = [
            ("", Some(&[])),
            ("  deny  if\tx ", Some(&["deny", "if", "x"])),
            ("set-header X \"a b\"", Some(&["set-header", "X", "a b"])),
            ("a\\ b 'c \\d' \"e \\\"f\\\"\"", Some(&["a b", "c \\d", "e \"f\""])),
            ("path_reg \\.php$", Some(&["path_reg", "\\.php$"])),
            ("x \"\"", Some(&["x", ""])),
            ("x \\\\1", Some(&["x", "\\1"])),
            ("x 'open", None),
        ];
        for (line, expected) in table {
            let expected =
                expected.map(|words| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
            assert_eq!(words(line), expected, "{line}");
        }
    }
}
