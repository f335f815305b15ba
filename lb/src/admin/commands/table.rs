//! `show table`, `set table` and `clear table` (HAProxy manual, management).
//!
//! An entry's number stands where HAProxy prints a pointer.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::admin::answer::{CommandOutput, Report, TextParts};
use crate::admin::session::Session;
use crate::config::{Datum, Level, Stored};
use crate::control::{Control, Origin};
use crate::counters::millis;
use crate::stick::{EntrySnapshot, EntryValue, StickKey, StickTable};

const NO_TABLE: &str = "No such table";
const SHOW: &str =
    "Optional argument only supports \"data.<store_data_type>\" <operator> <value> or key <key> or ptr <ptr>";
const CLEAR: &str = "Required arguments: <table> \"data.<store_data_type>\" <operator> <value> or <table> key <key> or \
     <table> ptr <ptr>";
const SET: &str = "Required arguments: <table> key <key> [data.<store_data_type> <value>]* or <table> ptr <ptr> \
     [data.<store_data_type> <value>]*";
const IN_USE: &str = "Entry currently in use, cannot remove";
const NO_ROOM: &str = "Unable to allocate a new entry";
/// Maximum number of conditions of a command.
const MOST_CONDITIONS: usize = 4;

/// What a command applies to.
enum TableCommand {
    All,
    Key(StickKey),
    /// An existing entry.
    Entry(EntrySnapshot),
    Where(Vec<DataFilter>),
}

/// A condition on stored data.
struct DataFilter {
    kind: Datum,
    operator: Operator,
    value: i64,
}

type Operator = fn(&i64, &i64) -> bool;

/// A walk over a table, in steps.
struct Walk {
    table: Arc<StickTable>,
    conditions: Vec<DataFilter>,
    /// Number of the last entry seen.
    after: u64,
    /// The walk is complete.
    ended: bool,
}

/// The output of `show table`.
struct Shown {
    walk: Walk,
    is_first: bool,
}

/// `clear table`, which has no output.
struct Cleared {
    walk: Walk,
    control: Arc<Control>,
    origin: Origin,
    count: usize,
    /// Whether the removals have been reported to the journal.
    told: bool,
}

pub(super) fn show(session: &Session, words: &[String]) -> Result<Report, CommandOutput> {
    let Some(name) = words.first() else {
        return Err(CommandOutput::Dump(
            session.control.topology().tables().map(|table| head(table)).collect(),
        ));
    };
    let table = find(session, name)?;
    let subject = subject(&table, words, SHOW, true)?;
    let conditions = match subject {
        _ if session.level < Level::Operator => {
            if let TableCommand::Key(key) = subject
                && table.get(&key).is_none()
            {
                return Err(CommandOutput::Done);
            }
            let hidden = "# contents not dumped due to insufficient privileges\n";
            return Err(CommandOutput::Dump(head(&table) + hidden));
        }
        TableCommand::All => Vec::new(),
        TableCommand::Where(conditions) => conditions,
        TableCommand::Key(key) => match table.get(&key) {
            Some(entry) => return Err(only(&table, &entry)),
            None => return Err(CommandOutput::Done),
        },
        TableCommand::Entry(entry) => return Err(only(&table, &entry)),
    };
    Ok(Report::Parts(Box::new(Shown { walk: Walk::new(table, conditions), is_first: true })))
}

fn only(table: &StickTable, entry: &EntrySnapshot) -> CommandOutput {
    let mut out = head(table);
    line(&mut out, table, entry);
    CommandOutput::Dump(out)
}

pub(super) fn clear(session: &Session, words: &[String]) -> Result<Report, CommandOutput> {
    let Some(name) = words.first() else { return Err(CommandOutput::error(CLEAR)) };
    let table = find(session, name)?;
    let (control, origin) = (Arc::clone(&session.control), session.origin.clone());
    let conditions = match subject(&table, words, CLEAR, true)? {
        TableCommand::All => Vec::new(),
        TableCommand::Where(conditions) => conditions,
        TableCommand::Key(key) | TableCommand::Entry(EntrySnapshot { key, .. }) => {
            return Err(match control.clear_entry(&table, &key, &origin) {
                Ok(()) => CommandOutput::Done,
                Err(_) => CommandOutput::error(IN_USE),
            });
        }
    };
    let walk = Walk::new(table, conditions);
    Ok(Report::Parts(Box::new(Cleared { walk, control, origin, count: 0, told: false })))
}

