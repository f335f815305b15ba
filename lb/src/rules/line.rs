//! The words of a line, taken one after the other.

use super::Wrong;
use crate::sample::{Expression, Template};

/// The words that are left of a line.
#[derive(Debug)]
pub(super) struct Words<'a>(&'a [String]);

// === impl Words ===

impl<'a> Words<'a> {
    pub(super) fn new(words: &'a [String]) -> Self {
        Self(words)
    }

    /// The words that are left.
    pub(super) fn rest(&self) -> &'a [String] {
        self.0
    }

    /// Takes the next word, if it belongs to the action and not to its condition.
    pub(super) fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.0.split_first()?;
        if matches!(first.as_str(), "if" | "unless") {
            return None;
        }
        self.0 = rest;
        Some(first)
    }

    /// Takes the next word; `what` says what it should be.
    pub(super) fn need(&mut self, what: &str) -> Result<&'a str, Wrong> {
        // A word that has to be there may be `if` as well.
        let Some((first, rest)) = self.0.split_first() else {
            return Err(Wrong::new(format!("{what} is missing")));
        };
        self.0 = rest;
        Ok(first)
    }

    /// Takes a log-format string.
    pub(super) fn template(&mut self, what: &str) -> Result<Template, Wrong> {
        Ok(Template::parse(self.need(what)?)?)
    }

    /// Takes an expression.
    pub(super) fn expression(&mut self, what: &str) -> Result<Expression, Wrong> {
        Ok(Expression::parse(self.need(what)?)?)
    }
}
