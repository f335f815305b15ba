//! The head of a request that a reload leads to another backend after it was written for the first one.
//!
//! What only its own frontend and client have to say is in it already and stays as it is. What the backend reads is read again, and the
//! backend's cookie is taken out as that backend does it.

use super::{Persistence, RewriteContext, read};
use crate::http::overlay::Overlay;
use crate::http::request;

/// Writes the head at the start of `text` as another backend wants it; says by which key a hash picks a server, and what binds the client.
/// Nothing when no head is there.
pub fn write_again(
    text: &mut Vec<u8>,
    towards: RewriteContext<'_>,
) -> Option<(u64, Option<Box<Persistence>>)> {
    let mut read_of = None;
    let written = request::edit_written(text, |path, fields| {
        let mut edits = Overlay::default();
        read_of = Some(read(path, fields, towards, &mut edits));
        edits
    });
    if let Some(written) = written {
        *text = written;
    }
    read_of
}

#[cfg(test)]
mod tests;
