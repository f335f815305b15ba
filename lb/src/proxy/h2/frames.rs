//! Where frames begin and end in what a client sends.
//!
//! h2 keeps to itself that a head has begun and is not whole, and how long it has been arriving is what a slow client has to answer for. It
//! refuses to judge: what is wrong in a frame is h2's business.

use std::collections::HashMap;

use crate::proxy::h1::{MAX_INTERIM, PREFACE};

/// Bytes before a frame's payload.
const HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Heads of one answer, at most: those before the last are interim.
const MAX_HEADS: u32 = 1 + MAX_INTERIM;

/// Streams of which heads are counted; beyond that those are forgotten that began first.
const COUNTED: u32 = 1024;

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
    /// Frames that have begun.
    begun: u32,
    /// Those of them that carry neither a message nor a part of one.
    control: u32,
    /// Bytes that h2 answers to them.
    replies: u64,
    /// Of a server: heads so far of each stream that has not ended.
    heads: Option<HashMap<u32, u32>>,
    /// There were too many of one stream.
    flooded: bool,
}

// === impl Frames ===

impl Frames {
    /// Nothing has come yet of a client.
    pub(super) fn of_client() -> Self {
        Self {
            head: [0; HEAD],
            have: 0,
            left: PREFACE.len(),
            arriving: false,
            last: false,
            begun: 0,
            control: 0,
            replies: 0,
            heads: None,
            flooded: false,
        }
    }

    /// Nothing has come yet of a server.
    pub(super) fn of_server() -> Self {
        Self { left: 0, heads: Some(HashMap::new()), ..Self::of_client() }
    }

    /// Frames that have begun in what was followed last.
    pub(super) fn begun(&self) -> u32 {
        self.begun
    }

    /// Whether a head has begun and is not whole.
    pub(super) fn is_arriving(&self) -> bool {
        self.arriving
    }

    /// Whether a server has sent more interim answers to one request than are taken.
    pub(super) fn is_flooded(&self) -> bool {
        self.flooded
    }

    /// Frames since the last call that carry nothing, and bytes that are answered to them.
    pub(super) fn take_control(&mut self) -> (u32, u64) {
        (std::mem::take(&mut self.control), std::mem::take(&mut self.replies))
    }

    /// Follows `bytes` up to the beginning of the frame that would be one more than `most`; says how many bytes that were.
    pub(super) fn follow(&mut self, all: &[u8], most: u32) -> usize {
        let mut bytes = all;
        self.begun = 0;
        while !bytes.is_empty() && (self.begun < most || self.left > 0 || self.have > 0) {
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
        all.len() - bytes.len()
    }

    /// The beginning of a frame is whole.
    fn begin(&mut self) {
        let [a, b, c, kind, flags, stream @ ..] = self.head;
        self.have = 0;
        self.begun += 1;
        self.left = u32::from_be_bytes([0, a, b, c]) as usize;
        let of_head = matches!(kind, HEADERS | CONTINUATION);
        self.arriving |= of_head;
        self.last = of_head && flags & END_HEADERS != 0;
        let carries =
            of_head || kind == RST_STREAM || kind == DATA && (self.left > 0 || flags & END_STREAM != 0);
        if !carries {
            self.control += 1;
            if matches!(kind, SETTINGS | PING) && flags & ACK == 0 {
                self.replies += HEAD as u64 + if kind == PING { 8 } else { 0 };
            }
        }
        let ends = matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 || kind == RST_STREAM;
        if let Some(heads) = self.heads.as_mut().filter(|_| ends || kind == HEADERS) {
            let stream = u32::from_be_bytes(stream);
            if ends {
                heads.remove(&stream);
                return;
            }
            let count = heads.entry(stream).or_default();
            *count += 1;
            self.flooded |= *count > MAX_HEADS;
            if heads.len() > COUNTED as usize {
                heads.retain(|other, _| other.saturating_add(2 * COUNTED) > stream);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, size: u8) -> Vec<u8> {
        [&[0, 0, size, kind, flags, 0, 0, 0, 1][..], &vec![7; size.into()]].concat()
    }

    #[test]
    fn frames_that_carry_nothing_are_counted_and_handed_on_in_portions() {
        let mut frames = Frames::of_server();
        let bytes = [
            frame(PING, 0, 8),
            frame(SETTINGS, ACK, 0),
            frame(8, 0, 4),
            frame(99, 0, 3),
            frame(DATA, 0, 0),
            frame(DATA, 0, 9),
            frame(HEADERS, END_HEADERS, 2),
            frame(RST_STREAM, 0, 4),
        ];
        let all = bytes.concat();
        let first = frames.follow(&all, 5);
        assert_eq!((first, frames.take_control()), (bytes[..5].concat().len(), (5, 17)));
        assert_eq!(frames.follow(&all[first..], 100), all.len() - first);
        assert_eq!(frames.take_control(), (0, 0));
    }

    #[test]
    fn interim_answers_are_counted_by_stream_until_it_ends() {
        let head = |stream: u8, flags: u8| {
            let mut head = frame(HEADERS, END_HEADERS | flags, 1);
            head[8] = stream;
            head
        };
        let mut frames = Frames::of_server();
        for _ in 0..MAX_HEADS {
            frames.follow(&[head(1, 0), head(3, 0)].concat(), 100);
        }
        frames.follow(&head(3, END_STREAM), 100);
        frames.follow(&head(5, 0), 100);
        assert!(!frames.is_flooded());
        frames.follow(&head(1, 0), 100);
        assert!(frames.is_flooded());
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
            let mut frames = Frames::of_client();
            assert_eq!(frames.follow(&bytes, 100), bytes.len());
            assert_eq!(frames.is_arriving(), arriving, "{pieces:?}");
            let mut slow = Frames::of_client();
            bytes.chunks(1).for_each(|byte| assert_eq!(slow.follow(byte, 100), 1));
            assert_eq!(slow.is_arriving(), arriving, "{pieces:?} byte by byte");
        }
    }
}
