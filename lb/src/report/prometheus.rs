//! `/metrics`: the report for Prometheus, under the names of HAProxy's exporter.
//!
//! Families are declared in `families`; this file turns them and the report's rows into the `prometheus` crate's model and text. A number that
//! does not exist is `NaN`, and its series stays. It refuses to invent: a family that `lb` has nothing for is left out.

mod families;

use std::collections::BTreeSet;

use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};

use super::column::{Column, Row};
use super::rows::{self, Entry, Kind};
use super::{VERSION, info};
use crate::control::Control;
use families::{FAMILIES, Family, PROCESS, Source};

/// A query that cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QueryError {
    /// There is no such scope.
    #[error("unknown scope '{0}': there are global, frontend, backend, server and *")]
    Scope(String),
    /// The text could not be made.
    #[error("{0}")]
    Encoding(String),
}

/// What a scrape asks for (HAProxy's `?scope=…&no-maint&metrics=…`).
struct Query<'a> {
    scopes: BTreeSet<&'a str>,
    no_maint: bool,
    only: Vec<&'a str>,
    without: Vec<&'a str>,
}

/// The text of a scrape.
///
/// # Errors
/// The query names a scope that does not exist.
pub(crate) fn text(control: &Control, query: &str) -> Result<String, QueryError> {
    let query = Query::parse(query)?;
    let entries = rows::all(control.shared());
    let mut all = Vec::new();
    if query.scopes.contains("global") {
        all.extend(process(control));
    }
    for (scope, kind) in [("frontend", Kind::Frontend), ("backend", Kind::Backend), ("server", Kind::Server)]
    {
        if query.scopes.contains(scope) {
            let entries: Vec<_> = entries
                .iter()
                .filter(|entry| {
                    entry.kind == kind && !(query.no_maint && kind == Kind::Server && entry.is_maint())
                })
                .collect();
            all.extend(
                FAMILIES
                    .iter()
                    .filter(|family| family.kinds.contains(&kind))
                    .map(|family| of(family, scope, &entries)),
            );
        }
    }
    all.retain(|family| !family.get_metric().is_empty() && query.wants(family.name()));
    let mut text = Vec::new();
    TextEncoder::new().encode(&all, &mut text).map_err(|error| QueryError::Encoding(error.to_string()))?;
    String::from_utf8(text).map_err(|error| QueryError::Encoding(error.to_string()))
}

fn process(control: &Control) -> Vec<MetricFamily> {
    let facts = info::facts(control);
    let fact = |name: &str| facts.iter().find(|(fact, _)| *fact == name).map(|(_, value)| value.as_str());
    let mut all: Vec<_> = PROCESS
        .iter()
        .map(|(name, kind, source, help)| {
            let value = fact(source).and_then(|value| value.parse().ok()).unwrap_or(f64::NAN);
            family(&format!("haproxy_process_{name}"), help, *kind, vec![metric(*kind, value, &[])])
        })
        .collect();
    for (name, label, value) in
        [("node", "node", fact("node").unwrap_or("")), ("build_info", "version", VERSION)]
    {
        let series = metric(MetricType::GAUGE, 1.0, &[(label, value)]);
        all.push(family(
            &format!("haproxy_process_{name}"),
            "Always 1; the label tells.",
            MetricType::GAUGE,
            vec![series],
        ));
    }
    all
}

fn of(family: &Family, scope: &str, entries: &[&Entry]) -> MetricFamily {
    let series = entries.iter().flat_map(|entry| {
        let (proxy, server) = (entry.row.text(Column::Pxname), entry.row.text(Column::Svname));
        let mut labels = vec![("proxy", proxy)];
        if entry.kind == Kind::Server {
            labels.push(("server", server));
        }
        values(family, entry).into_iter().map(move |(more, value)| {
            let labels: Vec<_> = labels.iter().copied().chain(more).collect();
            metric(family.metric, value, &labels)
        })
    });
    self::family(&format!("haproxy_{scope}_{}", family.name), family.help, family.metric, series.collect())
}

