//! Patterns of ACLs: what a sample is compared with, compiled so that many cost a value no more than few.
//!
//! Text that is compared as a whole is in a set, addresses are in a set for each length of prefix. How HAProxy writes them is read by
//! [`SampleTest::parse`]: a fetch with its suffix, flags, and patterns (HAProxy manual, configuration, section 7.1).

mod address;
mod flags;
mod matcher;

use crate::sample::{Expression, Facts, Needs, SampleFault, SampleKind};

use flags::Flags;
use matcher::Matcher;

/// A comparison of a sample with patterns.
#[derive(Debug)]
pub struct SampleTest {
    expression: Expression,
    matcher: Matcher,
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MatchMethod {
    Found,
    Bool,
    Int,
    Address,
    Whole,
    Begin,
    End,
    Sub,
    Dir,
    Dom,
    Regex,
    Length,
    Binary,
}

// === impl SampleTest ===

impl SampleTest {
    /// Reads `FETCH[,CONVERTER…] [FLAGS] PATTERN…`.
    ///
    /// # Errors
    /// A name, a flag, a pattern or a file is wrong.
    pub fn parse(words: &[String]) -> Result<Self, SampleFault> {
        let Some((first, rest)) = words.split_first() else {
            return Err(SampleFault::new(0, "a fetch is missing, such as `path_beg /static`"));
        };
        let (text, suffix) = MatchMethod::split(first);
        let expression = Expression::parse(&text)?;
        let Flags { method, ignores_case, mut patterns } = Flags::read(rest)?;
        let method = match method.or(suffix) {
            Some(method) => method,
            None => MatchMethod::usual(expression.kind()).ok_or_else(|| {
                SampleFault::new(0, format!("say how `{first}` is compared: `-m str`, for example"))
            })?,
        };
        if patterns.is_empty() && !matches!(method, MatchMethod::Found | MatchMethod::Bool) {
            let message = format!("`{first}` is compared with nothing: a pattern is missing");
            return Err(SampleFault::new(0, message));
        }
        if expression.kind() == SampleKind::Method {
            patterns.iter_mut().for_each(|pattern| pattern.make_ascii_uppercase());
        }
        let matcher =
            Matcher::new(method, ignores_case, &patterns).map_err(|message| SampleFault::new(0, message))?;
        Ok(Self { expression, matcher })
    }

    /// What has to be there for it to have a value.
    pub fn needs(&self) -> Needs {
        self.expression.needs()
    }

    /// Whether one of the sample's values matches one of the patterns.
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        self.expression.any(facts, |value| self.matcher.matches(value))
    }
}

// === impl MatchMethod ===

impl MatchMethod {
    /// The method that the word behind `-m` means.
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "found" => Self::Found,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "ip" => Self::Address,
            "str" => Self::Whole,
            "beg" => Self::Begin,
            "end" => Self::End,
            "sub" => Self::Sub,
            "dir" => Self::Dir,
            "dom" => Self::Dom,
            "reg" => Self::Regex,
            "len" => Self::Length,
            "bin" => Self::Binary,
            _ => return None,
        })
    }

    /// The method for values of a type.
    fn usual(kind: SampleKind) -> Option<Self> {
        match kind {
            SampleKind::Bool => Some(Self::Bool),
            SampleKind::Int => Some(Self::Int),
            SampleKind::Address => Some(Self::Address),
            SampleKind::Text | SampleKind::Method => Some(Self::Whole),
            SampleKind::Binary => None,
        }
    }

    /// Takes the suffix of a fetch apart: `path_beg` is `path` compared at its beginning.
    fn split(word: &str) -> (String, Option<Self>) {
        let end = word.find(['(', ',']).unwrap_or(word.len());
        let (name, rest) = word.split_at(end);
        if !Expression::is_fetch(name)
            && let Some((base, suffix)) = name.rsplit_once('_')
            && let Some(method) = Self::named(suffix)
            && Expression::is_fetch(base)
        {
            return (format!("{base}{rest}"), Some(method));
        }
        (word.to_owned(), None)
    }
}

#[cfg(test)]
mod tests;
