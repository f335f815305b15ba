//! Converters: what becomes of a value on its way.

use std::borrow::Cow;
use std::net::IpAddr;

use regex::bytes::{Regex, RegexBuilder};

use super::converters as bytes;
use super::hashes;
use super::syntax::{Call, SampleFault};
use super::{SampleKind, SampleValue};

/// Most memory of a compiled regular expression, bytes.
const REGEX_SIZE: usize = 1 << 20;

/// A compiled converter.
#[derive(Debug)]
pub(super) enum Converter {
    Cast(SampleKind),
    Lower,
    Upper,
    Length,
    Trim(bool, Vec<u8>),
    /// The nth part between separators, and how many; the second word tells whether runs of separators are one.
    Field {
        place: i64,
        separators: Vec<u8>,
        count: i64,
        words: bool,
    },
    Bytes(i64, Option<usize>),
    Regsub {
        regex: Regex,
        with: Vec<u8>,
        all: bool,
    },
    Concat(Vec<u8>, Vec<u8>),
    Arithmetic(Arithmetic, i64),
    Neg,
    Cpl,
    Not,
    Odd,
    Even,
    IpMask(u8, u8),
    Base64,
    Unbase64,
    UrlSafe,
    UnurlSafe,
    Hex,
    UrlDecode(bool),
    UrlEncode,
    If(Vec<u8>, Vec<u8>),
    Hash(fn(&[u8]) -> u32),
    HttpDate(i64),
    HostOnly,
    PortOnly,
}

/// What is done with two numbers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    And,
    Or,
    Xor,
}

// === impl Converter ===

impl Converter {
    /// Compiles a call.
    pub(super) fn compile(call: &Call) -> Result<Self, SampleFault> {
        let wrong =
            |wants: &str| SampleFault::new(call.column, format!("converter `{}` takes {wants}", call.name));
        let args: Vec<&str> = call.args.iter().map(String::as_str).collect();
        let arg = |index: usize| args.get(index).copied();
        let text = |index: usize| arg(index).unwrap_or_default().as_bytes().to_vec();
        let number = |index: usize| {
            arg(index).map(|text| text.trim().parse::<i64>().map_err(|_| wrong("a whole number"))).transpose()
        };
        let needed = |index: usize| number(index)?.ok_or_else(|| wrong("a whole number"));
        let arithmetic = |what| needed(0).map(|number| Self::Arithmetic(what, number));
        let most = match call.name.as_str() {
            "field" | "word" | "regsub" | "concat" => 3,
            "bytes" | "ipmask" | "iif" => 2,
            _ => 1,
        };
        if args.len() > most {
            return Err(wrong("fewer arguments"));
        }
        Ok(match call.name.as_str() {
            "bool" => Self::Cast(SampleKind::Bool),
            "lower" => Self::Lower,
            "upper" => Self::Upper,
            "length" => Self::Length,
            "ltrim" => Self::Trim(true, text(0)),
            "rtrim" => Self::Trim(false, text(0)),
            "field" | "word" => {
                let (place, separators) = (needed(0)?, text(1));
                if separators.is_empty() || place == 0 {
                    return Err(wrong("a place from 1 (or -1, from the end), and the separators"));
                }
                Self::Field { place, separators, count: number(2)?.unwrap_or(1), words: call.name == "word" }
            }
            "bytes" => {
                let length = number(1)?.map(usize::try_from).transpose();
                Self::Bytes(needed(0)?, length.map_err(|_| wrong("an offset and a length"))?)
            }
            "regsub" => {
                let pattern = arg(0).ok_or_else(|| wrong("a regular expression and what takes its place"))?;
                let flags = arg(2).unwrap_or_default();
                if let Some(flag) = flags.chars().find(|flag| !"gi".contains(*flag)) {
                    return Err(wrong(&format!("the flags `g` and `i`, not `{flag}`")));
                }
                let regex = regex(pattern, flags.contains('i'))
                    .map_err(|message| SampleFault::new(call.column, message))?;
                Self::Regsub { regex, with: text(1), all: flags.contains('g') }
            }
            "concat" => match arg(1) {
                None | Some("") => Self::Concat(text(0), text(2)),
                Some(_) => return Err(wrong("text only: use a log-format string to join variables")),
            },
            "add" => arithmetic(Arithmetic::Add)?,
            "sub" => arithmetic(Arithmetic::Sub)?,
            "mul" => arithmetic(Arithmetic::Mul)?,
            "div" => arithmetic(Arithmetic::Div)?,
            "mod" => arithmetic(Arithmetic::Mod)?,
            "and" => arithmetic(Arithmetic::And)?,
            "or" => arithmetic(Arithmetic::Or)?,
            "xor" => arithmetic(Arithmetic::Xor)?,
            "neg" => Self::Neg,
            "cpl" => Self::Cpl,
            "not" => Self::Not,
            "odd" => Self::Odd,
            "even" => Self::Even,
            "ipmask" => {
                let four =
                    arg(0).and_then(mask).ok_or_else(|| wrong("a mask such as 24 or 255.255.255.0"))?;
                let six = arg(1).map(|text| text.parse().ok().filter(|bits| *bits <= 128));
                Self::IpMask(
                    four,
                    six.unwrap_or(Some(128)).ok_or_else(|| wrong("a mask of at most 128 bits"))?,
                )
            }
            "base64" => Self::Base64,
            "b64dec" => Self::Unbase64,
            "ub64enc" => Self::UrlSafe,
            "ub64dec" => Self::UnurlSafe,
            "hex" => Self::Hex,
            "url_dec" => Self::UrlDecode(arg(0).is_some_and(|form| form != "0")),
            "url_enc" => Self::UrlEncode,
            "iif" => Self::If(text(0), text(1)),
            "djb2" | "sdbm" | "crc32" | "crc32c" if arg(0).is_some_and(|avalanche| avalanche != "0") => {
                return Err(wrong("no argument but 0"));
            }
            "djb2" => Self::Hash(hashes::djb2),
            "sdbm" => Self::Hash(hashes::sdbm),
            "crc32" => Self::Hash(hashes::crc32),
            "crc32c" => Self::Hash(hashes::crc32c),
            "http_date" => Self::HttpDate(number(0)?.unwrap_or_default()),
            "host_only" => Self::HostOnly,
            "port_only" => Self::PortOnly,
            other => return Err(SampleFault::new(call.column, format!("there is no converter `{other}`"))),
        })
    }