/// A family's values for one object, each with the label that tells them apart.
fn values(family: &Family, entry: &Entry) -> Vec<(Option<(&'static str, &'static str)>, f64)> {
    let row = &entry.row;
    let plain = |value| vec![(None, value)];
    match family.source {
        Source::Number(column) => plain(number(row, column)),
        Source::Millis(column) => plain(number(row, column) / 1000.0),
        Source::Responses => {
            let classes = ["1xx", "2xx", "3xx", "4xx", "5xx", "other"];
            let columns = [
                Column::Hrsp1xx,
                Column::Hrsp2xx,
                Column::Hrsp3xx,
                Column::Hrsp4xx,
                Column::Hrsp5xx,
                Column::HrspOther,
            ];
            classes
                .into_iter()
                .zip(columns)
                .map(|(code, column)| (Some(("code", code)), number(row, column)))
                .collect()
        }
        Source::Status => {
            let states: &[&str] = if entry.kind == Kind::Server {
                &["DOWN", "UP", "MAINT", "DRAIN", "NOLB"]
            } else {
                &["DOWN", "UP"]
            };
            let now = match row.text(Column::Status).split(' ').next() {
                Some("OPEN" | "no") => "UP",
                Some(word) => word,
                None => "DOWN",
            };
            states.iter().map(|state| (Some(("state", *state)), f64::from(u8::from(*state == now)))).collect()
        }
        Source::CheckStatus => {
            let now = row.text(Column::CheckStatus).trim_start_matches("* ");
            if now.is_empty() {
                return Vec::new();
            }
            families::CHECKS
                .iter()
                .map(|state| (Some(("state", *state)), f64::from(u8::from(*state == now))))
                .collect()
        }
        Source::CheckCode => {
            row.number(Column::CheckCode).map_or_else(Vec::new, |_| plain(number(row, Column::CheckCode)))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
fn number(row: &Row, column: Column) -> f64 {
    row.number(column).map_or(f64::NAN, |number| number as f64)
}

fn family(name: &str, help: &str, kind: MetricType, series: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(series);
    family
}

fn metric(kind: MetricType, value: f64, labels: &[(&str, &str)]) -> Metric {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    let mut metric = Metric::from_label(labels.iter().map(pair).collect());
    if kind == MetricType::COUNTER {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    metric
}

// === impl Query ===

impl<'a> Query<'a> {
    fn parse(query: &'a str) -> Result<Self, QueryError> {
        let all = ["global", "frontend", "backend", "server"];
        let mut parsed =
            Self { scopes: BTreeSet::new(), no_maint: false, only: Vec::new(), without: Vec::new() };
        for part in query.split('&') {
            match part.split_once('=').unwrap_or((part, "")) {
                ("scope", "*") => parsed.scopes.extend(all),
                ("scope", scope) if all.contains(&scope) => drop(parsed.scopes.insert(scope)),
                // Listeners have no rows of their own here.
                ("scope", "listener" | "sticktable" | "resolver") => drop(parsed.scopes.insert("none")),
                ("scope", other) => return Err(QueryError::Scope(other.chars().take(40).collect())),
                ("no-maint", _) => parsed.no_maint = true,
                ("metrics", names) => {
                    for name in names.split(',').filter(|name| !name.is_empty()) {
                        name.strip_prefix('-')
                            .map_or_else(|| parsed.only.push(name), |name| parsed.without.push(name));
                    }
                }
                _ => {}
            }
        }
        if parsed.scopes.is_empty() {
            parsed.scopes.extend(all);
        }
        Ok(parsed)
    }

    fn wants(&self, name: &str) -> bool {
        (self.only.is_empty() || self.only.contains(&name)) && !self.without.contains(&name)
    }
}

#[cfg(test)]
mod tests;
