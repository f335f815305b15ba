//! Header fields and the one cookie that the log shows (HAProxy's `capture request header`, `capture response header` and `capture
//! cookie`).
//!
//! They are copied from a head that has been judged already, and only when a frontend asks for some. Nothing here knows how they are
//! written.

use crate::config::{CaptureConfig, CaptureCookie, CaptureFields};

/// What was wanted of a head, and found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::proxy) struct CapturedFields {
    /// The values of the wanted fields, in the order in which they are wanted.
    fields: Box<[Option<Box<[u8]>>]>,
    /// The wanted cookie, as `name=value`.
    cookie: Option<Box<[u8]>>,
}

/// Whose head it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Client,
    Server,
}

// === impl CapturedFields ===

impl CapturedFields {
    /// What is wanted of a request's head.
    pub(in crate::proxy) fn of_request(head: &[u8], wanted: &CaptureConfig) -> Self {
        Self::of(head, &wanted.request, wanted.cookie.as_ref(), Whose::Client)
    }

    /// What is wanted of a response's head, as it came from the server.
    pub(in crate::proxy) fn of_answer(head: &[u8], wanted: &CaptureConfig) -> Self {
        Self::of(head, &wanted.response, wanted.cookie.as_ref(), Whose::Server)
    }

    /// Of several fields with one name the last counts, of several cookies the first, as with HAProxy.
    fn of(head: &[u8], wanted: &CaptureFields, wanted_cookie: Option<&CaptureCookie>, whose: Whose) -> Self {
        if wanted.names.is_empty() && wanted_cookie.is_none() {
            return Self::default();
        }
        let mut fields: Box<[Option<Box<[u8]>>]> = wanted.names.iter().map(|_| None).collect();
        let mut cookie = None;
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            let place = wanted.names.iter().position(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()));
            if let Some(slot) = place.and_then(|place| fields.get_mut(place)) {
                *slot = Some(value[..value.len().min(wanted.length)].into());
            }
            if let Some(wanted) = wanted_cookie
                && cookie.is_none()
                && whose.names_cookies(name)
            {
                cookie = first_cookie(value, wanted, whose);
            }
        }
        Self { fields, cookie }
    }

    /// The fields' values, `None` where the head had no such field.
    pub(super) fn values(&self) -> impl Iterator<Item = Option<&[u8]>> {
        self.fields.iter().map(Option::as_deref)
    }

    /// The cookie, if the head had it.
    pub(super) fn cookie(&self) -> Option<&[u8]> {
        self.cookie.as_deref()
    }
}

// === impl Whose ===

impl Whose {
    /// Whether cookies stand in fields of that name.
    fn names_cookies(self, name: &[u8]) -> bool {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match self {
            Self::Client => is(b"cookie"),
            Self::Server => is(b"set-cookie") || is(b"set-cookie2"),
        }
    }
}

