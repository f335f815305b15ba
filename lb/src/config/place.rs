//! Where a reader found a value, so that a fault of the model can point at it.

use std::ops::Range;

/// A place in the text that a reader has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which of the files that were read ([`Faults::files`](super::Faults)), from 0.
    pub file: usize,
    /// Its bytes there; `None` for a default, which stands nowhere.
    pub bytes: Option<Range<usize>>,
    /// The key with its sections, as the file's language writes it (`backend.api_nodes.balance`).
    pub key: String,
}

/// A value and where it came from.
#[derive(Debug, Clone)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub place: Place,
}

// === impl Place ===

impl Place {
    /// Orders places as they are read; defaults come first.
    pub(super) fn position(&self) -> (usize, usize) {
        (self.file, self.bytes.as_ref().map_or(0, |bytes| bytes.start))
    }
}

// === impl Placed ===

impl<T> Placed<T> {
    /// Another value at the same place.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Placed<U> {
        Placed { value: map(self.value), place: self.place }
    }
}
