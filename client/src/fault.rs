//! Why a request failed: one reason each, by the part that caused it, and the record that a report keeps of it.

use std::error::Error as _;
use std::io::{self, ErrorKind};

use serde::Serialize;
use tokio_tungstenite::tungstenite;

use crate::mix::Kind;

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// No connection could be made.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The connection was reset in the middle of an exchange.
    #[error("connection reset")]
    Reset,
    /// The connection was closed before the answer's head was whole, or before an expected message.
    #[error("connection closed before a full answer")]
    Closed,
    /// Not done within `--timeout`.
    #[error("timeout")]
    Timeout,
    /// 400 or more without `x-node`: no node has said that.
    #[error("answered by the balancer itself with {0}")]
    Balancer(u16),
    /// 400 or more from a node.
    #[error("the node answered {0}")]
    Node(u16),
    /// A whole answer, but not the right one.
    #[error("altered: {what} ({detail})")]
    Altered {
        /// What is wrong, always the same words for the same fault.
        what: &'static str,
        /// Where, or how.
        detail: String,
    },
    /// The answer ended early: bytes, or events of an event stream.
    #[error("truncated: {got} of {wanted}")]
    Truncated {
        /// What had come.
        got: u64,
        /// What should have come.
        wanted: u64,
    },
    /// Bytes that are no HTTP or no WebSocket.
    #[error("malformed answer: {0}")]
    Malformed(String),
}

/// One failed request.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// When it failed: milliseconds since judging began.
    pub at_ms: u64,
    /// When it failed: milliseconds since 1970.
    pub unix_ms: u64,
    /// The kind of request.
    pub kind: Kind,
    /// The node that answered, if any did.
    pub node: Option<String>,
    /// The version that answered, if any did.
    pub version: Option<String>,
    /// The reason without details: what failures are grouped by.
    pub cause: String,
    /// The reason in full.
    pub reason: String,
    /// Whether any byte of the request had been written to the connection.
    pub sent: bool,
}

// === impl Reason ===

impl Reason {
    pub(crate) fn altered(what: &'static str, detail: impl Into<String>) -> Self {
        Self::Altered { what, detail: detail.into() }
    }

    /// The reason without what differs from one request to the next.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Altered { what, .. } => format!("altered: {what}"),
            Self::Truncated { .. } => "truncated".into(),
            Self::Malformed(_) => "malformed answer".into(),
            other => other.to_string(),
        }
    }

    /// Whether the connection ended by itself: the only faults after which a request may be sent again.
    pub(crate) fn is_disconnect(&self) -> bool {
        matches!(self, Self::Reset | Self::Closed)
    }

    /// The same loss, told by how much of the answer had come.
    pub(crate) fn after(self, got: u64, wanted: u64) -> Self {
        match self {
            Self::Closed => Self::Truncated { got, wanted },
            other => other,
        }
    }
}

impl From<&io::Error> for Reason {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => Self::Reset,
            ErrorKind::UnexpectedEof | ErrorKind::NotConnected => Self::Closed,
            _ => Self::Malformed(error.to_string()),
        }
    }
}

impl From<hyper::Error> for Reason {
    fn from(error: hyper::Error) -> Self {
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                return Self::from(io);
            }
            source = cause.source();
        }
        if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            Self::Closed
        } else {
            Self::Malformed(error.to_string())
        }
    }
}

impl From<tungstenite::Error> for Reason {
    fn from(error: tungstenite::Error) -> Self {
        use tungstenite::Error;
        use tungstenite::error::ProtocolError;
        match error {
            Error::Io(io) => Self::from(&io),
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Closed,
            other => Self::Malformed(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_leave_out_what_differs() {
        for (reason, cause, text) in [
            (
                Reason::altered("echoed body", "at byte 7"),
                "altered: echoed body",
                "altered: echoed body (at byte 7)",
            ),
            (Reason::Truncated { got: 3, wanted: 9 }, "truncated", "truncated: 3 of 9"),
            (
                Reason::Balancer(503),
                "answered by the balancer itself with 503",
                "answered by the balancer itself with 503",
            ),
            (Reason::Node(500), "the node answered 500", "the node answered 500"),
        ] {
            assert_eq!((reason.cause().as_str(), reason.to_string().as_str()), (cause, text));
        }
    }

    #[test]
    fn only_a_lost_connection_is_a_disconnect() {
        for kind in [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::UnexpectedEof] {
            assert!(Reason::from(&io::Error::from(kind)).is_disconnect(), "{kind}");
        }
        for reason in
            [Reason::Timeout, Reason::Connect("refused".into()), Reason::Truncated { got: 0, wanted: 1 }]
        {
            assert!(!reason.is_disconnect(), "{reason}");
        }
    }
}
