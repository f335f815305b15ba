//! `/metrics`: the same rows and facts as Prometheus text, under the names of HAProxy's own exporter.
//!
//! Families are built anew for each scrape; there is no registry, so nothing can go stale. What is not known is `NaN` and keeps its
//! series. It refuses to offer names that HAProxy's exporter does not have.

mod families;
mod process;

use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder as _, TextEncoder};

use super::collect;
use super::process::Facts;
use crate::control::Control;

/// The `Content-Type` of the text.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// What a scrape asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    scopes: Vec<Scope>,
    no_maint: bool,
    /// Only these families, when any is named.
    only: Vec<String>,
    /// Not these families.
    except: Vec<String>,
}

/// The scrape asks for a scope that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope `{0}`: use global, frontend, backend, server, listener or *")]
pub struct UnknownScope(String);

/// A group of families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Process,
    Frontend,
    Backend,
    Server,
    /// Known, and empty: lb has none of these (listeners, stick tables, resolvers).
    Nothing,
}

/// A family: what it is called, what it means, and its series.
struct Family {
    name: String,
    kind: MetricType,
    help: &'static str,
    series: Vec<Series>,
}

/// Labels and a value.
struct Series {
    labels: Vec<(&'static str, String)>,
    value: f64,
}

/// All families that `query` asks for.
pub fn text(control: &Control, query: &Query) -> String {
    let rows = collect::rows(control.shared());
    let mut families = Vec::new();
    if query.scopes.contains(&Scope::Process) {
        families.extend(process::families(&Facts::of(control)));
    }
    for scope in [Scope::Frontend, Scope::Backend, Scope::Server] {
        if query.scopes.contains(&scope) {
            families.extend(families::of(scope, &rows, query.no_maint));
        }
    }
    // The encoder refuses a family without series.
    families.retain(|family| query.wants(&family.name) && !family.series.is_empty());
    let families: Vec<_> = families.into_iter().map(MetricFamily::from).collect();
    let mut out = Vec::new();
    match TextEncoder::new().encode(&families, &mut out) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(error) => format!("# lb could not encode its metrics: {error}\n"),
    }
}

// === impl Query ===

impl Query {
    /// Reads the query of a request: `scope` (may be repeated), `no-maint`, `metrics`. Others are ignored, as HAProxy does.
    ///
    /// # Errors
    /// When there is no such scope.
    pub fn parse(query: &str) -> Result<Self, UnknownScope> {
        let mut parsed = Self { scopes: Vec::new(), no_maint: false, only: Vec::new(), except: Vec::new() };
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "scope" => parsed.add_scope(&value)?,
                "no-maint" => parsed.no_maint = true,
                "metrics" => {
                    for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                        match name.strip_prefix('-') {
                            Some(name) => parsed.except.push(name.to_owned()),
                            None => parsed.only.push(name.to_owned()),
                        }
                    }
                }
                _ => {}
            }
        }
        if parsed.scopes.is_empty() {
            parsed.scopes = Scope::ALL.to_vec();
        }
        Ok(parsed)
    }

    fn add_scope(&mut self, name: &str) -> Result<(), UnknownScope> {
        match name {
            "*" => self.scopes.extend(Scope::ALL),
            "global" => self.scopes.push(Scope::Process),
            "frontend" => self.scopes.push(Scope::Frontend),
            "backend" => self.scopes.push(Scope::Backend),
            "server" => self.scopes.push(Scope::Server),
            "listener" | "sticktable" | "resolver" => self.scopes.push(Scope::Nothing),
            unknown => return Err(UnknownScope(unknown.to_owned())),
        }
        Ok(())
    }

    fn wants(&self, family: &str) -> bool {
        let listed = |names: &[String]| names.iter().any(|name| name == family);
        (self.only.is_empty() || listed(&self.only)) && !listed(&self.except)
    }
}

// === impl Scope ===

impl Scope {
    const ALL: [Self; 4] = [Self::Process, Self::Frontend, Self::Backend, Self::Server];
}

// === impl MetricFamily ===

impl From<Family> for MetricFamily {
    fn from(family: Family) -> Self {
        let metric = |series: Series| {
            let label = |(name, value): (&str, String)| {
                let mut pair = LabelPair::default();
                pair.set_name(name.to_owned());
                pair.set_value(value);
                pair
            };
            let mut metric = Metric::default();
            metric.set_label(series.labels.into_iter().map(label).collect());
            if family.kind == MetricType::COUNTER {
                let mut counter = Counter::default();
                counter.set_value(series.value);
                metric.set_counter(counter);
            } else {
                let mut gauge = Gauge::default();
                gauge.set_value(series.value);
                metric.set_gauge(gauge);
            }
            metric
        };
        let mut out = Self::default();
        out.set_metric(family.series.into_iter().map(metric).collect());
        out.set_name(family.name);
        out.set_help(family.help.to_owned());
        out.set_field_type(family.kind);
        out
    }
}

#[cfg(test)]
mod tests;
