//! What is wrong with a configuration, where, and what was probably meant.
//!
//! Faults are data: printing them is [`Display`](fmt::Display), exiting is up to the caller.

use std::error::Error;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// Line, from 1; 0 when the fault is about the file as a whole.
    pub line: usize,
    /// Column of the first underlined character, from 1; 0 when `line` is 0.
    pub column: usize,
    /// Characters to underline, at least one; 0 when `line` is 0.
    pub width: usize,
    /// The key it is about, with its sections (`backend.api_nodes.balance`); empty for the file as a whole.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub suggestion: Option<String>,
}

/// All faults of a file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// The file.
    pub file: PathBuf,
    /// Its text; empty when it could not be read.
    pub text: String,
    /// The faults, at least one.
    pub faults: Vec<ConfigFault>,
}

// === impl Faults ===

impl Faults {
    /// None yet.
    pub(super) fn none(file: &Path, text: &str) -> Self {
        Self { file: file.to_owned(), text: text.to_owned(), faults: Vec::new() }
    }

    /// The one fault of a file that cannot be read.
    pub(super) fn unreadable(file: &Path, error: &io::Error) -> Self {
        let suggestion = match error.kind() {
            io::ErrorKind::NotFound => "give the path of the configuration file with `-c FILE`",
            io::ErrorKind::PermissionDenied => "let the user that lb runs as read it",
            io::ErrorKind::IsADirectory => "give the file itself with `-c FILE`, not its folder",
            io::ErrorKind::InvalidData => "save it as UTF-8 text",
            _ => "check that `-c FILE` names the configuration file",
        };
        let mut faults = Self::none(file, "");
        faults.add_whole(format!("cannot read the configuration: {error}"), suggestion);
        faults
    }

    /// Adds a fault about the bytes `at` of the text.
    pub(super) fn add(&mut self, at: Range<usize>, key: String, message: String, suggestion: Option<String>) {
        let (line, column) = self.place(at.start);
        let underlined = self.text.get(at).and_then(|text| text.lines().next()).map_or(0, chars);
        self.faults.push(ConfigFault { line, column, width: underlined.max(1), key, message, suggestion });
    }

    /// Adds a fault about the file as a whole.
    pub(super) fn add_whole(&mut self, message: String, suggestion: &str) {
        let suggestion = Some(suggestion.to_owned());
        self.faults.push(ConfigFault {
            line: 0,
            column: 0,
            width: 0,
            key: String::new(),
            message,
            suggestion,
        });
    }

    /// Adds a fault of syntax, unless its line has one: the rest of a broken line only confuses.
    pub(super) fn add_syntax(&mut self, problem: &str, at: Range<usize>) {
        let line = self.place(at.start).0;
        if self.faults.iter().any(|fault| fault.line == line) {
            return;
        }
        let text = self.text.get(at.clone()).unwrap_or_default().to_owned();
        if problem == "duplicate key" {
            let suggestion = "it is set above: remove one of them".to_owned();
            self.add(at, text.clone(), format!("the key `{text}` is there twice"), Some(suggestion));
        } else {
            self.add(at, String::new(), format!("this is not TOML: {problem}"), None);
        }
    }

    /// Line and column, from 1, of a byte of the text.
    pub(super) fn place(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, chars(&before[line_start..]) + 1)
    }

    /// `value`, or these faults if there are any.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.faults.is_empty() { Ok(value) } else { Err(self.sorted()) }
    }

    /// These faults in the order of their lines.
    pub(super) fn sorted(mut self) -> Self {
        self.faults.sort_by_key(|fault| (fault.line, fault.column));
        self
    }
}

impl Error for Faults {}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        for ConfigFault { line, column, width, message, suggestion, .. } in &self.faults {
            let suggestion = suggestion.as_deref().unwrap_or_default();
            if *line == 0 {
                writeln!(f, "{file}: {message}\n  = {suggestion}\n")?;
                continue;
            }
            let gutter = line.to_string().len();
            // One character for one, or the carets would miss a line with tabs in it.
            let text = self.text.lines().nth(line - 1).unwrap_or_default().replace(char::is_control, " ");
            let carets = format!("{:indent$}{:^<width$} {suggestion}", "", "", indent = column - 1);
            writeln!(f, "{file}:{line}: {message}")?;
            writeln!(f, "{:gutter$} |\n{line} | {text}\n{:gutter$} | {}\n", "", "", carets.trim_end())?;
        }
        let count = self.faults.len();
        write!(f, "{count} fault{} in {file}", if count == 1 { "" } else { "s" })
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}
