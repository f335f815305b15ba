//! A message on its way from one connection to another: its head, written already, and its body, framed anew.
//!
//! The same pump carries requests and responses, and tunnels both ways. It knows no HTTP but framing; who broke a transfer it says,
//! what follows from that it leaves to others. Large bodies pass inside the kernel where that can be done.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::buffer::Buffer;
use super::buffers::BufferPool;
use crate::http::chunk::{self, ChunkItem, Decoder};
use crate::http::field;
use crate::http::framing::Framing;
use crate::net::{Pipe, Socket, turn};

/// Up to here body bytes are copied behind the head, so that both leave in one plain write, which costs less than one of two pieces. Of more
/// bytes the head is copied in front.
const JOIN: usize = 512;

/// From here on a body passes inside the kernel.
const SPLICE: u64 = 32 * 1024;

/// Steps of a turn, after which others get theirs: a step moves up to 64 KB.
const STEPS: usize = 8;

/// Chunks that cost as much as a step: small ones are work without bytes.
const CHUNKS: usize = 512;

/// A message on its way.
#[derive(Debug)]
pub struct Pump {
    source: BodySource,
    /// Whether the body leaves in chunks.
    chunks: bool,
    /// Whether trailers leave with them.
    trailers: bool,
    /// Written and not yet sent, from `at` on.
    staged: Vec<u8>,
    at: usize,
    sent: u64,
    pipe: Option<Pipe>,
    /// The last read brought much.
    bulk: bool,
    /// How long the source may be silent; without one its silence is not looked at.
    limit: Option<Duration>,
}

/// What becomes of trailers.
#[derive(Debug, Clone, Copy)]
pub struct Trailers {
    /// Bytes that there may be.
    pub most: usize,
    /// Whether they go on.
    pub pass: bool,
}

/// What is still to come.
#[derive(Debug)]
enum BodySource {
    Done,
    Length(u64),
    Chunked(Box<Decoder>),
    UntilClose,
}

/// Between which connections, and what has arrived.
#[derive(Debug)]
pub struct Transfer<'a> {
    /// Where bytes come from.
    pub from: &'a Socket,
    /// What has come from there.
    pub input: &'a mut Buffer,
    /// Where bytes go.
    pub to: &'a Socket,
    /// Pipes to borrow.
    pub pool: &'a BufferPool,
}

/// Why a message did not get through.
#[derive(Debug)]
pub enum Broken {
    /// The source ended before its message did, or broke.
    Source,
    /// What the source sent is no valid body.
    Faulty,
    /// The other side takes no more.
    Sink(io::Error),
}

// === impl Pump ===

impl Pump {
    /// A message whose head is `staged`, with a body that arrives as `source` says and leaves as `sink` says.
    #[inline]
    pub fn new(
        staged: Vec<u8>,
        source: Framing,
        sink: Framing,
        trailers: Trailers,
        limit: Option<Duration>,
    ) -> Self {
        let source = match source {
            Framing::None | Framing::Length(0) => BodySource::Done,
            Framing::Length(length) => BodySource::Length(length),
            Framing::Chunked => BodySource::Chunked(Box::new(Decoder::new(trailers.most))),
            Framing::UntilClose => BodySource::UntilClose,
        };
        let chunks = sink == Framing::Chunked;
        Self {
            source,
            chunks,
            trailers: trailers.pass,
            staged,
            at: 0,
            sent: 0,
            pipe: None,
            bulk: false,
            limit,
        }
    }

    /// Bytes that have left.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Begins again with a message that has no body, or of which nothing has left.
    pub fn rewind(&mut self) {
        debug_assert!(self.sent == 0 || self.is_whole(), "what has left is not kept");
        (self.at, self.sent) = (0, 0);
    }

    /// Whether all of it is still here, to be sent again.
    pub fn is_whole(&self) -> bool {
        matches!(self.source, BodySource::Done) && self.sent == self.at as u64
    }

    /// The message from its first byte on, with as much of its body as is in one piece with it; nothing when that has left.
    pub fn text(&mut self) -> Option<&mut Vec<u8>> {
        (self.sent == self.at as u64 && !self.staged.is_empty()).then_some(&mut self.staged)
    }

    /// The rest of the body has arrived already: it is dropped, and the message is at its end.
    pub fn skip(&mut self, input: &mut Buffer) -> bool {
        if let BodySource::Length(left) = self.source
            && let Ok(left) = usize::try_from(left)
            && left <= input.data().len()
        {
            input.consume(left);
            self.source = BodySource::Done;
        }
        matches!(self.source, BodySource::Done)
    }