/// The first cookie of a field whose `name=value` begins as wanted. Behind a server's follow attributes, which are none.
fn first_cookie(field: &[u8], wanted: &CaptureCookie, whose: Whose) -> Option<Box<[u8]>> {
    let mut rest = field;
    while !rest.is_empty() {
        let equal = rest.iter().position(|byte| b"=;,".contains(byte)).filter(|at| rest[*at] == b'=');
        let end = equal.map_or(0, |at| at + 1);
        let end = end + value_end(&rest[end..]);
        if let Some(equal) = equal {
            let (name, value) = (rest[..equal].trim_ascii(), rest[equal + 1..end].trim_ascii());
            let mut text = [name, b"=", value].concat();
            if text.starts_with(wanted.name.as_bytes()) {
                text.truncate(wanted.length);
                return Some(text.into());
            }
        }
        if whose == Whose::Server {
            return None;
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    None
}

/// Where a value ends: at a `;` or `,` that is not in quotes.
fn value_end(text: &[u8]) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    let ends = |byte: &u8| {
        let plain = !std::mem::take(&mut escaped);
        match byte {
            b'\\' => escaped = quoted && plain,
            b'"' if plain => quoted = !quoted,
            b';' | b',' => return !quoted,
            _ => {}
        }
        false
    };
    text.iter().position(ends).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(head: &str, names: &[&str], length: usize) -> Vec<Option<String>> {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let wanted = CaptureConfig { request: CaptureFields { names, length }, ..CaptureConfig::default() };
        let captured = CapturedFields::of_request(head.as_bytes(), &wanted);
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

    /// What HAProxy 2.6 was seen to log: of requests.
    #[test]
    fn the_first_cookie_that_begins_so_is_taken() {
        let table = [
            ("Cookie: SES=abc", "SES=abc", "SES=abc"),
            ("cookie: SESSION=abc", "SESSION=abc", "-"),
            ("Cookie: x=1; SESSION=abc; SES=second", "SESSION=abc", "SES=second"),
            ("Cookie: x=1;SES = abc ; y=2", "SES=abc", "SES=abc"),
            ("Cookie: SES=\"a;b, c\"; y=2", "SES=\"a;b, c\"", "SES=\"a;b, c\""),
            ("Cookie: x=\"\\\";SES=1\"; SES=2", "SES=2", "SES=2"),
            ("Cookie: SES=a,SES=b; y=2", "SES=a", "SES=a"),
            ("Cookie: SES=0123456789012345678901234567890", "SES=0123456789012345", "SES=0123456789012345"),
            ("Cookie: SES", "-", "-"),
            ("Cookie: SESX; SES=y", "SES=y", "SES=y"),
            ("Cookie: SES=", "SES=", "SES="),
            ("Cookie: ses=abc", "-", "-"),
            ("Cookie: SES=a b|c{d}\"e#f", "SES=a b|c{d}\"e#f", "SES=a b|c{d}\"e#f"),
            ("Cookie: x=1\r\nCookie: SES=second\r\nCookie: SES=third", "SES=second", "SES=second"),
            ("Cookie: xSES=1", "-", "-"),
            ("Cookie: $SES=1; SES=2", "SES=2", "SES=2"),
            ("Cookie: ;;, SES=1", "SES=1", "SES=1"),
            ("X-Cookie: SES=1\r\nSet-Cookie: SES=2", "-", "-"),
        ];
        check(&table, CapturedFields::of_request);
    }

    /// The same of answers.
    #[test]
    fn a_servers_cookie_has_attributes_behind_it() {
        let table = [
            ("Set-Cookie: SES=abc; path=/; HttpOnly", "SES=abc", "SES=abc"),
            ("Set-Cookie: SES = abc ; path=/", "SES=abc", "SES=abc"),
            ("Set-Cookie: SESX=abc, SES=2; path=/", "SESX=abc", "-"),
            ("Set-Cookie: x=1; SES=2\r\nset-cookie: SES=3", "SES=3", "SES=3"),
            ("Set-Cookie: SES", "-", "-"),
            ("Set-Cookie: ", "-", "-"),
            ("Set-Cookie: SES=a,b", "SES=a", "SES=a"),
            ("Set-Cookie2: SES=a", "SES=a", "SES=a"),
            ("Set-Cookie: SES=\"a;b\";x=1", "SES=\"a;b\"", "SES=\"a;b\""),
            ("Cookie: SES=1", "-", "-"),
        ];
        check(&table, CapturedFields::of_answer);
    }

    /// Fields, and what is captured of them where names begin with `SES` and where that is all of the name.
    fn check(table: &[(&str, &str, &str)], of: fn(&[u8], &CaptureConfig) -> CapturedFields) {
        for (head, beginning, whole) in table {
            for (name, expected) in [("SES", beginning), ("SES=", whole)] {
                assert_eq!(&cookie(head, name, of), expected, "{head} {name}");
            }
        }
    }

    fn cookie(fields: &str, name: &str, of: fn(&[u8], &CaptureConfig) -> CapturedFields) -> String {
        let cookie = Some(CaptureCookie { name: name.into(), length: 20 });
        let head = format!("first line\r\n{fields}\r\n\r\n");
        let captured = of(head.as_bytes(), &CaptureConfig { cookie, ..CaptureConfig::default() });
        captured.cookie().map_or("-".into(), |cookie| String::from_utf8_lossy(cookie).into())
    }
}
