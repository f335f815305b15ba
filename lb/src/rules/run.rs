//! Running rules on a head.

use super::action::Action;
use super::{RuleBook, RuleResponse};
use crate::http::head::Field;
use crate::http::overlay::{FieldName, FieldValue, Host, MethodName, Overlay, TargetPath};
use crate::sample::{self, Facts, HeadView, Variables};

/// What rules decide.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The exchange goes on.
    Continue,
    /// The client gets this response, and no server sees the request.
    Respond(Box<RuleResponse>),
    /// The connection is closed without a response.
    Close,
}

/// A head on which rules run: what they look at, and what they change.
pub struct RuleScene<'a> {
    /// Everything that is known; the edits and variables in it are those before the first rule.
    pub facts: Facts<'a>,
    /// The fields of the head.
    pub fields: &'a [Field<'a>],
    /// Its edits.
    pub edits: &'a mut Overlay,
    /// Variables.
    pub variables: &'a mut Variables,
}

// === impl RuleBook ===

impl RuleBook {
    /// Runs the rules of requests.
    pub fn on_request(&self, scene: &mut RuleScene<'_>) -> Verdict {
        run(&self.request, scene)
    }

    /// Runs the rules of responses.
    pub fn on_response(&self, scene: &mut RuleScene<'_>) -> Verdict {
        run(&self.response, scene)
    }

    /// What [`RuleBook::route`] looks at after the rules have run.
    pub fn facts_after<'s>(scene: &'s RuleScene<'_>) -> Facts<'s> {
        scene.facts()
    }
}

fn run(rules: &[super::Rule], scene: &mut RuleScene<'_>) -> Verdict {
    for rule in rules {
        if !rule.condition.holds(&scene.facts()) {
            continue;
        }
        match &rule.action {
            Action::Allow => return Verdict::Continue,
            Action::Close => return Verdict::Close,
            Action::Respond(response) => return Verdict::Respond(Box::new(response.respond(&scene.facts()))),
            Action::Redirect(redirect) => {
                if let Some(response) = redirect.respond(&scene.facts()) {
                    return Verdict::Respond(Box::new(response));
                }
            }
            edit => scene.apply(edit),
        }
    }
    Verdict::Continue
}

// === impl RuleScene ===

impl RuleScene<'_> {
    /// What is known now.
    fn facts(&self) -> Facts<'_> {
        let view = HeadView { fields: self.fields, edits: self.edits };
        let mut facts = Facts { variables: self.variables, ..self.facts };
        match (&mut facts.response, &mut facts.request) {
            (Some(response), _) => response.head = view,
            (None, Some(request)) => request.head = view,
            (None, None) => {}
        }
        facts
    }

    /// Does what changes the head. A value that must not stand there is left out.
    fn apply(&mut self, action: &Action) {
        match action {
            Action::SetField(name, value) => {
                let value = FieldValue::new(value.text(&self.facts()));
                match value {
                    Ok(value) => self.edits.set(self.fields, name.clone(), value),
                    Err(_) => self.edits.remove(self.fields, name),
                }
            }
            Action::AddField(name, value) => {
                if let Ok(value) = FieldValue::new(value.text(&self.facts())) {
                    self.edits.add(name.clone(), value);
                }
            }
            Action::RemoveField(name) => self.edits.remove(self.fields, name),
            Action::ReplaceField(name, regex, with) => {
                let with = with.text(&self.facts());
                self.replace(name, |value| matched(regex, value, &with));
            }
            Action::ReplaceValue(name, regex, with) => {
                let with = with.text(&self.facts());
                self.replace(name, |value| {
                    let mut changed = false;
                    let parts = value.split(|byte| *byte == b',').map(|part| {
                        let found = matched(regex, part.trim_ascii(), &with);
                        changed |= found.is_some();
                        found.unwrap_or_else(|| part.to_vec())
                    });
                    let joined = parts.collect::<Vec<_>>().join(&b',');
                    changed.then_some(joined)
                });
            }
            Action::SetVariable(name, expression) => {
                let value = expression.value(&self.facts()).map(|value| value.into_bytes().into_owned());
                match value {
                    Some(value) => _ = self.variables.set(name, value),
                    None => self.variables.unset(name),
                }
            }
            Action::SetVariableText(name, text) => {
                let text = text.text(&self.facts());
                self.variables.set(name, text);
            }
            Action::UnsetVariable(name) => self.variables.unset(name),
            Action::SetStatus(status) => self.edits.set_status(status.clone()),
            _ => self.edit_line(action),
        }
    }

    fn replace(&mut self, name: &FieldName, mut with: impl FnMut(&[u8]) -> Option<Vec<u8>>) {
        self.edits.replace(self.fields, name, |value| FieldValue::new(with(value)?).ok());
    }

    /// Does what changes the line of a request.
    fn edit_line(&mut self, action: &Action) {
        let facts = self.facts();
        let Some(request) = facts.request else { return };
        let query = request.query().map(|query| ["?", query].concat()).unwrap_or_default();
        let target = match action {
            Action::SetHost(host) => {
                if let Ok(host) = Host::new(&host.text(&facts)) {
                    self.edits.set_host(host);
                }
                return;
            }
            // How a response to HEAD ends must not change.
            Action::SetMethod(_) if matches!(request.method, "HEAD" | "TRACE" | "CONNECT") => return,
            Action::SetMethod(method) => {
                let method = method.text(&facts);
                if let Some(method) = str::from_utf8(&method).ok().and_then(|name| MethodName::new(name).ok())
                {
                    self.edits.set_method(method);
                }
                return;
            }
            Action::SetPath(path) => Some([&path.text(&facts), query.as_bytes()].concat()),
            Action::SetTarget(target) => Some(target.text(&facts)),
            Action::SetQuery(wanted) => {
                let wanted = wanted.text(&facts);
                let mark: &[u8] = if wanted.is_empty() || wanted.starts_with(b"?") { b"" } else { b"?" };
                Some([request.path().as_bytes(), mark, &wanted].concat())
            }
            Action::ReplacePath(regex, with) => {
                let path = matched(regex, request.path().as_bytes(), &with.text(&facts));
                path.map(|path| [&path, query.as_bytes()].concat())
            }
            Action::ReplaceTarget(regex, with) => {
                matched(regex, request.path_and_query().as_bytes(), &with.text(&facts))
            }
            _ => None,
        };
        let target = target.and_then(|target| TargetPath::new(str::from_utf8(&target).ok()?).ok());
        if let Some(target) = target {
            self.edits.set_target(target);
        }
    }
}

/// `with`, with the groups of what `regex` finds in `value`; nothing when it finds nothing.
fn matched(regex: &regex::bytes::Regex, value: &[u8], with: &[u8]) -> Option<Vec<u8>> {
    let captures = regex.captures(value)?;
    let mut out = Vec::new();
    sample::expand(&captures, with, &mut out);
    Some(out)
}
