//! `show errors`: the last invalid request and response of each proxy, unchanged.
//!
//! The format is HAProxy's; fields about HAProxy's buffers and state machine are 0. A proxy keeps one message for
//! each direction; nothing is written to disk.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::SystemTime;

use crate::admin::answer::{CommandOutput, Report};
use crate::admin::session::Session;
use crate::log::date;
use crate::topology::{RejectedMessage, Topology};

/// Size of a buffer, as reported.
const BUFFER: usize = 64 * 1024;
/// Columns of a line of bytes.
const WIDTH: usize = 71;

/// Which messages to show.
#[derive(Debug, Default, PartialEq, Eq)]
struct ErrorFilter {
    proxy: Option<u32>,
    requests: bool,
    responses: bool,
}

/// A captured message and its proxy.
struct CapturedError {
    is_request: bool,
    name: Arc<str>,
    id: u32,
    capture: RejectedMessage,
}

pub(in crate::admin::commands) fn show(session: &Session, words: &[String]) -> Result<Report, CommandOutput> {
    let (control, words) = (Arc::clone(&session.control), words.to_vec());
    Ok(Report::whole(format!("errors {words:?}"), move || {
        let topology = control.topology();
        let filter = ErrorFilter::parse(&words, &topology).ok_or("No such proxy.")?;
        let total = control.shared().process.captures.load(Relaxed);
        let mut out = format!("Total events captured on [{}] : {total}\n", date::http(SystemTime::now()));
        found(&topology).iter().filter(|found| filter.wants(found)).for_each(|found| report(&mut out, found));
        Ok(out)
    }))
}

fn found(topology: &Topology) -> Vec<CapturedError> {
    let requests = topology.frontends.iter().filter_map(|frontend| {
        let (name, id) = (Arc::clone(&frontend.live.name), frontend.live.id);
        Some(CapturedError { is_request: true, name, id, capture: frontend.live.captured.get()? })
    });
    let responses = topology.backends.iter().filter_map(|backend| {
        let (name, id) = (Arc::clone(&backend.live.name), backend.live.id.get());
        Some(CapturedError { is_request: false, name, id, capture: backend.live.captured.get()? })
    });
    requests.chain(responses).collect()
}

fn report(out: &mut String, found: &CapturedError) {
    let CapturedError { is_request, name, id, capture } = found;
    let RejectedMessage { at, event, peer, frontend, server, bytes, length } = capture;
    let (date, fault) = (date::http(*at), fault_in(bytes, *is_request));
    // Writing to a String cannot fail.
    let _ = if *is_request {
        write!(
            out,
            " \n[{date}] frontend {name} (#{id}): invalid request\n  backend <NONE> (#-1), server <NONE> (#-1), event #{event}, src {peer}\n"
        )
    } else {
        let (server, number) =
            server.as_ref().map_or(("<NONE>", -1), |server| (&*server.name, i64::from(server.number)));
        write!(
            out,
            " \n[{date}] backend {name} (#{id}): invalid response\n  frontend {} (#{}), server {server} (#{number}), event #{event}, src {peer}\n",
            frontend.0, frontend.1
        )
    };
    let _ = write!(
        out,
        "  buffer starts at 0 (including 0 out), {} free,\n  len {length}, wraps at {BUFFER}, error at position {fault}\n  \
         H1 connection flags 0x00000000, H1 stream flags 0x00000000\n  H1 msg state MSG_HDR_NAME(17), H1 msg flags 0x00000000\n  \
         H1 chunk len 0 bytes, H1 body len 0 bytes :\n  \n",
        BUFFER.saturating_sub(*length)
    );
    dump(out, bytes);
}

/// The approximate position of the fault: the first byte that is not allowed in a field name.
fn fault_in(bytes: &[u8], is_request: bool) -> usize {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let mut at = 0;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let fault = match number {
            // In the first line: the first byte that is not part of a word.
            0 => text.iter().position(|byte| byte.is_ascii_control() || is_request && !byte.is_ascii()),
            _ if text.is_empty() => None,
            _ => {
                let name = text.iter().position(|byte| *byte == b':').map_or(text, |end| &text[..end]);
                let wrong = name.iter().position(|byte| !is_token(byte));
                wrong.or((name.len() == text.len()).then_some(text.len()))
            }
        };
        if let Some(fault) = fault {
            return at + fault;
        }
        at += line.len();
    }
    0
}

