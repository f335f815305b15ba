//! HAProxy's sample expressions: `fetch(args),converter(args),…`, read once and evaluated for each request.
//!
//! [`Expression::parse`] finds every fault of an expression, with its column. [`Facts`] is what an evaluation looks at: views of the heads,
//! with the edits that earlier rules made, and the connection. What only the data path knows about the balancer itself comes through
//! [`BalancerState`]. Nothing here waits, does I/O, or keeps anything of a request.

mod converter;
mod converters;
mod cookies;
mod expression;
mod facts;
mod fetch;
mod hashes;
mod syntax;
mod template;
mod value;
mod variables;

pub(crate) use converter::regex;
pub(crate) use converters::{decode_hex, expand};
pub use expression::Expression;
pub use facts::{BalancerState, Facts, HeadView, NoState, RequestView, ResponseView};
pub use fetch::Needs;
pub(crate) use fetch::is_variable;
pub use syntax::{Call, SampleFault, calls};
pub use template::Template;
pub use value::{SampleKind, SampleValue};
pub use variables::Variables;

#[cfg(test)]
mod tests;
