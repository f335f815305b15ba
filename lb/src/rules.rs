//! Rules: what becomes of requests and responses by conditions, as HAProxy's `http-request`, `http-response`, `redirect` and
//! `use_backend` say it.
//!
//! Compiled when a configuration is read, so that every fault is found then. Pure and synchronous: rules look at [`Facts`], edit a head
//! through its overlay, and yield a [`Verdict`]; nothing here waits or sends.

mod action;
mod answer;
mod condition;
mod line;
mod run;

use std::path::Path;

use crate::config::{Config, Faults, RuleFault, RuleLine, RuleSet};
use crate::sample::{Facts, Template};

pub use answer::{RuleResponse, Wanted};
pub use run::{RuleScene, Verdict};

use action::Action;
use condition::{Acls, Condition};
use line::Words;

/// The compiled rules of a frontend or of a backend.
#[derive(Debug)]
pub struct RuleBook {
    request: Vec<Rule>,
    response: Vec<Rule>,
    routes: Vec<Route>,
}

/// An action and when it is done.
#[derive(Debug)]
struct Rule {
    action: Action,
    condition: Condition,
}

/// A backend's name and when it is chosen.
#[derive(Debug)]
struct Route {
    backend: Template,
    condition: Condition,
}

/// Which head rules are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Request,
    Response,
}

/// What is wrong with a line, and what to do about it.
#[derive(Debug)]
struct Wrong {
    message: String,
    suggestion: Option<String>,
}

/// Reads and checks a configuration file, with its rules.
///
/// # Errors
/// All faults of the file; those of rules only when there are no others.
pub fn load(file: &Path) -> Result<Config, Faults> {
    let config = Config::load(file)?;
    let faults = check(&config);
    if faults.is_empty() { Ok(config) } else { Err(config.rejected(faults)) }
}

/// The faults of all rules of a configuration.
pub fn check(config: &Config) -> Vec<RuleFault> {
    let frontends = config.frontends.iter().map(|frontend| &frontend.rules);
    // The two halves of a section that is both have the rules of one.
    let sets = frontends.chain(config.backends.iter().map(|backend| &backend.rules));
    let mut faults: Vec<_> = sets.filter_map(|set| RuleBook::compile(set).err()).flatten().collect();
    let names: Vec<&str> = config.backends.iter().map(|backend| backend.name.as_str()).collect();
    for line in config.frontends.iter().flat_map(|frontend| &frontend.rules.use_backend) {
        let Some(name) = line.words.first().filter(|name| !name.contains('%')) else { continue };
        if !names.contains(&name.as_str()) {
            let message = format!("there is no backend `{name}`");
            let suggestion = Some(format!("there is {}", names.join(", ")));
            faults.push(RuleFault { place: line.place.clone(), message, suggestion });
        }
    }
    faults
}

// === impl RuleBook ===

impl RuleBook {
    /// Compiles rules; nothing where there are none.
    ///
    /// # Errors
    /// Every line that is wrong.
    pub fn compile(set: &RuleSet) -> Result<Option<Self>, Vec<RuleFault>> {
        let mut faults = Vec::new();
        let acls = Acls::compile(&set.acls, &mut faults);
        let mut rules = |lines: &[RuleLine], phase| {
            let compiled = lines.iter().filter_map(|line| {
                let mut words = Words::new(&line.words);
                let action = Action::compile(&mut words, phase);
                finish(line, action, &words, &acls, phase, &mut faults)
            });
            compiled.map(|(action, condition)| Rule { action, condition }).collect::<Vec<_>>()
        };
        let mut request = rules(&set.http_request, Phase::Request);
        let response = rules(&set.http_response, Phase::Response);
        for line in &set.redirect {
            let mut words = Words::new(&line.words);
            let action = Action::redirect(&mut words);
            if let Some((action, condition)) =
                finish(line, action, &words, &acls, Phase::Request, &mut faults)
            {
                request.push(Rule { action, condition });
            }
        }
        let routes = set.use_backend.iter().filter_map(|line| {
            let mut words = Words::new(&line.words);
            let backend = words.template("the name of a backend");
            let done = finish(line, backend, &words, &acls, Phase::Request, &mut faults)?;
            Some(Route { backend: done.0, condition: done.1 })
        });
        let routes = routes.collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok((!set.is_empty()).then_some(Self { request, response, routes }))
    }

    /// Whether anything looks at responses.
    pub fn reads_responses(&self) -> bool {
        !self.response.is_empty()
    }

    /// The name of the backend that the first matching route of requests leads to, if `is_backend` knows it.
    pub fn route<'a>(
        &self,
        facts: &Facts<'_>,
        is_backend: impl Fn(&str) -> Option<&'a str>,
    ) -> Option<&'a str> {
        let route = self.routes.iter().find(|route| route.condition.holds(facts))?;
        match route.backend.constant() {
            Some(name) => is_backend(name),
            None => is_backend(str::from_utf8(&route.backend.text(facts)).ok()?),
        }
    }
}

/// Reads the condition behind an action, and notes what is wrong with either.
fn finish<T>(
    line: &RuleLine,
    action: Result<T, Wrong>,
    words: &Words<'_>,
    acls: &Acls,
    phase: Phase,
    faults: &mut Vec<RuleFault>,
) -> Option<(T, Condition)> {
    let read = action.and_then(|action| Ok((action, Condition::compile(words, acls, phase)?)));
    match read {
        Ok(read) => Some(read),
        Err(Wrong { message, suggestion }) => {
            faults.push(RuleFault { place: line.place.clone(), message, suggestion });
            None
        }
    }
}

// === impl Phase ===

impl Phase {
    /// Whether what a fetch needs is there.
    fn has(self, needs: crate::sample::Needs) -> bool {
        use crate::sample::Needs;
        match needs {
            Needs::Connection | Needs::Head => true,
            Needs::Request => self == Self::Request,
            Needs::Response => self == Self::Response,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Request => "requests",
            Self::Response => "responses",
        }
    }
}

// === impl Wrong ===

impl Wrong {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), suggestion: None }
    }

    fn with(message: impl Into<String>, suggestion: impl Into<String>) -> Self {
        Self { message: message.into(), suggestion: Some(suggestion.into()) }
    }
}

impl From<crate::sample::SampleFault> for Wrong {
    fn from(fault: crate::sample::SampleFault) -> Self {
        Self::new(fault.message)
    }
}

#[cfg(test)]
mod tests;
