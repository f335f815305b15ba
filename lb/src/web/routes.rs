//! From a request to its answer: a pure function of the request and of the state.
//!
//! It refuses bodies, cookies and anything but GET and HEAD: nothing here changes anything.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;

use super::page;
use crate::control::Control;
use crate::report::{self, Overview, prometheus, stat};

/// The answer's type.
pub(super) type Answer = Response<Full<Bytes>>;

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// What there is, for whoever asks for something else.
const PATHS: &str = "nothing here. There is:
/            status page, also /stats
/stats.json  the same as JSON
/stats;csv   HAProxy's CSV; also ;json and ;typed, with ;up or ;no-maint behind
/metrics     Prometheus; ?scope=, ?metrics=, ?no-maint, ?extra-counters
/healthz     200 while the process answers
/readyz      200 while traffic is welcome, else 503 and why
";

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Answers a request.
pub(super) fn answer<B>(request: &Request<B>, control: &Control) -> Answer {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = with(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    let (path, options) = split(request.uri().path());
    match path {
        "/" | "/stats" => stats(&options, control),
        "/stats.css" => with(StatusCode::OK, "text/css; charset=utf-8", include_str!("assets/page.css")),
        "/stats.js" => with(StatusCode::OK, "text/javascript; charset=utf-8", include_str!("assets/page.js")),
        "/stats.json" => with(StatusCode::OK, JSON, report::json(control)),
        "/metrics" => metrics(request.uri().query().unwrap_or_default(), control),
        "/healthz" => with(StatusCode::OK, TEXT, "ok\n"),
        "/readyz" => ready(control),
        _ => with(StatusCode::NOT_FOUND, TEXT, PATHS),
    }
}

/// A path and the options behind its first `;` (HAProxy manual, `stats uri`), with or without a slash before that.
fn split(path: &str) -> (&str, Vec<&str>) {
    let (path, options) = path.split_once(';').map_or((path, ""), |(path, options)| (path, options));
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
    (path, options.split(';').filter(|option| !option.is_empty()).collect())
}

fn stats(options: &[&str], control: &Control) -> Answer {
    let has = |option: &str| options.contains(&option);
    let query = stat::Query { up: has("up"), no_maint: has("no-maint"), ..stat::Query::default() };
    let shared = control.shared();
    let (kind, text) = if has("csv") {
        ("text/plain", stat::csv(shared, &query))
    } else if has("typed") {
        ("text/plain", stat::typed(shared, &query))
    } else if has("json") {
        (JSON, stat::json(shared, &query))
    } else {
        (HTML, Ok(page::html(&Overview::of(control), !has("norefresh"))))
    };
    match text {
        Ok(text) => with(StatusCode::OK, kind, text),
        Err(unknown) => with(StatusCode::NOT_FOUND, TEXT, format!("{unknown}\n")),
    }
}

fn metrics(query: &str, control: &Control) -> Answer {
    match prometheus::Query::parse(query) {
        Ok(query) => with(StatusCode::OK, prometheus::CONTENT_TYPE, prometheus::text(control, &query)),
        Err(unknown) => with(StatusCode::BAD_REQUEST, TEXT, format!("{unknown}\n")),
    }
}

fn ready(control: &Control) -> Answer {
    let problems = report::readiness(control, &control.topology());
    if problems.is_empty() {
        return with(StatusCode::OK, TEXT, "ready\n");
    }
    with(StatusCode::SERVICE_UNAVAILABLE, TEXT, problems.join("\n") + "\n")
}

fn with(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// Puts on every answer what keeps browsers from guessing, framing, loading from elsewhere, and from showing old data.
pub(super) fn harden(mut answer: Answer) -> Answer {
    let headers = [
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in headers {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
