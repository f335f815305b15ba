//! Where a message ends: the one decision that both parsers of a smuggled request disagree about (RFC 9112 section 6).
//!
//! Every way into and out of `lb` asks here: requests and responses, whatever they were written in. It refuses to guess: what could be
//! read in two ways is an error.

/// How the end of a message's body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// So many bytes, at least one.
    Length(u64),
    /// Chunks, the last of which is empty.
    Chunked,
    /// The end of the connection; only for responses.
    UntilClose,
}

/// What the fields of a head say of its framing, gathered field by field.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    length: Option<u64>,
    coding: Coding,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Coding {
    #[default]
    None,
    Chunked,
    Unknown,
    Faulty,
}

/// Why a message cannot be framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingFault {
    /// The number is none, or there are two.
    #[error("Content-Length must be one number (RFC 9112 section 6.3)")]
    Length,
    /// Two ends for one message.
    #[error("Content-Length beside Transfer-Encoding (RFC 9112 section 6.1)")]
    Both,
    /// Chunked twice, or not last, or beside others.
    #[error("Transfer-Encoding must be exactly one chunked (RFC 9112 section 6.1)")]
    Coding,
    /// A coding that is not known here.
    #[error("only the transfer coding chunked is known here")]
    Unknown,
    /// Chunks in a version that has none.
    #[error("Transfer-Encoding needs HTTP/1.1 (RFC 9112 section 6.1)")]
    Version,
}

/// What of a response's request its framing depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestFraming {
    /// The request's method was HEAD.
    pub head: bool,
}

// === impl Declared ===

impl Declared {
    /// Takes in a `Content-Length`: a number, or a list of equal ones.
    ///
    /// # Errors
    /// It is anything else, or not the number that was there before.
    #[inline]
    pub fn content_length(&mut self, value: &[u8]) -> Result<(), FramingFault> {
        if let Some(length) = number(value) {
            return self.set_length(length);
        }
        for part in value.split(|byte| *byte == b',') {
            self.set_length(number(part.trim_ascii()).ok_or(FramingFault::Length)?)?;
        }
        Ok(())
    }

    fn set_length(&mut self, length: u64) -> Result<(), FramingFault> {
        if self.length.is_some_and(|before| before != length) {
            return Err(FramingFault::Length);
        }
        self.length = Some(length);
        Ok(())
    }

    /// Takes in a `Transfer-Encoding`.
    #[inline]
    pub fn transfer_encoding(&mut self, value: &[u8]) {
        self.coding = if self.coding != Coding::None {
            Coding::Faulty
        } else if value.eq_ignore_ascii_case(b"chunked") {
            Coding::Chunked
        } else if value.is_empty() || value.contains(&b',') || value.iter().any(u8::is_ascii_whitespace) {
            Coding::Faulty
        } else {
            Coding::Unknown
        };
    }

    /// The length, when there is one.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The framing of a request; `old` is a version without chunks.
    ///
    /// # Errors
    /// Two parsers could disagree about it.
    #[inline]
    pub fn request(self, old: bool) -> Result<Framing, FramingFault> {
        match (self.coding, self.length) {
            (Coding::None, None | Some(0)) => Ok(Framing::None),
            (Coding::None, Some(length)) => Ok(Framing::Length(length)),
            _ if old => Err(FramingFault::Version),
            _ => self.chunked(),
        }
    }

    /// The framing of a response with this status.
    ///
    /// # Errors
    /// Two parsers could disagree about it.
    #[inline]
    pub fn response(self, status: u16, asked: RequestFraming, old: bool) -> Result<Framing, FramingFault> {
        if self.coding != Coding::None {
            if old {
                return Err(FramingFault::Version);
            }
            self.chunked()?;
        }
        if asked.head || matches!(status, 100..=199 | 204 | 304) {
            return Ok(Framing::None);
        }
        match (self.coding, self.length) {
            (Coding::None, None) => Ok(Framing::UntilClose),
            (Coding::None, Some(0)) => Ok(Framing::None),
            (Coding::None, Some(length)) => Ok(Framing::Length(length)),
            _ => Ok(Framing::Chunked),
        }
    }

