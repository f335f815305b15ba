//! A balancer in this process, in front of an origin.

use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;

use benches::client::Client;
use benches::origin::Origin;
use lb::app::{App, Signal};
use lb::config::Config;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// It stops, and its origin with it, when this is dropped.
pub(crate) struct Balancer {
    address: SocketAddr,
    signals: UnboundedSender<Signal>,
    thread: Option<JoinHandle<()>>,
    _origin: Origin,
    _folder: tempfile::TempDir,
}

// === impl Balancer ===

impl Balancer {
    /// Starts both; the origin answers with bodies of `size` bytes.
    pub(crate) fn start(size: usize) -> anyhow::Result<Self> {
        let origin = Origin::start(&["127.0.0.1:0".parse()?], &[size])?;
        let folder = tempfile::tempdir()?;
        let text = format!(
            "[process]\nthreads = 1\n[admin]\nsocket = \"lb.sock\"\n[stats]\nbind = []\n[log]\nformat = \"off\"\n\
             [frontend.fe]\nbind = \"127.0.0.1:0\"\nbackend = \"be\"\n[backend.be.servers]\ns0 = \"{}\"\n",
            origin.addresses()[0]
        );
        let config = Config::parse(&text, &Path::new(folder.path()).join("lb.toml"))?;
        let app = App::bind(config)?;
        let address = app.frontends()[0].1;
        let (signals, receiver) = unbounded_channel();
        let thread = std::thread::spawn(move || {
            app.run(receiver);
        });
        Ok(Self { address, signals, thread: Some(thread), _origin: origin, _folder: folder })
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> std::io::Result<Client> {
        Client::connect(self.address)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.signals.send(Signal::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