    /// The type that it reads; nothing when it reads any.
    pub(super) fn wants(&self) -> Option<SampleKind> {
        Some(match self {
            Self::Cast(kind) => *kind,
            Self::Arithmetic(..) | Self::Neg | Self::Cpl | Self::Odd | Self::Even | Self::HttpDate(_) => {
                SampleKind::Int
            }
            Self::Not | Self::If(..) => SampleKind::Bool,
            Self::IpMask(..) => SampleKind::Address,
            Self::Base64 | Self::UrlSafe | Self::Hex | Self::Bytes(..) | Self::Hash(_) => SampleKind::Binary,
            _ => SampleKind::Text,
        })
    }

    /// The type that it gives; nothing when it is that of what it reads.
    pub(super) fn gives(&self) -> Option<SampleKind> {
        Some(match self {
            Self::Cast(kind) => *kind,
            Self::Arithmetic(..) | Self::Neg | Self::Cpl | Self::Length | Self::Hash(_) | Self::PortOnly => {
                SampleKind::Int
            }
            Self::Not | Self::Odd | Self::Even => SampleKind::Bool,
            Self::IpMask(..) => SampleKind::Address,
            Self::Unbase64 | Self::UnurlSafe | Self::Bytes(..) => SampleKind::Binary,
            _ => SampleKind::Text,
        })
    }

