//! Responses that rules give in a server's place.

use super::Wrong;
use super::line::Words;
use crate::http::overlay::{FieldName, FieldValue};
use crate::sample::{Facts, Template};

/// A response of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleResponse {
    /// Its status.
    pub status: u16,
    /// Its fields but for those that frame it, in their order.
    pub fields: Vec<(String, Vec<u8>)>,
    /// Its body.
    pub body: Vec<u8>,
    /// What it means.
    pub wanted: Wanted,
}

/// Why a rule gives a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The request is rejected.
    Rejected,
    /// The same, after a while.
    Tarpitted,
    /// The response is what the client asked for.
    Served,
}

/// A redirect, as configured.
#[derive(Debug)]
pub(super) struct Redirect {
    kind: RedirectKind,
    to: Template,
    code: u16,
    drop_query: bool,
    append_slash: bool,
    ignore_empty: bool,
    cookie: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RedirectKind {
    Location,
    Prefix,
    Scheme,
}

/// A response with a body, as configured.
#[derive(Debug)]
pub(super) struct Return {
    status: u16,
    content_type: Option<String>,
    body: Option<Template>,
    fields: Vec<(String, Template)>,
    wanted: Wanted,
}

/// Statuses that `deny` may have (HAProxy manual, configuration, `http-request deny`).
const DENIALS: &[u16] = &[
    200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504,
];

// === impl RuleResponse ===

impl RuleResponse {
    /// A rejection.
    pub(super) fn rejected(status: u16, wanted: Wanted) -> Self {
        let reason = reason(status);
        let fields = vec![
            ("cache-control".to_owned(), b"no-cache".to_vec()),
            ("content-type".to_owned(), b"text/html".to_vec()),
        ];
        let body = format!("<html><body><h1>{status} {reason}</h1>\nRejected by a rule.\n</body></html>\n");
        Self { status, fields, body: body.into_bytes(), wanted }
    }

    /// What its status line says.
    pub fn reason(&self) -> &'static str {
        reason(self.status)
    }
}

fn reason(status: u16) -> &'static str {
    let status = http::StatusCode::from_u16(status).ok();
    status.and_then(|status| status.canonical_reason()).unwrap_or("Other")
}

/// Reads `[deny_status N]` and what it may be followed by.
pub(super) fn denial(words: &mut Words<'_>, usual: u16) -> Result<Return, Wrong> {
    let given = response(words, usual, Wanted::Rejected)?;
    if DENIALS.contains(&given.status) {
        Ok(given)
    } else {
        Err(Wrong::with(
            format!("`{}` is no status that a request is rejected with", given.status),
            "403, 404, 429 or 503, for example",
        ))
    }
}

/// Reads the arguments of `tarpit`.
pub(super) fn tarpit(words: &mut Words<'_>) -> Result<Return, Wrong> {
    Ok(Return { wanted: Wanted::Tarpitted, ..denial(words, 500)? })
}

/// Reads the arguments of `return` or `deny`.
pub(super) fn response(words: &mut Words<'_>, usual: u16, wanted: Wanted) -> Result<Return, Wrong> {
    let mut given = Return { status: usual, content_type: None, body: None, fields: Vec::new(), wanted };
    while let Some(word) = words.next() {
        match word {
            "status" | "deny_status" => {
                let status = words.need("a status")?;
                let status = status.parse().ok().filter(|status| (200..600).contains(status));
                given.status = status.ok_or_else(|| Wrong::new("a status is a number from 200 to 599"))?;
            }
            "content-type" => given.content_type = Some(words.need("a media type")?.to_owned()),
            "string" => {
                let text = words.need("a text")?.replace('%', "%%");
                given.body = Some(Template::parse(&text)?);
            }
            "lf-string" => given.body = Some(words.template("a log-format string")?),
            "file" => {
                let file = words.need("a file")?;
                let text = file_text(file)?.replace('%', "%%");
                given.body = Some(Template::parse(&text)?);
            }
            "lf-file" => given.body = Some(Template::parse(&file_text(words.need("a file")?)?)?),
            "hdr" => {
                let name = words.need("the name of a field")?;
                let valid = FieldName::new(name.to_owned()).map_err(|fault| Wrong::new(fault.to_string()))?;
                given.fields.push((valid.as_str().to_ascii_lowercase(), words.template("a value")?));
            }
            "default-errorfiles" => {}
            other => {
                return Err(Wrong::with(
                    format!("`{other}` is unknown here"),
                    "known here: status, content-type, string, lf-string, file, lf-file, hdr",
                ));
            }
        }
    }
    if let Some(content_type) = &given.content_type
        && FieldValue::new(content_type).is_err()
    {
        return Err(Wrong::new("a media type has no control characters"));
    }
    if given.body.is_some() && given.content_type.is_none() {
        return Err(Wrong::with("`content-type` is missing", "add `content-type text/plain`, for example"));
    }
    if matches!(given.status, 204 | 304) && given.body.is_some() {
        return Err(Wrong::new(format!("a response with status {} has no body", given.status)));
    }
    Ok(given)
}

