//! A head that has been written for a server and is edited after all.

use std::mem::MaybeUninit;

use httparse::Status;

use crate::http::head::Field;
use crate::http::overlay::{Change, Overlay};
use crate::http::target::RequestTarget;

/// Shows `edit` the path and the fields of the head at the start of `text`, which [`Request::write`](super::Request::write) has made, and
/// makes the same head with other values of the fields that it edits; nothing when it edits none, or no head is there. What stands behind
/// the head stays.
pub fn edit_written(text: &[u8], edit: impl FnOnce(&str, &[Field<'_>]) -> Overlay) -> Option<Vec<u8>> {
    let lines = memchr::memchr_iter(b'\n', text).count();
    let mut fields = vec![MaybeUninit::uninit(); lines];
    let mut request = httparse::Request::new(&mut []);
    let Ok(Status::Complete(_)) = request.parse_with_uninit_headers(text, &mut fields) else { return None };
    let target = RequestTarget::new(request.method?, request.path?).ok()?;
    let fields = &*request.headers;
    let edits = edit(target.path, fields);
    if edits.is_empty() {
        return None;
    }
    let at = |part: &[u8]| part.as_ptr() as usize - text.as_ptr() as usize;
    let (mut out, mut done) = (Vec::with_capacity(text.len()), 0);
    for (index, field) in fields.iter().enumerate() {
        let Some(change) = edits.change(index) else { continue };
        out.extend_from_slice(&text[done..at(field.name.as_bytes())]);
        if let Change::Value(value) = change {
            crate::http::field::write(&mut out, field.name, value.as_bytes());
        }
        let value = at(field.value);
        done = memchr::memchr(b'\n', &text[value..]).map_or(text.len(), |end| value + end + 1);
    }
    out.extend_from_slice(&text[done..]);
    Some(out)
}
