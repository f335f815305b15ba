//! The health of a node: its page, the switch that makes it fail, and the question `api healthcheck` asks.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;

use crate::body::Body;
use crate::routes::{bad_request, digits, json, query};
use crate::state::State;

/// How long a node may take to answer `api healthcheck`.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Serialize)]
struct Page<'a> {
    status: &'a str,
    node: &'a str,
    version: &'a str,
}

/// `GET /health`.
pub(crate) fn page(state: &State) -> Response<Body> {
    let code = state.health();
    json(code, &describe(state, code))
}

/// `POST /health?fail=true|false&status=503`: answers 200 with the state it has set.
pub(crate) fn switch(state: &State, parameters: &str) -> Response<Body> {
    let code = match query(parameters, "status") {
        None => StatusCode::SERVICE_UNAVAILABLE,
        Some(text) => match digits(text).and_then(failing) {
            Some(code) => code,
            None => return bad_request("status must be a number from 400 to 599"),
        },
    };
    match query(parameters, "fail") {
        Some("true") => state.set_health(code),
        Some("false") => state.set_health(StatusCode::OK),
        _ => return bad_request("say /health?fail=true or /health?fail=false"),
    }
    json(StatusCode::OK, &describe(state, state.health()))
}

fn failing(code: u64) -> Option<StatusCode> {
    let code = StatusCode::from_u16(u16::try_from(code).ok()?).ok()?;
    (code.is_client_error() || code.is_server_error()).then_some(code)
}

fn describe(state: &State, code: StatusCode) -> Page<'_> {
    let status = if code == StatusCode::OK { "ok" } else { "failing" };
    Page { status, node: &state.name, version: &state.version }
}

/// Asks the node that listens on `bind` for its health.
///
/// # Errors
/// When no response comes in time, or it is not 200.
pub(crate) async fn ask(bind: SocketAddr) -> io::Result<()> {
    let to = reachable(bind);
    let status = tokio::time::timeout(PATIENCE, fetch(to))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, format!("{to} did not answer in {PATIENCE:?}")))?
        .map_err(|error| io::Error::other(format!("cannot ask {to}: {error}")))?;
    if status == StatusCode::OK {
        Ok(())
    } else {
        Err(io::Error::other(format!("{to} answers /health with {status}")))
    }
}

async fn fetch(to: SocketAddr) -> io::Result<StatusCode> {
    let stream = TcpStream::connect(to).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let request = Request::get("/health")
        .header("host", to.to_string())
        .header("connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    // Ends with the runtime, which lives as long as this one question.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    Ok(response.status())
}

/// The address to dial for a node bound to `bind`: "any" is reached through the loopback.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other.ip(),
    };
    SocketAddr::new(ip, bind.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_is_reached_through_the_loopback() {
        for (bind, dial) in
            [("0.0.0.0:4000", "127.0.0.1:4000"), ("[::]:4000", "[::1]:4000"), ("10.1.2.3:80", "10.1.2.3:80")]
        {
            assert_eq!(reachable(bind.parse().unwrap()), dial.parse().unwrap());
        }
    }
}
