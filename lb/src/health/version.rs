//! The version of a server, if the response to its check reports it: in a header, or as `version` of a JSON
//! object.
//!
//! It is for people. Long or unprintable values are ignored.

use http::HeaderMap;
use serde::Deserialize;

/// Headers that report it, in order of preference.
const HEADERS: [&str; 3] = ["x-version", "x-app-version", "version"];
/// Maximum number of characters.
const LONGEST: usize = 40;

#[derive(Deserialize)]
struct Page {
    version: Version,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Version {
    Text(String),
    Number(serde_json::Number),
}

/// The version in a response with these headers and this beginning of a body.
pub(super) fn told(headers: &HeaderMap, opening: &[u8]) -> Option<String> {
    let header = HEADERS.iter().find_map(|name| headers.get(*name)?.to_str().ok().map(str::to_owned));
    let text = header.or_else(|| match serde_json::from_slice::<Page>(opening).ok()?.version {
        Version::Text(text) => Some(text),
        Version::Number(number) => Some(number.to_string()),
    })?;
    let shown: String = text.trim().chars().filter(|char| !char.is_control()).take(LONGEST).collect();
    (!shown.is_empty()).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_where_they_are_told() {
        let long = format!("{{\"version\":\"{}\"}}", "1".repeat(100));
        let table = [
            (None, r#"{"status":"ok","node":"api0","version":"v2"}"#, Some("v2")),
            (None, r#"{"version":3}"#, Some("3")),
            (None, r#"{"version":" a\u001b[1mb "}"#, Some("a[1mb")),
            (None, r#"{"version":""}"#, None),
            (None, r#"{"version":{"major":1}}"#, None),
            (None, r#"{"status":"ok"}"#, None),
            (None, r#"{"version":"cut o"#, None),
            (None, "ok", None),
            (None, &long, Some(&long[12..52])),
            (Some("x-version"), r#"{"version":"v2"}"#, Some("7.1")),
            (Some("version"), "", Some("7.1")),
        ];
        for (header, body, version) in table {
            let mut headers = HeaderMap::new();
            header.map(|name| headers.insert(name, "7.1".parse().unwrap()));
            assert_eq!(told(&headers, body.as_bytes()).as_deref(), version, "{header:?} {body}");
        }
    }
}