    /// The value that it makes of `value`; nothing when it makes none.
    pub(super) fn apply<'a>(&'a self, value: SampleValue<'a>) -> Option<SampleValue<'a>> {
        let value = match self.wants() {
            Some(wanted) => value.cast(wanted)?,
            None => value,
        };
        let text = |bytes: Vec<u8>| Some(SampleValue::Text(Cow::Owned(bytes)));
        match self {
            Self::Cast(_) => Some(value),
            Self::Lower => Some(bytes::changed(value.into_bytes(), u8::to_ascii_lowercase)),
            Self::Upper => Some(bytes::changed(value.into_bytes(), u8::to_ascii_uppercase)),
            Self::Length => Some(SampleValue::Int(i64::try_from(value.into_bytes().len()).ok()?)),
            Self::Trim(left, what) => {
                Some(SampleValue::Text(bytes::trimmed(value.into_bytes(), *left, what)))
            }
            Self::Field { place, separators, count, words } => {
                let part = bytes::field(&value.into_bytes(), *place, separators, *count, *words)?.to_vec();
                text(part)
            }
            Self::Bytes(offset, length) => {
                let all = value.into_bytes();
                let from = usize::try_from(*offset).ok()?;
                let rest = all.get(from..)?;
                let end = length.map_or(rest.len(), |length| length.min(rest.len()));
                Some(SampleValue::Binary(Cow::Owned(rest[..end].to_vec())))
            }
            Self::Regsub { regex, with, all } => {
                text(bytes::replaced(regex, &value.into_bytes(), with, *all))
            }
            Self::Concat(start, end) => text([&*value.into_bytes(), start, end].concat()),
            Self::Arithmetic(what, other) => what.of(value.as_int()?, *other).map(SampleValue::Int),
            Self::Neg => Some(SampleValue::Int(value.as_int()?.wrapping_neg())),
            Self::Cpl => Some(SampleValue::Int(!value.as_int()?)),
            Self::Not => Some(SampleValue::Bool(!value.as_bool()?)),
            Self::Odd => Some(SampleValue::Bool(value.as_int()? & 1 == 1)),
            Self::Even => Some(SampleValue::Bool(value.as_int()? & 1 == 0)),
            Self::IpMask(four, six) => Some(SampleValue::Address(masked(value.as_address()?, *four, *six))),
            Self::Base64 => text(bytes::base64(&value.into_bytes(), false)),
            Self::UrlSafe => text(bytes::base64(&value.into_bytes(), true)),
            Self::Unbase64 => bytes::unbase64(&value.into_bytes(), false),
            Self::UnurlSafe => bytes::unbase64(&value.into_bytes(), true),
            Self::Hex => text(bytes::hex(&value.into_bytes())),
            Self::UrlDecode(form) => bytes::url_decode(&value.into_bytes(), *form).and_then(text),
            Self::UrlEncode => text(bytes::url_encode(&value.into_bytes())),
            Self::If(yes, no) => Some(SampleValue::text(if value.as_bool()? { yes } else { no })),
            Self::Hash(hash) => Some(SampleValue::Int(i64::from(hash(&value.into_bytes())))),
            Self::HttpDate(offset) => {
                bytes::http_date(value.as_int()?.saturating_add(*offset)).and_then(text)
            }
            Self::HostOnly => text(bytes::host_and_port(&value.into_bytes()).0.to_vec()),
            Self::PortOnly => Some(SampleValue::Int(bytes::host_and_port(&value.into_bytes()).1)),
        }
    }
}

// === impl Arithmetic ===

impl Arithmetic {
    fn of(self, one: i64, other: i64) -> Option<i64> {
        match self {
            Self::Add => Some(one.saturating_add(other)),
            Self::Sub => Some(one.saturating_sub(other)),
            Self::Mul => Some(one.saturating_mul(other)),
            Self::Div => one.checked_div(other),
            Self::Mod => one.checked_rem(other),
            Self::And => Some(one & other),
            Self::Or => Some(one | other),
            Self::Xor => Some(one ^ other),
        }
    }
}

/// Compiles a regular expression.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn regex(pattern: &str, ignores_case: bool) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).case_insensitive(ignores_case).size_limit(REGEX_SIZE).build();
    built.map_err(|error| match pattern.contains("(?=") || pattern.contains("(?!") || pattern.contains("(?<") {
        true => format!("the regular expression `{pattern}` looks around, which is not supported: say it in two conditions"),
        false => {
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("the regular expression `{pattern}` is not valid: {reason}")
        }
    })
}

/// The bits of a mask of an IPv4 address, as a number or as an address.
fn mask(text: &str) -> Option<u8> {
    let as_address = || {
        let bits = u32::from(text.parse::<std::net::Ipv4Addr>().ok()?);
        (bits.leading_ones() + bits.trailing_zeros() == 32)
            .then(|| bits.leading_ones().try_into().ok())
            .flatten()
    };
    text.parse().ok().filter(|bits| *bits <= 32).or_else(as_address)
}

/// The network of an address.
fn masked(address: IpAddr, four: u8, six: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(four)).unwrap_or_default();
            IpAddr::V4((u32::from(address) & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(six)).unwrap_or_default();
            IpAddr::V6((u128::from(address) & mask).into())
        }
    }
}
