//! Families of stick tables. There are none where there is no table.

use super::text::{FamilyHead, MetricKind, MetricsText, label};
use crate::topology::Topology;

/// Name and meaning of each family: all are gauges.
pub(super) const FAMILIES: [(&str, &str); 3] = [
    ("haproxy_sticktable_size", "Most entries of a stick table"),
    ("haproxy_sticktable_used", "Entries of a stick table"),
    ("haproxy_sticktable_local_updates", "Times that a key was bound to a server"),
];

/// Writes the families.
pub(super) fn write(topology: &Topology, out: &mut MetricsText<'_>) {
    let tables: Vec<_> = topology
        .tables()
        .map(|table| {
            let labels = format!("{},{}", label("name", &table.name), label("type", table.spec.keys.name()));
            let (used, updates) = table.used();
            (labels, [table.spec.size as u64, used as u64, updates])
        })
        .collect();
    for (at, (name, help)) in FAMILIES.into_iter().enumerate().filter(|_| !tables.is_empty()) {
        if let Some(mut family) = out.family(FamilyHead { name, kind: MetricKind::Gauge, help }) {
            tables.iter().for_each(|(labels, values)| family.series([labels, ""], values[at]));
        }
    }
}
