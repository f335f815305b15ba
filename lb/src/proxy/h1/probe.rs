//! What must hold for any bytes whatever: asserted by the fuzz targets in `fuzz/`, and by the tests for every seed.
//!
//! Nothing that serves calls this. Each function panics where a property does not hold.

use super::request;
use super::response;
use crate::config::{Balance, Forwarded};
use crate::http::chunk::{ChunkItem, Decoder, write_size};
use crate::http::framing::Framing;
use crate::http::head::Limits;
use crate::http::response::ResponseContext;

const LIMITS: Limits = Limits { max_head: 16 * 1024, max_fields: 101 };

const TOWARDS: request::RewriteContext<'_> = request::RewriteContext {
    forwarded: Forwarded::Append,
    balance: &Balance::Uri,
    peer: b"192.0.2.1",
    jar: None,
    keys: [None; 2],
};

/// What is written for a server is read by the same rules as the same request: nothing can hide in it.
pub fn request(bytes: &[u8]) {
    let mut out = Vec::new();
    let Ok(Some(head)) = request::parse(bytes, LIMITS, TOWARDS, &mut out) else { return };
    assert!(head.size <= bytes.len());
    if head.old && memchr::memmem::find(&out, b"\r\nHost: \r\n").is_some() {
        // Who named no host has none, which is written as RFC 9112 section 3.2 has it, and accepted from nobody.
        return;
    }
    let limits = Limits { max_head: usize::MAX, max_fields: 200 };
    let mut again = Vec::new();
    let second = match request::parse(
        &out,
        limits,
        request::RewriteContext { forwarded: Forwarded::Off, ..TOWARDS },
        &mut again,
    ) {
        Ok(Some(second)) => second,
        other => {
            panic!("what was written cannot be read: {other:?} in {:?}", String::from_utf8_lossy(&out))
        }
    };
    assert_eq!(second.size, out.len(), "it is one head and nothing else");
    assert_eq!(
        (second.framing, second.is_head, second.idempotent),
        (head.framing, head.is_head, head.idempotent)
    );
    assert_eq!(second.upgrade, head.upgrade);
    assert!(!second.old, "servers are spoken to in HTTP/1.1");
    assert_eq!(
        String::from_utf8_lossy(&again),
        String::from_utf8_lossy(&out),
        "writing it twice changes nothing"
    );
}

/// What is written for a client ends where the client thinks it does.
pub fn response(bytes: &[u8]) {
    for old in [false, true] {
        for is_head in [false, true] {
            let towards = ResponseContext { is_head, old, keep: true, upgrade: Some(b"websocket") };
            let mut out = Vec::new();
            let limits = Limits { max_head: 64 * 1024, max_fields: 256 };
            let Ok(Some((head, _))) = response::parse(bytes, limits, towards, None, &mut out) else {
                continue;
            };
            assert!(head.size <= bytes.len());
            let limits = Limits { max_head: usize::MAX, max_fields: 300 };
            let second = match response::parse(&out, limits, towards, None, &mut Vec::new()) {
                Ok(Some((second, _))) => second,
                other => panic!(
                    "what was written cannot be read: {other:?} in {:?}",
                    String::from_utf8_lossy(&out)
                ),
            };
            assert_eq!((second.size, second.status), (out.len(), head.status));
            assert_eq!(second.framing, head.framed, "{:?}", String::from_utf8_lossy(&out));
            assert!(head.keep == (head.framed != Framing::UntilClose), "no end but the connection's");
        }
    }
}

/// A body is read the same however it arrives, and what was read can be written and read again.
pub fn chunks(bytes: &[u8]) {
    let whole = decode(bytes, usize::MAX);
    for step in [1, 2, 7] {
        assert_eq!(decode(bytes, step), whole, "in pieces of {step}");
    }
    let Some((data, _)) = whole else { return };
    let mut written = Vec::new();
    if !data.is_empty() {
        write_size(&mut written, data.len());
        written.extend_from_slice(&data);
        written.extend_from_slice(b"\r\n");
    }
    written.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(decode(&written, usize::MAX), Some((data, written.len())));
}

/// Pipelined requests and their bodies are told apart the same however they arrive.
pub fn conversation(bytes: &[u8]) {
    let whole = split(bytes);
    for end in [bytes.len() / 3, bytes.len() / 2, bytes.len().saturating_sub(1)] {
        let part = split(&bytes[..end]);
        assert!(whole.starts_with(&part), "what came first is not read anew: {part:?} then {whole:?}");
    }
}

/// Data of a whole chunked body and its size as it came; nothing when it is faulty or not whole.
fn decode(bytes: &[u8], step: usize) -> Option<(Vec<u8>, usize)> {
    let mut decoder = Decoder::new(8192);
    let (mut data, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let end = at.saturating_add(step).min(bytes.len());
        match decoder.next(&bytes[at..end]).ok()? {
            ChunkItem::Data(range) => {
                data.extend_from_slice(&bytes[at + range.start..at + range.end]);
                at += range.end;
            }
            ChunkItem::Nothing => at = end,
            ChunkItem::End(count) => return Some((data, at + count)),
        }
    }
    None
}

/// Where the whole messages at the start of `bytes` end.
fn split(bytes: &[u8]) -> Vec<usize> {
    let (mut ends, mut at) = (Vec::new(), 0);
    while let Ok(Some(head)) = request::parse(&bytes[at..], LIMITS, TOWARDS, &mut Vec::new()) {
        let body = &bytes[at + head.size..];
        let length = match head.framing {
            Framing::None => Some(0),
            Framing::Length(length) => usize::try_from(length).ok().filter(|length| *length <= body.len()),
            Framing::Chunked => decode(body, usize::MAX).map(|(_, length)| length),
            Framing::UntilClose => panic!("no request ends so"),
        };
        let Some(length) = length else { break };
        at += head.size + length;
        ends.push(at);
    }
    ends
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pieces that heads are made of, good and bad.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "GET / HTTP/1.1\r\n",
                "POST http://a/b?c HTTP/1.1\r\n",
                "HTTP/1.1 200 OK\r\n",
                "HTTP/1.0 204 No\r\n",
                "HEAD /x HTTP/1.0\r\n",
                "Host: a\r\n",
                "Content-Length: 3\r\n",
                "content-length: 3, 3\r\n",
                "Transfer-Encoding: chunked\r\n",
                "Connection: close, x\r\n",
                "Connection: upgrade\r\n",
                "Upgrade: websocket\r\n",
                "X: 1\r\n",
                "x:\t 2 \r\n",
                "TE: trailers\r\n",
                "Expect: 100-continue\r\n",
                "\r\n",
                "\n",
                "\r",
                "abc",
                "3\r\n",
                "abc\r\n",
                "0\r\n",
                ";e=1\r\n",
                " ",
                ":",
                "\0",
                "5",
                "ffffffffff",
                "Trailer: t\r\n",
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn nothing_hides_in_what_is_written(bytes in bytes()) {
            request(&bytes);
            response(&bytes);
            chunks(&bytes);
            conversation(&bytes);
        }
    }

    /// The seeds of the fuzz targets, as plain tests.
    #[test]
    fn seeds() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
        type Probe = fn(&[u8]);
        let targets: [(&str, Probe); 4] = [
            ("request", request),
            ("response", response),
            ("chunks", chunks),
            ("conversation", conversation),
        ];
        for (name, probe) in targets {
            let mut count = 0;
            for entry in std::fs::read_dir(folder.join(name)).unwrap() {
                probe(&std::fs::read(entry.unwrap().path()).unwrap());
                count += 1;
            }
            assert!(count >= 5, "{name}: {count} seeds");
        }
    }
}