    /// Gives back what it had borrowed, and its text; it is over.
    pub fn end(&mut self, pool: &BufferPool) -> Vec<u8> {
        if let Some(pipe) = self.pipe.take() {
            pool.give_pipe(pipe);
        }
        std::mem::take(&mut self.staged)
    }

    /// Moves what can be moved; ready when the last byte has left.
    pub fn poll(&mut self, cx: &mut Context<'_>, way: &mut Transfer<'_>) -> Poll<Result<(), Broken>> {
        let mut steps = 0;
        while steps < STEPS {
            steps += 1;
            if self.is_over() {
                return Poll::Ready(Ok(()));
            }
            if matches!(self.source, BodySource::Chunked(_)) && self.at == 0 && !way.input.is_empty() {
                // Head and first chunks leave together.
                steps += self.decode(way.input)?;
            }
            let ready = if self.at < self.staged.len() || self.plain() && !way.input.is_empty() {
                self.poll_put(cx, way)
            } else if self.has_piped() {
                self.poll_give(cx, way)
            } else if !way.input.is_empty() {
                steps += self.decode(way.input)?;
                continue;
            } else if self.may_splice(way) {
                self.poll_splice(cx, way)
            } else if way.to.poll_room(cx).is_pending() {
                // Nothing is read that would have to be kept.
                self.wait_for_room(way.from)
            } else {
                self.poll_fill(cx, way)
            };
            ready!(ready)?;
        }
        turn::end(cx);
        Poll::Pending
    }

    /// Whether the last byte has left.
    fn is_over(&self) -> bool {
        matches!(self.source, BodySource::Done) && self.at == self.staged.len() && !self.has_piped()
    }

    /// Whether bytes have been taken from the source and not been given on.
    fn has_piped(&self) -> bool {
        self.pipe.as_ref().is_some_and(|pipe| pipe.held() > 0)
    }

    /// Whether bytes leave as they come.
    fn plain(&self) -> bool {
        !self.chunks && matches!(self.source, BodySource::Length(_) | BodySource::UntilClose)
    }

