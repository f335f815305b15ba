//! A compiled expression: a fetch, and the converters that its values go through.

use super::converter::Converter;
use super::fetch::{Fetch, Needs};
use super::syntax::{self, SampleFault};
use super::{Facts, SampleKind, SampleValue};

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    fetch: Fetch,
    converters: Vec<Converter>,
    kind: SampleKind,
}

// === impl Expression ===

impl Expression {
    /// Reads `fetch(args),converter(args),…`.
    ///
    /// # Errors
    /// The syntax, a name or an argument is wrong, or a converter cannot read what comes before it; with the column.
    pub fn parse(text: &str) -> Result<Self, SampleFault> {
        let mut calls = syntax::calls(text)?.into_iter();
        let Some(first) = calls.next() else { return Err(SampleFault::new(0, "an expression is missing")) };
        let fetch = Fetch::compile(&first)?;
        let mut kind = fetch.kind();
        let mut converters = Vec::new();
        for call in calls {
            let converter = Converter::compile(&call)?;
            if let Some(wanted) = converter.wants()
                && !kind.casts_to(wanted)
            {
                let message = format!(
                    "converter `{}` reads a value of type {}, and gets one of type {}",
                    call.name,
                    wanted.name(),
                    kind.name()
                );
                return Err(SampleFault::new(call.column, message));
            }
            kind = converter.gives().unwrap_or(kind);
            converters.push(converter);
        }
        Ok(Self { fetch, converters, kind })
    }

    /// Whether that is the name of a fetch.
    pub fn is_fetch(name: &str) -> bool {
        Fetch::is_known(name)
    }

    /// The type of its values.
    pub fn kind(&self) -> SampleKind {
        self.kind
    }

    /// What has to be there for it to have a value.
    pub fn needs(&self) -> Needs {
        self.fetch.needs()
    }

    /// Its value, of several the last; nothing when there is none.
    pub fn value<'a>(&'a self, facts: &Facts<'a>) -> Option<SampleValue<'a>> {
        self.convert(self.fetch.last(facts)?)
    }

    /// Whether `test` is true of one of its values; they are tried in their order.
    pub fn any<'a>(&'a self, facts: &Facts<'a>, mut test: impl FnMut(SampleValue<'a>) -> bool) -> bool {
        self.fetch.each(facts, &mut |value| self.convert(value).is_some_and(&mut test))
    }

    fn convert<'a>(&'a self, value: SampleValue<'a>) -> Option<SampleValue<'a>> {
        self.converters.iter().try_fold(value, |value, converter| converter.apply(value))
    }
}
