//! Bodies between HTTP/2 and the engine's HTTP/1.1, frame by frame, under back-pressure both ways.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use h2::RecvStream;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::text;
use crate::http::chunk::{self, ChunkItem, Decoder};
use crate::http::framing::Framing;
use crate::net::MemoryStream;

/// Most bytes of a trailer section that passes.
const MAX_TRAILERS: usize = 64 * 1024;

/// Bytes that are read at once, and least room that is worth it.
const READ: usize = 16 * 1024;
const LEAST: usize = 1024;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A body that a client sends. Its window opens as it is taken.
pub(super) struct Received(pub(super) RecvStream);

/// A body that the engine gives, as frames.
#[derive(Debug)]
pub(super) struct FromText {
    memory: Rc<MemoryStream>,
    /// Read and not yet passed on.
    buffer: BytesMut,
    left: BodyRemainder,
    /// Set while the client waits for a word that its body is wanted.
    awaited: Option<Rc<Cell<bool>>>,
}

#[derive(Debug)]
enum BodyRemainder {
    Nothing,
    Length(u64),
    Chunked(Decoder),
    UntilClose,
}

// === impl FromText ===

impl FromText {
    /// A body of which `buffer` has been read already.
    pub(super) fn new(memory: Rc<MemoryStream>, buffer: BytesMut, framing: Framing) -> Self {
        let left = match framing {
            Framing::None | Framing::Length(0) => BodyRemainder::Nothing,
            Framing::Length(length) => BodyRemainder::Length(length),
            Framing::Chunked => BodyRemainder::Chunked(Decoder::new(MAX_TRAILERS)),
            Framing::UntilClose => BodyRemainder::UntilClose,
        };
        Self { memory, buffer, left, awaited: None }
    }

    /// The same, of a client that waits for `100 Continue` as long as `awaited` is set.
    pub(super) fn awaited(self, awaited: Option<Rc<Cell<bool>>>) -> Self {
        Self { awaited, ..self }
    }

    /// Says that the body is wanted, if nobody has said so.
    fn poll_invite(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.awaited.as_ref().is_some_and(|awaited| awaited.replace(false)) {
            // It is the first thing that is put in: there is room.
            ready!(self.memory.poll_write(cx, CONTINUE))?;
        }
        Poll::Ready(Ok(()))
    }

    /// What the buffer holds of the body.
    fn take(&mut self) -> io::Result<Option<Frame<Bytes>>> {
        if self.buffer.is_empty() {
            return Ok(None);
        }
        match &mut self.left {
            BodyRemainder::Nothing => Ok(None),
            BodyRemainder::UntilClose => Ok(Some(Frame::data(self.buffer.split().freeze()))),
            BodyRemainder::Length(left) => {
                let count =
                    usize::try_from(*left).map_or(self.buffer.len(), |left| left.min(self.buffer.len()));
                *left -= count as u64;
                if *left == 0 {
                    self.left = BodyRemainder::Nothing;
                }
                Ok(Some(Frame::data(self.buffer.split_to(count).freeze())))
            }
            BodyRemainder::Chunked(decoder) => match decoder.next(&self.buffer).map_err(io::Error::other)? {
                ChunkItem::Data(range) => {
                    self.buffer.advance(range.start);
                    let data = self.buffer.split_to(range.len());
                    Ok(Some(Frame::data(with_more(decoder, data, &mut self.buffer).freeze())))
                }
                ChunkItem::Nothing => {
                    self.buffer.clear();
                    Ok(None)
                }
                ChunkItem::End(count) => {
                    self.buffer.advance(count);
                    let trailers = text::read_trailers(decoder.trailers())
                        .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
                    self.left = BodyRemainder::Nothing;
                    Ok((!trailers.is_empty()).then(|| Frame::trailers(trailers)))
                }
            },
        }
    }
}

impl Body for FromText {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        loop {
            if let Some(frame) = this.take().transpose() {
                this.awaited = None;
                return Poll::Ready(Some(frame));
            }
            if matches!(this.left, BodyRemainder::Nothing) {
                return Poll::Ready(None);
            }
            let more = poll_more(cx, &this.memory, &mut this.buffer);
            if more.is_pending() {
                ready!(this.poll_invite(cx))?;
            }
            let end = match ready!(more) {
                Ok(0) => io::Error::from(io::ErrorKind::UnexpectedEof),
                Ok(_) => continue,
                Err(error) => error,
            };
            let whole =
                matches!(this.left, BodyRemainder::UntilClose) && end.kind() == io::ErrorKind::UnexpectedEof;
            this.left = BodyRemainder::Nothing;
            return Poll::Ready(if whole { None } else { Some(Err(end)) });
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.left, BodyRemainder::Nothing)
    }

    fn size_hint(&self) -> SizeHint {
        match self.left {
            BodyRemainder::Nothing => SizeHint::with_exact(0),
            BodyRemainder::Length(left) => SizeHint::with_exact(left),
            BodyRemainder::Chunked(_) | BodyRemainder::UntilClose => SizeHint::default(),
        }
    }
}

