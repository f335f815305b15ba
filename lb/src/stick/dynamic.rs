//! Cookies made of a server's address and a secret (HAProxy manual, configuration, `dynamic-cookie-key`): every balancer that has the same
//! key makes the same ones.
//!
//! The hash is XXH64, as HAProxy's is. It refuses to know who uses the cookie.

use std::net::{IpAddr, SocketAddr};

const PRIMES: [u64; 5] = [
    0x9e37_79b1_85eb_ca87,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x85eb_ca77_c2b2_ae63,
    0x27d4_eb2f_1656_67c5,
];

/// The cookie of a server at this address.
pub fn dynamic_cookie(key: &str, address: SocketAddr) -> String {
    let mut bytes = key.as_bytes().to_vec();
    match address.ip() {
        IpAddr::V4(ip) => bytes.extend(ip.octets()),
        IpAddr::V6(ip) => bytes.extend(ip.octets()),
    }
    bytes.extend(u32::from(address.port()).to_le_bytes());
    format!("{:016x}", xxh64(&bytes))
}

fn round(sum: u64, word: u64) -> u64 {
    sum.wrapping_add(word.wrapping_mul(PRIMES[1])).rotate_left(31).wrapping_mul(PRIMES[0])
}

fn merge(hash: u64, sum: u64) -> u64 {
    (hash ^ round(0, sum)).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3])
}

/// XXH64 with seed 0.
fn xxh64(bytes: &[u8]) -> u64 {
    let [p1, p2, p3, p4, p5] = PRIMES;
    let (blocks, rest) = bytes.as_chunks::<32>();
    let mut hash = if blocks.is_empty() {
        p5
    } else {
        let mut sums = [p1.wrapping_add(p2), p2, 0, 0_u64.wrapping_sub(p1)];
        for block in blocks {
            let (words, _) = block.as_chunks::<8>();
            for (sum, word) in sums.iter_mut().zip(words) {
                *sum = round(*sum, u64::from_le_bytes(*word));
            }
        }
        let turned = [1, 7, 12, 18].into_iter().zip(sums).map(|(by, sum)| sum.rotate_left(by));
        sums.into_iter().fold(turned.fold(0, u64::wrapping_add), merge)
    };
    hash = hash.wrapping_add(bytes.len() as u64);
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        let mixed = hash ^ round(0, u64::from_le_bytes(*word));
        hash = mixed.rotate_left(27).wrapping_mul(p1).wrapping_add(p4);
    }
    let (words, rest) = rest.as_chunks::<4>();
    for word in words {
        let mixed = hash ^ u64::from(u32::from_le_bytes(*word)).wrapping_mul(p1);
        hash = mixed.rotate_left(23).wrapping_mul(p2).wrapping_add(p3);
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(p5)).rotate_left(11).wrapping_mul(p1);
    }
    hash = (hash ^ hash >> 33).wrapping_mul(p2);
    hash = (hash ^ hash >> 29).wrapping_mul(p3);
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published values of the hash.
    #[test]
    fn the_hash_is_xxh64() {
        let table = [
            (&b""[..], 0xef46_db37_51d8_e999),
            (b"abc", 0x44bc_2cf5_ad77_0999),
            (b"Nobody inspects the spammish repetition", 0xfbce_a83c_8a37_8bf1),
        ];
        for (bytes, expected) in table {
            assert_eq!(xxh64(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn key_and_address_make_the_cookie() {
        let cookie = |key, address: &str| dynamic_cookie(key, address.parse().unwrap());
        let one = cookie("k", "127.0.0.1:80");
        assert_eq!(one.len(), 16);
        for other in [cookie("l", "127.0.0.1:80"), cookie("k", "127.0.0.2:80"), cookie("k", "127.0.0.1:81")] {
            assert_ne!(one, other);
        }
    }
}
