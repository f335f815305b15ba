//! `/metrics`: the same rows and facts as Prometheus text, under the names of HAProxy's own exporter, and a histogram of lb's own.
//!
//! The text is written anew for each scrape; there is no registry, so nothing can go stale. What is not known is `NaN` and keeps its
//! series. It refuses names under `haproxy_` that HAProxy's exporter does not have.

mod extra;
mod families;
mod latency;
mod process;
mod query;
mod reference;
mod reload;
mod resolvers;
mod tables;
mod text;

use super::collect;
use super::process::Facts;
use crate::control::Control;

use query::Scope;
pub use query::{ScrapeQuery, UnknownScope};
pub use reference::{FamilyReference, reference};
use text::MetricsText;

/// The `Content-Type` of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4";

/// All families that `query` asks for.
pub fn text(control: &Control, query: &ScrapeQuery) -> String {
    let mut out = MetricsText::new(query);
    if query.has(Scope::Process) {
        process::write(&Facts::of(control), query, &mut out);
        reload::write(&control.shared().process, &mut out);
    }
    let rows = collect::rows(control.shared());
    for scope in [Scope::Frontend, Scope::Listener, Scope::Backend, Scope::Server] {
        if query.has(scope) {
            families::write(scope, &rows, query, &mut out);
        }
        if scope == Scope::Backend && query.has(scope) {
            latency::write(&control.topology(), &mut out);
        }
    }
    if query.has(Scope::Table) {
        tables::write(&control.topology(), &mut out);
    }
    if query.has(Scope::Resolver) {
        resolvers::write(&control.topology(), &mut out);
    }
    out.into_string()
}

#[cfg(test)]
mod tests;
