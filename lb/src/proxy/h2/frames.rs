//! Where frames begin and end in what a client sends.
//!
//! h2 keeps to itself that a head has begun and is not whole, and how long it has been arriving is what a slow client has to answer for. It
//! refuses to judge: what is wrong in a frame is h2's business.

use crate::proxy::h1::PREFACE;

/// Bytes before a frame's payload.
const HEAD: usize = 9;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// What has come, up to the last byte.
#[derive(Debug)]
pub(super) struct Frames {
    /// The beginning of a frame.
    head: [u8; HEAD],
    /// Bytes of it that are there.
    have: usize,
    /// Bytes of a payload that are still to come.
    left: usize,
    /// A request's head, or its trailers, are arriving.
    arriving: bool,
    /// They end with this frame.
    last: bool,
}

// === impl Frames ===

impl Frames {
    /// Nothing has come yet.
    pub(super) fn new() -> Self {
        Self { head: [0; HEAD], have: 0, left: PREFACE.len(), arriving: false, last: false }
    }

    /// Follows `bytes`; says whether a head is arriving after them.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            if self.left > 0 {
                let count = self.left.min(bytes.len());
                self.left -= count;
                bytes = &bytes[count..];
            } else {
                let count = bytes.len().min(HEAD - self.have);
                self.head[self.have..][..count].copy_from_slice(&bytes[..count]);
                self.have += count;
                bytes = &bytes[count..];
                if self.have < HEAD {
                    continue;
                }
                self.begin();
            }
            if self.left == 0 && self.last {
                self.arriving = false;
            }
        }
        self.arriving
    }

    /// The beginning of a frame is whole.
    fn begin(&mut self) {
        let [a, b, c, kind, flags, ..] = self.head;
        self.have = 0;
        self.left = u32::from_be_bytes([0, a, b, c]) as usize;
        let of_head = matches!(kind, HEADERS | CONTINUATION);
        self.arriving |= of_head;
        self.last = of_head && flags & END_HEADERS != 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, size: u8) -> Vec<u8> {
        [&[0, 0, size, kind, flags, 0, 0, 0, 1][..], &vec![7; size.into()]].concat()
    }

    #[test]
    fn a_head_arrives_until_its_last_frame_is_whole() {
        let preface = PREFACE.to_vec();
        let table = [
            (vec![preface.clone()], false),
            (vec![preface.clone(), frame(4, 0, 6), frame(HEADERS, END_HEADERS, 5)], false),
            (vec![preface.clone(), frame(HEADERS, END_HEADERS, 0)], false),
            (vec![preface.clone(), frame(HEADERS, 0, 5)], true),
            (vec![preface.clone(), frame(HEADERS, END_HEADERS, 5)[..12].to_vec()], true),
            (vec![preface.clone(), frame(HEADERS, 0, 5), frame(CONTINUATION, 0, 0)], true),
            (vec![preface.clone(), frame(HEADERS, 0, 5), frame(CONTINUATION, END_HEADERS, 3)], false),
            (vec![preface, frame(HEADERS, 0, 5), frame(CONTINUATION, END_HEADERS, 3)[..9].to_vec()], true),
        ];
        for (pieces, arriving) in table {
            let bytes = pieces.concat();
            assert_eq!(Frames::new().follow(&bytes), arriving, "{pieces:?}");
            let mut slow = Frames::new();
            let last = bytes.chunks(1).map(|byte| slow.follow(byte)).last();
            assert_eq!(last, Some(arriving), "{pieces:?} byte by byte");
        }
    }
}
