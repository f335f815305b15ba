//! Conditions: ACLs joined by AND, OR and NOT.

use std::collections::HashMap;
use std::sync::Arc;

use super::line::Words;
use super::{Phase, Wrong};
use crate::config::{RuleFault, RuleLine};
use crate::pattern::SampleTest;
use crate::sample::Facts;

/// ACLs by their names: each holds when one of its tests does.
#[derive(Debug, Default)]
pub(super) struct Acls(HashMap<String, Arc<Vec<SampleTest>>>);

/// When a rule is in force: always, where it says nothing.
#[derive(Debug, Default)]
pub(super) struct Condition {
    /// What the alternatives have to come to.
    unless: bool,
    /// One of them holds when all of its terms do.
    alternatives: Vec<Vec<Term>>,
}

#[derive(Debug)]
struct Term {
    negated: bool,
    tests: Arc<Vec<SampleTest>>,
}

/// ACLs that are there without being declared (HAProxy manual, configuration, section 7.4).
const PREDEFINED: &[(&str, &str)] = &[
    ("TRUE", "always_true"),
    ("FALSE", "always_false"),
    ("LOCALHOST", "src 127.0.0.0/8 ::1"),
    ("METH_GET", "method GET HEAD"),
    ("METH_HEAD", "method HEAD"),
    ("METH_POST", "method POST"),
    ("METH_PUT", "method PUT"),
    ("METH_DELETE", "method DELETE"),
    ("METH_OPTIONS", "method OPTIONS"),
    ("METH_TRACE", "method TRACE"),
    ("METH_CONNECT", "method CONNECT"),
    ("HTTP_1.0", "req.ver 1.0"),
    ("HTTP_1.1", "req.ver 1.1"),
    ("HTTP_2.0", "req.ver 2.0"),
    ("HTTP_CONTENT", "req.hdr_val(content-length) gt 0"),
    ("HTTP_URL_ABS", "url_reg ^[^/:]*://"),
    ("HTTP_URL_SLASH", "url_beg /"),
    ("HTTP_URL_STAR", "url *"),
];

// === impl Acls ===

impl Acls {
    /// Compiles the declared ones.
    pub(super) fn compile(lines: &[RuleLine], faults: &mut Vec<RuleFault>) -> Self {
        let mut all: HashMap<String, Vec<SampleTest>> = HashMap::new();
        for line in lines {
            let name = line.words.first().map(String::as_str).unwrap_or_default();
            let wrong =
                match name.bytes().find(|byte| !(byte.is_ascii_alphanumeric() || b"-_.:".contains(byte))) {
                    Some(byte) => Some(format!("`{}` cannot stand in the name of an ACL", char::from(byte))),
                    None if name.is_empty() => Some("an ACL has a name and a test".to_owned()),
                    None => match SampleTest::parse(&line.words[1..]) {
                        Ok(test) => {
                            all.entry(name.to_owned()).or_default().push(test);
                            None
                        }
                        Err(fault) => {
                            // Rules that use it are not faulty for that.
                            all.entry(name.to_owned()).or_default();
                            Some(fault.message)
                        }
                    },
                };
            let fault = |message| RuleFault { place: line.place.clone(), message, suggestion: None };
            faults.extend(wrong.map(fault));
        }
        Self(all.into_iter().map(|(name, tests)| (name, Arc::new(tests))).collect())
    }

    /// The ACL of that name.
    fn named(&self, name: &str) -> Result<Arc<Vec<SampleTest>>, Wrong> {
        if let Some(tests) = self.0.get(name) {
            return Ok(Arc::clone(tests));
        }
        let predefined = PREDEFINED.iter().find(|(known, _)| *known == name);
        let Some((_, test)) = predefined else {
            return Err(Wrong::with(
                format!("there is no ACL `{name}`"),
                format!("declare it with `acl`, or write the test in braces: `{{ path_beg /{name} }}`"),
            ));
        };
        let words: Vec<String> = test.split(' ').map(str::to_owned).collect();
        Ok(Arc::new(vec![SampleTest::parse(&words)?]))
    }
}

// === impl Condition ===

impl Condition {
    /// Reads what follows an action.
    pub(super) fn compile(words: &Words<'_>, acls: &Acls, phase: Phase) -> Result<Self, Wrong> {
        let Some((first, mut rest)) = words.rest().split_first() else { return Ok(Self::default()) };
        let unless = match first.as_str() {
            "if" => false,
            "unless" => true,
            other => {
                return Err(Wrong::with(
                    format!("`{other}` is unexpected here"),
                    "a condition begins with `if` or `unless`; a value with blanks is put in quotes",
                ));
            }
        };
        let mut alternatives = vec![Vec::new()];
        let mut negated = false;
        while let Some((word, after)) = rest.split_first() {
            rest = after;
            let mut word = word.as_str();
            if matches!(word, "or" | "||") {
                if negated || alternatives.last().is_none_or(Vec::is_empty) {
                    return Err(Wrong::new(format!("a test is missing before `{word}`")));
                }
                alternatives.push(Vec::new());
                continue;
            }
            while let Some(after) = word.strip_prefix('!') {
                negated = !negated;
                word = after;
            }
            let tests = match word {
                "" => continue,
                "{" => {
                    let end = rest.iter().position(|word| word == "}");
                    let end = end.ok_or_else(|| Wrong::new("a closing `}` is missing in the condition"))?;
                    let test = SampleTest::parse(&rest[..end])?;
                    rest = &rest[end + 1..];
                    Arc::new(vec![test])
                }
                name => acls.named(name)?,
            };
            if tests.iter().any(|test| !phase.has(test.needs())) {
                return Err(Wrong::new(format!(
                    "this condition can never hold: rules of {} cannot see what it tests",
                    phase.name()
                )));
            }
            let term = Term { negated: std::mem::take(&mut negated), tests };
            if let Some(terms) = alternatives.last_mut() {
                terms.push(term);
            }
        }
        if negated || alternatives.last().is_none_or(Vec::is_empty) {
            return Err(Wrong::new("a test is missing at the end of the condition"));
        }
        Ok(Self { unless, alternatives })
    }

    /// Whether the rule is in force.
    pub(super) fn holds(&self, facts: &Facts<'_>) -> bool {
        if self.alternatives.is_empty() {
            return true;
        }
        let all = |terms: &Vec<Term>| {
            terms.iter().all(|term| term.tests.iter().any(|test| test.holds(facts)) != term.negated)
        };
        self.alternatives.iter().any(all) != self.unless
    }
}
