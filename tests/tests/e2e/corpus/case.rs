//! One case of the corpus: what is sent, and what must come of it. `tests/corpus/README.md` explains the format.
//!
//! Only data: `read.rs` makes it of a file, `run.rs` and `judge.rs` make something of it.

mod read;

use tests::strict::{Field, Framing};

pub(super) use read::read;

/// A case as it stands in a file, with its placeholder filled.
#[derive(Debug, Clone, Default)]
pub(super) struct Case {
    pub(super) name: String,
    /// What the client sends at once.
    pub(super) client: Vec<u8>,
    /// What it sends once something has come back.
    pub(super) client_later: Vec<u8>,
    /// Whether it says then that nothing more will come.
    pub(super) finishes: bool,
    /// What the server sends as soon as it has the first request's head.
    pub(super) server_at_head: Vec<u8>,
    /// What the server answers to one whole request after the other; it has answers of its own for more.
    pub(super) server: Vec<Vec<u8>>,
    /// What the server sends once the client has its answer.
    pub(super) server_later: Vec<u8>,
    /// Whether the server closes the connection behind the last of those.
    pub(super) server_closes: bool,
    /// Whether no further request is sent behind the client's bytes.
    pub(super) alone: bool,
    /// Whether it is also tried cut in two at each place.
    pub(super) pieces: bool,
    /// What may come of it: one of these.
    pub(super) outcomes: Vec<Outcome>,
    pub(super) passed: Passed,
}

/// What may come of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// One of these statuses from `lb`, then the end; not a byte has reached a server. 0 is the end without an answer.
    Refused(Vec<u16>),
    /// The same, but a server may have seen a part of a request, on a connection that is closed.
    Stopped(Vec<u16>),
    /// What [`Passed`] says.
    Passed,
    /// One of these statuses in place of the server's answer, whose connection is closed.
    Gives(Vec<u16>),
    /// The beginning of the server's answer, then the end of both connections, so that it cannot be taken for a complete response.
    Cut,
}

/// How a case that passes looks at both ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Passed {
    /// The requests at the server.
    pub(super) requests: Vec<Sight>,
    /// The answers at the client, interim ones among them.
    pub(super) answers: Vec<Sight>,
    pub(super) client_end: End,
    /// What becomes of the server's connection; that it stays means that it is used again.
    pub(super) server_end: End,
    /// Whether the server answers before it has the whole request, and never gets it.
    pub(super) partial: bool,
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum End {
    #[default]
    Stays,
    Closes,
    Either,
}

/// What must be seen of one message.
#[derive(Debug, Clone, Default)]
pub(super) struct Sight {
    pub(super) line: Option<Vec<u8>>,
    pub(super) status: Option<u16>,
    /// All values of these fields, the names in any case.
    pub(super) has: Vec<Field>,
    /// The same, the names in this case.
    pub(super) writes: Vec<Field>,
    pub(super) lacks: Vec<Vec<u8>>,
    pub(super) framing: Option<Framing>,
    pub(super) body: Option<Vec<u8>>,
    /// Whether any body will do: that of an answer of `lb`'s own.
    pub(super) any_body: bool,
    pub(super) trailers: Vec<Field>,
}
