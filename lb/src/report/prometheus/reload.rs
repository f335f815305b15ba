//! Families of lb's own about reading the configuration again, named as Prometheus names its own.

use std::time::{SystemTime, UNIX_EPOCH};

use super::text::{FamilyHead, MetricKind, MetricsText};
use crate::topology::ProcessState;

/// Name and meaning of each family: all are gauges.
pub(super) const FAMILIES: [(&str, &str); 3] = [
    ("lb_config_last_reload_success", "1 when the last reload was applied, 0 when it was refused"),
    ("lb_config_last_reload_timestamp_seconds", "End of the last reload, applied or refused"),
    ("lb_config_last_reload_success_timestamp_seconds", "End of the last reload that was applied"),
];

/// Writes them.
pub(super) fn write(process: &ProcessState, out: &mut MetricsText<'_>) {
    let last = process.last_reload.get();
    let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let values = [u64::from(last.success), seconds(last.at), seconds(last.succeeded_at)];
    for ((name, help), value) in FAMILIES.into_iter().zip(values) {
        if let Some(mut family) = out.family(FamilyHead { name, kind: MetricKind::Gauge, help }) {
            family.series(["", ""], value);
        }
    }
}
