//! Edits of a head that has been parsed and not been written yet.
//!
//! The head itself stays as it came. Whoever writes it, and whoever reads it after an edit, looks through the overlay; one without edits
//! costs nothing. What can be edited is decided by types: a [`FieldName`] never names a field that frames a message or belongs to a
//! connection, a [`FieldValue`] never ends a line. So no edit can change where a message ends, or make two heads of one.

pub use super::edit::{EditFault, FieldName, FieldValue, Host, MethodName, StatusLine, TargetPath};
use super::head::Field;

/// Edits of one head; none at first.
#[derive(Debug, Default)]
pub struct Overlay(Option<Box<Edits>>);

#[derive(Debug, Default)]
struct Edits {
    /// What became of fields that the head came with, by their places in it.
    changes: Vec<(usize, Change)>,
    /// Fields that follow them.
    added: Vec<(FieldName, FieldValue)>,
    line: Option<LineEdits>,
}

/// What became of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is gone.
    Removed,
    /// It has another value.
    Value(FieldValue),
}

/// Edits of the first line.
#[derive(Debug, Default)]
pub(crate) struct LineEdits {
    method: Option<MethodName>,
    pub(crate) target: Option<TargetPath>,
    pub(crate) host: Option<Host>,
    pub(crate) status: Option<StatusLine>,
}

// === impl Overlay ===

impl Overlay {
    /// Whether nothing is edited.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Adds a field behind all others.
    pub fn add(&mut self, name: FieldName, value: FieldValue) {
        self.edits().added.push((name, value));
    }

    /// Removes all fields of that name from a head with these `fields`, and those that were added.
    pub fn remove(&mut self, fields: &[Field<'_>], name: &FieldName) {
        for (index, _) in named(fields, name) {
            self.change_to(index, Change::Removed);
        }
        if let Some(edits) = &mut self.0 {
            edits.added.retain(|(added, _)| added != name);
        }
    }

    /// Puts one field in the place of all of that name, behind all others.
    pub fn set(&mut self, fields: &[Field<'_>], name: FieldName, value: FieldValue) {
        self.remove(fields, &name);
        self.add(name, value);
    }

    /// Gives each field of that name the value that `replace` makes of the one that it has; those for which it makes none stay.
    pub fn replace(
        &mut self,
        fields: &[Field<'_>],
        name: &FieldName,
        mut replace: impl FnMut(&[u8]) -> Option<FieldValue>,
    ) {
        for (index, field) in named(fields, name) {
            let present = match self.change(index) {
                Some(Change::Removed) => continue,
                Some(Change::Value(value)) => value.as_bytes(),
                None => field.value,
            };
            if let Some(value) = replace(present) {
                self.change_to(index, Change::Value(value));
            }
        }
        if let Some(edits) = &mut self.0 {
            for (_, value) in edits.added.iter_mut().filter(|(added, _)| added == name) {
                if let Some(other) = replace(value.as_bytes()) {
                    *value = other;
                }
            }
        }
    }

    /// Gives the field at that place another value, or removes it when that is empty or no value. Fields that frame a message or belong to a
    /// connection stay as they are, whatever is put in their place.
    pub(crate) fn put(&mut self, index: usize, value: Vec<u8>) {
        let value = FieldValue::new(value).ok().filter(|value| !value.as_bytes().is_empty());
        self.change_to(index, value.map_or(Change::Removed, Change::Value));
    }

    /// Gives the request another method.
    pub fn set_method(&mut self, method: MethodName) {
        self.line_mut().method = Some(method);
    }

    /// Gives the request another path and query.
    pub fn set_target(&mut self, target: TargetPath) {
        self.line_mut().target = Some(target);
    }

    /// Gives the response another status. One whose status says that it has no body, or that is interim, keeps its own.
    pub fn set_status(&mut self, status: StatusLine) {
        self.line_mut().status = Some(status);
    }

    /// Gives the request another host.
    pub fn set_host(&mut self, host: Host) {
        self.line_mut().host = Some(host);
    }

    /// The fields of a head with these `fields`, as they are after the edits. The host is not among what is edited here.
    pub fn fields<'a>(&'a self, fields: &'a [Field<'a>]) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let original = fields.iter().enumerate().filter_map(|(index, field)| match self.change(index) {
            Some(Change::Removed) => None,
            Some(Change::Value(value)) => Some((field.name, value.as_bytes())),
            None => Some((field.name, field.value)),
        });
        original.chain(self.added())
    }

    /// The method of a request that came with `method`.
    #[inline]
    pub fn method<'a>(&'a self, method: &'a str) -> &'a str {
        self.line().and_then(|line| line.method.as_ref()).map_or(method, MethodName::as_str)
    }

    /// The path and query of a request that came with `path`.
    #[inline]
    pub fn target<'a>(&'a self, path: &'a str) -> &'a str {
        self.line().and_then(|line| line.target.as_ref()).map_or(path, TargetPath::as_str)
    }

    /// The host of a request that came with `host`.
    #[inline]
    pub fn host<'a>(&'a self, host: &'a [u8]) -> &'a [u8] {
        self.line().and_then(|line| line.host.as_ref()).map_or(host, Host::as_bytes)
    }

    /// What became of the field at that place, if it is edited.
    #[inline]
    pub(crate) fn change(&self, index: usize) -> Option<&Change> {
        let edits = self.0.as_ref()?;
        edits.changes.iter().find(|(place, _)| *place == index).map(|(_, change)| change)
    }

    /// The fields that follow those that the head came with.
    #[inline]
    pub(crate) fn added(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let added = self.0.as_ref().map(|edits| &edits.added[..]).unwrap_or_default();
        added.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }

    /// Edits of what the request asks for.
    #[inline]
    pub(crate) fn line(&self) -> Option<&LineEdits> {
        self.0.as_ref()?.line.as_ref()
    }

    fn change_to(&mut self, index: usize, change: Change) {
        let changes = &mut self.edits().changes;
        match changes.iter_mut().find(|(place, _)| *place == index) {
            Some((_, before)) => *before = change,
            None => changes.push((index, change)),
        }
    }

    fn line_mut(&mut self) -> &mut LineEdits {
        self.edits().line.get_or_insert_default()
    }

    #[cold]
    fn edits(&mut self) -> &mut Edits {
        self.0.get_or_insert_default()
    }
}

/// The fields of that name, with their places.
fn named<'a, 'b>(fields: &'a [Field<'b>], name: &FieldName) -> impl Iterator<Item = (usize, &'a Field<'b>)> {
    fields.iter().enumerate().filter(|(_, field)| field.name.eq_ignore_ascii_case(name.as_str()))
}

#[cfg(test)]
mod tests;
