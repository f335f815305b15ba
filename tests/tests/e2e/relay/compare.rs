//! Whether what came out is what went in, except for what a proxy has to change.

use tests::strict::{Field, Framing, Message};

use super::plan::{Body, Exchange, Line};
use super::wire::TICKET;

/// Fields that `lb` writes itself, or that frame or route.
const OURS: [&str; 7] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
];

/// What the server got.
pub(super) fn request(exchange: &Exchange, got: &Message) -> Result<(), String> {
    let line = format!("{} {} HTTP/1.1", exchange.method, exchange.target);
    same("the request line", line.as_bytes(), &got.line)?;
    let hosts: Vec<_> = got.values(b"host").collect();
    if hosts != [b"lab.test"] {
        return Err(format!("the Hosts are {hosts:?}"));
    }
    lines("the fields", &exchange.fields, &foreign(got, &[TICKET]))?;
    let framing = match &exchange.body {
        Body::Length(body) => got.framing == Framing::Length(body.0.len()),
        Body::None => matches!(got.framing, Framing::None | Framing::Length(0)),
        // No bytes in no chunks are no body, if there is nothing behind them.
        Body::Chunked(chunks, trailers) if chunks.is_empty() && trailers.is_empty() => true,
        _ => got.framing == Framing::Chunked,
    };
    if !framing {
        return Err(format!("the framing is {:?}", got.framing));
    }
    same("the body", &exchange.body.bytes().0, &got.body)?;
    lines("the trailers", trailers(exchange, &exchange.body), &got.trailers)
}

/// Those that go on: none where `Connection` names some field.
fn trailers<'a>(exchange: &Exchange, body: &'a Body) -> &'a [Line] {
    if exchange.hop { &[] } else { body.trailers() }
}

/// What the client got, which spoke HTTP/1.0 when it is `old`.
pub(super) fn answers(exchange: &Exchange, old: bool, got: &[Message]) -> Result<(), String> {
    let interim: &[u16] = if old { &[] } else { &exchange.interim };
    let Some((last, before)) = got.split_last() else { return Err("there is none".to_owned()) };
    let statuses: Vec<_> = before.iter().map(Message::status).collect();
    if statuses != interim {
        return Err(format!("the interim answers are {statuses:?}"));
    }
    for (status, message) in interim.iter().zip(before) {
        let value = message.values(b"X-Interim").next().unwrap_or_default();
        same("a field of an interim answer", status.to_string().as_bytes(), value)?;
    }
    let answer = &exchange.answer;
    if last.status() != answer.status {
        return Err(format!("the status is {}", last.status()));
    }
    lines("the fields", &answer.fields, &foreign(last, &["date"]))?;
    let framing = match &answer.body {
        Body::Length(body) => last.framing == Framing::Length(body.0.len()),
        Body::Chunked(..) if exchange.is_bodiless() => true,
        Body::Chunked(..) | Body::Close(_) if old => last.framing == Framing::Close,
        Body::Chunked(..) => last.framing == Framing::Chunked,
        Body::Close(_) => matches!(last.framing, Framing::Close | Framing::Chunked),
        Body::None => last.framing == Framing::None,
    };
    if !framing {
        return Err(format!("the framing is {:?}", last.framing));
    }
    if exchange.is_bodiless() {
        return same("the body", b"", &last.body);
    }
    same("the body", &answer.body.bytes().0, &last.body)?;
    let trailers = if old { &[] } else { trailers(exchange, &answer.body) };
    lines("the trailers", trailers, &last.trailers)
}

/// The fields that are not `lb`'s business.
fn foreign(message: &Message, more: &[&str]) -> Vec<Field> {
    let ours = |name: &[u8]| OURS.iter().chain(more).any(|ours| name.eq_ignore_ascii_case(ours.as_bytes()));
    message.fields.iter().filter(|(name, _)| !ours(name)).cloned().collect()
}

fn same(what: &str, sent: &[u8], got: &[u8]) -> Result<(), String> {
    if sent == got {
        return Ok(());
    }
    let at = sent.iter().zip(got).position(|(sent, got)| sent != got).unwrap_or(sent.len().min(got.len()));
    let part =
        |bytes: &[u8]| bytes[at..].iter().copied().take(60).collect::<Vec<_>>().escape_ascii().to_string();
    Err(format!("{what} differ from byte {at} on: \"{}\" became \"{}\"", part(sent), part(got)))
}

fn lines(what: &str, sent: &[Line], got: &[Field]) -> Result<(), String> {
    let sent: Vec<_> =
        sent.iter().map(|line| (line.name.clone().into_bytes(), line.value.0.clone())).collect();
    if sent == got {
        return Ok(());
    }
    let shown = |fields: &[Field]| {
        let lines =
            fields.iter().map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii()));
        lines.collect::<Vec<_>>()
    };
    Err(format!("{what} {:?} became {:?}", shown(&sent), shown(got)))
}