fn file_text(file: &str) -> Result<String, Wrong> {
    let is_file = std::fs::metadata(file).map(|found| found.is_file() && found.len() <= 1 << 20);
    match is_file {
        Ok(true) => {}
        Ok(false) => return Err(Wrong::new(format!("`{file}` is no file of at most 1 MiB"))),
        Err(error) => return Err(Wrong::new(format!("the file `{file}` cannot be read: {error}"))),
    }
    std::fs::read_to_string(file)
        .map_err(|error| Wrong::new(format!("the file `{file}` cannot be read: {error}")))
}

// === impl Return ===

impl Return {
    /// The response to a request.
    pub(super) fn respond(&self, facts: &Facts<'_>) -> RuleResponse {
        if self.wanted != Wanted::Served && self.body.is_none() {
            let mut response = RuleResponse::rejected(self.status, self.wanted);
            response.fields.extend(self.fields(facts));
            return response;
        }
        let mut fields: Vec<_> = self.fields(facts).collect();
        if let Some(content_type) = &self.content_type {
            fields.push(("content-type".to_owned(), content_type.clone().into_bytes()));
        }
        let body = self.body.as_ref().map(|body| body.text(facts)).unwrap_or_default();
        RuleResponse { status: self.status, fields, body, wanted: self.wanted }
    }

    fn fields(&self, facts: &Facts<'_>) -> impl Iterator<Item = (String, Vec<u8>)> {
        self.fields.iter().filter_map(|(name, value)| {
            let value = FieldValue::new(value.text(facts)).ok()?;
            Some((name.clone(), value.as_bytes().to_vec()))
        })
    }
}

// === impl Redirect ===

impl Redirect {
    /// Reads the arguments of `redirect`.
    pub(super) fn compile(words: &mut Words<'_>) -> Result<Self, Wrong> {
        let mut kind = None;
        let mut code = 302;
        let (mut drop_query, mut append_slash, mut ignore_empty, mut cookie) = (false, false, false, None);
        while let Some(word) = words.next() {
            match word {
                "location" => kind = Some((RedirectKind::Location, words.template("a location")?)),
                "prefix" => kind = Some((RedirectKind::Prefix, words.template("a prefix")?)),
                "scheme" => kind = Some((RedirectKind::Scheme, words.template("a scheme")?)),
                "code" => {
                    code = match words.need("a code")? {
                        "301" => 301,
                        "302" => 302,
                        "303" => 303,
                        "307" => 307,
                        "308" => 308,
                        other => {
                            return Err(Wrong::new(format!(
                                "the code of a redirect is 301, 302, 303, 307 or 308, not `{other}`"
                            )));
                        }
                    }
                }
                "drop-query" => drop_query = true,
                "append-slash" => append_slash = true,
                "ignore-empty" => ignore_empty = true,
                "set-cookie" => cookie = Some(format!("{}; path=/;", words.need("a cookie")?)),
                "clear-cookie" => {
                    let name = words.need("a cookie")?;
                    let equals = if name.contains('=') { "" } else { "=" };
                    cookie = Some(format!("{name}{equals}; path=/; Max-Age=0;"));
                }
                other => {
                    return Err(Wrong::new(format!(
                        "`{other}` is unknown here: location, prefix, scheme, code, drop-query, append-slash, ignore-empty, set-cookie or clear-cookie"
                    )));
                }
            }
        }
        let (kind, to) = kind.ok_or_else(|| Wrong::new("say where to: `location`, `prefix` or `scheme`"))?;
        if let Some(cookie) = &cookie
            && FieldValue::new(cookie).is_err()
        {
            return Err(Wrong::new("a cookie has no control characters"));
        }
        Ok(Self { kind, to, code, drop_query, append_slash, ignore_empty, cookie })
    }

    /// The response to a request; nothing when it leads nowhere.
    pub(super) fn respond(&self, facts: &Facts<'_>) -> Option<RuleResponse> {
        let mut location = Vec::new();
        self.to.write(facts, &mut location);
        if self.ignore_empty && location.is_empty() {
            return None;
        }
        if self.kind != RedirectKind::Location {
            let request = facts.request?;
            if self.kind == RedirectKind::Scheme {
                location.extend_from_slice(b"://");
                location.extend_from_slice(request.host());
            } else if location == b"/" {
                // A prefix of a slash alone changes nothing.
                location.clear();
            }
            location.extend_from_slice(request.path().as_bytes());
            if self.append_slash && !location.ends_with(b"/") {
                location.push(b'/');
            }
            if let Some(query) = request.query().filter(|_| !self.drop_query) {
                location.push(b'?');
                location.extend_from_slice(query.as_bytes());
            }
        }
        let location = FieldValue::new(location).ok()?.as_bytes().to_vec();
        let mut fields = vec![("location".to_owned(), location)];
        if matches!(self.code, 302 | 303 | 307) {
            fields.push(("cache-control".to_owned(), b"no-cache".to_vec()));
        }
        if let Some(cookie) = &self.cookie {
            fields.push(("set-cookie".to_owned(), cookie.clone().into_bytes()));
        }
        Some(RuleResponse { status: self.code, fields, body: Vec::new(), wanted: Wanted::Served })
    }
}
