//! What converters do with bytes.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use regex::bytes::Regex;

use super::SampleValue;
use super::value::leading_int;

/// Text with every byte changed; without an allocation where none is.
pub(super) fn changed<'a>(text: Cow<'a, [u8]>, change: impl Fn(&u8) -> u8) -> SampleValue<'a> {
    if text.iter().all(|byte| change(byte) == *byte) {
        return SampleValue::Text(text);
    }
    SampleValue::Text(text.iter().map(change).collect())
}

/// Text without the bytes of `what` at one of its ends.
pub(super) fn trimmed<'a>(text: Cow<'a, [u8]>, left: bool, what: &[u8]) -> Cow<'a, [u8]> {
    let keeps = |byte: &u8| !what.contains(byte);
    let range = if left {
        text.iter().position(keeps).unwrap_or(text.len())..text.len()
    } else {
        0..text.iter().rposition(keeps).map_or(0, |last| last + 1)
    };
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[range]),
        Cow::Owned(text) => Cow::Owned(text[range].to_vec()),
    }
}

/// `count` parts from the one at `place` on, counted from 1 or, negative, from the end; all that follow when `count` is 0. `words` takes
/// runs of separators for one.
pub(super) fn field<'a>(
    text: &'a [u8],
    place: i64,
    separators: &[u8],
    count: i64,
    words: bool,
) -> Option<&'a [u8]> {
    let mut parts = Vec::new();
    let mut start = 0;
    let ends = (0..=text.len()).filter(|end| text.get(*end).is_none_or(|byte| separators.contains(byte)));
    for end in ends {
        if !words || end > start {
            parts.push((start, end));
        }
        start = end + 1;
    }
    let many = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let index = usize::try_from(place.unsigned_abs()).ok()?.checked_sub(1)?;
    let (first, last) = if place > 0 {
        (index, if many == 0 { parts.len() } else { index.saturating_add(many).min(parts.len()) })
    } else {
        let last = parts.len().checked_sub(index)?;
        (if many == 0 { 0 } else { last.saturating_sub(many) }, last)
    };
    let (first, last) = (parts.get(first)?, parts.get(last.checked_sub(1)?)?);
    text.get(first.0..last.1)
}

/// `text` with what `regex` finds replaced by `with`, in which `\1` is the first group and `\0` all of it.
pub(crate) fn replaced(regex: &Regex, text: &[u8], with: &[u8], all: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for captures in regex.captures_iter(text).take(if all { usize::MAX } else { 1 }) {
        let Some(found) = captures.get(0) else { continue };
        out.extend_from_slice(&text[from..found.start()]);
        expand(&captures, with, &mut out);
        from = found.end();
    }
    out.extend_from_slice(&text[from..]);
    out
}

/// Writes `with` with the groups of `captures` in it.
pub(crate) fn expand(captures: &regex::bytes::Captures<'_>, with: &[u8], out: &mut Vec<u8>) {
    let mut rest = with.iter();
    while let Some(byte) = rest.next() {
        match (byte, rest.as_slice().first()) {
            (b'\\', Some(digit)) if digit.is_ascii_digit() => {
                rest.next();
                let group = captures.get(usize::from(digit - b'0'));
                out.extend_from_slice(group.map_or(&[][..], |group| group.as_bytes()));
            }
            (b'\\', Some(b'\\')) => {
                rest.next();
                out.push(b'\\');
            }
            _ => out.push(*byte),
        }
    }
}

/// Base64 (RFC 4648 section 4), or that for URLs without padding (section 5).
pub(super) fn base64(bytes: &[u8], for_urls: bool) -> Vec<u8> {
    if for_urls { URL_SAFE_NO_PAD.encode(bytes) } else { STANDARD.encode(bytes) }.into_bytes()
}

/// The bytes that such text stands for.
pub(super) fn unbase64(text: &[u8], for_urls: bool) -> Option<SampleValue<'static>> {
    let decoded = if for_urls { URL_SAFE_NO_PAD.decode(text) } else { STANDARD.decode(text) };
    decoded.ok().map(|bytes| SampleValue::Binary(bytes.into()))
}

/// Pairs of upper-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect()
}

/// The bytes that pairs of hex digits stand for.
pub(crate) fn decode_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.chunks(2).map(|pair| Some((digit(pair[0])? << 4) | digit(pair[1])?)).collect()
}

/// Percent-decoded text; in a form a plus is a blank. Nothing when an escape is none.
pub(super) fn url_decode(text: &[u8], form: bool) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    let mut in_query = form;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'%' => {
                out.extend(decode_hex(text.get(at..at + 2)?)?);
                at += 2;
            }
            b'+' if in_query => out.push(b' '),
            _ => {
                in_query |= byte == b'?';
                out.push(byte);
            }
        }
    }
    Some(out)
}

/// Percent-encoded text: what is not unreserved (RFC 3986 section 2.3) is escaped.
pub(super) fn url_encode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(*byte);
        } else {
            out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

/// A date as HTTP writes it (RFC 9110 section 5.6.7).
pub(super) fn http_date(seconds: i64) -> Option<Vec<u8>> {
    let date = jiff::Timestamp::from_second(seconds).ok()?;
    Some(date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string().into_bytes())
}

/// Host and port of an authority; port 0 where there is none.
pub(super) fn host_and_port(text: &[u8]) -> (&[u8], i64) {
    let end = text.iter().rposition(|byte| *byte == b':');
    match end {
        Some(end) if !text[end..].contains(&b']') => {
            (&text[..end], leading_int(&text[end + 1..]).unwrap_or_default())
        }
        _ => (text, 0),
    }
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'A' + value - 10 }
}
