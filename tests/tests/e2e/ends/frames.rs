//! A client of HTTP/2 that sends what it is told, frame by frame: hyper would do better than the clients that these tests are about.

use tests::{Running, Wire, within};

use crate::frames::{
    ACK, END_HEADERS, END_STREAM, Frame, HEADERS, PING, PREFACE, RESET, SETTINGS, WINDOW, frame,
};

/// A connection.
pub(super) struct Frames(Wire);

// === impl Frames ===

impl Frames {
    /// A connection whose own window is large; those of its streams are as they are.
    pub(super) async fn connect(lab: &Running) -> Self {
        let mut wire = lab.connect().await;
        wire.send(PREFACE).await;
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
            let next = within("a frame", Frame::read(&mut self.0)).await.ok()?;
            match next.kind {
                SETTINGS if next.flags & ACK == 0 => self.send(&frame(SETTINGS, ACK, 0, &[])).await,
                SETTINGS | WINDOW => {}
                _ => return Some(next),
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
