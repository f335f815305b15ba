//! Tables of heads: what goes to the server, and what is refused.

use super::*;

const LIMITS: Limits = Limits { max_head: 1024, max_fields: 20 };

fn parse_with(text: &str, forwarded: Forwarded) -> Result<Option<(RequestHead, String)>, Malformed> {
    let towards =
        RewriteContext { forwarded, balance: &Balance::Uri, peer: b"192.0.2.1", jar: None, keys: [None; 2] };
    let mut out = Vec::new();
    let head = parse(text.as_bytes(), LIMITS, towards, &mut out)?;
    Ok(head.map(|head| (head, String::from_utf8(out).unwrap())))
}

/// The head and what the server gets for it; each line ends with CR LF, the last one twice.
fn passed(lines: &str) -> (RequestHead, String) {
    let text = format!("{}\r\n\r\n", lines.replace('\n', "\r\n"));
    let (head, out) = parse_with(&text, Forwarded::Off).unwrap().unwrap();
    assert_eq!(head.size, text.len());
    let out = out.strip_suffix("\r\n\r\n").unwrap().replace("\r\n", "\n");
    (head, out)
}

fn refused(text: &str) -> u16 {
    match parse_with(text, Forwarded::Off) {
        Err(error) => error.status.as_u16(),
        Ok(head) => panic!("{text:?} passed: {head:?}"),
    }
}

#[test]
fn order_and_case_are_kept() {
    let text = "GET /a?b HTTP/1.1\nhOST: x:80\nX-b: 1\nx-a: 2\nX-B: 3";
    let (head, out) = passed(text);
    assert_eq!(out, text);
    assert_eq!((head.framing, head.keep, head.is_head, head.idempotent), (Framing::None, true, false, true));
    assert_eq!((&text[head.method], &text[head.target]), ("GET", "/a?b"));
}

#[test]
fn what_belongs_to_the_connection_ends_here() {
    let (head, out) = passed(
        "POST / HTTP/1.1\nHost: a\nConnection: close, X-Mine\nConnection: content-length, host\nX-Mine: 1\nX-Other: 2\n\
         Content-Length: 03\nKeep-Alive: timeout=5\nProxy-Connection: keep-alive\nTE: gzip, Trailers\nTrailer: x-sum\nUpgrade: h2c\n\
         HTTP2-Settings: AA\nExpect: 100-Continue",
    );
    assert_eq!(
        out,
        "POST / HTTP/1.1\nHost: a\nX-Other: 2\nContent-Length: 3\nTE: trailers\nConnection: TE\nTrailer: x-sum\nExpect: 100-Continue"
    );
    assert_eq!((head.framing, head.keep, head.idempotent), (Framing::Length(3), false, false));
}

#[test]
fn framing_is_written_anew() {
    let (head, out) = passed("POST / HTTP/1.1\nHost: a\ntransfer-ENCODING: Chunked");
    assert_eq!(
        (out.as_str(), head.framing),
        ("POST / HTTP/1.1\nHost: a\ntransfer-ENCODING: chunked", Framing::Chunked)
    );
    let (_, out) = passed("POST / HTTP/1.1\nHost: a\nContent-Length: 3, 3\nX: 1\nContent-Length: 3");
    assert_eq!(out, "POST / HTTP/1.1\nHost: a\nContent-Length: 3\nX: 1");
    let (head, out) = passed("POST / HTTP/1.1\nHost: a\nContent-Length: 0");
    assert_eq!((out.ends_with("Content-Length: 0"), head.framing), (true, Framing::None));
}

