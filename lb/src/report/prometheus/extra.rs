//! `?extra-counters`: the columns of HAProxy's modules (`ssl`, `h2`, `h1`), a family for each.
//!
//! It refuses to keep a list of them: they are the columns behind the last one of HAProxy's core.

use super::families::SeriesRow;
use super::text::{self, FamilyHead, MetricsText, label};
use crate::report::column::{ProxyKind, StatColumn};

/// Writes the families of rows of that kind; `word` is what their names say for it.
pub(super) fn write(kind: ProxyKind, word: &str, subjects: &[SeriesRow<'_>], out: &mut MetricsText<'_>) {
    for column in StatColumn::ALL.iter().filter(|column| **column > StatColumn::LAST_OF_CORE) {
        let name = column.meta().name;
        let told = subjects.iter().any(|subject| subject.row.number(*column).is_some());
        let Some((module, what)) = name.split_once('_').filter(|_| told) else { continue };
        let help = format!("{}, as counted by {module}", what.replace('_', " "));
        let kind = metric_kind(*column, kind);
        let head = FamilyHead { name: &format!("haproxy_{word}_{name}"), kind, help: &help };
        let Some(mut family) = out.family(head) else { continue };
        let module = label("mod", module);
        subjects.iter().for_each(|subject| {
            family.series([&subject.labels, &module], subject.row.number(*column));
        });
    }
}

/// The type of a column's family.
pub(super) fn metric_kind(column: StatColumn, rows: ProxyKind) -> text::MetricKind {
    if column.tags(rows).starts_with("MG") { text::MetricKind::Gauge } else { text::MetricKind::Counter }
}
