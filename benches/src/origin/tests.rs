//! The origin through real sockets, with the client that the benches use.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::*;
use crate::client::{Buffer, Client};

fn start() -> Origin {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    Origin::start(&[any, any], &[128, 1 << 20]).unwrap()
}

#[test]
fn bodies_are_whole_and_connections_are_kept_and_counted() {
    let origin = start();
    let mut buffer = Buffer::default();
    for &address in origin.addresses() {
        let mut client = Client::connect(address).unwrap();
        for size in [128, 1 << 20, 128] {
            let mut got = Vec::new();
            let answer =
                client.get(&format!("/{size}"), &mut buffer, |piece| got.extend_from_slice(piece)).unwrap();
            assert_eq!((answer.status, answer.length), (200, size));
            assert!(got == body(size), "another body than the one of {size} bytes");
        }
        assert_eq!(client.get("/health", &mut buffer, |_| ()).unwrap().status, 200);
        assert_eq!(client.get("/127", &mut buffer, |_| ()).unwrap().status, 404);
    }
    let mut opened = Vec::new();
    let mut client = Client::connect(origin.addresses()[0]).unwrap();
    client.get("/opened", &mut buffer, |piece| opened.extend_from_slice(piece)).unwrap();
    assert_eq!(opened, b"2");
}

#[test]
fn the_head_that_it_saw_is_told() {
    let origin = start();
    let mut client = Client::connect(origin.addresses()[0]).unwrap();
    let mut seen = Vec::new();
    client.get("/seen", &mut Buffer::default(), |piece| seen.extend_from_slice(piece)).unwrap();
    assert_eq!(String::from_utf8(seen).unwrap(), client.request("/seen"));
}

#[test]
fn what_is_not_strict_http_is_refused_and_closed() {
    let origin = start();
    let refused = [
        "GET /128 HTTP/1.0\r\nhost: a\r\n\r\n",
        "POST /128 HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET 128 HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET /1 28 HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET /128 HTTP/1.1\r\n\r\n",
        "GET /128 HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n",
        "GET /128 HTTP/1.1\r\nhost: a\r\nnothing\r\n\r\n",
        "GET /128 HTTP/1.1\r\nhost: a\r\nx : 1\r\n\r\n",
        "GET /128 HTTP/1.1\r\nhost: a\r\n x: 1\r\n\r\n",
        "GET /128 HTTP/1.1\r\nhost: a\nx: 1\r\n\r\n",
        "GET /128 HTTP/1.1\nhost: a\n\r\n\r\n",
        "GET /128 HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
        "GET /128 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n",
        "\r\n\r\n",
    ];
    for request in refused {
        let mut stream = TcpStream::connect(origin.addresses()[0]).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer:?}");
    }
}

#[test]
fn it_reads_one_request_after_the_other_and_closes_when_told() {
    let origin = start();
    let mut stream = TcpStream::connect(origin.addresses()[0]).unwrap();
    let (first, second) = ("GET /health HTTP/1.1\r\nhost: a\r\n\r\n", "GET /none HTTP/1.1\r\nhost: a\r\n");
    stream.write_all(format!("{first}{second}").as_bytes()).unwrap();
    stream.write_all(b"connection: Close\r\n\r\n").unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    let statuses: Vec<_> =
        answers.match_indices("HTTP/1.1 ").map(|(at, _)| &answers[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "404"]);
}

#[test]
fn it_ends_with_its_handle() {
    let origin = start();
    let address = origin.addresses()[0];
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    drop(origin);
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut rest);
    assert!(TcpStream::connect(address).is_err(), "it still listens");
}
