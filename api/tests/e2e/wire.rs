//! Bare HTTP over a socket, so that framing is seen as it is on the wire.

use std::net::SocketAddr;

use api::{Node, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Wire {
    stream: TcpStream,
    seen: String,
}

pub(crate) async fn node() -> Node {
    Node::start(Options::local("api1", "v2")).await.unwrap()
}

/// Sends one request and returns the answer, head and body, as read up to the end of the connection.
pub(crate) async fn ask(addr: SocketAddr, request_line: &str) -> String {
    let mut wire = Wire::connect(addr).await;
    wire.send(&format!("{request_line} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")).await;
    wire.rest().await
}

impl Wire {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(addr).await.unwrap(), seen: String::new() }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads until `end` has come; returns all that came before and with it.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(end) {
                let rest = self.seen.split_off(at + end.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            assert!(self.fill().await, "ended before {end:?}: {:?}", self.seen);
        }
    }

    /// Reads up to the end of the connection.
    pub(crate) async fn rest(&mut self) -> String {
        while self.fill().await {}
        std::mem::take(&mut self.seen)
    }

    async fn fill(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        let read = self.stream.read(&mut piece).await.unwrap_or(0);
        self.seen.push_str(std::str::from_utf8(&piece[..read]).unwrap());
        read > 0
    }
}
