//! Tables of heads: what goes to the client, and what is refused.

use super::*;

const LIMITS: Limits = Limits { max_head: 1024, max_fields: 20 };
const PLAIN: ResponseContext<'_> = ResponseContext { is_head: false, old: false, keep: true, upgrade: None };

fn parse_for(lines: &str, towards: ResponseContext<'_>) -> Result<(ResponseHead, String), Malformed> {
    let text = format!("{}\r\n\r\n", lines.replace('\n', "\r\n"));
    let mut out = Vec::new();
    let mut space = FieldSpace::new();
    let response = parse(text.as_bytes(), LIMITS, towards, &mut space)?.expect("a whole head");
    let head = response.write(&Overlay::default(), towards, &mut out);
    assert_eq!(head.size, text.len());
    let out = String::from_utf8(out).unwrap();
    Ok((head, out.strip_suffix("\r\n\r\n").unwrap().replace("\r\n", "\n")))
}

/// The status of a head, if it is whole.
fn judged(text: &[u8]) -> Result<Option<u16>, Malformed> {
    let mut space = FieldSpace::new();
    Ok(parse(text, LIMITS, PLAIN, &mut space)?.map(|response| response.status))
}

#[test]
fn order_and_case_are_kept() {
    let text = "HTTP/1.1 200 All right\nx-B: 1\nServer: s\nX-b: 2\nContent-Length: 5";
    let (head, out) = parse_for(text, PLAIN).unwrap();
    assert_eq!(out, text);
    assert_eq!(
        (head.framing, head.framed, head.reusable, head.keep),
        (Framing::Length(5), Framing::Length(5), true, true)
    );
}

#[test]
fn what_belongs_to_the_connection_ends_here() {
    let text = "HTTP/1.1 200 OK\nConnection: close, X-Mine\nKeep-Alive: 5\nX-Mine: 1\nX: 2\nContent-Length: 0\nUpgrade: h2c\nTE: trailers";
    let (head, out) = parse_for(text, PLAIN).unwrap();
    assert_eq!(out, "HTTP/1.1 200 OK\nX: 2\nContent-Length: 0");
    assert_eq!((head.reusable, head.keep, head.framing), (false, true, Framing::None));
}

#[test]
fn nobody_can_take_the_length_away_or_say_it_twice() {
    let (once, twice) = ("Content-Length: 5", "Content-Length: 5\nX: 1\ncontent-length: 5");
    let named = "Connection: content-length, X\nContent-Length: 5\nX: 1";
    for (fields, passed) in
        [(once, once), (twice, "Content-Length: 5\nX: 1"), (named, once), ("Content-Length: 5, 5", once)]
    {
        let (head, out) = parse_for(&format!("HTTP/1.1 200 OK\n{fields}"), PLAIN).unwrap();
        assert_eq!(
            (out, head.framing),
            (format!("HTTP/1.1 200 OK\n{passed}"), Framing::Length(5)),
            "{fields}"
        );
    }
}

#[test]
fn a_body_is_framed_as_the_client_can_read_it() {
    let old = ResponseContext { old: true, ..PLAIN };
    let chunked = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked";
    let close = "HTTP/1.1 200 OK\nX: 1";
    let framed = |text, towards| {
        let (head, out) = parse_for(text, towards).unwrap();
        (head.framing, head.framed, head.reusable, head.keep, out)
    };
    let (until, chunks) = (Framing::UntilClose, Framing::Chunked);
    assert_eq!(framed(chunked, PLAIN), (chunks, chunks, true, true, chunked.into()));
    assert_eq!(
        framed(chunked, old),
        (chunks, until, true, false, "HTTP/1.1 200 OK\nConnection: close".into())
    );
    assert_eq!(
        framed(close, PLAIN),
        (until, chunks, false, true, format!("{close}\nTransfer-Encoding: chunked"))
    );
    assert_eq!(framed(close, old), (until, until, false, false, format!("{close}\nConnection: close")));
    let length = "HTTP/1.0 200 OK\nContent-Length: 3";
    let kept = "HTTP/1.1 200 OK\nContent-Length: 3\nConnection: keep-alive";
    assert_eq!(framed(length, old), (Framing::Length(3), Framing::Length(3), false, true, kept.into()));
}

