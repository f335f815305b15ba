//! All families without a value: what the manual lists.

use super::query::ScrapeQuery;
use super::text::{MetricKind, MetricsText};
use super::{extra, families, latency, process, reload, resolvers, tables};
use crate::report::column::{ProxyKind, StatColumn};
use crate::report::process::Facts;
use crate::topology::QueryOutcome;

/// A family as the manual describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyReference {
    /// Its whole name.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// What it means.
    pub help: String,
    /// The word that a scrape asks for it with (`?scope=WORD`).
    pub scope: &'static str,
    /// Only in a scrape with `?extra-counters`.
    pub is_extra: bool,
}

/// All families, by scope and in the order of a scrape.
pub fn reference() -> Vec<FamilyReference> {
    let mut all = process_families();
    let gauge = |scope, name: &str, help: &str| family(scope, name, MetricKind::Gauge, help);
    all.extend(reload::FAMILIES.map(|(name, help)| gauge("global", name, help)));
    let kinds = [
        (ProxyKind::Frontend, "frontend"),
        (ProxyKind::Listener, "listener"),
        (ProxyKind::Backend, "backend"),
        (ProxyKind::Server, "server"),
    ];
    for (kind, scope) in kinds {
        let entries = families::entries(kind);
        all.extend(entries.map(|entry| family(scope, &entry.family(scope), entry.kind(), entry.help)));
        if kind == ProxyKind::Backend {
            let kind = "histogram".to_owned();
            all.push(FamilyReference { kind, ..gauge(scope, latency::NAME, latency::HELP) });
        }
        let extra = StatColumn::ALL.iter().filter(|column| is_told(**column, kind));
        all.extend(extra.map(|column| {
            let name = format!("haproxy_{scope}_{}", column.meta().name);
            let family = family(scope, &name, extra::metric_kind(*column, kind), column.about());
            FamilyReference { is_extra: true, ..family }
        }));
    }
    all.extend(tables::FAMILIES.map(|(name, help)| gauge("sticktable", name, help)));
    let outcomes = QueryOutcome::ALL.iter();
    all.extend(outcomes.map(|outcome| gauge("resolver", &resolvers::name(*outcome), resolvers::HELP)));
    all
}

/// Whether rows of this kind have a value in this column of a module.
fn is_told(column: StatColumn, kind: ProxyKind) -> bool {
    // The engine counts these of every frontend and backend.
    let counted = matches!(kind, ProxyKind::Frontend | ProxyKind::Backend) && column.module() == Some("h1");
    counted || column.module().is_some() && column.is_zero_in(kind)
}

fn family(scope: &'static str, name: &str, kind: MetricKind, help: &str) -> FamilyReference {
    let (name, help) = (name.to_owned(), help.to_owned());
    FamilyReference { name, kind: kind.to_string(), help, scope, is_extra: false }
}

/// The families of the process, read from the text of a process without traffic.
fn process_families() -> Vec<FamilyReference> {
    let query = ScrapeQuery::all();
    let mut text = MetricsText::new(&query);
    let facts = Facts { description: Some(String::new()), ..Facts::default() };
    process::write(&facts, &query, &mut text);
    let text = text.into_string();
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|line| line.split_once(' ')) else {
            continue;
        };
        let kind = lines.next().and_then(|line| line.rsplit(' ').next()).unwrap_or_default();
        let (name, kind, help) = (name.to_owned(), kind.to_owned(), help.to_owned());
        found.push(FamilyReference { name, kind, help, scope: "global", is_extra: false });
    }
    found
}
