//! Consistent hashing: a server that comes or goes moves only its own share of the keys.
//!
//! Points are hashes of server names, so two balancers with the same servers agree, whatever their order.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// Points on the ring for each unit of weight.
const POINTS: u32 = 16;
/// Points of the heaviest server at most, for its weight: a weight of 256 needs no 4,096.
const MOST_POINTS: u32 = 1024;

#[derive(Debug)]
pub(super) struct Ring(Box<[(u64, u32)]>);

/// The hash of a key; the same in every process and on every machine.
pub fn hash(key: &[u8]) -> u64 {
    mix(BuildHasherDefault::<DefaultHasher>::default().hash_one(key))
}

// === impl Ring ===

impl Ring {
    pub(super) fn new<'a>(members: impl Iterator<Item = (&'a str, u32)>) -> Self {
        let members: Vec<_> = members.collect();
        let heaviest = members.iter().map(|(_, weight)| *weight).max().unwrap_or(1).max(1);
        let per_unit = POINTS.min(MOST_POINTS / heaviest).max(1);
        let mut points: Vec<(u64, u32)> = members
            .iter()
            .zip(0u32..)
            .flat_map(|((name, weight), index)| {
                let seed = hash(name.as_bytes());
                // At least a few score, so that servers of weight 1 share evenly.
                let count = (weight * per_unit).max(64 * weight / heaviest);
                (0..count.max(1)).map(move |point| (mix(seed.wrapping_add(u64::from(point) << 20)), index))
            })
            .collect();
        points.sort_unstable();
        Self(points.into())
    }

    /// The index of the member that a key belongs to.
    pub(super) fn find(&self, key: u64) -> usize {
        let at = self.0.partition_point(|(point, _)| *point < key);
        self.0.get(at).or(self.0.first()).map_or(0, |(_, index)| *index as usize)
    }
}

/// Spreads a number over all its bits (the finaliser of SplitMix64).
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_server_moves_only_its_own_keys() {
        let names = ["api0", "api1", "api2", "api3"];
        let all = Ring::new(names.iter().map(|name| (*name, 1)));
        let fewer = Ring::new(names[..3].iter().map(|name| (*name, 1)));
        let mut shares = [0; 4];
        for key in 0..10_000u32 {
            let key = hash(&key.to_le_bytes());
            let before = all.find(key);
            shares[before] += 1;
            if before < 3 {
                assert_eq!(fewer.find(key), before);
            }
        }
        assert!(shares.iter().all(|share| (1500..3500).contains(share)), "{shares:?}");
    }
}
