//! Chunked bodies: strict reading, and writing (RFC 9112 section 7.1).
//!
//! The decoder takes whatever has arrived and says where the data in it is; it copies nothing but trailers. Extensions are dropped and
//! bounded, and nothing but CR LF ends a line. It refuses to know where bytes come from.

use std::ops::Range;

/// Most bytes of extensions in one body.
const MAX_EXTENSIONS: usize = 16 * 1024;

/// Most fields of a trailer section.
const MAX_TRAILERS: usize = 100;

/// A decoder of one chunked body.
#[derive(Debug, Clone)]
pub struct Decoder {
    state: ChunkState,
    extensions: usize,
    fields: usize,
    /// The lines of the trailer section, each with its CR LF.
    trailers: Vec<u8>,
    max_trailers: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChunkState {
    Size {
        size: u64,
        digits: u8,
    },
    /// Blanks behind a size: only an extension may follow.
    Blank(u64),
    Extension(u64),
    SizeEnd(u64),
    Data(u64),
    DataEnd,
    DataEndLf,
    /// The start of a line of the trailer section.
    Line,
    InLine,
    LineEnd,
    LastLf,
    Done,
}

/// What a decoder found at the start of its input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChunkItem {
    /// Data, at this place; everything up to its end is dealt with.
    Data(Range<usize>),
    /// Nothing more: all of the input is dealt with.
    Nothing,
    /// The end of the body; so many bytes of the input belonged to it.
    End(usize),
}

/// The body is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the chunks of the body are not valid (RFC 9112 section 7.1)")]
pub struct InvalidChunk;

// === impl Decoder ===

impl Decoder {
    /// A decoder at the start of a body, whose trailer section may have `max_trailers` bytes.
    pub fn new(max_trailers: usize) -> Self {
        Self { state: ChunkState::START, extensions: 0, fields: 0, trailers: Vec::new(), max_trailers }
    }

    /// The lines of the trailer section, each with its CR LF, without the empty one at the end.
    pub fn trailers(&self) -> &[u8] {
        &self.trailers
    }

    /// Whether the whole body has been seen.
    pub fn is_done(&self) -> bool {
        self.state == ChunkState::Done
    }

    /// Looks at the start of `input`.
    ///
    /// # Errors
    /// It is no part of a chunked body; the decoder is of no more use.
    pub fn next(&mut self, input: &[u8]) -> Result<ChunkItem, InvalidChunk> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            if let ChunkState::Data(left) = self.state {
                let there = input.len() - at;
                let take = usize::try_from(left).map_or(there, |left| left.min(there));
                let rest = left - take as u64;
                self.state = if rest == 0 { ChunkState::DataEnd } else { ChunkState::Data(rest) };
                return Ok(ChunkItem::Data(at..at + take));
            }
            at += 1;
            self.state = self.step(byte)?;
            if self.state == ChunkState::Done {
                return Ok(ChunkItem::End(at));
            }
        }
        Ok(ChunkItem::Nothing)
    }

    fn step(&mut self, byte: u8) -> Result<ChunkState, InvalidChunk> {
        Ok(match (self.state, byte) {
            (ChunkState::Size { size, digits }, _) if byte.is_ascii_hexdigit() => {
                // Sixteen digits would fit, but nothing may add up to more than can be counted.
                if digits == 16 || size >> 56 != 0 {
                    return Err(InvalidChunk);
                }
                ChunkState::Size { size: size << 4 | u64::from(hex(byte)), digits: digits + 1 }
            }
            (ChunkState::Size { digits: 0, .. }, _) => return Err(InvalidChunk),
            (ChunkState::Size { size, .. } | ChunkState::Extension(size), b'\r') => ChunkState::SizeEnd(size),
            (ChunkState::Size { size, .. } | ChunkState::Blank(size), b';') => self.extension(size)?,
            (ChunkState::Size { size, .. } | ChunkState::Blank(size), b' ' | b'\t') => {
                self.extension(size)?;
                ChunkState::Blank(size)
            }
            (ChunkState::Extension(size), _) if is_text(byte) => self.extension(size)?,
            (ChunkState::SizeEnd(0), b'\n') => ChunkState::Line,
            (ChunkState::SizeEnd(size), b'\n') => ChunkState::Data(size),
            (ChunkState::DataEnd, b'\r') => ChunkState::DataEndLf,
            (ChunkState::DataEndLf, b'\n') => ChunkState::START,
            (ChunkState::Line, b'\r') => ChunkState::LastLf,
            (ChunkState::LastLf, b'\n') => ChunkState::Done,
            (ChunkState::Line, _) if is_text(byte) => {
                self.fields += 1;
                if self.fields > MAX_TRAILERS {
                    return Err(InvalidChunk);
                }
                self.trailer(byte, ChunkState::InLine)?
            }
            (ChunkState::InLine, _) if is_text(byte) => self.trailer(byte, ChunkState::InLine)?,
            (ChunkState::InLine, b'\r') => self.trailer(byte, ChunkState::LineEnd)?,
            (ChunkState::LineEnd, b'\n') => self.trailer(byte, ChunkState::Line)?,
            _ => return Err(InvalidChunk),
        })
    }

    fn extension(&mut self, size: u64) -> Result<ChunkState, InvalidChunk> {
        self.extensions += 1;
        if self.extensions > MAX_EXTENSIONS { Err(InvalidChunk) } else { Ok(ChunkState::Extension(size)) }
    }

    fn trailer(&mut self, byte: u8, then: ChunkState) -> Result<ChunkState, InvalidChunk> {
        if self.trailers.len() == self.max_trailers {
            return Err(InvalidChunk);
        }
        self.trailers.push(byte);
        Ok(then)
    }
}

