//! The end of an exchange that a rule wants: its response is sent, or the connection closed.

use std::rc::Rc;

use super::buffers::ExchangeBuffers;
use super::request::RequestHead;
use super::serve::End;
use crate::http::framing::Framing;
use crate::http::{field, response};
use crate::proxy::exchange::Exchange;
use crate::rules::{RuleResponse, Verdict, Wanted};

/// Ends an exchange as a rule has decided.
pub(super) async fn end(
    exchange: &mut Exchange,
    buffers: &mut ExchangeBuffers,
    head: &RequestHead,
    verdict: Verdict,
) -> Option<End> {
    let Verdict::Respond(given) = verdict else {
        exchange.ruled(None, Wanted::Rejected);
        return Some(End::Closed);
    };
    if given.wanted == Wanted::Tarpitted {
        // As HAProxy does where no `timeout tarpit` is set. The client's bytes wait where they are bounded.
        let pause = exchange.client.frontend.borrow().config.timeout.connect;
        tokio::time::sleep(pause).await;
    }
    if !buffers.input.is_empty() {
        // As between two answers of our own: other clients get their turn.
        tokio::task::yield_now().await;
    }
    let client = Rc::clone(&exchange.client);
    exchange.ruled(Some(given.status), given.wanted);
    // What is left of a body would be taken for the next request.
    let whole = head.framing == Framing::None;
    let keep = whole && head.keep && !client.finishing.get();
    let out = &mut buffers.response_head;
    out.clear();
    write(out, &given, head, keep);
    match client.socket.put_all(out).await {
        Ok(()) if keep => None,
        Ok(()) => Some(End::Linger),
        Err(_) => Some(End::Closed),
    }
}

fn write(out: &mut Vec<u8>, given: &RuleResponse, head: &RequestHead, keep: bool) {
    response::write_status(out, given.status, given.reason());
    let has_body = !matches!(given.status, 204 | 304);
    // Fields that the rule names itself stand before the length, as with HAProxy.
    let own = ["cache-control", "content-type", "location"];
    let first = given.fields.iter().position(|(name, _)| own.contains(&name.as_str()));
    let (before, after) = given.fields.split_at(first.unwrap_or(given.fields.len()));
    before.iter().for_each(|(name, value)| field::write(out, name, value));
    if has_body {
        field::write(out, "content-length", itoa::Buffer::new().format(given.body.len()).as_bytes());
    }
    after.iter().for_each(|(name, value)| field::write(out, name, value));
    if !keep {
        field::write(out, "connection", b"close");
    } else if head.old {
        field::write(out, "connection", b"keep-alive");
    }
    out.extend_from_slice(b"\r\n");
    if has_body && !head.is_head {
        out.extend_from_slice(&given.body);
    }
}
