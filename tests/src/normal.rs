//! Answers of the runtime socket with everything taken out that moves from run to run, so that HAProxy's and `lb`'s can be compared.
//!
//! What is taken out, and why:
//!
//! - **Amounts** (counters, gauges, rates, maxima, times) become `N`, with a point in them `N.N`: two runs never saw the same traffic.
//!   What an operator or a configuration sets stays as it is: limits, weights, ids, rise and fall, codes of checks, numbers of states. An
//!   empty cell stays empty and a cell with a number stays one: which columns apply is protocol.
//! - **Ports** of addresses become `P`, in free text any five digits: the system chooses them. So do pids.
//! - **Pointers** (`0x…`) become `0xP`, what stick tables count becomes `N`, and in `show sess` every value after `=` that is a number, a time or flags becomes `N`.
//! - **Dates** in brackets become `[DATE]`, and an uptime, also in a prompt, becomes `UPTIME`.
//! - **The program** (`Version`, `Release_date`, `Build info`, `show version`) becomes `OWN`: a version names its program. `Name` stays: it is
//!   whose API is spoken, and libraries read it.
//! - **A check that runs at this moment** (`* ` before `check_status`, the bit 1 of `srv_check_state` and `srv_agent_state`) is left out.
//! - **Prose** is ours and for people: a list of commands is cut after its first words, a description in quotes becomes `"DESC"`, and the
//!   answers of [`FREE`] become `TEXT`. What is left of them is whether there was one, and how it ended.
//!
//! Everything else is compared to the byte: line feeds, empty lines, names, order, types, tags, states, error texts. The module does not
//! know which program gave an answer: both sides go through the same function.

mod cell;
mod json;
#[cfg(test)]
mod tests;

use cell::{Kind, amount};

/// Commands whose answer is a text for people or for HAProxy's developers: no program reads more of it than that it came.
pub const FREE: [&str; 17] = [
    "add server help",
    "help",
    "prompt help",
    "show acl",
    "show activity",
    "show env",
    "show events",
    "show fd",
    "show pools",
    "show profiling",
    "show sess 0x",
    "show sess all",
    "show sess help",
    "show sess older 1",
    "show startup-logs",
    "show threads",
    "wait -h",
];

/// What the lines after a header are.
enum Table<'a> {
    None,
    /// The rest of a list for people.
    Skip,
    Rows(Kind, char, Vec<&'a str>),
    /// `Name: value`.
    Info,
    /// A captured message, up to its bytes.
    Errors,
}

/// The comparable form of the answer to `sent`; an answer to several commands at once is told by its lines alone.
pub fn normal(sent: &str, answer: &str) -> String {
    if is_free(sent) && !answer.trim().is_empty() && !answer.starts_with("Permission denied") {
        let ending = &answer[answer.trim_end_matches('\n').len()..];
        return format!("TEXT{ending}");
    }
    let mut table = Table::None;
    let mut out = String::new();
    for line in answer.split_inclusive('\n') {
        let (text, feed) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
        if let Some(text) = step(&mut table, text) {
            out.push_str(&text);
            out.push_str(feed);
        }
    }
    out
}

/// A whole command, or one that begins a word of its own kind; `show env NAME` answers for programs.
fn is_free(sent: &str) -> bool {
    let sent = sent.trim();
    FREE.iter().any(|free| sent == *free || free.ends_with("0x") && sent.starts_with(free))
}

/// A line behind its prompt or its severity, which stay.
fn step<'a>(table: &mut Table<'a>, line: &'a str) -> Option<String> {
    let (before, line) = prompted(line);
    Some(before.to_owned() + &bare(table, line)?)
}

/// What stands before an answer: a prompt, in which the uptime is taken out, or a severity.
fn prompted(line: &str) -> (&str, &str) {
    if let Some(rest) = line.strip_prefix("> ") {
        return ("> ", rest);
    }
    let bracketed = line.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match bracketed {
        Some((time, rest)) if time.matches(':').count() == 3 && rest.starts_with("> ") => {
            ("[UPTIME]> ", &rest[2..])
        }
        Some((_, rest)) if rest.starts_with(": ") => line.split_at(line.len() - rest.len() + 2),
        _ => ("", line),
    }
}

fn bare<'a>(table: &mut Table<'a>, line: &'a str) -> Option<String> {
    if line.is_empty() {
        *table = Table::None;
        return Some(String::new());
    }
    if let Some(next) = header(line) {
        *table = next;
        return Some(match table {
            Table::Info => info(line),
            Table::Skip => line.split([',', ':']).next().unwrap_or_default().to_owned(),
            Table::Errors => free(line),
            _ => line.to_owned(),
        });
    }
    match table {
        Table::Skip => None,
        Table::Rows(kind, between, columns) => Some(row(*kind, *between, columns, line)),
        Table::Info => Some(info(line)),
        Table::Errors => Some(captured(line)),
        Table::None => Some(single(line)),
    }
}

/// The table that a line opens.
fn header(line: &str) -> Option<Table<'_>> {
    let rows = |kind, between, skip: &str| {
        Some(Table::Rows(kind, between, line.strip_prefix(skip).unwrap_or(line).split(between).collect()))
    };
    match line {
        line if line.starts_with("# pxname,") => rows(Kind::Stat, ',', "# "),
        line if line.starts_with("# be_id ") => rows(Kind::State, ' ', "# "),
        line if line.starts_with("# bkname/svname ") => rows(Kind::Conn, ' ', "# "),
        line if line.starts_with("Unknown command:") || line.starts_with("The following commands") => {
            Some(Table::Skip)
        }
        line if line.starts_with("Name: ") => Some(Table::Info),
        line if line.starts_with("Total events captured on ") => Some(Table::Errors),
        _ => None,
    }
}

