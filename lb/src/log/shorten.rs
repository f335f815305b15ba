//! Shortens a JSON object to fit a datagram. Its longest strings are truncated, so that it stays valid JSON.
//!
//! It works on the text (RFC 8259) and does not know the fields.

/// Marks the end of a shortened string.
const MARK: &[u8] = "…".as_bytes();

/// Shortens `object` to at most `room` bytes by truncating its strings, the longest first. If that is not enough,
/// it becomes `{}`.
pub(super) fn shorten(object: &mut Vec<u8>, room: usize) {
    while object.len() > room {
        let excess = object.len() - room;
        let longest = texts(object)
            .max_by_key(|(start, end)| end - start)
            .filter(|(start, end)| end - start > MARK.len());
        let Some((start, end)) = longest else {
            object.clear();
            object.extend_from_slice(b"{}");
            return;
        };
        let kept = boundary(&object[start..end], (end - start).saturating_sub(excess + MARK.len()));
        object.splice(start + kept..end, MARK.iter().copied());
    }
}

/// Byte ranges of the string values, without quotes.
fn texts(object: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + object[at..].iter().position(|byte| *byte == b'"')? + 1;
            let mut end = start;
            while *object.get(end)? != b'"' {
                end += if object[end] == b'\\' { 2 } else { 1 };
            }
            at = end + 1;
            let next = object[at..].iter().find(|byte| !byte.is_ascii_whitespace());
            if next != Some(&b':') {
                return Some((start, end));
            }
        }
    })
}

/// The largest length up to `most` at which `text` can be cut without splitting a character or an escape.
fn boundary(text: &[u8], most: usize) -> usize {
    let mut end = 0;
    while end < text.len() {
        let letter = match text[end..] {
            // A surrogate pair is one character (RFC 8259 section 7).
            [b'\\', b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B', ..] => 12,
            [b'\\', b'u', ..] => 6,
            [b'\\', ..] => 2,
            [0..0x80, ..] => 1,
            [0x80..0xe0, ..] => 2,
            [0xe0..0xf0, ..] => 3,
            _ => 4,
        };
        if end + letter > most {
            break;
        }
        end += letter;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortened(object: &str, room: usize) -> String {
        let mut object = object.as_bytes().to_vec();
        shorten(&mut object, room);
        String::from_utf8(object).unwrap()
    }

    #[test]
    fn the_longest_text_is_shortened() {
        let table = [
            ("{\"a\":\"short\"}", 20, "{\"a\":\"short\"}"),
            (
                "{\"a\":\"0123456789\",\"b\":\"01234\",\"n\":12345678901}",
                42,
                "{\"a\":\"012…\",\"b\":\"01234\",\"n\":12345678901}",
            ),
            ("{\"long key of a field\":\"0123456789\"}", 32, "{\"long key of a field\":\"012…\"}"),
            ("{\"a\" : \"01234567\", \"b\":[\"0123456789\"]}", 26, "{\"a\" : \"…\", \"b\":[\"…\"]}"),
            ("{\"a\":\"01\\\"\\\\\\n789\"}", 17, "{\"a\":\"01\\\"\\\\…\"}"),
            ("{\"a\":\"01\\u00e9\\u00e9\"}", 20, "{\"a\":\"01\\u00e9…\"}"),
            ("{\"a\":\"0\\ud83d\\ude00\"}", 19, "{\"a\":\"0…\"}"),
            ("{\"a\":\"éééééééé\"}", 16, "{\"a\":\"éé…\"}"),
            ("{\"number\":12345678901234567890}", 10, "{}"),
        ];
        for (object, room, expected) in table {
            let got = shortened(object, room);
            assert_eq!(got, expected, "{object} in {room}");
            assert!(got.len() <= room);
        }
    }

    #[test]
    fn whatever_the_room_it_stays_json() {
        let all: String = (0..0x180).chain(0x1f600..0x1f640).filter_map(char::from_u32).collect();
        let object = serde_json::json!({ "time": 1.5, "uri": all, "agent": "\"\\\"\\".repeat(30), "none": null, "list": [all, "b"] });
        let text = object.to_string();
        for room in 2..=text.len() {
            let got = shortened(&text, room);
            assert!(
                got.len() <= room && serde_json::from_str::<serde_json::Value>(&got).is_ok(),
                "{room}: {got}"
            );
        }
    }
}
