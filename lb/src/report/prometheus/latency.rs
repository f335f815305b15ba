//! The one family of lb's own: a histogram of how long the responses of each backend take to begin.
//!
//! It refuses servers: a thousand of them would be seventeen thousand series; their percentiles are in `/stats.json`.

use std::time::Duration;

use super::text::{Head, Kind, Text, Value, label};
use crate::topology::Topology;

/// The limits of its buckets as they are told, and in microseconds: limits of the counters as well, so every count is exact.
const LIMITS: [(&str, u64); 14] = [
    ("0.0005", 500),
    ("0.001", 1000),
    ("0.0025", 2500),
    ("0.005", 5000),
    ("0.01", 10_000),
    ("0.025", 25_000),
    ("0.05", 50_000),
    ("0.1", 100_000),
    ("0.25", 250_000),
    ("0.5", 500_000),
    ("1", 1_000_000),
    ("2.5", 2_500_000),
    ("5", 5_000_000),
    ("10", 10_000_000),
];

/// Writes the family.
pub(super) fn write(topology: &Topology, out: &mut Text<'_>) {
    let head = Head {
        name: "lb_backend_response_time_seconds",
        kind: Kind::Histogram,
        help: "From a request's arrival to its response's head, or to its end where it got none",
    };
    let Some(mut family) = out.family(head) else { return };
    for backend in &topology.backends {
        let proxy = label("proxy", &backend.live.name);
        let spread = backend.live.tally.latencies();
        let count = spread.count().into();
        for (limit, micros) in LIMITS {
            let at_most = spread.at_most(Duration::from_micros(micros));
            family.part("_bucket", [&proxy, &label("le", limit)], at_most.into());
        }
        family.part("_bucket", [&proxy, &label("le", "+Inf")], count);
        family.part("_sum", [&proxy, ""], Value::Fraction(spread.sum().as_secs_f64()));
        family.part("_count", [&proxy, ""], count);
    }
}
