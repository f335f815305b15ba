//! Quantities, addresses and names as they are written in the configuration.
//!
//! Text in, value out; what a value may be where it stands (its range, its default) is not decided here.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// Units of a quantity, each with its size in the smallest.
type UnitTable = [(&'static str, u64)];

const TIME: &UnitTable = &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
const SIZE: &UnitTable = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20)];

/// `250ms`, `2s`, `5m`, `1h`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    quantity(text, TIME).map(Duration::from_millis)
}

/// `512B`, `16KiB`, `1MiB`, in bytes.
pub(super) fn size(text: &str) -> Option<usize> {
    quantity(text, SIZE)?.try_into().ok()
}

/// The duration that `text` was probably meant to be: `2 sec` is `2s`, `30` is `30s`. A large bare number is HAProxy's, in milliseconds: `2000` is
/// `2s`.
pub(super) fn nearly_duration(text: &str) -> Option<String> {
    match text.trim().parse::<u64>() {
        Ok(number @ 100..) if number % 1000 == 0 => Some(format!("{}s", number / 1000)),
        Ok(number @ 100..) => Some(format!("{number}ms")),
        _ => nearly(text, TIME, "s"),
    }
}

/// The size that `text` was probably meant to be: `16k` is `16KiB`, `4096` is `4096B`.
pub(super) fn nearly_size(text: &str) -> Option<String> {
    nearly(text, SIZE, "B")
}

/// Permission bits in octal: `0660`.
pub(super) fn mode(text: &str) -> Option<u32> {
    let octal = matches!(text.len(), 3 | 4) && text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    u32::from_str_radix(text, 8).ok().filter(|mode| octal && *mode <= 0o777)
}

/// Host and port of a server: `api0:4000`, `10.0.0.1:4000`, `[::1]:4000`; the host without brackets.
pub(super) fn endpoint(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0 && !text.contains('+'))?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').filter(|host| host.parse::<Ipv6Addr>().is_ok())?,
        None => Some(host).filter(|host| is_host(host))?,
    };
    Some((host.to_owned(), port))
}

/// Host and port as they are written: an IPv6 address in brackets.
pub fn host_and_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Whether a name may be a frontend's, a backend's or a server's (HAProxy manual, 2.2 and 4: proxy names).
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_name_character)
}

/// Whether a text can stand for a server in a cookie: it has no character that ends or divides one.
pub fn is_server_cookie(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"\";,~|=".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

/// `name` with every character that it may not have replaced.
pub(super) fn nearly_name(name: &str) -> Option<String> {
    Some(name.replace(|c| !is_name_character(c), "_")).filter(|name| is_name(name))
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-')
}

/// An IPv4 address or a host name (RFC 1123 2.1, with the underscore that container names have).
pub fn is_host(host: &str) -> bool {
    let mut labels = host.strip_suffix('.').unwrap_or(host).split('.');
    let name = labels.clone().all(|label| {
        let letters = label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        letters && matches!(label.len(), 1..=63) && !label.starts_with('-') && !label.ends_with('-')
    });
    // A name cannot end in a number: such text is an address, perhaps a wrong one.
    let numeric = labels.next_back().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    if numeric { host.parse::<Ipv4Addr>().is_ok() } else { name && host.len() <= 253 }
}

fn quantity(text: &str, units: &UnitTable) -> Option<u64> {
    let (number, unit) = split(text);
    let (_, size) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*size)
}

fn nearly(text: &str, units: &UnitTable, without: &str) -> Option<String> {
    let (number, unit) = split(text.trim());
    let unit = unit.trim().to_lowercase();
    let whole = units.iter().find(|(name, _)| unit.starts_with(&name.to_lowercase()));
    // `m` is a minute more often than the start of a millisecond: the longer unit first.
    let initial = || units.iter().rev().find(|(name, _)| unit.starts_with(&name[..1].to_lowercase()));
    let unit = match unit.as_str() {
        "" => without,
        _ => whole.or_else(initial)?.0,
    };
    (!number.is_empty()).then(|| format!("{number}{unit}"))
}

fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The candidate that `word` was probably meant to be.
pub(super) fn near<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let allowed = |name: &str| word.len().max(name.len()) / 3;
    let close = candidates.into_iter().filter(|name| word.len().abs_diff(name.len()) <= allowed(name));
    let measured = close.map(|name| (strsim::damerau_levenshtein(word, name), name));
    let found =
        measured.filter(|(distance, name)| *distance <= allowed(name)).min_by_key(|(distance, _)| *distance);
    found.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [("250ms", 250), ("2s", 2000), ("5m", 300_000), ("1h", 3_600_000), ("0s", 0)] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "2", "2 s", "1.5s", "-1s", "+1s", "2S", "2sec", "99999999999999999999s"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(duration("18446744073709551615h"), None, "too large for a u64");
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [("512B", 512), ("16KiB", 16_384), ("1MiB", 1_048_576)] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "16", "16k", "16KB", "1GiB", "KiB", "16 KiB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn near_quantities() {
        for (text, meant) in [
            ("30", "30s"),
            ("2000", "2s"),
            ("1500", "1500ms"),
            ("500", "500ms"),
            ("2 sec", "2s"),
            ("5min", "5m"),
            ("250 MS", "250ms"),
            ("1 hour", "1h"),
        ] {
            assert_eq!(nearly_duration(text).as_deref(), Some(meant), "{text}");
        }
        for (text, meant) in
            [("4096", "4096B"), ("16k", "16KiB"), ("16KB", "16KiB"), ("1M", "1MiB"), ("9 bytes", "9B")]
        {
            assert_eq!(nearly_size(text).as_deref(), Some(meant), "{text}");
        }
        assert_eq!(nearly_duration("soon"), None);
        assert_eq!(nearly_duration("3 weeks"), None);
    }

    #[test]
    fn modes() {
        assert_eq!((mode("0660"), mode("777"), mode("0000")), (Some(0o660), Some(0o777), Some(0)));
        for text in ["", "66", "0888", "1777", "00660", "+660", "rw-rw----"] {
            assert_eq!(mode(text), None, "{text}");
        }
    }

    #[test]
    fn endpoints() {
        for (text, host, port) in [
            ("api0:4000", "api0", 4000),
            ("my_api-0.example.com.:80", "my_api-0.example.com.", 80),
            ("10.0.0.1:65535", "10.0.0.1", 65535),
            ("[::1]:1", "::1", 1),
        ] {
            assert_eq!(endpoint(text), Some((host.to_owned(), port)), "{text}");
        }
        for text in [
            "",
            "api0",
            ":80",
            "api0:",
            "api0:0",
            "api0:65536",
            "api0:+80",
            "::1:80",
            "[::1]",
            "[api0]:80",
            "300.1.1.1:80",
            "a b:80",
            "a..b:80",
            "http://api0:80",
            "-a:80",
        ] {
            assert_eq!(endpoint(text), None, "{text}");
        }
        assert_eq!(endpoint(&format!("{}:80", "a".repeat(64))), None, "a label has at most 63 characters");
    }

    #[test]
    fn names() {
        assert!(is_name("fe_api-1.a:b"));
        assert!(!is_name("") && !is_name("a b") && !is_name("é") && !is_name("a/b"));
        assert_eq!(nearly_name("api nodes/1").as_deref(), Some("api_nodes_1"));
        assert_eq!(nearly_name(""), None);
    }
}
