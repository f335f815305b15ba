//! The HTTP half of a check: one GET, and what its answer says.
//!
//! 2xx and 3xx pass (HAProxy manual, `option httpchk`); 404 may say that the server stops (`http-check disable-on-404`). The status decides: a body is only read so that the server gets it out in
//! peace, up to a bound, and one that breaks off changes nothing.

use std::convert::Infallible;
use std::error::Error as _;
use std::io;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::ext::ReasonPhrase;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::ProbeTarget;
use super::probe::{ProbeResult, words};
use super::version;
use crate::config::Protocol;
use crate::net::limits::is_shortage;
use crate::server::CheckStatus;

/// Bytes of an answer's head that are read.
const HEAD: usize = 16 * 1024;
/// Bytes of an answer's body that are read.
const BODY: usize = 64 * 1024;
/// Bytes of an answer's body that are looked at.
const OPENING: usize = 4 * 1024;
/// Characters of a bad answer that are told.
const TOLD: usize = 60;

/// Asks for `path` and reads the answer until `deadline`.
pub(super) async fn ask(
    stream: TcpStream,
    path: &str,
    target: &ProbeTarget,
    deadline: Instant,
) -> ProbeResult {
    let request = match request(path, target) {
        Ok(request) => request,
        Err(error) => return ProbeResult::new(CheckStatus::L7Rsp, error.to_string()),
    };
    let io = TokioIo::new(stream);
    match target.protocol {
        Protocol::Http1 => match http1::Builder::new().max_buf_size(HEAD).handshake(io).await {
            Ok((mut sender, connection)) => {
                beside(connection, answered(sender.send_request(request), target, deadline)).await
            }
            Err(error) => ProbeResult::invalid(&error),
        },
        Protocol::H2c => match timeout_at(deadline, http2::handshake(TokioExecutor::new(), io)).await {
            Ok(Ok((mut sender, connection))) => {
                beside(connection, answered(sender.send_request(request), target, deadline)).await
            }
            Ok(Err(error)) => ProbeResult::invalid(&error),
            Err(_) => ProbeResult::new(CheckStatus::L7Tout, ""),
        },
    }
}

fn request(path: &str, target: &ProbeTarget) -> http::Result<Request<Empty<Bytes>>> {
    let request = Request::builder().header(USER_AGENT, "lb-health");
    let request = match target.protocol {
        Protocol::Http1 => request.uri(path).header(HOST, &target.host).header(CONNECTION, "close"),
        Protocol::H2c => request.uri(format!("http://{}{path}", target.host)),
    };
    request.body(Empty::new())
}

/// Does the exchange while its connection is driven.
async fn beside<E>(
    connection: impl Future<Output = Result<(), E>>,
    exchange: impl Future<Output = ProbeResult>,
) -> ProbeResult {
    let driver = async {
        // What goes wrong here is told to the exchange.
        let _ = connection.await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        biased;
        finding = exchange => finding,
        never = driver => match never {},
    }
}

async fn answered(
    response: impl Future<Output = hyper::Result<Response<Incoming>>>,
    target: &ProbeTarget,
    deadline: Instant,
) -> ProbeResult {
    match timeout_at(deadline, response).await {
        Err(_) => ProbeResult::new(CheckStatus::L7Tout, ""),
        Ok(Err(error)) => ProbeResult::invalid(&error),
        Ok(Ok(response)) => judge(response, target, deadline).await,
    }
}

async fn judge(response: Response<Incoming>, target: &ProbeTarget, deadline: Instant) -> ProbeResult {
    let status = response.status();
    let reason = response.extensions().get::<ReasonPhrase>().map_or_else(
        || status.canonical_reason().unwrap_or_default().as_bytes().to_vec(),
        |reason| reason.as_bytes().to_vec(),
    );
    let (head, body) = response.into_parts();
    let mut opening = Vec::new();
    // Time that runs out here ends the reading, not the check.
    let _ = timeout_at(deadline, drain(body, &mut opening)).await;
    let version = version::told(&head.headers, &opening);
    if status.is_success() || status.is_redirection() {
        return ProbeResult {
            code: Some(status.as_u16()),
            version,
            ..ProbeResult::new(CheckStatus::L7Ok, "")
        };
    }
    if status == StatusCode::NOT_FOUND && target.disable_on_404 {
        return ProbeResult { code: Some(404), ..ProbeResult::new(CheckStatus::L7OkC, "") };
    }
    let body = printable(&opening);
    let detail = if body.is_empty() { printable(&reason) } else { body };
    ProbeResult { code: Some(status.as_u16()), version, ..ProbeResult::new(CheckStatus::L7Sts, detail) }
}

/// Reads a body to its end, or up to the bound; `opening` gets what may be told of it.
async fn drain(mut body: Incoming, opening: &mut Vec<u8>) {
    let mut read = 0;
    while read < BODY
        && let Some(Ok(frame)) = body.frame().await
    {
        if let Some(data) = frame.data_ref() {
            read += data.len();
            let missing = OPENING.saturating_sub(opening.len());
            opening.extend_from_slice(&data[..data.len().min(missing)]);
        }
    }
}

/// The first characters that can be shown on one line.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown: String = text.trim().chars().filter(|char| !char.is_control()).take(TOLD).collect();
    shown.trim_end().to_owned()
}

// === impl Finding ===

impl ProbeResult {
    /// Not HTTP, or the connection broke.
    fn invalid(error: &hyper::Error) -> Self {
        if error.is_canceled() {
            return Self::new(CheckStatus::L7Rsp, "closed or spoke before the request was sent");
        }
        let system = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        if system.is_some_and(is_shortage) {
            return Self::new(CheckStatus::SockErr, system.map_or_else(String::new, words));
        }
        Self::new(CheckStatus::L7Rsp, system.map_or_else(|| error.to_string(), words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fits_on_a_line_is_told() {
        assert_eq!(printable(b"  no\r\ndatabase\x1b[0m \n"), "nodatabase[0m");
        assert_eq!(printable("ü".repeat(200).as_bytes()), "ü".repeat(TOLD));
        assert_eq!(printable(b"\xff"), "\u{fffd}");
    }
}
