//! Families of lb's own about reading the configuration again, named as Prometheus names its own.

use std::time::{SystemTime, UNIX_EPOCH};

use super::text::{FamilyHead, MetricKind, MetricsText};
use crate::topology::ProcessState;

/// Writes them.
pub(super) fn write(process: &ProcessState, out: &mut MetricsText<'_>) {
    let last = process.last_reload.get();
    let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let families = [
        (
            "lb_config_last_reload_success",
            u64::from(last.success),
            "1 when the last reload was applied, 0 when it was refused",
        ),
        (
            "lb_config_last_reload_timestamp_seconds",
            seconds(last.at),
            "End of the last reload, applied or refused",
        ),
        (
            "lb_config_last_reload_success_timestamp_seconds",
            seconds(last.succeeded_at),
            "End of the last reload that was applied",
        ),
    ];
    for (name, value, help) in families {
        if let Some(mut family) = out.family(FamilyHead { name, kind: MetricKind::Gauge, help }) {
            family.series(["", ""], value);
        }
    }
}
