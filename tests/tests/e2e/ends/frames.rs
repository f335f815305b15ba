//! A client of HTTP/2 that sends what it is told, frame by frame: hyper would do better than the clients that these tests are about.

use tests::{Running, Wire, within};

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RESET: u8 = 3;
const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
const WINDOW: u8 = 8;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
pub(super) const ACK: u8 = 1;

/// A frame.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// A connection.
pub(super) struct Frames(Wire);

// === impl Frame ===

impl Frame {
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

    pub(super) fn ends_its_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }
}

// === impl Frames ===

impl Frames {
    /// A connection whose own window is large; those of its streams are as they are.
    pub(super) async fn connect(lab: &Running) -> Self {
        let mut wire = lab.connect().await;
        wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        wire.send(frame(SETTINGS, 0, 0, &[])).await;
        wire.send(frame(WINDOW, 0, 0, &(1_u32 << 24).to_be_bytes())).await;
        Self(wire)
    }

    /// Sends frames.
    pub(super) async fn send(&mut self, frames: &[u8]) {
        self.0.send(frames).await;
    }

    /// The next frame that says something; nothing at the end.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        loop {
            let head = within("a frame", self.0.take(9)).await.ok()?;
            let size = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
            let payload = within("a payload", self.0.take(size)).await.ok()?;
            match head[3] {
                SETTINGS if head[4] & ACK == 0 => self.send(&frame(SETTINGS, ACK, 0, &[])).await,
                SETTINGS | WINDOW => {}
                kind => return Some(Frame { kind, flags: head[4], stream, payload }),
            }
        }
    }

    /// The next frame for which that holds.
    pub(super) async fn find(&mut self, what: &str, wanted: impl Fn(&Frame) -> bool) -> Frame {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("the end instead of {what}"));
            if wanted(&frame) {
                return frame;
            }
        }
    }

    /// Hears that lb wants no more, and has nothing more to say.
    pub(super) async fn agree(&mut self) {
        while let Some(Frame { kind, payload, .. }) = self.next().await {
            if kind == PING {
                self.send(&frame(PING, ACK, 0, &payload)).await;
            }
        }
    }

    /// The next that is of this kind.
    pub(super) async fn find_kind(&mut self, kind: u8) -> Frame {
        self.find(&format!("a frame of kind {kind}"), |frame| frame.kind == kind).await
    }
}

/// A frame as bytes.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&size[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A GET.
pub(super) fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &head(path))
}

/// A GET whose head is not whole.
pub(super) fn half_a_get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM, stream, &head(path))
}

/// The client wants no more of a stream.
pub(super) fn reset(stream: u32) -> Vec<u8> {
    frame(RESET, 0, stream, &8_u32.to_be_bytes())
}

/// The head of a GET (RFC 7541 appendix A): entries of the static table, names of it with a value, nothing compressed.
fn head(path: &str) -> Vec<u8> {
    let text = |index: u8, value: &str| [&[index, value.len() as u8], value.as_bytes()].concat();
    [vec![0x82, 0x86], text(1, "lab"), text(4, path)].concat()
}