pub(super) fn set(session: &mut Session, words: &[String]) -> CommandOutput {
    let Some(name) = words.first() else { return CommandOutput::error(SET) };
    let found = find(session, name).and_then(|table| Ok((subject(&table, words, SET, false)?, table)));
    let (subject, table) = match found {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let key = match subject {
        TableCommand::Key(key) | TableCommand::Entry(EntrySnapshot { key, .. }) => key,
        // There is nothing to do.
        TableCommand::All | TableCommand::Where(_) => return CommandOutput::Done,
    };
    let mut values = Vec::new();
    for pair in words.get(3..).unwrap_or_default().chunks(2) {
        let Some(name) = pair[0].strip_prefix("data.") else {
            return CommandOutput::error("\"data.<type>\" followed by a value expected");
        };
        let kind = match stored(&table, name) {
            Ok(kind) => kind,
            Err(text) => return CommandOutput::error(text),
        };
        let value = pair.get(1).and_then(|word| word.parse::<i64>().ok());
        // Counters cannot be negative.
        let Some(value) = value.and_then(|value| u64::try_from(value).ok()) else {
            return CommandOutput::error("Require a valid integer value to store");
        };
        values.push((kind, value));
    }
    if session.control.set_entry(&table, &key, &values, &session.origin) {
        CommandOutput::Done
    } else {
        CommandOutput::error(NO_ROOM)
    }
}

// === impl Walk ===

impl Walk {
    fn new(table: Arc<StickTable>, conditions: Vec<DataFilter>) -> Self {
        Self { table, conditions, after: 0, ended: false }
    }

    /// The matching entries of the next step; `None` at the end.
    fn step(&mut self) -> Option<Vec<EntrySnapshot>> {
        if self.ended {
            return None;
        }
        let mut entries = self.table.walk(self.after);
        match entries.last() {
            Some(last) => self.after = last.id,
            None => self.ended = true,
        }
        // Entries may disappear between two steps, so only an empty step is certainly the last.
        entries.retain(|entry| holds(&self.table, entry, &self.conditions));
        Some(entries)
    }
}

impl TextParts for Shown {
    /// A table that fits into one step is listed by key, a larger one in order of creation.
    fn next(&mut self) -> Option<String> {
        let is_first = std::mem::take(&mut self.is_first);
        let mut out = if is_first { head(&self.walk.table) } else { String::new() };
        let Some(mut entries) = self.walk.step() else { return is_first.then_some(out) };
        if is_first {
            let more = self.walk.step().unwrap_or_default();
            if self.walk.ended {
                entries.sort_by(|one, other| one.key.cmp(&other.key));
            }
            entries.extend(more);
        }
        entries.iter().for_each(|entry| line(&mut out, &self.walk.table, entry));
        Some(out)
    }
}

impl TextParts for Cleared {
    fn next(&mut self) -> Option<String> {
        match self.walk.step() {
            Some(entries) => self.count += self.control.clear_entries(&self.walk.table, entries.iter()),
            None if self.told => return None,
            None => {
                self.told = true;
                self.control.cleared_entries(&self.walk.table, self.count, &self.origin);
            }
        }
        Some(String::new())
    }
}

fn find(session: &Session, name: &str) -> Result<Arc<StickTable>, CommandOutput> {
    session.control.topology().table(name).cloned().ok_or_else(|| CommandOutput::error(NO_TABLE))
}

/// Parses the words after the table's name.
fn subject(
    table: &StickTable,
    words: &[String],
    usage: &str,
    may_filter: bool,
) -> Result<TableCommand, CommandOutput> {
    match words.get(1).map(String::as_str) {
        None => Ok(TableCommand::All),
        Some("key") => {
            let word = words.get(2).ok_or_else(|| CommandOutput::error("Key value expected"))?;
            StickKey::parse(word, &table.spec)
                .map(TableCommand::Key)
                .ok_or_else(|| CommandOutput::error("Invalid key"))
        }
        Some("ptr") => {
            let digits = words.get(2).and_then(|word| word.strip_prefix("0x"));
            let id = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
            let id = id.ok_or_else(|| CommandOutput::error("Pointer expected (0xffff notation)"))?;
            table
                .numbered(id)
                .map(TableCommand::Entry)
                .ok_or_else(|| CommandOutput::error("No entry can be found matching ptr."))
        }
        Some(word) if word.starts_with("data.") && may_filter => {
            conditions(table, &words[1..]).map(TableCommand::Where).map_err(CommandOutput::error)
        }
        Some(word) if word.starts_with("data.") => Err(CommandOutput::error(
            "content-based lookup is only supported with the \"show\" and \"clear\" actions",
        )),
        Some(_) => Err(CommandOutput::error(usage)),
    }
}

/// Conditions, three words each.
fn conditions(table: &StickTable, words: &[String]) -> Result<Vec<DataFilter>, String> {
    let mut conditions = Vec::new();
    for (number, condition) in (1..=MOST_CONDITIONS).zip(words.chunks(3)) {
        let faulty = |text: &str| format!("Filter entry #{number}: {text}");
        let name = condition[0].get("data.".len()..).unwrap_or_default();
        let kind = stored(table, name).map_err(faulty)?;
        let operator = condition.get(1).and_then(|word| operator(word)).ok_or_else(|| {
            faulty("Require and operator among \"eq\", \"ne\", \"le\", \"ge\", \"lt\", \"gt\"")
        })?;
        let value = condition.get(2).and_then(|word| word.parse().ok());
        let value = value.ok_or_else(|| faulty("Require a valid integer value to compare against"))?;
        conditions.push(DataFilter { kind, operator, value });
    }
    match words.get(MOST_CONDITIONS * 3) {
        None => Ok(conditions),
        Some(_) => {
            let (place, before) = (MOST_CONDITIONS * 3 + 4, &words[MOST_CONDITIONS * 3 - 1]);
            Err(format!("Detected extra data in filter, {place}th word of input, after '{before}'"))
        }
    }
}

/// The data type of that name, which the table must store.
fn stored(table: &StickTable, name: &str) -> Result<Datum, &'static str> {
    let kind = Datum::named(name).ok_or("Unknown data type")?;
    if table.stores(kind) { Ok(kind) } else { Err("Data type not stored in this table") }
}

