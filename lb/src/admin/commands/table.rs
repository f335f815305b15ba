//! `show table`, `set table` and `clear table` (HAProxy manual, management).
//!
//! It refuses to know how entries are kept; an entry's number stands where HAProxy tells an address.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::admin::answer::{Answer, Parts, Report};
use crate::admin::session::Session;
use crate::config::{Datum, Level, Stored};
use crate::control::{Control, Origin};
use crate::counters::millis;
use crate::stick::{Key, Table, Told, Value};

const NO_TABLE: &str = "No such table";
const SHOW: &str =
    "Optional argument only supports \"data.<store_data_type>\" <operator> <value> or key <key> or ptr <ptr>";
const CLEAR: &str = "Required arguments: <table> \"data.<store_data_type>\" <operator> <value> or <table> key <key> or \
     <table> ptr <ptr>";
const SET: &str = "Required arguments: <table> key <key> [data.<store_data_type> <value>]* or <table> ptr <ptr> \
     [data.<store_data_type> <value>]*";
const IN_USE: &str = "Entry currently in use, cannot remove";
const NO_ROOM: &str = "Unable to allocate a new entry";
/// Conditions that a command may have at once.
const MOST_CONDITIONS: usize = 4;

/// What a command is about.
enum Subject {
    All,
    Key(Key),
    /// An entry that is there.
    Entry(Told),
    Where(Vec<Condition>),
}

/// A condition on what is stored.
struct Condition {
    kind: Datum,
    operator: Operator,
    value: i64,
}

type Operator = fn(&i64, &i64) -> bool;

/// A table that is being walked, step by step.
struct Walk {
    table: Arc<Table>,
    conditions: Vec<Condition>,
    /// Number of the last entry that was seen.
    after: u64,
    /// Nothing is left to see.
    ended: bool,
}

/// `show table`, as it is read.
struct Shown {
    walk: Walk,
    is_first: bool,
}

/// `clear table`, which says nothing.
struct Cleared {
    walk: Walk,
    control: Arc<Control>,
    origin: Origin,
    count: usize,
    /// It has been told how many went.
    told: bool,
}

pub(super) fn show(session: &Session, words: &[String]) -> Result<Report, Answer> {
    let Some(name) = words.first() else {
        return Err(Answer::Dump(session.control.topology().tables().map(|table| head(table)).collect()));
    };
    let table = find(session, name)?;
    let subject = subject(&table, words, SHOW, true)?;
    let conditions = match subject {
        _ if session.level < Level::Operator => {
            if let Subject::Key(key) = subject
                && table.get(&key).is_none()
            {
                return Err(Answer::Done);
            }
            let hidden = "# contents not dumped due to insufficient privileges\n";
            return Err(Answer::Dump(head(&table) + hidden));
        }
        Subject::All => Vec::new(),
        Subject::Where(conditions) => conditions,
        Subject::Key(key) => match table.get(&key) {
            Some(entry) => return Err(only(&table, &entry)),
            None => return Err(Answer::Done),
        },
        Subject::Entry(entry) => return Err(only(&table, &entry)),
    };
    Ok(Report::Parts(Box::new(Shown { walk: Walk::new(table, conditions), is_first: true })))
}

fn only(table: &Table, entry: &Told) -> Answer {
    let mut out = head(table);
    line(&mut out, table, entry);
    Answer::Dump(out)
}

pub(super) fn clear(session: &Session, words: &[String]) -> Result<Report, Answer> {
    let Some(name) = words.first() else { return Err(Answer::error(CLEAR)) };
    let table = find(session, name)?;
    let (control, origin) = (Arc::clone(&session.control), session.origin.clone());
    let conditions = match subject(&table, words, CLEAR, true)? {
        Subject::All => Vec::new(),
        Subject::Where(conditions) => conditions,
        Subject::Key(key) | Subject::Entry(Told { key, .. }) => {
            return Err(match control.clear_entry(&table, &key, &origin) {
                Ok(()) => Answer::Done,
                Err(_) => Answer::error(IN_USE),
            });
        }
    };
    let walk = Walk::new(table, conditions);
    Ok(Report::Parts(Box::new(Cleared { walk, control, origin, count: 0, told: false })))
}

