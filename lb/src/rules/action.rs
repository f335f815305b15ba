//! What rules do, compiled from their words.

use regex::bytes::Regex;

use super::answer::{self, Redirect, Return, Wanted};
use super::line::Words;
use super::{Phase, Wrong};
use crate::http::overlay::{FieldName, StatusLine};
use crate::sample::{self, Expression, Template};

/// What a rule does.
#[derive(Debug)]
pub(super) enum Action {
    /// Ends its set of rules.
    Allow,
    /// Gives a response: a rejection, or one that is served.
    Respond(Return),
    Redirect(Redirect),
    /// Closes the connection without a response.
    Close,
    SetField(FieldName, Template),
    AddField(FieldName, Template),
    RemoveField(FieldName),
    /// The value of each field of that name that matches becomes another one.
    ReplaceField(FieldName, Regex, Template),
    /// The same for each of the values of such a field, which commas separate.
    ReplaceValue(FieldName, Regex, Template),
    SetHost(Template),
    SetMethod(Template),
    SetStatus(StatusLine),
    /// The path; the query stays.
    SetPath(Template),
    /// Path and query.
    SetTarget(Template),
    SetQuery(Template),
    /// The path, where it matches.
    ReplacePath(Regex, Template),
    /// Path and query, where they match.
    ReplaceTarget(Regex, Template),
    SetVariable(String, Expression),
    SetVariableText(String, Template),
    UnsetVariable(String),
}

/// Actions that HAProxy has and that are not here.
const ELSEWHERE: &[&str] = &[
    "auth",
    "track-sc0",
    "track-sc1",
    "track-sc2",
    "set-log-level",
    "set-timeout",
    "set-nice",
    "capture",
    "set-src",
    "set-dst",
    "wait-for-body",
    "use-service",
    "do-resolve",
    "set-map",
    "del-map",
    "add-acl",
    "del-acl",
    "cache-use",
    "cache-store",
    "set-mark",
    "set-tos",
    "lua",
    "strict-mode",
    "normalize-uri",
    "early-hint",
    "sc-inc-gpc0",
    "sc-inc-gpc1",
    "sc-set-gpt0",
    "wait-for-handshake",
    "set-priority-class",
    "set-priority-offset",
    "disable-l7-retry",
];

// === impl Action ===