#[test]
fn answers_without_a_body() {
    let head = ResponseContext { is_head: true, ..PLAIN };
    let old = ResponseContext { old: true, ..head };
    for (text, towards, out) in [
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", old, "HTTP/1.1 200 OK\nConnection: keep-alive"),
        ("HTTP/1.1 200 OK\nContent-Length: 5", head, "HTTP/1.1 200 OK\nContent-Length: 5"),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", head, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked"),
        ("HTTP/1.1 200 OK\nX: 1", head, "HTTP/1.1 200 OK\nX: 1"),
        (
            "HTTP/1.1 304 Not Modified\nContent-Length: 5",
            PLAIN,
            "HTTP/1.1 304 Not Modified\nContent-Length: 5",
        ),
        ("HTTP/1.1 204 No\nContent-Length: 5", PLAIN, "HTTP/1.1 204 No"),
        ("HTTP/1.1 204 No\nTransfer-Encoding: chunked", PLAIN, "HTTP/1.1 204 No"),
        ("HTTP/1.1 103 Early Hints\nLink: a\nConnection: close", PLAIN, "HTTP/1.1 103 Early Hints\nLink: a"),
    ] {
        let (head, written) = parse_for(text, towards).unwrap();
        assert_eq!(
            (head.framing, head.framed, written.as_str()),
            (Framing::None, Framing::None, out),
            "{text:?}"
        );
    }
}

/// Breaks when a body that must not be there can be taken for the next answer.
#[test]
fn a_body_that_is_announced_against_its_status_ends_the_connection() {
    for (text, reusable) in [
        ("HTTP/1.1 204 No\nContent-Length: 5", false),
        ("HTTP/1.1 204 No\nTransfer-Encoding: chunked", false),
        ("HTTP/1.1 304 Not Modified\nTransfer-Encoding: chunked", false),
        ("HTTP/1.1 204 No\nContent-Length: 0", true),
        ("HTTP/1.1 204 No", true),
        ("HTTP/1.1 304 Not Modified\nContent-Length: 5", true),
    ] {
        assert_eq!(parse_for(text, PLAIN).unwrap().0.reusable, reusable, "{text:?}");
    }
}

#[test]
fn a_change_of_protocol_only_as_asked_for() {
    let text = "HTTP/1.1 101 Switching\nUpgrade: websocket\nConnection: Upgrade\nX: 1";
    let asked = |protocol: &'static str| ResponseContext { upgrade: Some(protocol.as_bytes()), ..PLAIN };
    let (_, out) = parse_for(text, asked("h9, WebSocket")).unwrap();
    assert_eq!(out, "HTTP/1.1 101 Switching\nX: 1\nConnection: upgrade\nUpgrade: websocket");
    assert_eq!(parse_for(text, asked("other")), Err(BAD));
    assert_eq!(parse_for(text, PLAIN), Err(BAD));
    assert_eq!(parse_for("HTTP/1.1 101 S\nUpgrade: websocket", asked("websocket")), Err(BAD));
}

#[test]
fn answers_that_are_none() {
    for bad in [
        "HTTP/1.1 099 X\r\n\r\n",
        "HTTP/1.1 600 X\r\n\r\n",
        "HTTP/1.1 20 X\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "hello\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\nX: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: \0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        assert_eq!(judged(bad.as_bytes()), Err(BAD), "{bad:?}");
    }
    let long = format!("HTTP/1.1 200 OK\r\nX: {}", "a".repeat(1024));
    assert_eq!(judged(long.as_bytes()), Err(BAD));
    assert_eq!(judged(b"HTTP/1.1 200 OK\r\nX: 1\r\n"), Ok(None));
}

#[test]
fn an_answer_of_our_own() {
    let mut out = Vec::new();
    write_own(&mut out, StatusCode::METHOD_NOT_ALLOWED, "no\n", false, PLAIN);
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 3\r\n"), "{text}");
    assert!(
        text.contains("\r\nAllow: GET, ") && text.ends_with("\r\nConnection: close\r\n\r\nno\n"),
        "{text}"
    );
}
