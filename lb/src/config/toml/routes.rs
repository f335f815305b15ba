//! `[[frontend.NAME.route]]`: routes in plain keys. Each becomes a line of `use_backend`, so that there is one language below.

use http::HeaderName;
use toml::de::DeValue;

use super::section::Section;
use super::value::{self, Parsed, Wrong};
use crate::config::rules::RuleLine;

/// Reads the routes of a section, in their order.
pub(super) fn read(section: &mut Section<'_>) -> Vec<RuleLine> {
    if !section.has("route") {
        return Vec::new();
    }
    section.sections("route").into_iter().filter_map(route).collect()
}

fn route(mut section: Section<'_>) -> Option<RuleLine> {
    let backend = section.need("backend", value::text, "backend = \"api\"");
    let hosts = section.any("host", host);
    let paths = section.any("path", path);
    let methods = section.any("method", method);
    let fields = section.optional("header").map(|section| headers(&section)).unwrap_or_default();
    section.finish();
    let backend = backend?;
    let mut tests: Vec<Vec<String>> = Vec::new();
    let regex = |sample: &str, all: &[String]| {
        vec![
            sample.to_owned(),
            "-m".to_owned(),
            "reg".to_owned(),
            "--".to_owned(),
            format!("^({})$", all.join("|")),
        ]
    };
    if !hosts.is_empty() {
        tests.push(regex("req.hdr(host),host_only,lower", &hosts));
    }
    if !paths.is_empty() {
        tests.push(regex("path", &paths));
    }
    if !methods.is_empty() {
        tests.push([vec!["method".to_owned(), "--".to_owned()], methods].concat());
    }
    for (name, wanted) in fields {
        let sample = format!("req.fhdr({name})");
        let how = match wanted.as_str() {
            "*" => vec![sample, "-m".to_owned(), "found".to_owned()],
            _ => vec![sample, "-m".to_owned(), "str".to_owned(), "--".to_owned(), wanted],
        };
        tests.push(how);
    }
    let mut words = vec![backend.value.replace('%', "%%")];
    if !tests.is_empty() {
        words.push("if".to_owned());
    }
    for test in tests {
        words.push("{".to_owned());
        words.extend(test);
        words.push("}".to_owned());
    }
    Some(RuleLine { words, place: backend.place })
}

/// A host, or all hosts below one (`*.example.org`), as a regular expression.
fn host(value: &DeValue<'_>) -> Parsed<String> {
    let text = value.as_str().unwrap_or_default().to_ascii_lowercase();
    let (below, name) = match text.strip_prefix("*.") {
        Some(name) => (true, name),
        None => (false, text.as_str()),
    };
    let is_good =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'[' | b']' | b':');
    if name.is_empty() || !name.bytes().all(is_good) {
        return Err(wrong("a host, such as `\"example.org\"`, or `\"*.example.org\"` for all below it"));
    }
    let name = regex::escape(name);
    Ok(if below { format!(".+\\.{name}") } else { name })
}

/// A path and all below it, as a regular expression.
fn path(value: &DeValue<'_>) -> Parsed<String> {
    let text = value.as_str().unwrap_or_default();
    let is_good =
        text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#*".contains(&byte));
    if !is_good {
        return Err(wrong(
            "a path that begins with `/`, such as `\"/api\"`: it stands for all paths below it as well",
        ));
    }
    let stem = regex::escape(text.trim_end_matches('/'));
    // `/api` is on a segment's border: `/apis` is another path. `/api/` is only what is below it.
    Ok(if text.ends_with('/') { format!("{stem}/.*") } else { format!("{stem}(/.*)?") })
}

fn method(value: &DeValue<'_>) -> Parsed<String> {
    let text = value.as_str().filter(|text| HeaderName::try_from(*text).is_ok());
    text.map(str::to_owned).ok_or_else(|| wrong("a method, such as `\"GET\"`"))
}

fn headers(section: &Section<'_>) -> Vec<(String, String)> {
    let fields = section.entries().into_iter().filter_map(|(name, _, value)| {
        let wanted = section.placed(name, value, value::text)?.value;
        if HeaderName::try_from(name).is_err() {
            // The name is what is wrong, whatever the value is.
            section.placed(name, value, |_| Err::<(), _>(wrong("under the name of a header field")))?;
        }
        Some((name.to_owned(), wanted))
    });
    fields.collect()
}

fn wrong(wants: &str) -> Wrong {
    Wrong { wants: wants.to_owned(), meant: None }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    fn words(route: &str) -> Result<String, String> {
        let text = format!(
            "[frontend.f]\nbind = '127.0.0.1:1'\nbackend = 'b'\n[backend.b.servers]\n[[frontend.f.route]]\nbackend = 'b'\n{route}\n"
        );
        let config =
            Config::parse(&text, Path::new("lb.toml")).map_err(|faults| faults.faults[0].message.clone())?;
        Ok(config.frontends[0].rules.use_backend[0].words.join(" "))
    }

    #[test]
    fn routes_become_lines() {
        let table = [
            ("", "b"),
            ("host = 'Example.org'", r"b if { req.hdr(host),host_only,lower -m reg -- ^(example\.org)$ }"),
            (
                "host = ['a.org', '*.b.org']",
                r"b if { req.hdr(host),host_only,lower -m reg -- ^(a\.org|.+\.b\.org)$ }",
            ),
            ("path = '/api'", r"b if { path -m reg -- ^(/api(/.*)?)$ }"),
            ("path = ['/a.b/', '/']", r"b if { path -m reg -- ^(/a\.b/.*|/.*)$ }"),
            ("method = ['GET', 'HEAD']", "b if { method -- GET HEAD }"),
            (
                "header = { X-Env = 'beta', X-Any = '*' }",
                "b if { req.fhdr(X-Env) -m str -- beta } { req.fhdr(X-Any) -m found }",
            ),
        ];
        for (route, expected) in table {
            assert_eq!(words(route).as_deref(), Ok(expected), "{route}");
        }
        for route in [
            "host = ''",
            "host = 'a b'",
            "path = 'api'",
            "path = '/a*'",
            "method = 'G T'",
            "header = { 'a b' = 'c' }",
            "hosts = 'a'",
        ] {
            assert!(words(route).is_err(), "{route}");
        }
    }
}
