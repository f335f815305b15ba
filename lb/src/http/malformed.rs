//! Why a message cannot be passed on.

use http::StatusCode;

/// A message that is not valid, or that two parsers could read differently. It must not be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Malformed {
    /// The status that a client gets when it was a request.
    pub status: StatusCode,
    /// What is wrong with it, for people, with the section of the RFC that it breaks.
    pub reason: &'static str,
}

// === impl Malformed ===

impl Malformed {
    /// A message that is not valid: 400.
    pub const fn bad(reason: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, reason }
    }

    /// A message that is rejected with this status.
    pub const fn rejected(status: StatusCode, reason: &'static str) -> Self {
        Self { status, reason }
    }
}
