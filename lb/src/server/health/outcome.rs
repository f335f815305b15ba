//! What a check's outcome means: its place in lists, and its words.

use std::fmt;

use super::CheckStatus;

// === impl CheckStatus ===

impl CheckStatus {
    /// All of them, in HAProxy's order.
    pub const ALL: [Self; 10] = [
        Self::Checked,
        Self::SockErr,
        Self::L4Ok,
        Self::L4Tout,
        Self::L4Con,
        Self::L7Tout,
        Self::L7Rsp,
        Self::L7Ok,
        Self::L7OkC,
        Self::L7Sts,
    ];

    /// Whether it came so far that there may be a code: HAProxy shows 0 then, even when none was seen.
    pub fn has_code(self) -> bool {
        matches!(self, Self::L7Ok | Self::L7OkC | Self::L7Sts)
    }

    /// Whether the check passed.
    pub fn is_pass(self) -> bool {
        matches!(self, Self::L4Ok | Self::L7Ok | Self::L7OkC)
    }

    /// HAProxy's number for it in `show servers state`.
    pub fn index(self) -> u8 {
        match self {
            Self::Checked => 3,
            Self::SockErr => 5,
            Self::L4Ok => 6,
            Self::L4Tout => 7,
            Self::L4Con => 8,
            Self::L7Tout => 12,
            Self::L7Rsp => 13,
            Self::L7Ok => 15,
            Self::L7OkC => 16,
            Self::L7Sts => 17,
        }
    }

    /// What it means (HAProxy's column `check_desc`).
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Checked => "No status change",
            Self::SockErr => "Socket error",
            Self::L4Ok => "Layer4 check passed",
            Self::L4Tout => "Layer4 timeout",
            Self::L4Con => "Layer4 connection problem",
            Self::L7Tout => "Layer7 timeout",
            Self::L7Rsp => "Layer7 invalid response",
            Self::L7Ok => "Layer7 check passed",
            Self::L7OkC => "Layer7 check conditionally passed",
            Self::L7Sts => "Layer7 wrong status",
        }
    }
}

impl fmt::Display for CheckStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Checked => "CHECKED",
            Self::SockErr => "SOCKERR",
            Self::L4Ok => "L4OK",
            Self::L4Tout => "L4TOUT",
            Self::L4Con => "L4CON",
            Self::L7Tout => "L7TOUT",
            Self::L7Rsp => "L7RSP",
            Self::L7Ok => "L7OK",
            Self::L7OkC => "L7OKC",
            Self::L7Sts => "L7STS",
        })
    }
}
