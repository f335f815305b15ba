//! The values in a line of JSON, in place: everything around them is compared to the byte.

use super::cell::Kind;

const NAME: &str = "\"name\":\"";
const VALUE: &str = "\"value\":";

/// The line with its values in comparable form.
pub(super) fn normal(line: &str) -> String {
    let kind = if line.starts_with("[[") { Kind::Stat } else { Kind::Info };
    let (mut out, mut rest) = (String::new(), line);
    // The name of a field comes before its value, which is the second of two that are called so: `"value":{"type":"u32","value":0}`.
    while let Some((name, at)) = next(rest) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let length = scalar(from);
        let value = &from[..length];
        match value.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(text) => out.push_str(&format!("\"{}\"", kind.cell(name, text))),
            None => out.push_str(&kind.cell(name, value)),
        }
        rest = &from[length..];
    }
    out + rest
}

/// The next field's name, and where its value begins.
fn next(text: &str) -> Option<(&str, usize)> {
    let name_at = text.find(NAME)? + NAME.len();
    let name = text[name_at..].split('"').next()?;
    let outer = name_at + text[name_at..].find(VALUE)? + VALUE.len();
    let inner = outer + text[outer..].find(VALUE)? + VALUE.len();
    Some((name, inner))
}

/// The length of the string or number that `text` begins with.
fn scalar(text: &str) -> usize {
    if !text.starts_with('"') {
        return text.find(['}', ',']).unwrap_or(text.len());
    }
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, letter)| {
        let ends = *letter == '"' && !escaped;
        escaped = *letter == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}
