//! Header fields that the log shows (HAProxy's `capture request header` and `capture response header`).
//!
//! They are copied from a head that has been judged already, and only when a frontend asks for some. Nothing here knows how they are
//! written.

use crate::config::CaptureFields;

/// The values of the wanted fields, in the order in which they are wanted.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::proxy) struct Captured(Box<[Option<Box<[u8]>>]>);

// === impl Captured ===

impl Captured {
    /// The wanted fields of a head; of several with one name the last counts, as with HAProxy.
    pub(in crate::proxy) fn of(head: &[u8], wanted: &CaptureFields) -> Self {
        if wanted.names.is_empty() {
            return Self::default();
        }
        let mut values: Box<[Option<Box<[u8]>>]> = wanted.names.iter().map(|_| None).collect();
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            let (name, value) = (&line[..colon], &line[colon + 1..]);
            let place = wanted.names.iter().position(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()));
            if let Some(slot) = place.and_then(|place| values.get_mut(place)) {
                let value = value.trim_ascii();
                *slot = Some(value[..value.len().min(wanted.length)].into());
            }
        }
        Self(values)
    }

    /// The values, `None` where the head had no such field.
    pub(super) fn values(&self) -> impl Iterator<Item = Option<&[u8]>> {
        self.0.iter().map(Option::as_deref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(head: &str, names: &[&str], length: usize) -> Vec<Option<String>> {
        let wanted = CaptureFields { names: names.iter().map(|&name| name.to_owned()).collect(), length };
        let captured = Captured::of(head.as_bytes(), &wanted);
        captured.values().map(|value| value.map(|value| String::from_utf8_lossy(value).into())).collect()
    }

    #[test]
    fn fields_come_in_the_wanted_order_and_no_longer_than_wanted() {
        let head =
            "GET /a:b HTTP/1.1\r\nHost: lab\r\nuser-agent:  curl/8 \r\nX: \r\nUser-Agent: last one\r\n\r\n";
        let text = |text: &str| Some(text.to_owned());
        let table = [
            (&["Host"][..], 20, vec![text("lab")]),
            (&["User-Agent", "host"], 20, vec![text("last one"), text("lab")]),
            (&["User-Agent", "Nothing", "X"], 4, vec![text("last"), None, text("")]),
            (&[], 4, vec![]),
        ];
        for (names, length, expected) in table {
            assert_eq!(captured(head, names, length), expected, "{names:?}");
        }
    }
}
