//! What the strict parser takes, and what it does not.

use super::*;

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n";

/// Breaks when a fault is only seen, or a message only read, once more has come; or when the end is guessed wrong.
#[test]
fn whole_messages_end_where_they_end_and_not_before() {
    let all = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        "POST /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: 1\r\n\r\n",
    ];
    for text in all {
        for cut in 0..text.len() {
            assert_eq!(request(&text.as_bytes()[..cut]), Ok(None), "{text:?} up to {cut}");
        }
        let (_, used) = request(format!("{text}more").as_bytes()).unwrap().unwrap();
        assert_eq!(used, text.len());
    }
    let (message, _) = request(all[2].as_bytes()).unwrap().unwrap();
    assert_eq!((&message.body[..], message.trailers.len()), (&b"abc0123456789"[..], 1));
}

#[test]
fn requests_that_are_none() {
    for text in [
        "GET / HTTP/1.1\n",
        "GET / HTTP/1.1\r\nX: 1\n",
        "GET / HTTP/1.1\rX",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET /# HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.2\r\n\r\n",
        "G{T / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nX : 1\r\n\r\n",
        "GET / HTTP/1.1\r\n: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nX: 1\r\n 2\r\n\r\n",
        "GET / HTTP/1.1\r\nX: \0\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    ] {
        assert!(request(text.as_bytes()).is_err(), "{text:?}");
    }
}

#[test]
fn answers_by_method_status_and_end() {
    let read = |text: &str, method: &str, ended| {
        let parsed = answer(text.as_bytes(), method, ended);
        parsed.map(|whole| whole.map(|(message, used)| (message.framing, message.body.len(), used)))
    };
    let plain = "HTTP/1.1 200 OK\r\n\r\nabc";
    assert_eq!(read(plain, "GET", false), Ok(None));
    assert_eq!(read(plain, "GET", true), Ok(Some((Framing::Close, 3, plain.len()))));
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
    assert_eq!(read(long, "GET", true), Ok(None));
    assert_eq!(read(long, "HEAD", false), Ok(Some((Framing::Length(9), 0, long.len() - 3))));
    assert_eq!(read("HTTP/1.1 103 \r\n\r\n", "GET", false), Ok(Some((Framing::None, 0, 17))));
    assert_eq!(read("HTTP/1.1 304 X\r\n\r\n", "GET", false), Ok(Some((Framing::None, 0, 18))));
    for bad in ["HTTP/1.1 200\r\n\r\n", "HTTP/1.2 200 OK\r\n\r\n", "HTTP/1.1 600 X\r\n\r\n"] {
        assert!(read(bad, "GET", true).is_err(), "{bad:?}");
    }
}

#[test]
fn chunks_that_are_none() {
    for text in [
        "zz\r\n",
        "0x1\r\n",
        " 1\r\n",
        "1;a=b\r\n",
        "\r\n",
        "1\r\nab\r\n",
        "1\r\na\n",
        "0\r\n\n",
        "0\r\nX\r\n",
    ] {
        let bytes = format!("{CHUNKED}{text}");
        assert!(answer(bytes.as_bytes(), "GET", false).is_err(), "{text:?}");
    }
    let old = CHUNKED.replace("1.1", "1.0");
    assert!(answer(old.as_bytes(), "GET", false).is_err());
}