/// The bytes as text, one line for each line of the message. Long lines continue on a line whose number has a
/// `+`.
fn dump(out: &mut String, bytes: &[u8]) {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let mut mark = ' ';
        let mut text = String::new();
        let mut begins = at;
        for byte in line {
            let escaped = escape(*byte);
            if text.len() + escaped.len() > WIDTH {
                let _ = writeln!(out, "  {begins:05}{mark} {text}");
                (mark, begins) = ('+', at);
                text.clear();
            }
            text.push_str(&escaped);
            at += 1;
        }
        let _ = writeln!(out, "  {begins:05}{mark} {text}");
    }
}

fn escape(byte: u8) -> String {
    match byte {
        b'\r' => "\\r".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\t' => "\\t".to_owned(),
        b'\\' => "\\\\".to_owned(),
        0x1b => "\\e".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        other => format!("\\x{other:02X}"),
    }
}

// === impl ErrorFilter ===

impl ErrorFilter {
    /// `[PROXY] [request|response]`; a proxy is a name, a number, or -1 for all.
    fn parse(words: &[String], topology: &Topology) -> Option<Self> {
        let mut filter = Self { proxy: None, requests: true, responses: true };
        let mut rest = words;
        if let [proxy, others @ ..] = words
            && !["request", "response"].contains(&proxy.as_str())
        {
            rest = others;
            if proxy != "-1" {
                filter.proxy = Some(numbered(proxy, topology)?);
            }
        }
        match rest.first().map(String::as_str) {
            Some("request") => filter.responses = false,
            Some("response") => filter.requests = false,
            _ => {}
        }
        Some(filter)
    }

    fn wants(&self, found: &CapturedError) -> bool {
        let direction = if found.is_request { self.requests } else { self.responses };
        let concerned = self.proxy.is_none_or(|proxy| {
            let frontend = found.capture.frontend.1;
            proxy == found.id || !found.is_request && proxy == frontend
        });
        direction && concerned
    }
}

/// The number of the proxy of that name or number.
fn numbered(word: &str, topology: &Topology) -> Option<u32> {
    let frontends = topology.frontends.iter().map(|frontend| (&frontend.live.name, frontend.live.id));
    let backends = topology.backends.iter().map(|backend| (&backend.live.name, backend.live.id.get()));
    let mut all = frontends.chain(backends);
    let number = word.parse().ok();
    all.find(|(name, id)| ***name == *word || number == Some(*id)).map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_line_by_line() {
        let mut out = String::new();
        dump(&mut out, b"GET / HTTP/1.1\r\nX: \x00\t\\\xe9\r\n");
        assert_eq!(out, "  00000  GET / HTTP/1.1\\r\\n\n  00016  X: \\x00\\t\\\\\\xE9\\r\\n\n");
        let mut long = String::new();
        dump(&mut long, &[b'a'; 150]);
        let a = |count| "a".repeat(count);
        assert_eq!(long, format!("  00000  {}\n  00071+ {}\n  00142+ {}\n", a(71), a(71), a(8)));
    }

    #[test]
    fn the_fault_is_where_a_name_ends_that_is_none() {
        for (text, at) in [
            ("GET / HTTP/1.1\r\nHost: x\r\nbad header: y\r\n\r\n", 28),
            ("HTTP/1.1 200 OK\r\nbad header: x\r\n\r\n", 20),
            ("GET / HTTP/1.1\r\nHost\r\n\r\n", 20),
            ("GE\0T / HTTP/1.1\r\n\r\n", 2),
            ("GET / HTTP/1.1\r\nA: b\r\n\r\n", 0),
        ] {
            assert_eq!(fault_in(text.as_bytes(), text.starts_with('G')), at, "{text}");
        }
    }
}
