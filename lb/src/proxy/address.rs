//! A client's address, as a number and as text, kept small: there are many clients, and nearly all of their addresses need no memory of their
//! own.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The longest text of an IPv4 address, bytes.
const SHORT: usize = 15;

/// Where a client is. Its text is what servers and the log are told: an IPv4 address that came as IPv6 is IPv4.
#[derive(Debug)]
pub(super) enum ClientAddress {
    V4 {
        text: [u8; SHORT],
        length: u8,
        ip: [u8; 4],
        port: u16,
        /// It came as IPv6 (RFC 4291 section 2.5.5.2).
        mapped: bool,
    },
    V6(Box<(SocketAddr, Box<str>)>),
}

// === impl ClientAddress ===

impl ClientAddress {
    pub(super) fn new(peer: SocketAddr) -> Self {
        let mut text = [0; SHORT];
        let mut rest = &mut text[..];
        match peer.ip().to_canonical() {
            IpAddr::V4(ip) if write!(rest, "{ip}").is_ok() => {
                let left = rest.len();
                Self::V4 {
                    text,
                    length: u8::try_from(SHORT - left).unwrap_or_default(),
                    ip: ip.octets(),
                    port: peer.port(),
                    mapped: peer.is_ipv6(),
                }
            }
            ip => Self::V6(Box::new((peer, ip.to_string().into()))),
        }
    }

    /// Address and port, as they came.
    pub(super) fn peer(&self) -> SocketAddr {
        match self {
            Self::V4 { ip, port, mapped, .. } => {
                let ip = Ipv4Addr::from(*ip);
                (if *mapped { IpAddr::V6(ip.to_ipv6_mapped()) } else { IpAddr::V4(ip) }, *port).into()
            }
            Self::V6(address) => address.0,
        }
    }

    /// The text of the address, without the port.
    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::V4 { text, length, .. } => &text[..usize::from(*length)],
            Self::V6(address) => address.1.as_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_are_those_of_the_address() {
        assert_eq!(size_of::<ClientAddress>(), 24, "there are many");
        for (ip, text) in [
            ("1.2.3.4", "1.2.3.4"),
            ("255.255.255.255", "255.255.255.255"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("::1", "::1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"),
        ] {
            let peer = SocketAddr::new(ip.parse().unwrap(), 80);
            let address = ClientAddress::new(peer);
            assert_eq!((address.as_bytes(), address.peer()), (text.as_bytes(), peer), "{ip}");
        }
    }
}