    /// Whether a body is announced where a response with this status has none, as no sound server does: it may yet come.
    #[inline]
    pub fn contradicts(self, status: u16) -> bool {
        match status {
            204 => self.coding != Coding::None || self.length.is_some_and(|length| length > 0),
            // Its length is that of another response (RFC 9110 section 8.6).
            304 => self.coding != Coding::None,
            _ => false,
        }
    }

    fn chunked(self) -> Result<Framing, FramingFault> {
        match self.coding {
            Coding::Faulty => Err(FramingFault::Coding),
            _ if self.length.is_some() => Err(FramingFault::Both),
            Coding::Unknown => Err(FramingFault::Unknown),
            Coding::None | Coding::Chunked => Ok(Framing::Chunked),
        }
    }
}

/// Digits only, and small enough to count with.
#[inline]
fn number(value: &[u8]) -> Option<u64> {
    // Nineteen digits always fit.
    if value.is_empty() || value.len() > 19 {
        return None;
    }
    value.iter().try_fold(0_u64, |sum, byte| {
        byte.is_ascii_digit().then(|| sum.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(lengths: &[&str], codings: &[&str]) -> Result<Declared, FramingFault> {
        let mut declared = Declared::default();
        for length in lengths {
            declared.content_length(length.as_bytes())?;
        }
        codings.iter().for_each(|coding| declared.transfer_encoding(coding.as_bytes()));
        Ok(declared)
    }

    fn request(lengths: &[&str], codings: &[&str]) -> Result<Framing, FramingFault> {
        declared(lengths, codings)?.request(false)
    }

    #[test]
    fn lengths_are_digits_and_agree() {
        assert_eq!(request(&[], &[]), Ok(Framing::None));
        assert_eq!(request(&["0"], &[]), Ok(Framing::None));
        for good in [&["3"][..], &["3", "3"], &["3, 3"], &["3,3", "03"]] {
            assert_eq!(request(good, &[]), Ok(Framing::Length(3)), "{good:?}");
        }
        let bad =
            ["", "+3", "-3", "0x3", "3 3", "3;", "3,", ",3", "3, 4", "99999999999999999999", "\u{b2}", "3.0"];
        for bad in bad {
            assert_eq!(request(&[bad], &[]), Err(FramingFault::Length), "{bad:?}");
        }
        assert_eq!(request(&["3", "4"], &[]), Err(FramingFault::Length));
    }

    #[test]
    fn exactly_one_chunked() {
        assert_eq!(request(&[], &["Chunked"]), Ok(Framing::Chunked));
        assert_eq!(request(&[], &["gzip"]), Err(FramingFault::Unknown));
        assert_eq!(request(&["3"], &["chunked"]), Err(FramingFault::Both));
        assert_eq!(request(&["0"], &["chunked"]), Err(FramingFault::Both));
        for bad in [
            &["identity, chunked"][..],
            &["chunked, chunked"],
            &["chunked", "chunked"],
            &["chunked,"],
            &["gzip", "chunked"],
            &[""],
        ] {
            assert_eq!(request(&[], bad), Err(FramingFault::Coding), "{bad:?}");
        }
        assert_eq!(declared(&[], &["chunked"]).unwrap().request(true), Err(FramingFault::Version));
    }

    #[test]
    fn a_response_ends_by_its_request_its_status_and_its_fields() {
        let response = |head, status, lengths: &[&str], codings: &[&str]| {
            declared(lengths, codings)?.response(status, RequestFraming { head }, false)
        };
        assert_eq!(response(false, 200, &["3"], &[]), Ok(Framing::Length(3)));
        assert_eq!(response(false, 200, &["0"], &[]), Ok(Framing::None));
        assert_eq!(response(false, 200, &[], &["chunked"]), Ok(Framing::Chunked));
        assert_eq!(response(false, 200, &[], &[]), Ok(Framing::UntilClose));
        for status in [100, 103, 204, 304] {
            assert_eq!(response(false, status, &["3"], &[]), Ok(Framing::None), "{status}");
        }
        assert_eq!(response(true, 200, &["3"], &[]), Ok(Framing::None));
        assert_eq!(response(true, 200, &["3"], &["chunked"]), Err(FramingFault::Both));
        assert_eq!(response(false, 204, &[], &["gzip"]), Err(FramingFault::Unknown));
        assert_eq!(
            declared(&[], &["chunked"]).unwrap().response(200, RequestFraming { head: false }, true),
            Err(FramingFault::Version)
        );
    }
}
