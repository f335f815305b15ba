//! Fields that belong to one connection and not to the message, and those that tell a server about the client.
//!
//! One pass finds what is there; nothing is looked up that is not (RFC 9110 section 7.6.1).

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, request};

use super::Client;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Which of the fields that matter to a proxy are there, found in one pass over the names.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Seen {
    pub(super) connection: bool,
    pub(super) content_length: bool,
    pub(super) transfer_encoding: bool,
    pub(super) upgrade: bool,
    expect: bool,
    keep_alive: bool,
    proxy_connection: bool,
    te: bool,
}

/// Removes the fields that end here: the fixed ones and those that `Connection` names. What frames or routes a message stays, whatever
/// `Connection` says. `TE: trailers` and `Trailer` stay: trailers are passed on.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    Seen::in_headers(headers).strip(headers);
}

// === impl Seen ===

impl Seen {
    /// Looks at every name once.
    pub(super) fn in_headers(headers: &HeaderMap) -> Self {
        let mut seen = Self::default();
        for name in headers.keys() {
            seen.te |= name == TE;
            seen.expect |= name == EXPECT;
            seen.upgrade |= name == UPGRADE;
            seen.connection |= name == CONNECTION;
            seen.keep_alive |= name == KEEP_ALIVE;
            seen.content_length |= name == CONTENT_LENGTH;
            seen.proxy_connection |= name == PROXY_CONNECTION;
            seen.transfer_encoding |= name == TRANSFER_ENCODING;
        }
        seen
    }

    /// See [`strip_hop_by_hop`].
    pub(super) fn strip(self, headers: &mut HeaderMap) {
        if self.connection {
            strip_named(headers);
            headers.remove(CONNECTION);
        }
        let rest = [
            (self.keep_alive, KEEP_ALIVE),
            (self.proxy_connection, PROXY_CONNECTION),
            (self.transfer_encoding, TRANSFER_ENCODING),
            (self.upgrade, UPGRADE),
            // lb has asked for the body itself by the time a server could.
            (self.expect, EXPECT),
        ];
        for (present, name) in rest {
            if present {
                headers.remove(name);
            }
        }
        if self.te {
            keep_only_trailers(headers);
        }
    }
}

fn strip_named(headers: &mut HeaderMap) {
    // Nearly every Connection says one of these, which name nothing.
    let usual =
        |value: &HeaderValue| matches!(value.as_bytes(), b"keep-alive" | b"close" | b"Keep-Alive" | b"Close");
    if headers.get_all(CONNECTION).iter().all(usual) {
        return;
    }
    let names: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|token| HeaderName::from_bytes(token.trim_ascii()).ok())
        .filter(|name| ![CONTENT_LENGTH, HOST, TRANSFER_ENCODING, TE, TRAILER].contains(name))
        .collect();
    for name in names {
        headers.remove(name);
    }
}

fn keep_only_trailers(headers: &mut HeaderMap) {
    let trailers = headers
        .get_all(TE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"trailers"));
    headers.remove(TE);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// The protocol that a message wants to change to, if it does: `Upgrade` needs `Connection: upgrade` (RFC 9110 section 7.8). A change to
/// HTTP/2 ends here and is no change for servers.
pub(super) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let protocol = headers.get(UPGRADE)?;
    let asked = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"));
    let h2c = protocol.as_bytes().get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"h2c"));
    (asked && !h2c).then(|| protocol.clone())
}

/// Puts the fields of a change of protocol back after [`strip_hop_by_hop`].
pub(super) fn set_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

/// Tells the server who the client is: its address is added to `X-Forwarded-For`; `-Proto` and `-Host` are what this hop saw.
pub(super) fn forward(head: &mut request::Parts, client: &Client) {
    forwarded(&mut head.headers, client.peer_value.clone());
}

/// Adds the `X-Forwarded-*` fields for a client at `peer`.
pub fn forwarded(headers: &mut HeaderMap, peer: HeaderValue) {
    headers.append(X_FORWARDED_FOR, peer);
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
    if let Some(host) = headers.get(HOST).cloned() {
        headers.insert(X_FORWARDED_HOST, host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let pair =
            |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        fields.iter().map(pair).collect()
    }

    fn stripped(fields: &[(&str, &str)]) -> Vec<String> {
        let mut headers = headers(fields);
        strip_hop_by_hop(&mut headers);
        let line =
            |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        let mut lines: Vec<_> = headers.iter().map(line).collect();
        lines.sort();
        lines
    }

    #[test]
    fn what_belongs_to_the_connection_ends_here() {
        let fields = [
            ("host", "a"),
            ("connection", "close, X-Mine"),
            ("connection", "content-length, host, te"),
            ("x-mine", "1"),
            ("x-other", "2"),
            ("content-length", "3"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("te", "gzip, Trailers"),
            ("trailer", "x-sum"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("expect", "100-continue"),
        ];
        assert_eq!(
            stripped(&fields),
            ["content-length: 3", "host: a", "te: trailers", "trailer: x-sum", "x-other: 2"]
        );
    }

    #[test]
    fn an_upgrade_must_be_asked_for_and_not_be_h2c() {
        let asked =
            |connection, protocol| upgrade(&headers(&[("connection", connection), ("upgrade", protocol)]));
        assert_eq!(asked("keep-alive, Upgrade", "websocket"), Some("websocket".parse().unwrap()));
        assert_eq!(asked("keep-alive", "websocket"), None);
        assert_eq!(asked("upgrade", "h2c"), None);
        assert_eq!(upgrade(&headers(&[("connection", "upgrade")])), None);
    }

    #[test]
    fn the_client_is_added_to_who_came_before() {
        let mut headers =
            headers(&[("host", "a:80"), ("x-forwarded-for", "1.1.1.1"), ("x-forwarded-host", "evil")]);
        forwarded(&mut headers, "2.2.2.2".parse().unwrap());
        let all: Vec<_> = headers.get_all(X_FORWARDED_FOR).iter().collect();
        assert_eq!(all, ["1.1.1.1", "2.2.2.2"]);
        assert_eq!(
            (&headers[X_FORWARDED_PROTO], &headers[X_FORWARDED_HOST]),
            (&"http".parse().unwrap(), &"a:80".parse().unwrap())
        );
    }
}
