//! The head of a request that a reload leads to another backend after it was written for the first one.
//!
//! What only its own frontend and client have to say is in it already and stays as it is. What the backend reads is read again, and the
//! backend's cookie is taken out as that backend does it.

use std::mem::MaybeUninit;

use httparse::Status;

use super::target::RequestTarget;
use super::{Persistence, RewriteContext, is_cookie, key, ties};
use crate::http::field;

/// Writes the head at the start of `text` as another backend wants it; says by which key a hash picks a server, and what binds the client.
/// Nothing when no head is there.
pub fn write_again(
    text: &mut Vec<u8>,
    towards: RewriteContext<'_>,
) -> Option<(u64, Option<Box<Persistence>>)> {
    let lines = memchr::memchr_iter(b'\n', text).count();
    let mut fields = vec![MaybeUninit::uninit(); lines];
    let mut request = httparse::Request::new(&mut []);
    let Ok(Status::Complete(_)) = request.parse_with_uninit_headers(text, &mut fields) else { return None };
    let target = RequestTarget::new(request.method?, request.path?).ok()?;
    let fields = &*request.headers;
    let cookies = || fields.iter().filter(|field| is_cookie(field));
    let asked = towards.jar.map(|(jar, now)| jar.read(cookies().map(|field| field.value), now));
    let read = (key(towards, &target, fields), ties(asked, towards, fields));
    let mut written = None;
    if let Some((jar, _)) = towards.jar.filter(|(jar, _)| jar.rewrites()) {
        let at = |part: &[u8]| part.as_ptr() as usize - text.as_ptr() as usize;
        let (mut out, mut done) = (Vec::with_capacity(text.len()), 0);
        for field in cookies() {
            out.extend_from_slice(&text[done..at(field.name.as_bytes())]);
            field::write_some(&mut out, field.name, |out| jar.write_rest(field.value, out));
            let value = at(field.value);
            done = memchr::memchr(b'\n', &text[value..]).map_or(text.len(), |end| value + end + 1);
        }
        out.extend_from_slice(&text[done..]);
        written = Some(out);
    }
    if let Some(written) = written {
        *text = written;
    }
    Some(read)
}

#[cfg(test)]
mod tests;