    /// Sends what is staged and what can go as it came, in one call.
    fn poll_put(&mut self, cx: &mut Context<'_>, way: &mut Transfer<'_>) -> Poll<Result<(), Broken>> {
        let staged = self.staged.len() - self.at;
        let direct = if self.plain() { self.most(way.input.data().len()) } else { 0 };
        let put = if direct == 0 {
            way.to.poll_put(cx, &self.staged[self.at..])
        } else if staged == 0 {
            way.to.poll_put(cx, &way.input.data()[..direct])
        } else if direct <= JOIN && self.at == 0 {
            self.staged.extend_from_slice(&way.input.data()[..direct]);
            way.input.consume(direct);
            self.arrived(direct);
            way.to.poll_put(cx, &self.staged)
        } else if self.at == 0 && way.input.prepend(&self.staged) {
            // From here on it is as if the head were a part of the body.
            self.staged.clear();
            if let BodySource::Length(left) = &mut self.source {
                *left += staged as u64;
            }
            way.to.poll_put(cx, &way.input.data()[..staged + direct])
        } else {
            way.to.poll_put_both(cx, &self.staged[self.at..], &way.input.data()[..direct])
        };
        let count = match put {
            Poll::Ready(Ok(count)) => count,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(Broken::Sink(error))),
            Poll::Pending => return self.wait_for_room(way.from),
        };
        self.sent += count as u64;
        let of_staged = count.min(self.staged.len() - self.at);
        self.at += of_staged;
        if count > of_staged {
            way.input.consume(count - of_staged);
            self.arrived(count - of_staged);
        }
        Poll::Ready(Ok(()))
    }

    fn wait_for_room(&self, from: &Socket) -> Poll<Result<(), Broken>> {
        if self.limit.is_some() {
            // It is not the source's turn.
            from.deadlines().disarm();
        }
        Poll::Pending
    }

    /// How much of `there` belongs to the body.
    fn most(&self, there: usize) -> usize {
        match self.source {
            BodySource::Length(left) => usize::try_from(left).map_or(there, |left| left.min(there)),
            _ => there,
        }
    }

    fn arrived(&mut self, count: usize) {
        if let BodySource::Length(left) = &mut self.source {
            *left -= count as u64;
            if *left == 0 {
                self.source = BodySource::Done;
            }
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, way: &mut Transfer<'_>) -> Poll<Result<(), Broken>> {
        match way.input.poll_fill(cx, way.from) {
            Poll::Ready(Ok(0)) => Poll::Ready(self.ended()),
            Poll::Ready(Ok(count)) => {
                self.bulk = count as u64 >= SPLICE;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(_)) => Poll::Ready(Err(Broken::Source)),
            Poll::Pending => self.wait_for_bytes(way.from),
        }
    }

    fn wait_for_bytes(&self, from: &Socket) -> Poll<Result<(), Broken>> {
        if let Some(limit) = self.limit
            && from.deadlines().is_resting()
        {
            from.deadlines().await_bytes(limit);
        }
        Poll::Pending
    }

    /// The source has ended.
    fn ended(&mut self) -> Result<(), Broken> {
        if !matches!(self.source, BodySource::UntilClose) {
            return Err(Broken::Source);
        }
        self.source = BodySource::Done;
        if self.chunks {
            self.stage(b"0\r\n\r\n");
        }
        Ok(())
    }

    fn stage(&mut self, bytes: &[u8]) {
        if self.at == self.staged.len() {
            self.staged.clear();
            self.at = 0;
        }
        self.staged.extend_from_slice(bytes);
    }

    /// Frames what has arrived anew; says how many more steps that was worth.
    fn decode(&mut self, input: &mut Buffer) -> Result<usize, Broken> {
        match &mut self.source {
            BodySource::Chunked(_) => self.decode_chunks(input),
            _ => {
                let count = self.most(input.data().len());
                self.stage_data(&input.data()[..count]);
                input.consume(count);
                self.arrived(count);
                if matches!(self.source, BodySource::Done) {
                    self.stage(b"0\r\n\r\n");
                }
                Ok(0)
            }
        }
    }

    fn stage_data(&mut self, data: &[u8]) {
        self.stage(b"");
        if self.chunks {
            chunk::write_size(&mut self.staged, data.len());
        }
        self.staged.extend_from_slice(data);
        if self.chunks {
            self.staged.extend_from_slice(b"\r\n");
        }
    }

    fn decode_chunks(&mut self, input: &mut Buffer) -> Result<usize, Broken> {
        let BodySource::Chunked(mut decoder) = std::mem::replace(&mut self.source, BodySource::Done) else {
            return Ok(0);
        };
        let mut chunks = 0;
        loop {
            match decoder.next(input.data()).map_err(|_| Broken::Faulty)? {
                ChunkItem::Data(range) => {
                    chunks += 1;
                    self.stage_data(&input.data()[range.clone()]);
                    input.consume(range.end);
                }
                ChunkItem::Nothing => {
                    input.clear();
                    self.source = BodySource::Chunked(decoder);
                    return Ok(chunks / CHUNKS);
                }
                ChunkItem::End(count) => {
                    input.consume(count);
                    if self.chunks {
                        self.stage(b"0\r\n");
                        field::write_trailers(&mut self.staged, decoder.trailers(), self.trailers)
                            .map_err(|_| Broken::Faulty)?;
                    }
                    return Ok(chunks / CHUNKS);
                }
            }
        }
    }

    /// Whether so much is to come that a pipe pays.
    fn may_splice(&mut self, way: &Transfer<'_>) -> bool {
        let large = match self.source {
            BodySource::Length(left) => left >= SPLICE,
            BodySource::UntilClose => self.bulk,
            BodySource::Done | BodySource::Chunked(_) => false,
        };
        if large && self.plain() && self.pipe.is_none() && Pipe::fits(way.from, way.to) {
            self.pipe = way.pool.take_pipe();
        }
        self.pipe.is_some() && self.plain()
    }

    fn poll_splice(&mut self, cx: &mut Context<'_>, way: &mut Transfer<'_>) -> Poll<Result<(), Broken>> {
        let most = if let BodySource::Length(left) = self.source { left } else { u64::MAX };
        let Some(pipe) = &mut self.pipe else { return Poll::Ready(Ok(())) };
        match pipe.poll_take(cx, way.from, most) {
            Poll::Ready(Ok(0)) => Poll::Ready(self.ended()),
            Poll::Ready(Ok(count)) => {
                self.arrived(count);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(_)) => Poll::Ready(Err(Broken::Source)),
            Poll::Pending => self.wait_for_bytes(way.from),
        }
    }

    fn poll_give(&mut self, cx: &mut Context<'_>, way: &mut Transfer<'_>) -> Poll<Result<(), Broken>> {
        let Some(pipe) = &mut self.pipe else { return Poll::Ready(Ok(())) };
        match pipe.poll_give(cx, way.to) {
            Poll::Ready(Ok(count)) => {
                self.sent += count as u64;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(Broken::Sink(error))),
            Poll::Pending => self.wait_for_room(way.from),
        }
    }
}
