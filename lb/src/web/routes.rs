//! Which path gives what. Everything is read-only: GET and HEAD.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Response, StatusCode, Uri};
use http_body_util::Full;

use super::{page, ready};
use crate::control::Control;
use crate::report;

/// A whole answer.
pub(super) type Answer = Response<Full<Bytes>>;

const TEXT: &str = "text/plain; charset=utf-8";
const PATHS: &str = "not found; there are: / /stats;csv /stats.json /metrics /healthz /readyz\n";
/// The page loads what lies beside it and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// The answer to a request.
pub(super) fn answer(control: &Control, method: &Method, uri: &Uri) -> Answer {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut answer = reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    // HAProxy takes whatever follows a semicolon behind the path for options, and its tools put them behind a slash as well.
    let (path, options) = uri.path().split_once(';').unwrap_or((uri.path(), ""));
    let has = |option: &str| options.split(';').any(|given| given == option);
    match path {
        "/" | "/stats" | "/stats/" if has("csv") => csv(control, has("up"), has("no-maint")),
        "/" | "/stats" | "/stats/" => html(control),
        "/stats.json" => json(control),
        "/style.css" => reply(StatusCode::OK, "text/css; charset=utf-8", page::STYLE),
        "/script.js" => reply(StatusCode::OK, "text/javascript; charset=utf-8", page::SCRIPT),
        "/metrics" => metrics(control, uri.query().unwrap_or("")),
        "/healthz" => reply(StatusCode::OK, TEXT, "ok\n"),
        "/readyz" => match ready::ready(control) {
            Ok(()) => reply(StatusCode::OK, TEXT, "ready\n"),
            Err(missing) => reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, missing + "\n"),
        },
        _ => reply(StatusCode::NOT_FOUND, TEXT, PATHS),
    }
}

fn csv(control: &Control, up: bool, no_maint: bool) -> Answer {
    let query = report::stat::Query { up, no_maint, ..report::stat::Query::default() };
    // No proxy is asked for, so none can be unknown.
    reply(StatusCode::OK, "text/plain", report::stat::csv(control.shared(), &query).unwrap_or_default())
}

fn json(control: &Control) -> Answer {
    match serde_json::to_vec(&report::json::report(control)) {
        Ok(text) => reply(StatusCode::OK, "application/json", text),
        Err(error) => reply(StatusCode::INTERNAL_SERVER_ERROR, TEXT, error.to_string()),
    }
}

fn html(control: &Control) -> Answer {
    let mut answer = reply(StatusCode::OK, "text/html; charset=utf-8", page::render(control));
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    answer
}

fn metrics(control: &Control, query: &str) -> Answer {
    match report::prometheus::text(control, query) {
        Ok(text) => reply(StatusCode::OK, "text/plain; version=0.0.4", text),
        Err(error) => reply(StatusCode::BAD_REQUEST, TEXT, format!("{error}\n")),
    }
}

fn reply(status: StatusCode, content: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
