//! Hashes that HAProxy's converters make, as their authors describe them.

/// Daniel J. Bernstein's hash of strings: times 33, plus.
pub(super) fn djb2(bytes: &[u8]) -> u32 {
    bytes.iter().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)))
}

/// The hash of the sdbm database: times 65599, plus.
pub(super) fn sdbm(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |hash: u32, byte| hash.wrapping_mul(65_599).wrapping_add(u32::from(*byte)))
}

/// CRC-32 of Ethernet and gzip (reflected polynomial EDB88320).
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    crc(bytes, 0xEDB8_8320)
}

/// CRC-32C (reflected polynomial 82F63B78).
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    crc(bytes, 0x82F6_3B78)
}

fn crc(bytes: &[u8], polynomial: u32) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (polynomial & (crc & 1).wrapping_neg());
        }
    }
    !crc
}