fn operator(word: &str) -> Option<Operator> {
    Some(match word {
        "eq" => i64::eq,
        "ne" => i64::ne,
        "le" => i64::le,
        "ge" => i64::ge,
        "lt" => i64::lt,
        "gt" => i64::gt,
        _ => return None,
    })
}

fn holds(table: &StickTable, entry: &EntrySnapshot, conditions: &[DataFilter]) -> bool {
    conditions.iter().all(|DataFilter { kind, operator, value }| {
        let mut stored = table.spec.store.iter().zip(&entry.values);
        let found = stored.find(|(stored, _)| stored.kind == *kind);
        let number = found.and_then(|(_, found)| match found {
            EntryValue::Number(number) => i64::try_from(*number).ok(),
            EntryValue::Name(_) => None,
        });
        number.is_some_and(|number| operator(&number, value))
    })
}

fn head(table: &StickTable) -> String {
    let (used, _) = table.used();
    let (name, keys, size) = (&table.name, table.spec.keys.name(), table.spec.size);
    format!("# table: {name}, type: {keys}, size:{size}, used:{used}\n")
}

fn line(out: &mut String, table: &StickTable, entry: &EntrySnapshot) {
    let EntrySnapshot { id, key, uses, expires, values } = entry;
    // Writing to a String cannot fail.
    let _ = write!(out, "0x{id:x}: key={key} use={uses} exp={expires} shard=0");
    for (Stored { kind, period }, value) in table.spec.store.iter().zip(values) {
        let period = if kind.is_rate() { format!("({})", millis(*period)) } else { String::new() };
        let value = match value {
            EntryValue::Number(number) => number.to_string(),
            EntryValue::Name(name) => name.as_deref().unwrap_or("-").to_owned(),
        };
        let _ = write!(out, " {}{period}={value}", kind.name());
    }
    out.push('\n');
}
