//! Typed values of samples, and the casts between their types (HAProxy manual, configuration, section 7.1).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;

/// The type of a value, known before it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleKind {
    /// True or false.
    Bool,
    /// A signed number of 64 bits.
    Int,
    /// An address of either family.
    Address,
    /// Text, which may hold any bytes but NUL.
    Text,
    /// Bytes.
    Binary,
    /// A method of HTTP.
    Method,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SampleValue<'a> {
    /// True or false.
    Bool(bool),
    /// A number.
    Int(i64),
    /// An address.
    Address(IpAddr),
    /// Text.
    Text(Cow<'a, [u8]>),
    /// Bytes.
    Binary(Cow<'a, [u8]>),
    /// A method.
    Method(&'a str),
}

// === impl SampleKind ===

impl SampleKind {
    /// HAProxy's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Int => "integer",
            Self::Address => "address",
            Self::Text => "string",
            Self::Binary => "binary",
            Self::Method => "method",
        }
    }

    /// Whether values of this type can be read as values of `other`.
    pub fn casts_to(self, other: Self) -> bool {
        match (self, other) {
            (Self::Address | Self::Binary | Self::Method, Self::Bool)
            | (Self::Binary | Self::Method, Self::Int | Self::Address)
            | (Self::Bool, Self::Address) => false,
            (one, Self::Method) => one == Self::Method || one == Self::Text,
            _ => true,
        }
    }
}

// === impl SampleValue ===

impl<'a> SampleValue<'a> {
    /// Text that is borrowed.
    pub fn text(bytes: &'a [u8]) -> Self {
        Self::Text(Cow::Borrowed(bytes))
    }

    /// Its type.
    pub fn kind(&self) -> SampleKind {
        match self {
            Self::Bool(_) => SampleKind::Bool,
            Self::Int(_) => SampleKind::Int,
            Self::Address(_) => SampleKind::Address,
            Self::Text(_) => SampleKind::Text,
            Self::Binary(_) => SampleKind::Binary,
            Self::Method(_) => SampleKind::Method,
        }
    }

    /// The same value as another type; nothing when it has no such form.
    pub fn cast(self, kind: SampleKind) -> Option<Self> {
        if self.kind() == kind {
            return Some(self);
        }
        match kind {
            SampleKind::Bool => self.as_bool().map(Self::Bool),
            SampleKind::Int => self.as_int().map(Self::Int),
            SampleKind::Address => self.as_address().map(Self::Address),
            SampleKind::Text => Some(Self::Text(self.into_bytes())),
            SampleKind::Binary => Some(Self::Binary(match self {
                Self::Int(number) => Cow::Owned(number.to_be_bytes().to_vec()),
                Self::Address(IpAddr::V4(address)) => Cow::Owned(address.octets().to_vec()),
                Self::Address(IpAddr::V6(address)) => Cow::Owned(address.octets().to_vec()),
                other => other.into_bytes(),
            })),
            SampleKind::Method => None,
        }
    }

    /// It as true or false: numbers but 0 are true, text is read as a number.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Int(number) => Some(*number != 0),
            Self::Text(text) => leading_int(text).map(|number| number != 0),
            Self::Address(_) | Self::Binary(_) | Self::Method(_) => None,
        }
    }

    /// It as a number: of text the leading digits.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Bool(value) => Some(i64::from(*value)),
            Self::Int(number) => Some(*number),
            Self::Address(IpAddr::V4(address)) => Some(i64::from(u32::from(*address))),
            Self::Text(text) => leading_int(text),
            Self::Address(IpAddr::V6(_)) | Self::Binary(_) | Self::Method(_) => None,
        }
    }

    /// It as an address.
    pub fn as_address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Int(number) => Some(IpAddr::V4(u32::try_from(*number).ok()?.into())),
            Self::Text(text) => str::from_utf8(text).ok()?.parse().ok(),
            Self::Bool(_) | Self::Binary(_) | Self::Method(_) => None,
        }
    }

    /// It as text; that of numbers and addresses is made.
    pub fn into_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => bytes,
            Self::Method(method) => Cow::Borrowed(method.as_bytes()),
            Self::Bool(value) => Cow::Borrowed(if value { b"1" } else { b"0" }),
            Self::Int(number) => Cow::Owned(itoa::Buffer::new().format(number).as_bytes().to_vec()),
            Self::Address(address) => {
                let mut text = String::new();
                // Writing to a string never fails.
                let _ = write!(text, "{address}");
                Cow::Owned(text.into_bytes())
            }
        }
    }

    /// Writes it as text to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => out.extend_from_slice(bytes),
            Self::Int(number) => out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes()),
            other => out.extend_from_slice(&other.clone().into_bytes()),
        }
    }
}

/// The number that text begins with; nothing when it begins with none, or one that is too large.
pub(crate) fn leading_int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix(b"+").unwrap_or(text)),
    };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number: i64 = str::from_utf8(&digits[..count]).ok()?.parse().ok()?;
    Some(if negative { -number } else { number })
}
