//! Paths and methods to answers. Every limit of the node is here; a parameter beyond one is refused, not cut down.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE, TE, TRAILER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;

use crate::body::{Body, Events};
use crate::health;
use crate::node::Life;
use crate::state::State;
use crate::websocket;

/// The longest `/slow` and the longest pause between two events, milliseconds.
const MAX_MS: u64 = 60_000;
/// The longest `/bytes`.
const MAX_BYTES: u64 = 1 << 30;
/// The most `/events`.
const MAX_EVENTS: u64 = 100_000;

#[derive(Serialize)]
struct Root<'a> {
    node: &'a str,
    version: &'a str,
    count: u64,
}

#[derive(Serialize)]
struct Slow<'a> {
    node: &'a str,
    version: &'a str,
    slept_ms: u64,
}

#[derive(Serialize)]
struct Fault<'a> {
    error: &'a str,
}

/// Answers one request and signs the answer.
pub(crate) async fn answer(life: &Life, state: &Arc<State>, request: Request<Incoming>) -> Response<Body> {
    state.see(request.uri().path());
    let mut response = route(life, state, request).await;
    state.sign(&mut response);
    response
}

async fn route(life: &Life, state: &Arc<State>, request: Request<Incoming>) -> Response<Body> {
    let Some(allowed) = allowed(request.uri().path()) else {
        return fault(
            StatusCode::NOT_FOUND,
            "no such path; try /, /health, /slow, /bytes, /echo, /events or /ws",
        );
    };
    if !allowed.split(", ").any(|method| method == request.method().as_str()) {
        let mut response = fault(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        return response;
    }
    let parameters = request.uri().query().unwrap_or_default();
    match request.uri().path() {
        "/" => root(state),
        "/health" if request.method() == Method::POST => health::switch(state, parameters),
        "/health" => health::page(state),
        "/slow" => slow(state, parameters).await,
        "/bytes" => bytes(parameters),
        "/events" => events(state, parameters),
        "/echo" => echo(request),
        _ => websocket::upgrade(life, request),
    }
}

/// The methods of a path, as the `Allow` header lists them (RFC 9110 §10.2.1); `None` for a path that is not there.
fn allowed(path: &str) -> Option<&'static str> {
    match path {
        "/" | "/slow" | "/bytes" | "/events" => Some("GET, HEAD"),
        "/health" => Some("GET, HEAD, POST"),
        "/echo" => Some("POST, PUT"),
        "/ws" => Some("GET"),
        _ => None,
    }
}

fn root(state: &State) -> Response<Body> {
    json(StatusCode::OK, &Root { node: &state.name, version: &state.version, count: state.count() })
}

async fn slow(state: &State, parameters: &str) -> Response<Body> {
    let ms = match number(parameters, "ms", 1000, MAX_MS) {
        Ok(ms) => ms,
        Err(refusal) => return bad_request(&refusal),
    };
    tokio::time::sleep(Duration::from_millis(ms)).await;
    json(StatusCode::OK, &Slow { node: &state.name, version: &state.version, slept_ms: ms })
}

fn bytes(parameters: &str) -> Response<Body> {
    match number(parameters, "n", 1024, MAX_BYTES) {
        Ok(n) => typed("application/octet-stream", Body::Pattern { left: n }),
        Err(refusal) => bad_request(&refusal),
    }
}

fn events(state: &State, parameters: &str) -> Response<Body> {
    let asked = number(parameters, "n", 10, MAX_EVENTS)
        .and_then(|n| number(parameters, "ms", 100, MAX_MS).map(|ms| (n, Duration::from_millis(ms))));
    match asked {
        Ok((n, pause)) => {
            let mut response = typed("text/event-stream", Body::Events(Events::new(&state.name, n, pause)));
            response.headers_mut().insert("cache-control", HeaderValue::from_static("no-cache"));
            response
        }
        Err(refusal) => bad_request(&refusal),
    }
}

fn echo(request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let mut response = Response::new(Body::Echo(body));
    if let Some(value) = head.headers.get(CONTENT_TYPE) {
        response.headers_mut().insert(CONTENT_TYPE, value.clone());
    }
    // Trailers may go back only to a client that takes them (RFC 9110 §6.5.1).
    if head.headers.contains_key(TE) {
        for value in head.headers.get_all(TRAILER) {
            response.headers_mut().append(TRAILER, value.clone());
        }
    }
    response
}

/// The value of a parameter. Only digits and plain words are meant here: nothing is percent-decoded.
pub(crate) fn query<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// A number of digits and nothing else: no sign, which `parse` would take.
pub(crate) fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn number(parameters: &str, name: &str, default: u64, max: u64) -> Result<u64, String> {
    match query(parameters, name).map(digits) {
        None => Ok(default),
        Some(Some(value)) if value <= max => Ok(value),
        Some(_) => Err(format!("{name} must be a whole number from 0 to {max}")),
    }
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(text) => {
            let mut response = typed("application/json", Body::from(text));
            *response.status_mut() = status;
            response
        }
        Err(_) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

pub(crate) fn bad_request(error: &str) -> Response<Body> {
    fault(StatusCode::BAD_REQUEST, error)
}

fn fault(status: StatusCode, error: &str) -> Response<Body> {
    json(status, &Fault { error })
}

fn typed(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        for (text, name, value) in [
            ("ms=5", "ms", Some("5")),
            ("n=1&ms=5", "ms", Some("5")),
            ("n=1&ms=5", "m", None),
            ("ms", "ms", None),
            ("ms=", "ms", Some("")),
            ("", "ms", None),
            ("ms=1&ms=2", "ms", Some("1")),
        ] {
            assert_eq!(query(text, name), value, "{text}");
        }
    }

    #[test]
    fn numbers_have_a_default_and_a_limit() {
        assert_eq!(number("", "n", 7, 10), Ok(7));
        assert_eq!(number("n=10", "n", 7, 10), Ok(10));
        for bad in ["n=11", "n=-1", "n=+3", "n=", "n= 3", "n=%33", "n=ten", "n=99999999999999999999"] {
            assert!(number(bad, "n", 7, 10).is_err(), "{bad} was taken");
        }
    }
}
