//! What heads of requests and of responses have in common: their bounds, and the table of their fields.

use std::mem::MaybeUninit;

/// A field as it stands in a head: its name and its value, as places in the bytes that were received.
pub type Field<'b> = httparse::Header<'b>;

/// Fields that are parsed without an allocation.
const USUAL: usize = 256;

/// What bounds a head.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Its bytes.
    pub max_head: usize,
    /// Its fields.
    pub max_fields: usize,
}

/// Space for the table of a head's fields, on the stack of whoever parses one.
#[derive(Debug)]
pub struct FieldSpace<'b> {
    usual: [MaybeUninit<Field<'b>>; USUAL],
    many: Vec<MaybeUninit<Field<'b>>>,
}

// === impl FieldSpace ===

impl<'b> FieldSpace<'b> {
    /// Space that costs nothing before it is used.
    #[expect(clippy::new_without_default, reason = "a default would hide that it is large")]
    #[inline]
    pub const fn new() -> Self {
        Self { usual: [const { MaybeUninit::uninit() }; USUAL], many: Vec::new() }
    }

    /// Space for at most `count` fields.
    #[inline]
    pub(super) fn of(&mut self, count: usize) -> &mut [MaybeUninit<Field<'b>>] {
        if count <= USUAL {
            return &mut self.usual[..count];
        }
        self.many.resize_with(count, MaybeUninit::uninit);
        &mut self.many
    }
}
