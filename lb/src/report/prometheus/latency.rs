//! The one family of lb's own: a histogram of how long the responses of each backend take to begin.
//!
//! It goes through the encoder of the `prometheus` crate, which HAProxy's families cannot: it knows neither their six decimals nor their
//! whole numbers. It refuses servers: a thousand of them would be seventeen thousand series; their percentiles are in `/stats.json`.

use std::time::Duration;

use prometheus::TextEncoder;
use prometheus::proto::{Bucket, Histogram, LabelPair, Metric, MetricFamily, MetricType};

use super::text::MetricsText;
use crate::topology::{Backend, Topology};

pub(super) const NAME: &str = "lb_backend_response_time_seconds";
pub(super) const HELP: &str =
    "From a request's arrival to its response's head, or to its end where it got none";
/// The limits of its buckets in microseconds: limits of the counters as well, so every count is exact.
const LIMITS: [u64; 14] = [
    500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// Writes the family.
pub(super) fn write(topology: &Topology, out: &mut MetricsText<'_>) {
    if topology.backends.is_empty() || !out.wants(NAME) {
        return;
    }
    let mut family = MetricFamily::default();
    family.set_name(NAME.to_owned());
    family.set_help(HELP.to_owned());
    family.set_field_type(MetricType::HISTOGRAM);
    family.set_metric(topology.backends.iter().map(|backend| metric(backend)).collect());
    // Fails only for a family without a name or without series.
    if let Ok(text) = TextEncoder::new().encode_to_string(&[family]) {
        out.append(&text);
    }
}

fn metric(backend: &Backend) -> Metric {
    let spread = backend.live.tally.latencies();
    let bucket = |micros: u64| {
        let limit = Duration::from_micros(micros);
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(limit.as_secs_f64());
        bucket.set_cumulative_count(spread.at_most(limit));
        bucket
    };
    let mut histogram = Histogram::default();
    histogram.set_bucket(LIMITS.into_iter().map(bucket).collect());
    histogram.set_sample_count(spread.count());
    histogram.set_sample_sum(spread.sum().as_secs_f64());
    let mut proxy = LabelPair::default();
    proxy.set_name("proxy".to_owned());
    proxy.set_value(backend.live.name.to_string());
    let mut metric = Metric::from_label(vec![proxy]);
    metric.set_histogram(histogram);
    metric
}
