//! Reads one table of the file, key by key, and writes down every fault on the way.
//!
//! A section knows no key by itself: what is asked for is known, what is left over at [`Section::finish`] is a fault.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::haproxy;
use super::value::{self, Parsed, Wrong};
use crate::config::units::{self, near};
use crate::config::{Faults, Place, Placed};

/// One table of the file, or its absence, which reads like an empty one.
pub(super) struct Section<'a> {
    /// Its own key: a frontend's name.
    pub(super) key: &'a str,
    /// Its sections and its key, dotted; empty for the file itself.
    pub(super) path: String,
    /// Where its key stands.
    pub(super) at: Range<usize>,
    table: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
    misplaced: Vec<&'static str>,
    faults: &'a RefCell<Faults>,
}

/// A part that a server has as its backend says, in its own way, or not at all.
pub(super) enum Switch<'a> {
    /// Nothing is said.
    Unsaid,
    /// `false`.
    Off,
    /// A section of its own.
    On(Section<'a>),
}

// === impl Section ===

impl<'a> Section<'a> {
    /// The file itself.
    pub(super) fn root(table: &'a DeTable<'a>, faults: &'a RefCell<Faults>) -> Self {
        let (path, asked, misplaced) = (String::new(), Vec::new(), Vec::new());
        Self { key: "", path, at: 0..0, table: Some(table), asked, misplaced, faults }
    }