impl ChunkState {
    const START: Self = Self::Size { size: 0, digits: 0 };
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

fn hex(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        _ => (byte | 0x20) - b'a' + 10,
    }
}

/// Writes the line before a chunk of `size` bytes, which is not 0.
pub fn write_size(out: &mut Vec<u8>, size: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut shift = (usize::BITS - 1 - size.leading_zeros().min(usize::BITS - 1)) / 4 * 4;
    loop {
        out.push(DIGITS[size >> shift & 15]);
        if shift == 0 {
            break;
        }
        shift -= 4;
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Data and trailers of a body that arrives in pieces of `step` bytes, and how much of the input it was.
    fn decode(input: &[u8], step: usize) -> Result<(Vec<u8>, Vec<u8>, usize), InvalidChunk> {
        let mut decoder = Decoder::new(100);
        let (mut data, mut taken) = (Vec::new(), 0);
        for piece in input.chunks(step) {
            let mut rest = piece;
            loop {
                match decoder.next(rest)? {
                    ChunkItem::Data(range) => {
                        data.extend_from_slice(&rest[range.clone()]);
                        taken += range.end;
                        rest = &rest[range.end..];
                    }
                    ChunkItem::Nothing => break taken += rest.len(),
                    ChunkItem::End(last) => return Ok((data, decoder.trailers().to_vec(), taken + last)),
                }
            }
        }
        Err(InvalidChunk)
    }

    #[test]
    fn good_bodies_are_read_however_they_arrive() {
        let cases: [(&str, &str, &str, usize); 6] = [
            ("0\r\n\r\n", "", "", 0),
            ("5\r\nhello\r\n0\r\n\r\nGET", "hello", "", 3),
            ("A\r\n0123456789\r\n1\r\nx\r\n000\r\n\r\n", "0123456789x", "", 0),
            ("3;a=\"b;c\"\r\nabc\r\n0 ; z\r\n\r\n", "abc", "", 0),
            ("1\r\na\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n", "a", "X-Sum: 1\r\nY: 2\r\n", 0),
            ("000000000000000a\r\n0123456789\r\n0\r\n\r\n", "0123456789", "", 0),
        ];
        for (input, data, trailers, behind) in cases {
            for step in [1, 2, 3, 7, 1000] {
                let expected = (data.into(), trailers.into(), input.len() - behind);
                assert_eq!(decode(input.as_bytes(), step), Ok(expected), "{input:?} by {step}");
            }
        }
    }

    #[test]
    fn odd_bodies_are_refused_however_they_arrive() {
        for input in [
            "\r\n",
            "+5\r\nhello\r\n0\r\n\r\n",
            "0x5\r\nhello\r\n0\r\n\r\n",
            " 5\r\nhello\r\n0\r\n\r\n",
            "5 \r\nhello\r\n0\r\n\r\n",
            "5\nhello\r\n0\r\n\r\n",
            "5\r\nhello0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "0\n\r\n",
            "0\r\n\n",
            "0\r\nX: 1\n\r\n",
            "g\r\n",
            "-1\r\n",
            "5;a\nhello\r\n0\r\n\r\n",
            "5;\x01\r\nhello\r\n0\r\n\r\n",
            "00000000000000005\r\nhello\r\n0\r\n\r\n",
            "ffffffffffffffff\r\n",
            "5\r\r\nhello",
            "0\r\nX: \0\r\n\r\n",
            "0\r\n\r\r\n",
        ] {
            for step in [1, 2, 3, 7, 1000] {
                assert_eq!(decode(input.as_bytes(), step), Err(InvalidChunk), "{input:?} by {step}");
            }
        }
        let long = |count| format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(count));
        assert!(decode(long(MAX_EXTENSIONS - 1).as_bytes(), 1000).is_ok());
        assert!(decode(long(MAX_EXTENSIONS).as_bytes(), 1000).is_err());
        let trailers = |count| format!("0\r\nX:{}\r\n\r\n", "a".repeat(count));
        assert!(decode(trailers(96).as_bytes(), 1000).is_ok());
        assert!(decode(trailers(97).as_bytes(), 1000).is_err());
    }

    #[test]
    fn sizes_are_written_as_they_are_read() {
        for size in [1, 9, 10, 15, 16, 255, 256, 65536, usize::MAX] {
            let mut out = Vec::new();
            write_size(&mut out, size);
            assert_eq!(out, format!("{size:x}\r\n").into_bytes());
        }
    }
}
