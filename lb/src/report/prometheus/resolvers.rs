//! Families of name servers. There are none where there is no section of them.

use super::text::{FamilyHead, MetricKind, MetricsText, label};
use crate::topology::{QueryOutcome, Topology};

/// What each family counts.
pub(super) const HELP: &str = "Queries to a name server with this result";

/// The family of a result.
pub(super) fn name(outcome: QueryOutcome) -> String {
    format!("haproxy_resolver_{}", outcome.name())
}

/// Writes the families.
pub(super) fn write(topology: &Topology, out: &mut MetricsText<'_>) {
    if topology.resolvers.is_empty() {
        return;
    }
    for (at, outcome) in QueryOutcome::ALL.iter().enumerate() {
        let name = name(*outcome);
        let Some(mut family) = out.family(FamilyHead { name: &name, kind: MetricKind::Gauge, help: HELP })
        else {
            continue;
        };
        for section in &topology.resolvers {
            for (nameserver, mut counts) in section.told() {
                let labels = [label("resolver", &section.config.name), label("nameserver", nameserver)];
                let count = counts.nth(at).map_or(0, |(_, count)| count);
                family.series([&labels.join(","), ""], count);
            }
        }
    }
}
