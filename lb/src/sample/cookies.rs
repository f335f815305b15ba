//! Cookies of requests and of responses, and parameters of queries.

/// The cookies of a `Cookie` field (RFC 6265 section 4.2.1), as names and values.
pub(crate) fn crumbs(field: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    field.split(|byte| *byte == b';').filter_map(pair)
}

/// The cookie that a `Set-Cookie` field sets.
pub(crate) fn set(field: &[u8]) -> Option<(&[u8], &[u8])> {
    pair(field.split(|byte| *byte == b';').next()?)
}

/// The parameters of a query, as they came.
pub(crate) fn parameters(query: &str, separator: u8) -> impl Iterator<Item = (&[u8], &[u8])> {
    query.as_bytes().split(move |byte| *byte == b'&' || *byte == separator).map(|part| {
        let end = part.iter().position(|byte| *byte == b'=');
        end.map_or((part, &[][..]), |end| (&part[..end], &part[end + 1..]))
    })
}

fn pair(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = part.iter().position(|byte| *byte == b'=')?;
    Some((part[..end].trim_ascii(), part[end + 1..].trim_ascii()))
}
