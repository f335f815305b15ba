//! Why an exchange failed: where, with which answer, and under which letters in the log.
//!
//! One table maps causes to answers. It refuses to tell clients about the inside: that goes to the log and the statistics.

use http::StatusCode;

use crate::http::Malformed;
use crate::net::Ended;
use crate::net::deadlines::WaitKind;
use crate::rules::Wanted;

/// The end of an exchange that got no answer from a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// The client sent something that must not be passed on.
    #[error("{0}")]
    BadRequest(&'static str),
    /// The client asks for something that is not done here.
    #[error("{1}")]
    Refused(StatusCode, &'static str),
    /// The client broke off, or sent a faulty body.
    #[error("the request's body was broken off or is faulty")]
    ClientBroke,
    /// The client has left; nobody is there to be answered.
    #[error("the client left before it was answered")]
    ClientGone,
    /// No server of the backend is usable.
    #[error("no server can take this request now")]
    NoServer,
    /// The queue's time ran out.
    #[error("no server had room in time")]
    QueueTimeout,
    /// No connection to a server could be made.
    #[error("no server could be reached")]
    Connect,
    /// Making a connection took too long.
    #[error("no server could be reached in time")]
    ConnectTimeout,
    /// The server broke the connection before it answered.
    #[error("the server closed the connection before it answered")]
    ServerBroke,
    /// The server's answer cannot be passed on.
    #[error("the server's answer is not valid HTTP")]
    BadResponse,
    /// The server did not answer in time.
    #[error("the server did not answer in time")]
    ServerTimeout,
    /// The server was found down before it answered.
    #[error("the server went down before it answered")]
    ServerDown,
    /// The operator ended it.
    #[error("ended by the operator")]
    Killed,
}

/// Who ended an exchange, and in which phase: HAProxy's two letters (HAProxy manual, configuration, section 8.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Termination([u8; 2]);

/// How far an exchange has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangePhase {
    /// The request is being looked at.
    Request,
    /// It waits for a server with room.
    Queue,
    /// A connection is being made.
    Connect,
    /// The response's head is awaited.
    Head,
    /// The response's body, or a tunnel's bytes, pass.
    Data,
}

// === impl ProxyError ===

impl From<Malformed> for ProxyError {
    fn from(Malformed { status, reason }: Malformed) -> Self {
        if status == StatusCode::BAD_REQUEST {
            Self::BadRequest(reason)
        } else {
            Self::Refused(status, reason)
        }
    }
}

impl ProxyError {
    /// The status that the client gets.
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::ClientBroke | Self::ClientGone => StatusCode::BAD_REQUEST,
            Self::Refused(status, _) => status,
            Self::NoServer | Self::QueueTimeout | Self::Connect | Self::ConnectTimeout => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::ServerBroke | Self::BadResponse | Self::ServerDown | Self::Killed => {
                StatusCode::BAD_GATEWAY
            }
            Self::ServerTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The letters for the log.
    pub fn termination(self) -> Termination {
        Termination(*match self {
            Self::BadRequest(_) | Self::Refused(..) => b"PR",
            Self::ClientGone => b"CH",
            Self::NoServer | Self::Connect => b"SC",
            Self::QueueTimeout => b"sQ",
            Self::ConnectTimeout => b"sC",
            Self::ServerBroke => b"SH",
            Self::ClientBroke | Self::BadResponse => b"PH",
            Self::ServerTimeout => b"sH",
            Self::ServerDown => b"DH",
            Self::Killed => b"KH",
        })
    }

    /// Whether the client is at fault: then what it sends next cannot be trusted, and its connection is closed.
    pub fn is_clients_fault(self) -> bool {
        matches!(self, Self::BadRequest(_) | Self::Refused(..) | Self::ClientBroke | Self::ClientGone)
    }
}

// === impl ExchangePhase ===

impl ExchangePhase {
    fn letter(self) -> u8 {
        match self {
            Self::Request => b'R',
            Self::Queue => b'Q',
            Self::Connect => b'C',
            Self::Head => b'H',
            Self::Data => b'D',
        }
    }
}

// === impl Termination ===

impl Termination {
    /// Everything went well.
    pub const NORMAL: Self = Self(*b"--");

    /// The letters for an exchange that its client's connection dropped in `phase`; `ended` tells why, if the watchdog did it.
    pub fn dropped(ended: Option<Ended>, phase: ExchangePhase) -> Self {
        let who = match ended {
            // A client that had closed its side and then no longer took anything was not slow but gone.
            None | Some(Ended::Overdue(WaitKind::End)) => b'C',
            Some(Ended::Overdue(_)) => b'c',
            Some(Ended::Killed) => b'K',
        };
        Self([who, phase.letter()])
    }

    /// The letters for a request whose head never became whole.
    pub fn unread(late: bool) -> Self {
        Self(*if late { b"cR" } else { b"CR" })
    }

    /// The letters for an exchange that a fault of our own ended.
    pub fn internal(phase: ExchangePhase) -> Self {
        Self([b'I', phase.letter()])
    }

    /// The letters for a request that a rule rejected, or answered in a server's place.
    pub fn ruled(wanted: Wanted) -> Self {
        Self(*match wanted {
            Wanted::Rejected => b"PR",
            Wanted::Tarpitted => b"PT",
            Wanted::Served => b"LR",
        })
    }

    /// The letters for a server that broke or stalled in the middle of its response.
    pub fn server_broke(ended: Option<Ended>) -> Self {
        Self(*match ended {
            None => b"SD",
            Some(Ended::Overdue(_)) => b"sD",
            Some(Ended::Killed) => b"KD",
        })
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or("--")
    }
}