#[test]
fn targets() {
    let target = |method: &str, target: &str| {
        let (_, out) = passed(&format!("{method} {target} HTTP/1.1\nHost: evil"));
        out.replace(" HTTP/1.1\nHost: ", " ")
    };
    assert_eq!(target("GET", "http://good:81/x?y"), "GET /x?y good:81");
    assert_eq!(target("GET", "HTTPS://good"), "GET / good");
    assert_eq!(target("GET", "http://good?y"), "GET /?y good");
    assert_eq!(target("OPTIONS", "http://good"), "OPTIONS * good");
    assert_eq!(target("OPTIONS", "*"), "OPTIONS * evil");
    for bad in [
        "GET * HTTP/1.1",
        "GET a HTTP/1.1",
        "GET a:80 HTTP/1.1",
        "GET /a#b HTTP/1.1",
        "GET /\u{e4} HTTP/1.1",
        "GET ftp://a/ HTTP/1.1",
        "GET http:///x HTTP/1.1",
        "GET http://u@a/ HTTP/1.1",
        "TRACE / HTTP/1.1\r\nContent-Length: 1",
        "GET /a b HTTP/1.1",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET /",
        "get",
        "G(T / HTTP/1.1",
        "GET / http/1.1",
    ] {
        assert_eq!(refused(&format!("{bad}\r\nHost: a\r\n\r\n")), 400, "{bad:?}");
    }
    assert_eq!(refused("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    assert_eq!(refused("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"), 405);
    assert_eq!(refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
}

#[test]
fn hosts() {
    let (head, out) = passed("GET / HTTP/1.0");
    assert_eq!((out.as_str(), head.old, head.keep), ("GET / HTTP/1.1\nHost: ", true, false));
    assert!(passed("GET / HTTP/1.0\nConnection: keep-alive").0.keep);
    for bad in ["", "Host: a\r\nHost: a\r\n", "Host: a b\r\n", "Host: a/b\r\n"] {
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\n{bad}\r\n")), 400, "{bad:?}");
    }
}

#[test]
fn servers_are_told_who_the_client_is() {
    let text = "GET / HTTP/1.1\r\nHost: a:80\r\nX-Forwarded-For: 1.1.1.1\r\nForwarded: for=x\r\nx-forwarded-host: evil\r\nX-Forwarded-Port: 7\r\nX-Forwarded-Proto: x\r\n\r\n";
    let ours = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a:80\r\n\r\n";
    let cases = [
        (Forwarded::Off, text.to_owned()),
        (
            Forwarded::Append,
            format!(
                "GET / HTTP/1.1\r\nHost: a:80\r\nX-Forwarded-For: 1.1.1.1\r\nForwarded: for=x\r\nX-Forwarded-Port: 7\r\n{ours}"
            ),
        ),
        (Forwarded::Replace, format!("GET / HTTP/1.1\r\nHost: a:80\r\n{ours}")),
        (Forwarded::Keep, text.replace("\r\n\r\n", "\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")),
    ];
    for (forwarded, expected) in cases {
        assert_eq!(parse_with(text, forwarded).unwrap().unwrap().1, expected, "{forwarded:?}");
    }
    let bare = "GET / HTTP/1.1\r\nHost: a:80\r\n\r\n";
    for forwarded in [Forwarded::Append, Forwarded::Replace, Forwarded::Keep] {
        let (_, out) = parse_with(bare, forwarded).unwrap().unwrap();
        assert_eq!(out, format!("GET / HTTP/1.1\r\nHost: a:80\r\n{ours}"), "{forwarded:?}");
        let (_, out) = parse_with("GET / HTTP/1.0\r\n\r\n", forwarded).unwrap().unwrap();
        let expected =
            "GET / HTTP/1.1\r\nHost: \r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n\r\n";
        assert_eq!(out, expected, "no host, {forwarded:?}");
    }
}

#[test]
fn upgrades() {
    let with = |lines: &str| passed(&format!("GET / HTTP/1.1\nHost: a\n{lines}"));
    let (head, out) = with("Upgrade: websocket\nConnection: keep-alive, Upgrade");
    assert_eq!(head.upgrade.as_deref(), Some(&b"websocket"[..]));
    assert!(out.ends_with("Host: a\nConnection: upgrade\nUpgrade: websocket"), "{out}");
    for none in ["Upgrade: websocket", "Connection: upgrade", "Connection: upgrade\nUpgrade: h2c"] {
        let (head, out) = with(none);
        assert_eq!((head.upgrade, out.as_str()), (None, "GET / HTTP/1.1\nHost: a"), "{none:?}");
    }
    assert_eq!(passed("GET / HTTP/1.0\nConnection: upgrade\nUpgrade: websocket").0.upgrade, None);
    for (lines, rest) in [
        ("Upgrade: websocket, h2c", "websocket"),
        ("Upgrade: a/1 ,H2C,, b", "a/1, b"),
        ("Upgrade: h2c-14\nUpgrade: a\nUpgrade: b", "a, b"),
    ] {
        let (head, out) = with(&format!("Connection: upgrade\n{lines}"));
        assert_eq!(head.upgrade.as_deref(), Some(rest.as_bytes()), "{lines:?}");
        assert!(out.ends_with(&format!("\nConnection: upgrade\nUpgrade: {rest}")), "{out}");
    }
}

#[test]
fn forwards_are_spent_where_the_method_has_some() {
    let with = |method: &str, value: &str| {
        let (_, out) = passed(&format!("{method} / HTTP/1.1\nHost: a\nMax-Forwards: {value}"));
        out.rsplit("Max-Forwards: ").next().unwrap().to_owned()
    };
    for method in ["OPTIONS", "TRACE"] {
        assert_eq!((with(method, "3"), with(method, "1")), ("2".into(), "0".into()));
        assert_eq!(with(method, "many"), "many");
        assert_eq!(refused(&format!("{method} / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n")), 501);
    }
    assert_eq!(with("GET", "0"), "0");
}

#[test]
fn trailers_end_here_where_the_connection_names_some() {
    let with = |named: &str| {
        let lines = format!("Connection: {named}\nTransfer-Encoding: chunked");
        passed(&format!("POST / HTTP/1.1\nHost: a\n{lines}")).0.trailers
    };
    assert!(with("close") && with("TE, keep-alive"));
    assert!(!with("X-Sum") && !with("close, x-sum"));
}

#[test]
fn lines_that_are_read_in_two_ways() {
    for bad in [
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX(: 1\r\n\r\n",
        "GET / HTTP/1.1\r\n X: 1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        assert_eq!(refused(bad), 400, "{bad:?}");
    }
    assert_eq!(refused("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n"), 417);
    assert_eq!(refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"), 501);
}

#[test]
fn limits() {
    let fields = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: 1\r\n".repeat(count));
    assert!(parse_with(&fields(19), Forwarded::Off).is_ok());
    assert_eq!(refused(&fields(20)), 431);
    let long = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(count));
    let rest = LIMITS.max_head - long(0).len();
    assert!(parse_with(&long(rest), Forwarded::Off).unwrap().is_some());
    assert_eq!(refused(&long(rest + 1)), 431);
    assert_eq!(refused(&format!("GET /{} HTTP/1.1\r\n", "a".repeat(1024))), 414);
    let whole = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for end in 0..whole.len() {
        assert_eq!(parse_with(&whole[..end], Forwarded::Off), Ok(None), "{end}");
    }
}

#[test]
fn the_hash_is_of_what_the_target_names() {
    let key = |target: &str| passed(&format!("GET {target} HTTP/1.1\nHost: a")).0.key;
    assert_eq!((key("/a?b"), key("http://a/a")), (key("/a"), key("/a?c")));
    assert_ne!(key("/a"), key("/b"));
    assert_eq!(key("http://a"), key("/"));
}