/// A row, cell by cell.
fn row(kind: Kind, between: char, columns: &[&str], line: &str) -> String {
    let cells = cell::split(line, between);
    let name = |at: usize| columns.get(at).copied().unwrap_or_default();
    let cells: Vec<_> = cells.iter().enumerate().map(|(at, text)| kind.cell(name(at), text)).collect();
    cells.join(&between.to_string())
}

/// `Name: value`, perhaps with a description.
fn info(line: &str) -> String {
    let (line, about) = undescribed(line);
    match line.split_once(": ") {
        Some((name, value)) => format!("{name}: {}{about}", Kind::Info.cell(name, value)),
        None => line.to_owned() + about,
    }
}

/// Takes a description in quotes off.
fn undescribed(line: &str) -> (&str, &'static str) {
    match line.strip_suffix('"').and_then(|line| line.rsplit_once(":\"")) {
        Some((line, _)) => (line, ":\"DESC\""),
        None => (line, ""),
    }
}

/// A line that stands for itself.
fn single(line: &str) -> String {
    if line.starts_with('[') && line.contains("\"field\":") {
        return json::normal(line);
    }
    if let Some(text) = typed(line) {
        return text;
    }
    if line.starts_with("0x") && line.contains(": proto=") {
        return session(line);
    }
    if line.starts_with("0x") && line.contains(": key=") {
        return entry(line);
    }
    if is_version(line) {
        return "OWN".to_owned();
    }
    free(line)
}

/// `F.2.0.4.scur.1:MGPV:u32:0` or `0.Name.1:POSV:str:lb`.
fn typed(line: &str) -> Option<String> {
    let (line, about) = undescribed(line);
    let mut parts = line.splitn(4, ':');
    let (place, tags, type_, value) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let words: Vec<_> = place.split('.').collect();
    let (kind, name) = match words[..] {
        [_, _, _, _, name, "1"] => (Kind::Stat, name),
        [_, name, "1"] => (Kind::Info, name),
        _ => return None,
    };
    Some(format!("{place}:{tags}:{type_}:{}{about}", kind.cell(name, value)))
}

/// `0x…: proto=… fe=… ts=00 age=1s rq[f=0h,…] …`: names stay.
fn session(line: &str) -> String {
    let mut out = String::new();
    for (at, word) in line.split(' ').enumerate() {
        if at > 0 {
            out.push(' ');
        }
        match word.split_once('=') {
            _ if at == 0 => out.push_str("0xP:"),
            Some(("proto" | "fe" | "be" | "srv", _)) => out.push_str(word),
            Some(("src", place)) => out.push_str(&format!("src={}", cell::address(place))),
            // What a number is written with, names of nested fields left alone.
            _ => word.split_inclusive(['[', ',']).for_each(|part| match part.split_once('=') {
                Some((_, "[")) => out.push_str(part),
                Some((name, value)) => {
                    let ending = value.trim_start_matches(|c: char| !matches!(c, ',' | ']'));
                    out.push_str(&format!("{name}=N{ending}"));
                }
                None => out.push_str(&blurred(part)),
            }),
        }
    }
    out
}

/// `0x…: key=… use=0 exp=… gpc0=5 conn_rate(10000)=7`: values that a command set stay, counted values do not.
fn entry(line: &str) -> String {
    let words = line.split(' ').skip(1).map(|word| match word.split_once('=') {
        Some((name, _))
            if name == "exp"
                || ["conn_", "sess_", "http_", "bytes_"].iter().any(|of| name.starts_with(of)) =>
        {
            format!(" {name}=N")
        }
        _ => format!(" {word}"),
    });
    "0xP:".to_owned() + &words.collect::<String>()
}

/// A number that is not named: `scf=[8,0h,…`.
fn blurred(part: &str) -> String {
    let ending = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    if part.starts_with(|c: char| c.is_ascii_digit()) { format!("N{ending}") } else { part.to_owned() }
}

/// A line of `show errors`: the captured bytes stay, and their sender; where in HAProxy's buffer and state machine they lay does
/// not.
fn captured(line: &str) -> String {
    let bytes = line.trim_start().split_once("  ");
    if bytes.is_some_and(|(at, _)| at.len() == 5 && amount(at).is_some()) {
        return line.to_owned();
    }
    let line = line.replace("event #", "event ");
    let state = line.trim_start().starts_with("H1 ") || line.trim_start().starts_with("buffer ");
    if state { "  STATE".to_owned() } else { cell::numbers(&cell::dates(&cell::pointers(&line)), 1) }
}

/// Free text: pointers, dates and ports.
fn free(line: &str) -> String {
    let line = cell::dates(&cell::pointers(line));
    match line.rsplit_once(" : ") {
        Some((text, count)) if amount(count).is_some() => format!("{text} : N"),
        _ => cell::numbers(&line, 5),
    }
}

/// `3.4.0-…`, nothing before and after.
fn is_version(line: &str) -> bool {
    let mut parts = line.splitn(3, '.');
    let numbers = parts.next().and_then(amount).is_some() && parts.next().and_then(amount).is_some();
    numbers && parts.next().is_some_and(|rest| rest.contains('-') && !rest.contains(' '))
}
