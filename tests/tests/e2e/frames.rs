//! Frames of HTTP/2 (RFC 9113 section 4), for tests that send what no library would. It knows neither the side that sends nor the content of a header block.

use std::io;

use tests::Wire;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RESET: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW: u8 = 8;

pub(super) const END_STREAM: u8 = 1;
pub(super) const ACK: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// A frame.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

// === impl Frame ===

impl Frame {
    /// The next one.
    pub(super) async fn read(wire: &mut Wire) -> io::Result<Self> {
        let head = wire.take(9).await?;
        let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
        let size = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        Ok(Self { kind: head[3], flags: head[4], stream, payload: wire.take(size).await? })
    }

    /// A number in the payload.
    fn number(&self, from: usize) -> u32 {
        u32::from_be_bytes(self.payload[from..from + 4].try_into().unwrap())
    }

    /// Why a stream was reset.
    pub(super) fn reason(&self) -> u32 {
        self.number(0)
    }

    /// The last stream that is served, and why.
    pub(super) fn goaway(&self) -> (u32, u32) {
        assert_eq!(self.kind, GOAWAY);
        (self.number(0), self.number(4))
    }

    /// Whether it is the last of its stream from its side.
    pub(super) fn ends_its_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }
}

/// A frame as bytes.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&size[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}
