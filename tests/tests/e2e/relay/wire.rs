//! The bytes of an exchange, as the client and the server send them.

use super::plan::{Body, Exchange, Line, Pipeline};

/// The field by which the server knows which answer to give.
pub(super) const TICKET: &str = "X-Ticket";

/// What the client sends; the tickets start with `round`.
pub(super) fn client(pipeline: &Pipeline, round: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let last = pipeline.exchanges.len() - 1;
    for (number, exchange) in pipeline.exchanges.iter().enumerate() {
        let version = if pipeline.old && number == last { "1.0" } else { "1.1" };
        let Exchange { method, target, .. } = exchange;
        let (authority, host) =
            if exchange.absolute { ("http://lab.test", "other") } else { ("", "lab.test") };
        bytes.extend(format!("{method} {authority}{target} HTTP/{version}\r\nHost: {host}\r\n").bytes());
        bytes.extend(format!("{TICKET}: {round}.{number}\r\n").bytes());
        if exchange.hop {
            bytes.extend(b"Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 300\r\n");
        }
        message(&mut bytes, &exchange.fields, &exchange.body, true);
    }
    bytes
}

/// What the server answers.
pub(super) fn server(exchange: &Exchange) -> Vec<u8> {
    let mut bytes = Vec::new();
    for status in &exchange.interim {
        bytes.extend(format!("HTTP/1.1 {status} Interim\r\nX-Interim: {status}\r\n\r\n").bytes());
    }
    let answer = &exchange.answer;
    bytes.extend(format!("HTTP/1.1 {} {}\r\n", answer.status, answer.reason).bytes());
    if exchange.hop {
        bytes.extend(b"Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n");
    }
    if answer.closes {
        bytes.extend(b"Connection: close\r\n");
    }
    message(&mut bytes, &answer.fields, &answer.body, !exchange.is_bodiless());
    bytes
}

/// The rest of the head, and the body if it is `sent`.
fn message(bytes: &mut Vec<u8>, fields: &[Line], body: &Body, sent: bool) {
    fields.iter().for_each(|line| field(bytes, line));
    match body {
        Body::Length(body) => bytes.extend(format!("Content-Length: {}\r\n", body.0.len()).bytes()),
        Body::Chunked(..) => bytes.extend(b"Transfer-Encoding: chunked\r\n"),
        Body::None | Body::Close(_) => {}
    }
    bytes.extend(b"\r\n");
    if !sent {
        return;
    }
    let Body::Chunked(chunks, trailers) = body else {
        bytes.extend(body.bytes().0);
        return;
    };
    for (chunk, extension) in chunks {
        bytes.extend(format!("{:x}{extension}\r\n", chunk.0.len()).bytes());
        bytes.extend(&chunk.0);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n");
    trailers.iter().for_each(|line| field(bytes, line));
    bytes.extend(b"\r\n");
}

fn field(bytes: &mut Vec<u8>, line: &Line) {
    bytes.extend(line.name.bytes().chain([b':']).chain(line.blanks.0.bytes()));
    bytes.extend(line.value.0.iter().copied().chain(line.blanks.1.bytes()).chain(*b"\r\n"));
}
