//! A server's response, read for its client: the backend's cookie is taken out, changed or added on the way.

use crate::http::Malformed;
use crate::http::head::{FieldSpace, Limits};
use crate::http::overlay::{FieldName, FieldValue, Overlay};
use crate::http::response::{self, Response, ResponseContext, ResponseHead};
use crate::proxy::ruled::ResponseRules;
use crate::stick::{CookieAction, SetCookie};

/// Reads a head from the start of `input` and writes the client's to `out`, with what `reply` does to the backend's cookie; nothing when it
/// is not whole yet. Says what was done with that cookie, too.
///
/// # Errors
/// It must not be passed on.
pub fn parse(
    input: &[u8],
    limits: Limits,
    towards: ResponseContext<'_>,
    reply: Option<&SetCookie<'_>>,
    out: &mut Vec<u8>,
) -> Result<Option<(ResponseHead, CookieAction)>, Malformed> {
    parse_edited(input, limits, towards, reply, None, out)
}

/// The same where rules edit the head of the answer first.
///
/// # Errors
/// It must not be passed on.
pub(super) fn parse_edited(
    input: &[u8],
    limits: Limits,
    towards: ResponseContext<'_>,
    reply: Option<&SetCookie<'_>>,
    rules: Option<&ResponseRules<'_>>,
    out: &mut Vec<u8>,
) -> Result<Option<(ResponseHead, CookieAction)>, Malformed> {
    let mut space = FieldSpace::new();
    let Some(response) = response::parse(input, limits, towards, &mut space)? else { return Ok(None) };
    let mut edits = Overlay::default();
    if let Some(rules) = rules.filter(|_| response.is_final()) {
        rules.run(&response, &mut edits);
    }
    let given = match reply {
        // An interim response is nobody's last word.
        Some(reply) if response.is_final() => set_cookie(&response, reply, &mut edits),
        _ => CookieAction::None,
    };
    Ok(Some((response.write(&edits, towards, out), given)))
}

/// Edits the fields that are about the backend's cookie.
fn set_cookie(response: &Response<'_, '_>, reply: &SetCookie<'_>, edits: &mut Overlay) -> CookieAction {
    let mut given = CookieAction::None;
    for (index, field) in response.fields.iter().enumerate() {
        if field.name.eq_ignore_ascii_case("set-cookie") && reply.concerns(field.value) {
            let mut value = Vec::new();
            given = reply.write_own(field.value, &mut value);
            edits.put(index, value);
        }
    }
    let mut value = Vec::new();
    given = reply.write_new(given, &mut value);
    if let (Ok(name), Ok(value)) = (FieldName::new("Set-Cookie"), FieldValue::new(value))
        && !value.as_bytes().is_empty()
    {
        edits.add(name, value);
    }
    let mut fields = response.fields.iter().map(|field| (field.name, field.value));
    if reply.makes_private(given, response.status, &mut fields)
        && let (Ok(name), Ok(value)) = (FieldName::new("Cache-Control"), FieldValue::new("private"))
    {
        edits.add(name, value);
    }
    given
}
