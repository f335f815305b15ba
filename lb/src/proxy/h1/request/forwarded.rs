//! The `X-Forwarded` fields in the unusual cases: there is no host to tell, or fields that the client has sent are kept.

use super::RewriteContext;
use crate::config::Forwarded;
use crate::http::rewrite::Rewrite;

/// Writes the `X-Forwarded` fields in the unusual cases: there is no host, or those that the client has sent are kept.
#[cold]
pub(super) fn add(
    fields: &[httparse::Header<'_>],
    towards: RewriteContext<'_>,
    host: &[u8],
    out: &mut Rewrite<'_>,
) {
    let is_kept = |name: &str| {
        towards.forwarded == Forwarded::Keep
            && fields.iter().any(|field| field.name.eq_ignore_ascii_case(name))
    };
    out.write("X-Forwarded-For", towards.peer);
    if !is_kept("x-forwarded-proto") {
        out.write("X-Forwarded-Proto", b"http");
    }
    // A request of HTTP/1.0 may name no host; there is none to tell then.
    if !host.is_empty() && !is_kept("x-forwarded-host") {
        out.write("X-Forwarded-Host", host);
    }
}
