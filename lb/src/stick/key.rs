//! Keys of stick tables: made of what a request brings, or of what an operator writes.
//!
//! It refuses to know which request: who has one gives the text.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::{KeySource, KeyType, TableConfig};

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StickKey {
    /// An IPv4 address.
    Ip(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// A number.
    Integer(u32),
    /// Text.
    Text(Box<str>),
}

// === impl StickKey ===

impl StickKey {
    /// The key that `text` is in a table; nothing when it is none.
    pub fn parse(text: &str, table: &TableConfig) -> Option<Self> {
        match table.keys {
            KeyType::Ip | KeyType::Ipv6 => Self::address(text.parse().ok()?, table.keys),
            KeyType::Integer => text.parse().ok().map(Self::Integer),
            KeyType::String => {
                let end = text.floor_char_boundary(table.length);
                Some(&text[..end]).filter(|text| !text.is_empty()).map(|text| Self::Text(text.into()))
            }
        }
    }

    /// The key of a request: of the client's address, or of what its fields say.
    pub fn of<'a>(
        source: &KeySource,
        table: &TableConfig,
        client: &[u8],
        fields: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Option<Self> {
        let values = |name: &str| {
            let found = fields.filter(|(known, _)| known.eq_ignore_ascii_case(name));
            found.filter_map(|(_, value)| str::from_utf8(value).ok()).collect::<Vec<_>>()
        };
        match source {
            KeySource::Src => Self::parse(str::from_utf8(client).ok()?, table),
            KeySource::Header(name) => Self::parse(values(name).first()?, table),
            KeySource::Cookie(name) => {
                let values = values("cookie");
                let mut crumbs = values.iter().flat_map(|value| value.split(';'));
                let value = crumbs.find_map(|crumb| {
                    let (known, value) = crumb.split_once('=')?;
                    (known.trim() == name).then_some(value.trim())
                });
                Self::parse(value?, table)
            }
        }
    }

    /// The key of an address in a table; nothing when it is none there.
    pub fn of_address(address: IpAddr, table: &TableConfig) -> Option<Self> {
        match table.keys {
            KeyType::Ip | KeyType::Ipv6 => Self::address(address, table.keys),
            KeyType::Integer => match address.to_canonical() {
                IpAddr::V4(address) => Some(Self::Integer(address.into())),
                IpAddr::V6(_) => None,
            },
            KeyType::String => Self::parse(&address.to_canonical().to_string(), table),
        }
    }

    /// An address in the form of a table's keys; one that has no such form is no key.
    fn address(address: IpAddr, keys: KeyType) -> Option<Self> {
        match (keys, address.to_canonical()) {
            (KeyType::Ip, IpAddr::V4(address)) => Some(Self::Ip(address)),
            (KeyType::Ipv6, IpAddr::V4(address)) => Some(Self::Ipv6(address.to_ipv6_mapped())),
            (KeyType::Ipv6, IpAddr::V6(address)) => Some(Self::Ipv6(address)),
            _ => None,
        }
    }
}

impl fmt::Display for StickKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Ipv6(address) => address.fmt(f),
            Self::Integer(number) => number.fmt(f),
            // A line holds one entry, and a blank ends a key (HAProxy escapes them so).
            Self::Text(text) => text.chars().try_for_each(|letter| match letter {
                ' ' | '=' | '\\' => write!(f, "\\{letter}"),
                '\n' => f.write_str("\\n"),
                '\r' => f.write_str("\\r"),
                '\t' => f.write_str("\\t"),
                letter if letter.is_control() => write!(f, "\\x{:02x}", u32::from(letter)),
                letter => write!(f, "{letter}"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(keys: KeyType) -> TableConfig {
        TableConfig { keys, length: 4, size: 1, expire: None, store: Vec::new() }
    }

    #[test]
    fn what_operators_write_and_what_is_told() {
        let table_of = [
            (KeyType::Ip, "192.0.2.1", Some("192.0.2.1")),
            (KeyType::Ip, "::ffff:192.0.2.1", Some("192.0.2.1")),
            (KeyType::Ip, "::1", None),
            (KeyType::Ip, "x", None),
            (KeyType::Ipv6, "::1", Some("::1")),
            (KeyType::Ipv6, "192.0.2.1", Some("::ffff:192.0.2.1")),
            (KeyType::Integer, "12", Some("12")),
            (KeyType::Integer, "-1", None),
            (KeyType::String, "abcdef", Some("abcd")),
            (KeyType::String, "a b", Some("a\\ b")),
            (KeyType::String, "abcé", Some("abc")),
            (KeyType::String, "", None),
        ];
        for (keys, text, told) in table_of {
            let key = StickKey::parse(text, &table(keys));
            assert_eq!(key.map(|key| key.to_string()).as_deref(), told, "{text}");
        }
    }

    #[test]
    fn keys_of_requests() {
        let fields: [(&str, &[u8]); 3] = [("X-Id", b"one"), ("Cookie", b"a=b; sid=two"), ("x-raw", b"\xff")];
        let sources = [
            (KeySource::Src, Some("1.2.")),
            (KeySource::Header("x-id".into()), Some("one")),
            (KeySource::Header("x-raw".into()), None),
            (KeySource::Header("x-none".into()), None),
            (KeySource::Cookie("sid".into()), Some("two")),
            (KeySource::Cookie("si".into()), None),
        ];
        for (source, told) in sources {
            let key = StickKey::of(&source, &table(KeyType::String), b"1.2.3.4", fields.into_iter());
            assert_eq!(key.map(|key| key.to_string()).as_deref(), told, "{source:?}");
        }
    }
}
