//! What is wrong with a configuration, where, and what was probably meant.
//!
//! Faults are data: printing them is [`Display`](fmt::Display), exiting is up to the caller.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::Place;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// Which of the files it is in, from 0.
    pub file: usize,
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

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path.
    pub path: PathBuf,
    /// Its text; empty when it could not be read.
    pub text: String,
}

/// All faults of a configuration, in the order of its files and their lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// The files that it was read from, at least one.
    pub files: Vec<SourceFile>,
    /// The faults, at least one.
    pub faults: Vec<ConfigFault>,
}

// === impl Faults ===

impl Faults {
    /// None yet, of one file.
    pub(super) fn none(file: &Path, text: &str) -> Self {
        let file = SourceFile { path: file.to_owned(), text: text.to_owned() };
        Self { files: vec![file], faults: Vec::new() }
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

    /// Adds a fault at a place; at the beginning of its file if it stands nowhere.
    pub(super) fn add(&mut self, place: &Place, message: String, suggestion: Option<String>) {
        let Place { file, bytes, key } = place;
        let bytes = bytes.clone().unwrap_or_default();
        let (line, column) = self.line_and_column(*file, bytes.start);
        let underlined = self.text(*file).get(bytes).and_then(|text| text.lines().next()).map_or(0, chars);
        let (width, key) = (underlined.max(1), key.clone());
        self.faults.push(ConfigFault { file: *file, line, column, width, key, message, suggestion });
    }

    /// Adds a fault about the first file as a whole.
    pub(super) fn add_whole(&mut self, message: String, suggestion: &str) {
        let suggestion = Some(suggestion.to_owned());
        let (file, line, column, width) = (0, 0, 0, 0);
        self.faults.push(ConfigFault { file, line, column, width, key: String::new(), message, suggestion });
    }

    /// Line and column, from 1, of a byte of a file.
    pub(super) fn line_and_column(&self, file: usize, byte: usize) -> (usize, usize) {
        let text = self.text(file);
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, chars(&before[line_start..]) + 1)
    }

    /// The text of a file.
    pub(super) fn text(&self, file: usize) -> &str {
        self.files.get(file).map_or("", |file| &file.text)
    }

    /// `value`, or these faults if there are any.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.faults.is_empty() { Ok(value) } else { Err(self.sorted()) }
    }

    /// These faults in the order of their lines.
    pub(super) fn sorted(mut self) -> Self {
        self.faults.sort_by_key(|fault| (fault.file, fault.line, fault.column));
        self
    }
}

impl Error for Faults {}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ConfigFault { file, line, column, width, message, suggestion, .. } in &self.faults {
            let suggestion = suggestion.as_deref().unwrap_or_default();
            let path = self.files.get(*file).map_or(Path::new(""), |file| &file.path).display();
            if *line == 0 {
                writeln!(f, "{path}: {message}\n  = {suggestion}\n")?;
                continue;
            }
            let gutter = line.to_string().len();
            // One character for one, or the carets would miss a line with tabs in it.
            let text =
                self.text(*file).lines().nth(line - 1).unwrap_or_default().replace(char::is_control, " ");
            let carets = format!("{:indent$}{:^<width$} {suggestion}", "", "", indent = column - 1);
            writeln!(f, "{path}:{line}: {message}")?;
            writeln!(f, "{:gutter$} |\n{line} | {text}\n{:gutter$} | {}\n", "", "", carets.trim_end())?;
        }
        let count = self.faults.len();
        let with_faults = self.files.iter().enumerate();
        let with_faults = with_faults.filter(|(file, _)| self.faults.iter().any(|fault| fault.file == *file));
        let paths: Vec<_> = with_faults.map(|(_, file)| file.path.display().to_string()).collect();
        write!(f, "{count} fault{} in {}", if count == 1 { "" } else { "s" }, paths.join(", "))
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}
