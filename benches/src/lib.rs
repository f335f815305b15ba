//! What the benches share: servers without a network, an origin that answers at once, and a balancer in this process.
//!
//! Benches show costs; they check nothing and are no tests.

pub mod origin;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use lb::app::{App, Signal};
use lb::config::{Config, HealthStart, Server as Spec};
use lb::server::{Queue, Server};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// `count` usable servers with weights 1, 2, 3, 1, 2, 3, …
pub fn servers(count: usize) -> Vec<Arc<Server>> {
    let queue = Arc::new(Queue::default());
    (0..count)
        .zip(1..)
        .map(|(index, number)| {
            let spec = Spec {
                name: format!("s{index}"),
                host: "127.0.0.1".into(),
                port: 4000,
                weight: number % 3 + 1,
                maxconn: 0,
                backup: false,
                disabled: false,
            };
            Server::new(&"be".into(), number, &spec, None, HealthStart::Up, &queue, 1)
        })
        .collect()
}

/// A balancer in this process, in front of one origin that answers with `size` bytes.
pub struct Balancer {
    address: SocketAddr,
    signals: UnboundedSender<Signal>,
    thread: Option<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

// === impl Balancer ===

impl Balancer {
    /// Starts both.
    ///
    /// # Errors
    /// What could not be bound.
    pub fn start(size: usize) -> anyhow::Result<Self> {
        let origin = origin::start(&["127.0.0.1:0".parse()?], size)?;
        let folder = tempfile::tempdir()?;
        let text = format!(
            "[process]\nthreads = 1\n[admin]\nsocket = \"lb.sock\"\n[stats]\nbind = []\n[log]\nformat = \"off\"\n\
             [frontend.fe]\nbind = \"127.0.0.1:0\"\nbackend = \"be\"\n[backend.be.servers]\ns0 = \"{}\"\n",
            origin[0]
        );
        let config = Config::parse(&text, &Path::new(folder.path()).join("lb.toml"))?;
        let app = App::bind(config)?;
        let address = app.frontends()[0].1;
        let (signals, receiver) = unbounded_channel();
        let thread = std::thread::spawn(move || {
            app.run(receiver);
        });
        Ok(Self { address, signals, thread: Some(thread), _folder: folder })
    }

    /// A connection to it.
    ///
    /// # Errors
    /// The system's.
    pub fn connect(&self) -> std::io::Result<Client> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        Ok(Client { stream, buffer: vec![0; 64 * 1024] })
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nobody to tell.
        let _ = self.signals.send(Signal::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A keep-alive client that reads nothing but lengths.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

// === impl Client ===

impl Client {
    /// One GET, to the last byte of its answer; returns the answer's size.
    ///
    /// # Errors
    /// The system's, or an answer that ends too soon.
    pub fn get(&mut self) -> std::io::Result<usize> {
        self.stream
            .write_all(b"GET / HTTP/1.1\r\nhost: bench\r\nuser-agent: bench\r\naccept: */*\r\n\r\n")?;
        let (mut filled, mut whole) = (0, None);
        loop {
            let room = if filled < self.buffer.len() { filled } else { self.buffer.len() / 2 };
            let read = self.stream.read(&mut self.buffer[room..])?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            if whole.is_none() {
                whole = length(&self.buffer[..filled.min(self.buffer.len())]);
            }
            if whole.is_some_and(|whole| filled >= whole) {
                return Ok(filled);
            }
        }
    }
}

/// The size of an answer with `content-length`, once its head is there.
fn length(start: &[u8]) -> Option<usize> {
    let head = start.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&start[..head]).ok()?.to_ascii_lowercase();
    let value = text.split("content-length:").nth(1)?.lines().next()?.trim();
    Some(head + value.parse::<usize>().ok()?)
}
