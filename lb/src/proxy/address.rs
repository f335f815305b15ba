//! A client's address as text, kept small: nearly all of them need no memory of their own.
//!
//! It refuses to be parsed again: who needs the number has it.

use std::io::Write as _;
use std::net::IpAddr;

/// The longest text of an IPv4 address, bytes.
const SHORT: usize = 15;

/// An address as servers and the log are told it: an IPv4 address that came as IPv6 is IPv4.
#[derive(Debug)]
pub(super) enum Address {
    Short([u8; SHORT], u8),
    Long(Box<str>),
}

// === impl Address ===

impl Address {
    pub(super) fn new(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        let mut text = [0; SHORT];
        let mut rest = &mut text[..];
        if write!(rest, "{ip}").is_ok() {
            let left = rest.len();
            return Self::Short(text, u8::try_from(SHORT - left).unwrap_or_default());
        }
        Self::Long(ip.to_string().into())
    }

    /// The text.
    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short(text, length) => &text[..usize::from(*length)],
            Self::Long(text) => text.as_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_the_address() {
        for (ip, text) in [
            ("1.2.3.4", "1.2.3.4"),
            ("255.255.255.255", "255.255.255.255"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("::1", "::1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"),
        ] {
            assert_eq!(Address::new(ip.parse().unwrap()).as_bytes(), text.as_bytes(), "{ip}");
        }
        assert!(size_of::<Address>() <= 24);
    }
}
