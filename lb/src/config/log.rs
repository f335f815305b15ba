//! Logs, as configured.
//!
//! Values only: what is written, and how, is decided where it happens.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

/// One log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Shape of a line.
    pub format: LogFormat,
    /// Where lines go.
    pub target: LogTarget,
    /// Lines that matter less are left out.
    pub level: LogLevel,
    /// Syslog is told that lines which matter more matter so much.
    pub min_level: LogLevel,
    /// What syslog is told that they are about.
    pub facility: Facility,
    /// The program's name in syslog's lines.
    pub tag: String,
    /// Most bytes of a line for syslog.
    pub length: usize,
    /// Lines that may wait to be written; more are lost.
    pub buffer: usize,
    /// Whether each check that tells something new has a line.
    pub health_checks: bool,
}

/// What a line of syslog is about (RFC 3164 section 4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facility(u8);

/// How much a line matters, most first (RFC 3164 section 4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// A backend has no server left.
    Emergency,
    /// A server went down.
    Alert,
    /// Nothing of lb's own, as the next.
    Critical,
    /// See above.
    Error,
    /// Something ended.
    Warning,
    /// A server came up, or somebody changed something.
    Notice,
    /// An exchange.
    Info,
    /// Nothing of lb's own.
    Debug,
}

/// Shape of an access log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// HAProxy's `option httplog` line.
    Http,
    /// For people: the time of day, and what happened in a few words.
    Text,
    /// No access log.
    Off,
}

/// Where log lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
    /// A file, appended to.
    File(PathBuf),
    /// Syslog, a datagram each.
    Udp {
        /// The daemon's host.
        host: String,
        /// Its port.
        port: u16,
    },
    /// Syslog on a Unix datagram socket.
    Unix(PathBuf),
}

/// Which standard streams are terminals: what nobody has chosen a format for is written for people there, for programs elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Terminals {
    /// Standard output is one.
    pub(super) stdout: bool,
    /// Standard error is one.
    pub(super) stderr: bool,
}

// === impl Terminals ===

impl Terminals {
    /// Those of this process.
    pub(super) fn find() -> Self {
        Self { stdout: io::stdout().is_terminal(), stderr: io::stderr().is_terminal() }
    }

    /// The format of a log to `target` that names none.
    pub(super) fn usual_format(self, target: &LogTarget) -> LogFormat {
        match target {
            LogTarget::Stderr if self.stderr => LogFormat::Text,
            LogTarget::Stdout if self.stdout => LogFormat::Text,
            _ => LogFormat::Json,
        }
    }
}

// === impl LogConfig ===

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Json,
            target: LogTarget::Stderr,
            level: LogLevel::Debug,
            min_level: LogLevel::Emergency,
            // local0
            facility: Facility(16),
            // What rules for HAProxy's lines look for.
            tag: "haproxy".to_owned(),
            length: 8192,
            buffer: 16 * 1024,
            health_checks: false,
        }
    }
}

// === impl Facility ===

impl Facility {
    /// HAProxy's names, by their number.
    pub const NAMES: [&str; 24] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp",
        "ntp", "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5",
        "local6", "local7",
    ];

    /// The facility of that name.
    pub fn named(name: &str) -> Option<Self> {
        let number = Self::NAMES.iter().position(|known| *known == name)?;
        u8::try_from(number).ok().map(Self)
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }
}

// === impl LogLevel ===

impl LogLevel {
    /// All of them, most important first.
    pub const ALL: [Self; 8] = [
        Self::Emergency,
        Self::Alert,
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Info,
        Self::Debug,
    ];

    /// HAProxy's keyword for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Emergency => "emerg",
            Self::Alert => "alert",
            Self::Critical => "crit",
            Self::Error => "err",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self as u8
    }
}
