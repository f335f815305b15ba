//! Networks, so that an address is looked up in as many steps as there are different lengths of prefixes, however many networks there are.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

/// A set of networks. IPv4 is held in its form as IPv6.
#[derive(Debug, Default)]
pub(super) struct Networks(BTreeMap<u32, HashSet<u128>>);

// === impl Networks ===

impl Networks {
    /// Adds an address, or a network such as `10.0.0.0/8` or `10.0.0.0/255.0.0.0`; says whether it is one.
    pub(super) fn add(&mut self, text: &str) -> bool {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let Ok(address) = address.parse::<IpAddr>() else { return false };
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => most,
            Some(length) => match length.parse().ok().or_else(|| mask_length(length)) {
                Some(length) if length <= most => length,
                _ => return false,
            },
        };
        let length = length + 128 - most;
        self.0.entry(length).or_default().insert(masked(bits(address), length));
        true
    }

    /// Whether an address is in one of them.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        self.0.iter().any(|(length, networks)| networks.contains(&masked(bits, *length)))
    }
}

fn mask_length(text: &str) -> Option<u32> {
    let mask = u32::from(text.parse::<Ipv4Addr>().ok()?);
    (mask.leading_ones() + mask.trailing_zeros() == 32).then(|| mask.leading_ones())
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().into(),
        IpAddr::V6(address) => address.into(),
    }
}

fn masked(bits: u128, length: u32) -> u128 {
    bits & u128::MAX.checked_shl(128 - length).unwrap_or_default()
}