pub(super) fn set(session: &mut Session, words: &[String]) -> Answer {
    let Some(name) = words.first() else { return Answer::error(SET) };
    let found = find(session, name).and_then(|table| Ok((subject(&table, words, SET, false)?, table)));
    let (subject, table) = match found {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let key = match subject {
        Subject::Key(key) | Subject::Entry(Told { key, .. }) => key,
        // Nothing to do is done.
        Subject::All | Subject::Where(_) => return Answer::Done,
    };
    let mut values = Vec::new();
    for pair in words.get(3..).unwrap_or_default().chunks(2) {
        let Some(name) = pair[0].strip_prefix("data.") else {
            return Answer::error("\"data.<type>\" followed by a value expected");
        };
        let kind = match stored(&table, name) {
            Ok(kind) => kind,
            Err(text) => return Answer::error(text),
        };
        let value = pair.get(1).and_then(|word| word.parse::<i64>().ok());
        // Counters hold no negative numbers.
        let Some(value) = value.and_then(|value| u64::try_from(value).ok()) else {
            return Answer::error("Require a valid integer value to store");
        };
        values.push((kind, value));
    }
    if session.control.set_entry(&table, &key, &values, &session.origin) {
        Answer::Done
    } else {
        Answer::error(NO_ROOM)
    }
}

// === impl Walk ===

impl Walk {
    fn new(table: Arc<Table>, conditions: Vec<Condition>) -> Self {
        Self { table, conditions, after: 0, ended: false }
    }

    /// The entries of the next step for which the conditions hold; `None` when there are no more.
    fn step(&mut self) -> Option<Vec<Told>> {
        if self.ended {
            return None;
        }
        let mut entries = self.table.walk(self.after);
        match entries.last() {
            Some(last) => self.after = last.id,
            None => self.ended = true,
        }
        // An entry may have gone between two looks of a step, so only an empty one is the last for certain.
        entries.retain(|entry| holds(&self.table, entry, &self.conditions));
        Some(entries)
    }
}

impl Parts for Shown {
    /// The entries of a table that fits in a step are told by their keys, those of a larger one in the order in which they were made.
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

impl Parts for Cleared {
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

fn find(session: &Session, name: &str) -> Result<Arc<Table>, Answer> {
    session.control.topology().table(name).cloned().ok_or_else(|| Answer::error(NO_TABLE))
}

/// What the words after the table's name are about.
fn subject(table: &Table, words: &[String], usage: &str, may_filter: bool) -> Result<Subject, Answer> {
    match words.get(1).map(String::as_str) {
        None => Ok(Subject::All),
        Some("key") => {
            let word = words.get(2).ok_or_else(|| Answer::error("Key value expected"))?;
            Key::parse(word, &table.spec).map(Subject::Key).ok_or_else(|| Answer::error("Invalid key"))
        }
        Some("ptr") => {
            let digits = words.get(2).and_then(|word| word.strip_prefix("0x"));
            let id = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
            let id = id.ok_or_else(|| Answer::error("Pointer expected (0xffff notation)"))?;
            table
                .numbered(id)
                .map(Subject::Entry)
                .ok_or_else(|| Answer::error("No entry can be found matching ptr."))
        }
        Some(word) if word.starts_with("data.") && may_filter => {
            conditions(table, &words[1..]).map(Subject::Where).map_err(Answer::error)
        }
        Some(word) if word.starts_with("data.") => Err(Answer::error(
            "content-based lookup is only supported with the \"show\" and \"clear\" actions",
        )),
        Some(_) => Err(Answer::error(usage)),
    }
}

/// Conditions, three words each.
fn conditions(table: &Table, words: &[String]) -> Result<Vec<Condition>, String> {
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
        conditions.push(Condition { kind, operator, value });
    }
    match words.get(MOST_CONDITIONS * 3) {
        None => Ok(conditions),
        Some(_) => {
            let (place, before) = (MOST_CONDITIONS * 3 + 4, &words[MOST_CONDITIONS * 3 - 1]);
            Err(format!("Detected extra data in filter, {place}th word of input, after '{before}'"))
        }
    }
}

/// The kind of that name, which the table has.
fn stored(table: &Table, name: &str) -> Result<Datum, &'static str> {
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

fn holds(table: &Table, entry: &Told, conditions: &[Condition]) -> bool {
    conditions.iter().all(|Condition { kind, operator, value }| {
        let mut stored = table.spec.store.iter().zip(&entry.values);
        let found = stored.find(|(stored, _)| stored.kind == *kind);
        let number = found.and_then(|(_, found)| match found {
            Value::Number(number) => i64::try_from(*number).ok(),
            Value::Name(_) => None,
        });
        number.is_some_and(|number| operator(&number, value))
    })
}

fn head(table: &Table) -> String {
    let (used, _) = table.used();
    let (name, keys, size) = (&table.name, table.spec.keys.name(), table.spec.size);
    format!("# table: {name}, type: {keys}, size:{size}, used:{used}\n")
}

fn line(out: &mut String, table: &Table, entry: &Told) {
    let Told { id, key, uses, expires, values } = entry;
    // Writing to a String cannot fail.
    let _ = write!(out, "0x{id:x}: key={key} use={uses} exp={expires} shard=0");
    for (Stored { kind, period }, value) in table.spec.store.iter().zip(values) {
        let period = if kind.is_rate() { format!("({})", millis(*period)) } else { String::new() };
        let value = match value {
            Value::Number(number) => number.to_string(),
            Value::Name(name) => name.as_deref().unwrap_or("-").to_owned(),
        };
        let _ = write!(out, " {}{period}={value}", kind.name());
    }
    out.push('\n');
}