    /// The value of a key, if it is there and right.
    pub(super) fn maybe<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Parsed<T>,
    ) -> Option<T> {
        self.maybe_placed(key, read).map(|placed| placed.value)
    }

    /// The value of a key, else its default.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Parsed<T>,
        default: T,
    ) -> T {
        self.maybe(key, read).unwrap_or(default)
    }

    /// `true` or `false`; `false` when it is not there.
    pub(super) fn flag(&mut self, key: &'static str) -> bool {
        self.or(key, value::boolean, false)
    }

    /// The value of a key with its place, else its default.
    pub(super) fn placed_or<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Parsed<T>,
        default: T,
    ) -> Placed<T> {
        self.maybe_placed(key, read).unwrap_or_else(|| self.unset(key, default))
    }

    /// The value of a key that has to be there; `example` is a right line.
    pub(super) fn need<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Parsed<T>,
        example: &str,
    ) -> Option<Placed<T>> {
        let Some(value) = self.get(key) else {
            self.missing(key, example);
            return None;
        };
        self.placed(key, value, read)
    }

    /// The values of a key that holds one or a list, which may be empty; else its default.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Parsed<T>,
        default: Vec<T>,
    ) -> Vec<Placed<T>> {
        match self.get(key) {
            Some(value) => {
                one_or_many(value).iter().filter_map(|value| self.placed(key, value, &read)).collect()
            }
            None => default.into_iter().map(|value| self.unset(key, value)).collect(),
        }
    }

    /// The values of a key that holds one or a list, or is not there.
    pub(super) fn any<T>(&mut self, key: &'static str, read: impl Fn(&DeValue<'_>) -> Parsed<T>) -> Vec<T> {
        let values = self.maybe_list(key);
        values.iter().filter_map(|value| self.placed(key, value, &read)).map(|placed| placed.value).collect()
    }

    /// The values of a key that holds one or a list, at least one, not read yet; `example` is a right line.
    pub(super) fn need_list(&mut self, key: &'static str, example: &str) -> &'a [Spanned<DeValue<'a>>] {
        let values = self.maybe_list(key);
        if values.is_empty() {
            self.missing(key, example);
        }
        values
    }

    /// The values of a key that holds one or a list, or is not there, not read yet.
    pub(super) fn maybe_list(&mut self, key: &'static str) -> &'a [Spanned<DeValue<'a>>] {
        self.get(key).map_or(&[][..], one_or_many)
    }

    /// Whether a key is there, right or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// The section of that name, if it is there.
    pub(super) fn optional(&mut self, key: &'static str) -> Option<Self> {
        self.asked.push(key);
        let (place, value) = self.table?.get_key_value(key)?;
        Some(self.child(key, place.span(), value))
    }

    /// The section of that name, or `false` in its place.
    pub(super) fn switch(&mut self, key: &'static str) -> Switch<'a> {
        match self.get(key) {
            None => Switch::Unsaid,
            Some(value) if value.get_ref().as_bool() == Some(false) => Switch::Off,
            Some(value) => Switch::On(self.child(key, value.span(), value)),
        }
    }

    /// The value of a key with its place, if it is there and right.
    pub(super) fn maybe_placed<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Parsed<T>,
    ) -> Option<Placed<T>> {
        let value = self.get(key)?;
        self.placed(key, value, read)
    }

    /// The section of that name; an empty one when it is absent.
    pub(super) fn section(&mut self, key: &'static str) -> Self {
        self.optional(key).unwrap_or_else(|| self.bare(key, 0..0))
    }

    /// The section of that name, or each of them (`[[admin]]`); an empty one when it is absent.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Self> {
        match self.get(key) {
            Some(value) => {
                one_or_many(value).iter().map(|value| self.child(key, value.span(), value)).collect()
            }
            None => vec![self.bare(key, 0..0)],
        }
    }

    /// All keys with their values in the order of the file: for tables whose keys are names.
    pub(super) fn entries(&self) -> Vec<(&'a str, Range<usize>, &'a Spanned<DeValue<'a>>)> {
        let entries = self.table.into_iter().flat_map(DeTable::iter);
        let mut entries: Vec<_> = entries.map(|(key, value)| (&**key.get_ref(), key.span(), value)).collect();
        entries.sort_by_key(|(_, at, _)| at.start);
        entries
    }

    /// The sections in this one whose keys are names.
    pub(super) fn named(&self) -> Vec<Self> {
        self.entries().into_iter().map(|(key, at, value)| self.child(key, at, value)).collect()
    }

    /// The section that `value` under `key` holds.
    pub(super) fn child(&self, key: &'a str, at: Range<usize>, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self { table: self.table_of(key, value), ..self.bare(key, at) }
    }

    /// A section under `key` with nothing in it.
    pub(super) fn bare(&self, key: &'a str, at: Range<usize>) -> Self {
        let (path, asked, misplaced) = (self.path_of(key), Vec::new(), Vec::new());
        Self { key, path, at, table: None, asked, misplaced, faults: self.faults }
    }

    /// A value under `key`, read.
    pub(super) fn placed<T>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        read: impl Fn(&DeValue<'_>) -> Parsed<T>,
    ) -> Option<Placed<T>> {
        match read(value.get_ref()) {
            Ok(read) => Some(Placed { value: read, place: self.place(key, value.span()) }),
            Err(wrong) => {
                self.wrong(key, value.span(), wrong);
                None
            }
        }
    }

    /// Reports a key that is there and means nothing in this section.
    pub(super) fn misplaced(&mut self, key: &'static str, message: &str, suggestion: &str) {
        self.misplaced.push(key);
        if let Some((place, _)) = self.table.and_then(|table| table.get_key_value(key)) {
            let message = format!("`{key}` has no meaning in {}: {message}", self.title());
            self.fault(place.span(), key, message, Some(suggestion.to_owned()));
        }
    }

    /// Its own name, checked.
    pub(super) fn name(&self) -> Placed<String> {
        let name = self.key;
        if !units::is_name(name) {
            let message =
                format!("`{name}` cannot be a name: it has letters, digits, `_`, `.`, `:` and `-` only");
            let suggestion = units::nearly_name(name).map(|name| format!("did you mean `{name}`?"));
            self.faults.borrow_mut().add(&self.own_place(), message, suggestion);
        }
        Placed { value: name.to_owned(), place: self.own_place() }
    }

    /// Reports a fault.
    fn fault(&self, at: Range<usize>, key: &str, message: String, suggestion: Option<String>) {
        self.faults.borrow_mut().add(&self.place(key, at), message, suggestion);
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
        for (key, at, _) in self.entries() {
            if !self.asked.contains(&key) && !self.misplaced.contains(&key) {
                let meant = near(key, self.asked.iter().copied());
                let suggestion = match (haproxy::hint(&self.path, key), meant) {
                    (Some(hint), _) => hint.to_owned(),
                    (None, Some(meant)) => format!("did you mean `{meant}`?"),
                    (None, None) => format!("known here: {}", self.asked.join(", ")),
                };
                self.fault(at, key, format!("unknown key `{key}` in {}", self.title()), Some(suggestion));
            }
        }
    }

    /// Reports a key that has to be there and is not, at the section's own place.
    fn missing(&self, key: &str, example: &str) {
        if self.table.is_none() {
            return; // That it is no section has been said.
        }
        let suggestion = format!("add `{example}`, for example");
        self.fault(self.at.clone(), key, format!("`{key}` is missing in {}", self.title()), Some(suggestion));
    }

    fn unset<T>(&self, key: &str, default: T) -> Placed<T> {
        Placed { value: default, place: Place { file: 0, bytes: None, key: self.path_of(key) } }
    }

    fn place(&self, key: &str, at: Range<usize>) -> Place {
        Place { file: 0, bytes: Some(at), key: self.path_of(key) }
    }

    fn own_place(&self) -> Place {
        Place { file: 0, bytes: Some(self.at.clone()), key: self.path.clone() }
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.push(key);
        self.table?.get(key)
    }

    fn table_of(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Option<&'a DeTable<'a>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let wants = format!("a section `[{}]`", self.path_of(key));
            self.wrong(key, value.span(), Wrong { wants, meant: None });
        }
        table
    }

    fn wrong(&self, key: &str, at: Range<usize>, wrong: Wrong) {
        let faults = self.faults.borrow();
        let found = faults.text(0).get(at.clone()).and_then(|text| text.lines().next()).unwrap_or_default();
        let found: String = found.chars().take(60).collect();
        drop(faults);
        let message = format!("`{key}` in {} must be {}, not `{found}`", self.title(), wrong.wants);
        self.fault(at, key, message, wrong.meant.map(|meant| format!("did you mean `{meant}`?")));
    }

    fn title(&self) -> String {
        if self.path.is_empty() { "the file".to_owned() } else { format!("[{}]", self.path) }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

fn one_or_many<'a>(value: &'a Spanned<DeValue<'a>>) -> &'a [Spanned<DeValue<'a>>] {
    value.get_ref().as_array().map_or(std::slice::from_ref(value), |array| array)
}
