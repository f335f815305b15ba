//! Families of name servers. There are none where there is no section of them.

use super::text::{FamilyHead, MetricKind, MetricsText, label};
use crate::topology::{QueryOutcome, Topology};

/// Writes the families.
pub(super) fn write(topology: &Topology, out: &mut MetricsText<'_>) {
    if topology.resolvers.is_empty() {
        return;
    }
    for (at, outcome) in QueryOutcome::ALL.iter().enumerate() {
        let name = format!("haproxy_resolver_{}", outcome.name());
        let help = "Questions to a name server of which this came";
        let Some(mut family) = out.family(FamilyHead { name: &name, kind: MetricKind::Gauge, help }) else {
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
