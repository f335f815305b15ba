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

/// Removes the fields that end here: the fixed ones and those that `Connection` names. What frames or routes a message stays, whatever
/// `Connection` says. `TE: trailers` and `Trailer` stay: trailers are passed on.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let mut found = Found::default();
    for name in headers.keys() {
        match name.as_str().len() {
            2 => found.te |= *name == TE,
            6 => found.expect |= *name == EXPECT,
            7 => found.upgrade |= *name == UPGRADE,
            10 => {
                found.connection |= *name == CONNECTION;
                found.keep_alive |= *name == KEEP_ALIVE;
            }
            16 => found.proxy_connection |= *name == PROXY_CONNECTION,
            17 => found.transfer_encoding |= *name == TRANSFER_ENCODING,
            _ => {}
        }
    }
    if found.connection {
        strip_named(headers);
        headers.remove(CONNECTION);
    }
    let rest = [
        (found.keep_alive, KEEP_ALIVE),
        (found.proxy_connection, PROXY_CONNECTION),
        (found.transfer_encoding, TRANSFER_ENCODING),
        (found.upgrade, UPGRADE),
        // lb has asked for the body itself by the time a server could.
        (found.expect, EXPECT),
    ];
    for (present, name) in rest {
        if present {
            headers.remove(name);
        }
    }
    if found.te {
        keep_only_trailers(headers);
    }
}

/// What a pass over the names found.
#[derive(Default)]
struct Found {
    connection: bool,
    expect: bool,
    keep_alive: bool,
    proxy_connection: bool,
    te: bool,
    transfer_encoding: bool,
    upgrade: bool,
}

fn strip_named(headers: &mut HeaderMap) {
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
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
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
            ["host: a", "x-other: 2", "content-length: 3", "trailer: x-sum", "te: trailers"]
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
