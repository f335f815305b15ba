//! Server-sent events: every one, in order, whole. Reads only the two fields that the node sends.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Deserialize;

use crate::fault::Reason;

/// The longest event that is read.
const MAX_EVENT: usize = 64 * 1024;

/// Takes an event stream apart as it comes.
struct Reader<'a> {
    node: &'a str,
    pending: Vec<u8>,
    got: u64,
}

#[derive(Deserialize)]
struct Data {
    node: String,
    event: u64,
}

/// The body is the events 1 to `count` of this node.
pub(super) async fn in_order(mut body: Incoming, count: u64, node: &str) -> Result<(), Reason> {
    let mut reader = Reader { node, pending: Vec::new(), got: 0 };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Reason::from(error).after(reader.got, count))?;
        if let Some(data) = frame.data_ref() {
            reader.read(data)?;
        }
    }
    reader.end(count)
}

// === impl Reader ===

impl Reader<'_> {
    fn read(&mut self, piece: &[u8]) -> Result<(), Reason> {
        self.pending.extend_from_slice(piece);
        while let Some(end) = self.pending.windows(2).position(|window| window == b"\n\n") {
            let event: Vec<u8> = self.pending.drain(..end + 2).collect();
            self.event(&String::from_utf8_lossy(&event[..end]))?;
        }
        if self.pending.len() > MAX_EVENT {
            return Err(Reason::altered("event", format!("longer than {MAX_EVENT} bytes")));
        }
        Ok(())
    }

    fn event(&mut self, text: &str) -> Result<(), Reason> {
        let wanted = self.got + 1;
        let good = text
            .strip_prefix(&format!("id: {wanted}\ndata: "))
            .and_then(|data| serde_json::from_str::<Data>(data).ok())
            .is_some_and(|data| data.event == wanted && data.node == self.node);
        if !good {
            return Err(Reason::altered("event", format!("number {wanted} is {text:?}")));
        }
        self.got = wanted;
        Ok(())
    }

    fn end(&self, count: u64) -> Result<(), Reason> {
        if !self.pending.is_empty() || self.got < count {
            return Err(Reason::Truncated { got: self.got, wanted: count });
        }
        if self.got > count {
            return Err(Reason::altered("event", format!("{} came, {count} were asked for", self.got)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str, piece: usize, count: u64) -> Result<(), Reason> {
        let mut reader = Reader { node: "a", pending: Vec::new(), got: 0 };
        for piece in text.as_bytes().chunks(piece) {
            reader.read(piece)?;
        }
        reader.end(count)
    }

    fn event(number: u64) -> String {
        format!("id: {number}\ndata: {{\"event\":{number},\"node\":\"a\"}}\n\n")
    }

    #[test]
    fn events_may_be_cut_anywhere() {
        let text: String = (1..=3).map(event).collect();
        for piece in 1..=text.len() {
            assert_eq!(judge(&text, piece, 3), Ok(()), "in pieces of {piece}");
        }
    }

    #[test]
    fn lost_doubled_swapped_and_altered_events_are_seen() {
        let (one, two, three) = (event(1), event(2), event(3));
        for (text, truncated) in [
            (format!("{one}{two}"), true),
            (format!("{one}{two}{}", &three[..9]), true),
            (String::new(), true),
            (format!("{one}{three}{two}"), false),
            (format!("{one}{one}{two}"), false),
            (format!("{one}{two}{three}{}", event(4)), false),
            (format!("{one}{}{three}", two.replace("\"a\"", "\"b\"")), false),
            (format!("{one}{}{three}", two.replace("event\":2", "event\":3")), false),
        ] {
            let fault = judge(&text, text.len().max(1), 3).unwrap_err();
            assert_eq!(matches!(fault, Reason::Truncated { .. }), truncated, "{text}: {fault}");
        }
    }
}