impl Action {
    /// Reads an action and its arguments, up to its condition.
    pub(super) fn compile(words: &mut Words<'_>, phase: Phase) -> Result<Self, Wrong> {
        let word = words.need("an action")?;
        let (name, inner) = match word.split_once('(') {
            Some((name, inner)) => (name, inner.strip_suffix(')')),
            None => (word, None),
        };
        let action = match (name, phase) {
            ("allow", _) => Self::Allow,
            ("deny", Phase::Request) => Self::Respond(answer::denial(words, 403)?),
            ("tarpit", Phase::Request) => Self::Respond(answer::tarpit(words)?),
            ("return", Phase::Request) => Self::Respond(answer::response(words, 200, Wanted::Served)?),
            ("redirect", Phase::Request) => Self::redirect(words)?,
            ("reject" | "silent-drop", Phase::Request) => Self::Close,
            ("set-header", Phase::Request)
                if words.rest().first().is_some_and(|name| name.eq_ignore_ascii_case("host")) =>
            {
                words.need("a name")?;
                Self::SetHost(words.template("a host")?)
            }
            ("set-header", _) => Self::SetField(field(words)?, words.template("a value")?),
            ("add-header", _) => Self::AddField(field(words)?, words.template("a value")?),
            ("del-header", _) => Self::RemoveField(field(words)?),
            ("replace-header", _) => {
                Self::ReplaceField(field(words)?, regex(words)?, words.template("what takes its place")?)
            }
            ("replace-value", _) => {
                Self::ReplaceValue(field(words)?, regex(words)?, words.template("what takes its place")?)
            }
            ("set-status", Phase::Response) => Self::SetStatus(status(words)?),
            ("set-method", Phase::Request) => Self::SetMethod(words.template("a method")?),
            ("set-path", Phase::Request) => Self::SetPath(words.template("a path")?),
            ("set-uri", Phase::Request)
                if words.rest().first().is_some_and(|target| !target.starts_with(['/', '%'])) =>
            {
                return Err(Wrong::with(
                    "a target is a path with an optional query here",
                    "set the host with `set-header Host`, and the rest with `set-uri`",
                ));
            }
            ("set-pathq" | "set-uri", Phase::Request) => {
                Self::SetTarget(words.template("a path with a query")?)
            }
            ("set-query", Phase::Request) => Self::SetQuery(words.template("a query")?),
            ("replace-path", Phase::Request) => Self::ReplacePath(regex(words)?, words.template("a path")?),
            ("replace-pathq", Phase::Request) => {
                Self::ReplaceTarget(regex(words)?, words.template("a path with a query")?)
            }
            ("set-var", _) => Self::SetVariable(variable(inner)?, words.expression("an expression")?),
            ("set-var-fmt", _) => {
                Self::SetVariableText(variable(inner)?, words.template("a log-format string")?)
            }
            ("unset-var", _) => Self::UnsetVariable(variable(inner)?),
            (name, _) if ELSEWHERE.contains(&name) || name.starts_with("sc-") => {
                return Err(Wrong::with(
                    format!("the action `{name}` is not supported here"),
                    "remove the line, or express it by another action",
                ));
            }
            (
                "deny" | "return" | "redirect" | "set-method" | "set-path" | "set-pathq" | "set-query"
                | "replace-path" | "replace-pathq" | "reject" | "silent-drop",
                Phase::Response,
            ) => {
                return Err(Wrong::new(format!("the action `{name}` is supported for requests only")));
            }
            (other, _) => return Err(Wrong::new(format!("there is no action `{other}`"))),
        };
        if action.needs().into_iter().any(|needs| !phase.has(needs)) {
            return Err(Wrong::with(
                format!("rules of {} cannot see what this value is made of", phase.name()),
                "keep it in a variable: `set-var(txn.name) …`, and later `%[var(txn.name)]`",
            ));
        }
        Ok(action)
    }

    /// Reads the arguments of `redirect`.
    pub(super) fn redirect(words: &mut Words<'_>) -> Result<Self, Wrong> {
        Redirect::compile(words).map(Self::Redirect)
    }

    /// What its values are made of.
    fn needs(&self) -> Vec<sample::Needs> {
        match self {
            Self::SetField(_, value)
            | Self::AddField(_, value)
            | Self::ReplaceField(_, _, value)
            | Self::ReplaceValue(_, _, value)
            | Self::SetVariableText(_, value) => value.needs().collect(),
            Self::SetVariable(_, expression) => vec![expression.needs()],
            _ => Vec::new(),
        }
    }
}

fn field(words: &mut Words<'_>) -> Result<FieldName, Wrong> {
    let name = words.need("the name of a field")?;
    FieldName::new(name.to_owned())
        .map_err(|fault| Wrong::new(format!("the field `{name}` cannot be edited: {fault}")))
}

fn status(words: &mut Words<'_>) -> Result<StatusLine, Wrong> {
    let word = words.need("a status")?;
    let status = word.parse().map_err(|_| Wrong::new(format!("`{word}` is no status")))?;
    let usual = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let reason = match words.next() {
        Some("reason") => words.need("a reason")?,
        Some(other) => return Err(Wrong::with(format!("`{other}` is unknown here"), "known here: reason")),
        None => usual.unwrap_or_default(),
    };
    StatusLine::new(status, reason).map_err(|fault| Wrong::new(fault.to_string()))
}

fn regex(words: &mut Words<'_>) -> Result<Regex, Wrong> {
    sample::regex(words.need("a regular expression")?, false).map_err(Wrong::new)
}

fn variable(name: Option<&str>) -> Result<String, Wrong> {
    let name = name.filter(|name| sample::is_variable(name));
    let name =
        name.ok_or_else(|| Wrong::new("a variable is named in parentheses, such as `set-var(txn.name)`"))?;
    if name.starts_with("proc.") || name.starts_with("sess.") {
        return Err(Wrong::new(format!(
            "variables last as long as an exchange: `{name}` cannot be kept longer; name it txn., req. or res."
        )));
    }
    Ok(name.to_owned())
}
