//! Replies to commands, and their bytes on the wire.
//!
//! A message or a dump ends with an empty line. A success without text is one line feed, which clients compare
//! with exactly.

/// Severity of a message (syslog's numbers, RFC 5424, section 6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    Error = 3,
    Info = 6,
}

/// How severities are shown (`set severity-output`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    None,
    Number,
    Word,
}

/// A reply that may be large.
pub(super) enum Report {
    /// A text rendered at once, shared by readers that ask with the same key meanwhile. A message may take
    /// its place.
    Whole(String, Box<dyn FnOnce() -> Result<String, String> + Send>),
    /// A text rendered in parts, as it is read.
    Parts(Box<dyn TextParts>),
}

/// A text in parts.
pub(super) trait TextParts: Send {
    /// The next part, which may be empty; `None` at the end.
    fn next(&mut self) -> Option<String>;
}

/// The reply to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CommandOutput {
    /// Success without text.
    Done,
    /// A message.
    Message(Severity, String),
    /// Lines of data; they never have a severity.
    Dump(String),
    /// No reply; the connection ends.
    Quit,
}

// === impl Report ===

impl Report {
    pub(super) fn whole(
        key: impl Into<String>,
        make: impl FnOnce() -> Result<String, String> + Send + 'static,
    ) -> Self {
        Self::Whole(key.into(), Box::new(make))
    }
}

// === impl CommandOutput ===

impl CommandOutput {
    pub(super) fn error(text: impl Into<String>) -> Self {
        Self::Message(Severity::Error, text.into())
    }

    pub(super) fn info(text: impl Into<String>) -> Self {
        Self::Message(Severity::Info, text.into())
    }

    /// The bytes to send.
    pub(super) fn render(&self, prefix: Prefix) -> String {
        let (prefix, text) = match self {
            Self::Quit => return String::new(),
            Self::Done => return "\n".to_owned(),
            Self::Message(severity, text) => (severity.prefix(prefix), text),
            Self::Dump(text) => ("", text),
        };
        match text.trim_end_matches('\n') {
            "" => "\n".to_owned(),
            text => format!("{prefix}{text}\n\n"),
        }
    }
}

impl Severity {
    fn prefix(self, prefix: Prefix) -> &'static str {
        match (prefix, self) {
            (Prefix::None, _) => "",
            (Prefix::Number, Self::Error) => "[3]: ",
            (Prefix::Number, Self::Info) => "[6]: ",
            (Prefix::Word, Self::Error) => "[err]: ",
            (Prefix::Word, Self::Info) => "[info]: ",
        }
    }
}
