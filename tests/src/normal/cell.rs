//! One value of an answer: whether it is told as it is, or only that it is there.

/// What a value belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// `show stat`.
    Stat,
    /// `show info`.
    Info,
    /// `show servers state`.
    State,
    /// `show servers conn`.
    Conn,
}

/// Numbers of `show stat` that are set, or say a state.
const STAT: [&str; 29] = [
    "slim",
    "status",
    "weight",
    "act",
    "bck",
    "qlimit",
    "pid",
    "iid",
    "sid",
    "throttle",
    "tracked",
    "type",
    "rate_lim",
    "check_status",
    "check_code",
    "check_rise",
    "check_fall",
    "check_health",
    "agent_status",
    "agent_code",
    "agent_rise",
    "agent_fall",
    "agent_health",
    "cookie",
    "mode",
    "algo",
    "uweight",
    "srid",
    "proto",
];
/// Numbers of `show info` that are set, or say a state.
const INFO: [&str; 11] = [
    "Nbthread",
    "Nbproc",
    "Process_num",
    "Maxconn",
    "Hard_maxconn",
    "ConnRateLimit",
    "SessRateLimit",
    "SslRateLimit",
    "CompressBpsRateLim",
    "Stopping",
    "NbThreadGroups",
];
/// Values that name the program.
const OWN: [&str; 3] = ["Version", "Release_date", "Build info"];

// === impl Kind ===

impl Kind {
    /// The comparable form of a value in this column.
    pub(super) fn cell(self, column: &str, value: &str) -> String {
        match (self, column) {
            (Self::Stat, "check_status" | "agent_status") => value.trim_start_matches("* ").to_owned(),
            (Self::Stat, "addr") => address(value),
            (Self::Stat, _) if STAT.contains(&column) => value.to_owned(),
            (Self::Info, _) if OWN.contains(&column) => "OWN".to_owned(),
            (Self::Info, "Uptime") => "UPTIME".to_owned(),
            (Self::Info, _) if INFO.contains(&column) => value.to_owned(),
            (Self::State, "srv_port" | "srv_check_port" | "srv_agent_port") if value != "0" => "P".to_owned(),
            (Self::State, "srv_check_state" | "srv_agent_state") => {
                value.parse::<u8>().map_or_else(|_| value.to_owned(), |state| (state & !1).to_string())
            }
            (Self::State, "srv_time_since_last_change") | (Self::Stat | Self::Info | Self::Conn, _) => {
                amount(value).map_or_else(|| value.to_owned(), str::to_owned)
            }
            (Self::State, _) => value.to_owned(),
        }
    }
}

/// `N` for a whole number, `N.N` for one with a point.
pub(super) fn amount(value: &str) -> Option<&'static str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = value.strip_prefix('-').unwrap_or(value);
    match value.split_once('.') {
        None => is_number(value).then_some("N"),
        Some((whole, part)) => (is_number(whole) && is_number(part)).then_some("N.N"),
    }
}

/// `127.0.0.1:P`; `unix:1` stays.
pub(super) fn address(value: &str) -> String {
    match value.rsplit_once(':') {
        Some((host, port)) if host != "unix" && amount(port).is_some() => format!("{host}:P"),
        _ => value.to_owned(),
    }
}

/// Fields between commas or blanks, quotes respected and kept.
pub(super) fn split(line: &str, between: char) -> Vec<&str> {
    let mut quoted = false;
    let is_end = |letter: char| {
        quoted ^= letter == '"';
        letter == between && !quoted
    };
    line.split(is_end).collect()
}

/// `0x…` anywhere.
pub(super) fn pointers(text: &str) -> String {
    let mut parts = text.split("0x");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        out.push_str(if rest.len() < part.len() { "0xP" } else { "0x" });
        out.push_str(rest);
    }
    out
}

/// `[22/Nov/2026:20:11:20.296]` anywhere.
pub(super) fn dates(text: &str) -> String {
    let mut parts = text.split('[');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(']') {
            Some((date, rest)) if date.matches('/').count() == 2 && date.matches(':').count() == 3 => {
                out.push_str(&format!("[DATE]{rest}"));
            }
            _ => out.push_str(&format!("[{part}")),
        }
    }
    out
}

/// Runs of digits: those that have five of them, or any (`least` 1), unless they are part of a word, of an IP address or of an id (`#3`).
pub(super) fn numbers(text: &str, least: usize) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let length = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (digits, after) = from.split_at(length);
        out.push_str(before);
        let part = out.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '#' | '_' | '-'))
            || after.starts_with('.');
        let wanted = if least == 1 { !part } else { length == least };
        out.push_str(match (wanted, least) {
            (false, _) => digits,
            (true, 1) => "N",
            (true, _) => "P",
        });
        rest = after;
    }
    out + rest
}
