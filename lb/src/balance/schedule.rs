//! Turns by weight, computed once for a rotation so that a pick is an index.
//!
//! The schedule is smooth: a server of weight 3 beside two of weight 1 is spread out, not chosen three times in a row.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Indices of the weights, each as often as its weight divided by the greatest common divisor of all, spread evenly.
/// Weights must not be 0.
pub(super) fn smooth(weights: impl Iterator<Item = u32>) -> Box<[u32]> {
    let weights: Vec<u32> = weights.collect();
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let turns: u64 = weights.iter().map(|weight| u64::from(weight / divisor)).sum();
    // Each is due at the middle of its share of the round: the n-th turn of weight w at (2n + 1) / 2w. Fractions are kept exact by
    // comparing with a common denominator, which fits: weights are at most 256 and the smallest step is 1 / (2 * 256).
    const ROUND: u64 = 1 << 40;
    let due = |weight: u32, turn: u64| (2 * turn + 1) * ROUND / (2 * u64::from(weight));
    let mut heap: BinaryHeap<_> = weights
        .iter()
        .map(|weight| weight / divisor)
        .zip(0u32..)
        .map(|(weight, index)| Reverse((due(weight, 0), index, weight, 0)))
        .collect();
    let mut schedule = Vec::with_capacity(usize::try_from(turns).unwrap_or(0));
    while (schedule.len() as u64) < turns {
        let Some(Reverse((_, index, weight, turn))) = heap.pop() else { break };
        schedule.push(index);
        heap.push(Reverse((due(weight, turn + 1), index, weight, turn + 1)));
    }
    schedule.into()
}

/// Sums of the weights up to and including each.
pub(super) fn running_sums(weights: impl Iterator<Item = u32>) -> Box<[u64]> {
    weights
        .scan(0, |sum, weight| {
            *sum += u64::from(weight);
            Some(*sum)
        })
        .collect()
}

/// An index drawn at random by weight.
pub(super) fn draw(sums: &[u64]) -> usize {
    let total = sums.last().copied().unwrap_or(1);
    let point = fastrand::u64(0..total.max(1));
    sums.partition_point(|sum| *sum <= point)
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_spread_and_in_proportion() {
        assert_eq!(*smooth([1, 1, 1].into_iter()), [0, 1, 2]);
        assert_eq!(*smooth([100, 100].into_iter()), [0, 1]);
        assert_eq!(*smooth([3, 1].into_iter()), [0, 0, 1, 0]);
        let schedule = smooth([5, 1, 1].into_iter());
        assert_eq!(schedule.len(), 7);
        assert!(!schedule.windows(4).any(|run| run.iter().all(|index| *index == 0)), "{schedule:?}");
        assert!(smooth([].into_iter()).is_empty());
    }

    #[test]
    fn draws_stay_in_range_and_reach_everybody() {
        let sums = running_sums([1, 2, 0, 1].into_iter());
        let drawn: std::collections::BTreeSet<_> = (0..1000).map(|_| draw(&sums)).collect();
        assert_eq!(drawn, [0, 1, 3].into(), "weight 0 is never drawn");
    }
}
