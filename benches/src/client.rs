//! A keep-alive client: one GET after the other on one connection, each read to its last byte.
//!
//! It understands answers with `content-length` and nothing else, and refuses the rest: no chunks, no answer that ends with its
//! connection, no byte after the end of an answer.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest head of an answer.
const LONGEST_HEAD: usize = 64 * 1024;
/// Bytes of a body that are read at once.
const PIECE: usize = 256 * 1024;
/// How long an answer may stand still before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    address: SocketAddr,
}

/// Where answers are read to; one for any number of clients.
#[derive(Debug)]
pub struct Buffer(Vec<u8>);

/// An answer, read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its head, with the empty line.
    pub head: String,
    /// How long its body was.
    pub length: usize,
}

// === impl Client ===

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// The system's.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, address })
    }

    /// The head of a request, as this client sends it.
    pub fn request(&self, path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nhost: {}\r\nuser-agent: benches\r\naccept: */*\r\n\r\n", self.address)
    }

    /// One GET. Each piece of the body goes to `take` as it comes.
    ///
    /// # Errors
    /// The system's, an answer that ends too soon, or one of another shape than this client reads.
    pub fn get(&mut self, path: &str, buffer: &mut Buffer, take: impl FnMut(&[u8])) -> io::Result<Answer> {
        self.ask(path)?;
        self.hear(buffer, take)
    }

    /// Sends a GET and does not wait for its answer: [`Client::hear`] reads it.
    ///
    /// # Errors
    /// The system's.
    pub fn ask(&mut self, path: &str) -> io::Result<()> {
        self.stream.write_all(self.request(path).as_bytes())
    }

    /// Reads the answer to the last [`Client::ask`]. Each piece of the body goes to `take` as it comes.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn hear(&mut self, buffer: &mut Buffer, mut take: impl FnMut(&[u8])) -> io::Result<Answer> {
        let buffer = &mut buffer.0;
        let mut filled = 0;
        let (answer, head) = loop {
            filled += self.read(&mut buffer[filled..])?;
            if let Some(found) = head_of(&buffer[..filled])? {
                break found;
            }
        };
        let mut left = (head + answer.length)
            .checked_sub(filled)
            .ok_or_else(|| invalid("bytes after the end of the answer"))?;
        take(&buffer[head..filled]);
        while left > 0 {
            let room = left.min(buffer.len());
            let read = self.read(&mut buffer[..room])?;
            take(&buffer[..read]);
            left -= read;
        }
        Ok(answer)
    }

    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(room)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

// === impl Buffer ===

impl Default for Buffer {
    fn default() -> Self {
        Self(vec![0; LONGEST_HEAD + PIECE])
    }
}

/// What the head at the start of an answer says, and its size; nothing while it is not whole.
pub(crate) fn head_of(start: &[u8]) -> io::Result<Option<(Answer, usize)>> {
    match head_end(start) {
        Some(end) => Ok(Some((answer(&start[..end])?, end))),
        None if start.len() >= LONGEST_HEAD => Err(invalid("a head without an end")),
        None => Ok(None),
    }
}

fn head_end(start: &[u8]) -> Option<usize> {
    Some(start.windows(4).position(|four| four == b"\r\n\r\n")? + 4)
}

fn answer(head: &[u8]) -> io::Result<Answer> {
    let head = std::str::from_utf8(head).map_err(|_| invalid("a head that is no text"))?.to_owned();
    let status = head
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .ok_or_else(|| invalid("not an HTTP/1.1 answer"))?;
    let length = fields(&head, "content-length")
        .next()
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| invalid("no content-length"))?;
    Ok(Answer { status, head, length })
}

/// The values of the fields of that name in a head, whatever their case.
pub fn fields<'a>(head: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
