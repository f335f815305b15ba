//! Verdicts on exchanges that are made up: each is right, and each small change makes it wrong.

use super::super::case::read;
use super::super::script::{Connection, PROBE};
use super::*;

const PROBED_ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\nthe probe's answer";
const REFUSAL: &str = "HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// A case of these lines.
fn case(lines: &str) -> Case {
    read(&format!("== made up\n{lines}")).unwrap().remove(0)
}

/// What a client has got.
fn heard(bytes: &str, ended: bool) -> Heard {
    Heard::of(bytes.as_bytes(), ended, &["GET".to_owned()])
}

/// What a server has seen on each connection.
fn seen(connections: &[(&str, bool)]) -> Seen {
    let mut seen = Seen::default();
    for (number, (bytes, closed)) in connections.iter().enumerate() {
        let mut rest = bytes.as_bytes();
        while let Ok(Some((request, used))) = strict::request(rest) {
            seen.requests.push((number, request));
            rest = &rest[used..];
        }
        let connection = Connection { bytes: bytes.as_bytes().to_vec(), fault: None, closed: *closed };
        seen.connections.push(connection);
    }
    seen
}

/// Holds a right exchange against a case, and wrong ones with their names.
fn hold(case: &Case, right: &(Heard, Seen), wrong: Vec<(&str, Heard, Seen)>) {
    verdict(case, &right.0, &right.1).unwrap();
    for (name, heard, seen) in wrong {
        assert!(verdict(case, &heard, &seen).is_err(), "{name}");
    }
}

/// The bytes of the two requests behind each case.
fn probes() -> (String, String) {
    let probe = String::from_utf8(PROBE.to_vec()).unwrap();
    (probe.clone(), probe.replace("/probe", "/fresh"))
}

#[test]
fn refused() {
    let (_, fresh) = probes();
    let right = || (heard(REFUSAL, true), seen(&[(&fresh, false)]));
    let keeps = REFUSAL.replace("close", "keep-alive");
    let other = REFUSAL.replace("400", "500");
    let served = format!("{REFUSAL}{PROBED_ANSWER}");
    hold(
        &case("= refused 400\n"),
        &right(),
        vec![
            ("the connection stays", heard(REFUSAL, false), right().1),
            ("it does not say so", heard(&keeps, true), right().1),
            ("another status", heard(&other, true), right().1),
            ("no answer", heard("", true), right().1),
            ("something is served behind it", heard(&served, true), right().1),
            ("bytes behind the answer", heard(&format!("{REFUSAL}x"), true), right().1),
            ("a byte reached the server", right().0, seen(&[("G", true), (&fresh, false)])),
            (
                "a part before the next request",
                right().0,
                seen(&[(&format!("{fresh}GET"), false), (&fresh, false)]),
            ),
        ],
    );
    verdict(&case("= refused 400 none\n"), &heard("", true), &right().1).unwrap();
}

#[test]
fn stopped() {
    let (probe, fresh) = probes();
    let part = "POST / HTTP/1.1\r\nHost: lab\r\nContent-Length: 5\r\n\r\nhel";
    let whole = format!("{part}lo");
    hold(
        &case("= stopped 400\n"),
        &(heard(REFUSAL, true), seen(&[(part, true), (&fresh, false)])),
        vec![
            ("open", heard(REFUSAL, true), seen(&[(part, false), (&fresh, false)])),
            ("whole", heard(REFUSAL, true), seen(&[(&whole, true), (&fresh, false)])),
            ("the next", heard(REFUSAL, true), seen(&[(part, true), (&probe, true), (&fresh, false)])),
        ],
    );
}

#[test]
fn passed() {
    let (probe, fresh) = probes();
    let request = "GET / HTTP/1.1\r\nHost: lab\r\nX-A: 1\r\n\r\n";
    let server = |request: &str| seen(&[(&format!("{request}{probe}{fresh}"), false)]);
    let interim = "HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n";
    let client = |first: &str, last: &str| heard(&format!("{first}{last}{PROBED_ANSWER}"), false);
    let case = case(
        "< x\n= passed\nserver line GET / HTTP/1.1\nserver writes X-A: 1\nserver lacks X-B\nclient status 103\n\
         client has link: </a>\nclient status 200\nclient framing chunked\nclient body abc\nclient trailer X-Sum: 1\n",
    );
    let apart = seen(&[(&format!("{request}{probe}"), true), (&fresh, false)]);
    hold(
        &case,
        &(client(interim, last), server(request)),
        vec![
            ("another line", client(interim, last), server(&request.replace("/ H", "/x H"))),
            ("another case", client(interim, last), server(&request.replace("X-A", "x-a"))),
            ("one field more", client(interim, last), server(&request.replace("X-A", "X-B: 2\r\nX-A"))),
            ("a second value", client(interim, last), server(&request.replace("X-A", "X-A: 1\r\nX-A"))),
            ("HTTP/1.0", client(interim, last), server(&request.replace("/1.1", "/1.0"))),
            ("no Host", client(interim, last), server(&request.replace("Host", "Hosts"))),
            ("twice", client(interim, last), server(&format!("{request}{request}"))),
            ("not at all", client(interim, last), server("")),
            ("a new connection for the next", client(interim, last), apart),
            ("no interim answer", client("", last), server(request)),
            ("another one", client(&interim.replace("/a", "/b"), last), server(request)),
            ("no trailer", client(interim, &last.replace("X-Sum: 1\r\n", "")), server(request)),
            ("another body", client(interim, &last.replace("abc", "abd")), server(request)),
            ("bytes behind it", client(interim, &format!("{last}\r\n")), server(request)),
            ("the end", heard(&format!("{interim}{last}"), true), server(request)),
        ],
    );
}

#[test]
fn gives_and_cut() {
    let (probe, fresh) = probes();
    let request = "GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
    let bad = "HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n";
    let apart = || seen(&[(request, true), (&fresh, false)]);
    let reused = || seen(&[(&format!("{request}{fresh}"), false)]);
    let part = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
    hold(
        &case("= gives 502\n"),
        &(heard(bad, true), apart()),
        vec![
            ("another status", heard(&bad.replace("502", "200"), true), apart()),
            ("used again", heard(bad, true), reused()),
            ("left open", heard(bad, true), seen(&[(request, false), (&fresh, false)])),
            ("asked twice", heard(bad, true), seen(&[(request, true), (request, true), (&fresh, false)])),
            ("cut", heard(part, true), apart()),
        ],
    );
    hold(
        &case("= cut\n"),
        &(heard(part, true), apart()),
        vec![
            ("whole", heard(&format!("{part}defghi"), true), apart()),
            ("whole by its end", heard(&part.replace("Content-Length", "X"), true), apart()),
            ("nothing", heard("", true), apart()),
            ("the connection stays", heard(part, false), apart()),
            ("used again", heard(part, true), reused()),
            (
                "the next is served",
                heard(part, true),
                seen(&[(request, true), (&probe, false), (&fresh, false)]),
            ),
        ],
    );
}
