//! Medians, ratios, and the Markdown that shows them.

use std::fmt::Write as _;

use super::proxy::{Kind, OBSERVED};
use super::rounds::{Measured, Round};

/// The table of a size, and the lines that say how far to trust it.
pub(super) fn load(size: usize, measured: &[Measured]) -> String {
    let mut text = format!("### {}\n\n", bytes(size));
    text += "| proxy | CPU per request, µs | to HAProxy | to nginx | to the relay | requests/s |\n";
    text += "|---|--:|--:|--:|--:|--:|\n";
    for one in measured {
        let _ = write!(text, "| {} | {:.2} ", one.name, median(each(one, |round| round.cpu)));
        for kind in [Kind::HaProxy, Kind::Nginx, Kind::Relay] {
            match measured.iter().find(|other| other.kind == kind) {
                Some(other) => _ = write!(text, "| {:.2} ", ratio(one, other)),
                None => text += "| – ",
            }
        }
        let _ = writeln!(text, "| {:.0} |", median(each(one, |round| round.rate)));
    }
    text.push('\n');
    if let Some(haproxy) = measured.iter().find(|one| one.kind == Kind::HaProxy) {
        for lb in measured.iter().filter(|one| one.kind == Kind::Lb) {
            let rounds: Vec<_> = ratios(lb, haproxy).iter().map(|ratio| format!("{ratio:.2}")).collect();
            let _ = writeln!(text, "{} to HAProxy, round by round: {}.", lb.name, rounds.join(" "));
        }
    }
    for observed in measured {
        let plain = observed.name.strip_suffix(OBSERVED);
        if let Some(plain) = measured.iter().find(|one| Some(&*one.name) == plain) {
            let rounds: Vec<_> = ratios(observed, plain).iter().map(|ratio| format!("{ratio:.2}")).collect();
            let median = ratio(observed, plain);
            let _ = writeln!(
                text,
                "{} to {}: {median:.3}, round by round {}.",
                observed.name,
                plain.name,
                rounds.join(" ")
            );
        }
    }
    let list = |show: &dyn Fn(&Measured) -> String| {
        measured.iter().map(|one| format!("{} {}", one.name, show(one))).collect::<Vec<_>>().join(", ")
    };
    let busy = list(&|one| format!("{:.0}%", 100.0 * median(each(one, |round| round.busy))));
    let opened = list(&|one| one.rounds.iter().map(|round| round.opened).sum::<u64>().to_string());
    let _ = writeln!(text, "Used of its core (below 100% the load was the limit of requests/s): {busy}.");
    let _ = write!(text, "New server connections in all rounds: {opened}.");
    text
}

/// The median of the ratios of CPU per request within each round.
pub(super) fn ratio(one: &Measured, other: &Measured) -> f64 {
    median(ratios(one, other))
}

fn ratios(one: &Measured, other: &Measured) -> Vec<f64> {
    one.rounds.iter().zip(&other.rounds).map(|(one, other)| one.cpu / other.cpu).collect()
}

fn each(one: &Measured, value: impl Fn(&Round) -> f64) -> Vec<f64> {
    one.rounds.iter().map(value).collect()
}

/// The one in the middle, or the mean of the two there.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

/// 128 B, 10 KB, 1 MB.
pub(super) fn bytes(size: usize) -> String {
    match size {
        size if size >= 1 << 20 && size % (1 << 20) == 0 => format!("{} MB", size >> 20),
        size if size >= 1 << 10 && size % (1 << 10) == 0 => format!("{} KB", size >> 10),
        size => format!("{size} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(name: &str, kind: Kind, cpu: &[f64]) -> Measured {
        let round = |&cpu| Round { cpu, rate: 1e6 / cpu, busy: 0.5, opened: 2 };
        Measured { name: name.into(), kind, rounds: cpu.iter().map(round).collect() }
    }

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn a_ratio_is_the_median_of_rounds_and_not_the_ratio_of_medians() {
        let lb = measured("lb", Kind::Lb, &[10.0, 20.0, 30.0]);
        let haproxy = measured("HAProxy", Kind::HaProxy, &[10.0, 10.0, 30.0]);
        assert_eq!(ratio(&lb, &haproxy), 1.0);
    }

    #[test]
    fn a_table_has_a_row_for_each_and_a_dash_for_who_is_missing() {
        let all = [
            measured("lb", Kind::Lb, &[10.0, 10.0]),
            measured("HAProxy", Kind::HaProxy, &[20.0, 25.0]),
            measured("relay", Kind::Relay, &[5.0, 5.0]),
        ];
        let text = load(10_240, &all);
        assert!(text.starts_with("### 10 KB\n"), "{text}");
        assert!(text.contains("\n| lb | 10.00 | 0.45 | – | 2.00 | 100000 |\n"), "{text}");
        assert!(text.contains("\n| relay | 5.00 | 0.23 | – | 1.00 | 200000 |\n"), "{text}");
        assert!(text.contains("round by round: 0.50 0.40."), "{text}");
        assert!(text.contains("in all rounds: lb 4, HAProxy 4, relay 4."), "{text}");
    }

    #[test]
    fn what_observation_costs_is_told_in_a_line() {
        let all = [measured("lb", Kind::Lb, &[10.0, 20.0]), measured("lb observed", Kind::Lb, &[11.0, 22.0])];
        let text = load(128, &all);
        assert!(text.contains("\nlb observed to lb: 1.100, round by round 1.10 1.10.\n"), "{text}");
        assert!(!load(128, &all[..1]).contains("observed"));
    }

    #[test]
    fn sizes_are_told_shortly() {
        assert_eq!([128, 1000, 10_240, 1 << 20].map(bytes), ["128 B", "1000 B", "10 KB", "1 MB"]);
    }
}
