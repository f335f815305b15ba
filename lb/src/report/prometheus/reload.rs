//! Families of lb's own about reading the configuration again, named as Prometheus names its own.

use std::time::{SystemTime, UNIX_EPOCH};

use super::text::{Head, Kind, Text};
use crate::topology::Process;

/// Writes them.
pub(super) fn write(process: &Process, out: &mut Text<'_>) {
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
        if let Some(mut family) = out.family(Head { name, kind: Kind::Gauge, help }) {
            family.series(["", ""], value);
        }
    }
}
