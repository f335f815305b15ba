//! The pages through a real socket.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::control::Origin;
use crate::control::fixture::Fixture;
use crate::server::Admin;

const BACKEND: &str = "[backend.be.servers]\n\"a\" = \"127.0.0.1:1\"\n";

/// Sends a request that ends the connection; returns the whole answer.
async fn ask(address: SocketAddr, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: lb\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn every_path_answers_and_readiness_follows_the_servers() {
    let fixture = Fixture::new(BACKEND);
    let web = bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
    let (address, stop) = (web.addresses()[0], CancellationToken::new());
    let serving = tokio::spawn(web.serve(Arc::clone(&fixture.control), stop.clone()));
    for (method, path, status, part) in [
        ("GET", "/", 200, "<h2>be "),
        ("GET", "/stats", 200, "no checks are configured"),
        ("GET", "/stats;csv", 200, "# pxname,svname,"),
        ("GET", "/;csv;norefresh", 200, "# pxname,svname,"),
        ("GET", "/stats.json", 200, "\"name\":\"be\""),
        ("GET", "/metrics", 200, "haproxy_process_nbthread 1"),
        ("GET", "/metrics?scope=bogus", 400, "unknown scope"),
        ("GET", "/healthz", 200, "ok"),
        ("GET", "/readyz", 200, "ready"),
        ("GET", "/style.css", 200, "prefers-color-scheme"),
        ("GET", "/script.js", 200, "fetch"),
        ("HEAD", "/metrics", 200, "content-length"),
        ("GET", "/nope", 404, "/stats;csv"),
        ("POST", "/stats", 405, "allow: GET, HEAD"),
    ] {
        let answer = ask(address, method, path).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(part),
            "{method} {path}: {answer}"
        );
    }
    fixture.control.set_admin(&fixture.server("a"), Admin::Maint, &Origin::Signal);
    let answer = ask(address, "GET", "/readyz").await;
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("backend be has no usable server"),
        "{answer}"
    );
    assert!(ask(address, "GET", "/stats").await.contains("taken out by the operator"));
    stop.cancel();
    serving.await.unwrap();
    TcpStream::connect(address).await.expect_err("the port is closed");
}