// === impl Received ===

impl Body for Received {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Self(stream) = self.get_mut();
        if let Some(data) = ready!(stream.poll_data(cx)) {
            // Only fails when more is given back than was taken.
            return Poll::Ready(Some(
                data.inspect(|data| {
                    let _ = stream.flow_control().release_capacity(data.len());
                })
                .map(Frame::data),
            ));
        }
        stream.poll_trailers(cx).map(|trailers| trailers.transpose().map(|read| read.map(Frame::trailers)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
}

/// Adds the data of further small chunks: a frame for each byte of a body would cost h2, and its memory, a hundred times that.
fn with_more(decoder: &mut Decoder, mut data: BytesMut, buffer: &mut BytesMut) -> BytesMut {
    while data.len() < LEAST && !buffer.is_empty() {
        let mut ahead = decoder.clone();
        // What is wrong, and the end, is found again at the next turn.
        let Ok(ChunkItem::Data(range)) = ahead.next(buffer) else { break };
        data.extend_from_slice(&buffer[range.clone()]);
        buffer.advance(range.end);
        *decoder = ahead;
    }
    data
}

/// Reads more of what the engine gives.
pub(super) fn poll_more(
    cx: &mut Context<'_>,
    memory: &MemoryStream,
    buffer: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    if buffer.capacity() - buffer.len() < LEAST {
        // What was taken out of it before keeps its memory until it is sent, so that a little of it is no reason for more.
        buffer.reserve(READ);
    }
    let room = buffer.capacity() - buffer.len();
    memory.poll_read(cx, &mut buffer.limit(room))
}

/// Gives the engine a body: in chunks, or as it is.
///
/// # Errors
/// The body broke, or the engine takes no more.
pub(super) async fn pour<B>(mut body: B, memory: &MemoryStream, framing: Framing) -> io::Result<()>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Unpin,
{
    let chunks = framing == Framing::Chunked;
    let mut out = Vec::new();
    let mut trailers = http::HeaderMap::new();
    while let Some(frame) = next(&mut body, memory).await? {
        match frame.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) => {
                if chunks {
                    out.clear();
                    chunk::write_size(&mut out, data.len());
                    put(memory, &out).await?;
                }
                put(memory, &data).await?;
                if chunks {
                    put(memory, b"\r\n").await?;
                }
            }
            Err(frame) => {
                if let Ok(last) = frame.into_trailers() {
                    trailers = last;
                }
            }
        }
    }
    if chunks {
        out.clear();
        out.extend_from_slice(b"0\r\n");
        text::write_trailers(&trailers, &mut out);
        put(memory, &out).await?;
    }
    Ok(())
}

/// Reads a body that has been declared to be empty.
///
/// # Errors
/// It is not, or it broke, or the engine wants no answer any more.
pub(super) async fn read_nothing(body: &mut Incoming, memory: &MemoryStream) -> io::Result<()> {
    while let Some(frame) = next(body, memory).await? {
        if frame.data_ref().is_some_and(|data| !data.is_empty()) {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(())
}

/// The next frame, for as long as somebody wants it; nothing at the end of the stream.
async fn next<B>(body: &mut B, memory: &MemoryStream) -> io::Result<Option<Frame<Bytes>>>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Unpin,
{
    poll_fn(|cx| {
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
            return Poll::Ready(match frame {
                // To hyper a reset with NO_ERROR is the end, also of a body that is not whole (RFC 9113 section 8.1).
                None if !body.is_end_stream() => Err(io::ErrorKind::ConnectionReset.into()),
                frame => frame.transpose().map_err(io::Error::other),
            });
        }
        memory.poll_unread(cx).map(|()| Err(io::ErrorKind::BrokenPipe.into()))
    })
    .await
}

/// Gives the engine all of it.
pub(super) async fn put(memory: &MemoryStream, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let count = poll_fn(|cx| memory.poll_write(cx, rest)).await?;
        rest = &rest[count..];
    }
    Ok(())
}
