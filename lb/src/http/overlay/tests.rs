//! What edits do to a head, for those who read it afterwards and for the server or client that gets it.

use super::*;
use crate::http::framing::Framing;
use crate::http::head::{FieldSpace, Limits};
use crate::http::request;
use crate::http::response::{self, ResponseContext};

const LIMITS: Limits = Limits { max_head: 4096, max_fields: 32 };

fn name(name: &'static str) -> FieldName {
    FieldName::new(name).unwrap()
}

fn value(value: &str) -> FieldValue {
    FieldValue::new(value).unwrap()
}

/// What a server gets of a request after `edit`, and what later readers see of its fields; lines end with LF.
fn edited(lines: &str, edit: impl FnOnce(&mut Overlay, &[Field<'_>])) -> (String, Vec<String>) {
    let text = format!("{}\r\n\r\n", lines.replace('\n', "\r\n"));
    let (mut space, mut edits, mut out) = (FieldSpace::new(), Overlay::default(), Vec::new());
    let request = request::parse(text.as_bytes(), LIMITS, &mut space).unwrap().unwrap();
    edit(&mut edits, request.fields);
    request.write(&edits, None, &mut out);
    let seen = edits.fields(request.fields);
    let seen = seen.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value))).collect();
    let out = String::from_utf8(out).unwrap();
    (out.strip_suffix("\r\n\r\n").unwrap().replace("\r\n", "\n"), seen)
}

#[test]
fn without_edits_a_head_is_what_it_was() {
    let text = "GET /a HTTP/1.1\nHost: x\nA: 1\nB: 2";
    let (out, seen) = edited(text, |edits, _| assert!(edits.is_empty()));
    assert_eq!((out.as_str(), seen), (text, vec!["Host: x".into(), "A: 1".into(), "B: 2".into()]));
}

#[test]
fn fields_are_added_set_removed_and_replaced() {
    let text = "GET / HTTP/1.1\nHost: x\nA: 1\nB: 2\na: 3";
    let line = "GET / HTTP/1.1\nHost: x\n";
    type Edit = fn(&mut Overlay, &[Field<'_>]);
    let table: [(Edit, &str); 8] = [
        (|edits, _| edits.add(name("A"), value("4")), "A: 1\nB: 2\na: 3\nA: 4"),
        (|edits, fields| edits.set(fields, name("A"), value("4")), "B: 2\nA: 4"),
        (|edits, fields| edits.set(fields, name("C"), value("4")), "A: 1\nB: 2\na: 3\nC: 4"),
        (|edits, fields| edits.remove(fields, &name("a")), "B: 2"),
        (|edits, fields| edits.remove(fields, &name("C")), "A: 1\nB: 2\na: 3"),
        (
            |edits, fields| edits.replace(fields, &name("A"), |old| (old == b"1").then(|| value("one"))),
            "A: one\nB: 2\na: 3",
        ),
        // Later edits see earlier ones.
        (
            |edits, fields| {
                edits.set(fields, name("A"), value("4"));
                edits.replace(fields, &name("a"), |old| {
                    Some(value(&format!("{}5", str::from_utf8(old).unwrap())))
                });
            },
            "B: 2\nA: 45",
        ),
        (
            |edits, fields| {
                edits.add(name("C"), value("1"));
                edits.remove(fields, &name("c"));
                edits.replace(fields, &name("B"), |_| Some(value("3")));
                edits.replace(fields, &name("B"), |old| (old == b"3").then(|| value("4")));
            },
            "A: 1\nB: 4\na: 3",
        ),
    ];
    for (edit, fields) in table {
        let (out, seen) = edited(text, edit);
        assert_eq!(out, format!("{line}{fields}"));
        assert_eq!(format!("Host: x\n{fields}"), seen.join("\n"), "later readers see the same");
    }
}

#[test]
fn a_request_gets_another_line_and_host() {
    let text = "GET /a HTTP/1.1\nHost: x\nA: 1";
    let all = |edits: &mut Overlay, _: &[Field<'_>]| {
        edits.set_method(MethodName::new("PURGE").unwrap());
        edits.set_target(TargetPath::new("/b?c").unwrap());
        edits.set_host(Host::new(b"y:81").unwrap());
        assert_eq!(
            (edits.method("GET"), edits.target("/a"), edits.host(b"x")),
            ("PURGE", "/b?c", &b"y:81"[..])
        );
    };
    assert_eq!(edited(text, all).0, "PURGE /b?c HTTP/1.1\nHost: y:81\nA: 1");
    // The authority of an absolute target is the host that is replaced; one that is not named is added.
    assert_eq!(
        edited("GET http://z/a HTTP/1.1\nHost: x\nA: 1", all).0,
        "PURGE /b?c HTTP/1.1\nHost: y:81\nA: 1"
    );
    assert_eq!(edited("GET /a HTTP/1.0\nA: 1", all).0, "PURGE /b?c HTTP/1.1\nHost: y:81\nA: 1");
    let host = |edits: &mut Overlay, _: &[Field<'_>]| edits.set_host(Host::new(b"y").unwrap());
    assert_eq!(edited(text, host).0, "GET /a HTTP/1.1\nHost: y\nA: 1");
}

#[test]
fn no_edit_touches_the_framing_or_the_connection() {
    let text = "POST / HTTP/1.1\nHost: x\nConnection: A\nA: 1\nContent-Length: 3\nTE: trailers\nExpect: 100-continue";
    let (out, _) = edited(text, |edits, fields| {
        for index in 0..fields.len() {
            edits.put(index, b"7".to_vec());
        }
    });
    assert_eq!(
        out,
        "POST / HTTP/1.1\nHost: x\nContent-Length: 3\nTE: trailers\nConnection: TE\nExpect: 100-continue"
    );
    let (out, _) =
        edited("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked", |edits, _| edits.put(1, Vec::new()));
    assert_eq!(out, "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked");
}

#[test]
fn what_would_end_a_line_is_no_value_and_takes_the_field_away() {
    let (out, _) = edited("GET / HTTP/1.1\nHost: x\nA: 1", |edits, _| edits.put(1, b"1\r\nB: 2".to_vec()));
    assert_eq!(out, "GET / HTTP/1.1\nHost: x");
}

#[test]
fn added_fields_stand_before_a_change_of_protocol_and_behind_what_servers_are_told() {
    let text = "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX-Forwarded-Proto: y\r\n\r\n";
    let (mut space, mut edits, mut out) = (FieldSpace::new(), Overlay::default(), Vec::new());
    let request = request::parse(text.as_bytes(), LIMITS, &mut space).unwrap().unwrap();
    edits.add(name("A"), value("1"));
    request.write(&edits, Some(b"192.0.2.1"), &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: x\r\nA: 1\r\n\
         Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    );
}

#[test]
fn responses_are_edited_alike() {
    let text = b"HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 3\r\nA: 1\r\n\r\n";
    let towards = ResponseContext { is_head: false, old: false, keep: true, upgrade: None };
    let (mut space, mut edits, mut out) = (FieldSpace::new(), Overlay::default(), Vec::new());
    let response = response::parse(text, LIMITS, towards, &mut space).unwrap().unwrap();
    edits.remove(response.fields, &name("server"));
    edits.replace(response.fields, &name("A"), |_| Some(value("2")));
    edits.put(1, b"9".to_vec());
    edits.add(name("B"), value("3"));
    let head = response.write(&edits, towards, &mut out);
    assert_eq!(head.framing, Framing::Length(3));
    assert_eq!(out, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA: 2\r\nB: 3\r\n\r\n");
}
