//! An account that nobody could settle in the ordinary way.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::*;
use crate::config::Config;
use crate::counters::Totals;
use crate::log::LogSinks;
use crate::net::{MemoryStream, Socket};
use crate::proxy::{DataWorker, Registered};
use crate::topology::{Frontend, LiveFrontend, LiveListener, ProcessState, Shared, Topology, Workers};

/// A worker, a client of it, and the address at which that came.
fn client() -> (Rc<DataWorker>, Registered, Arc<LiveListener>) {
    let text = "[frontend.fe]\nbind = \"127.0.0.1:0\"\nbackend = \"be\"\n[backend.be.servers]\n";
    let config = Config::parse(text, Path::new("lb.toml")).unwrap_or_else(|faults| panic!("{faults}"));
    let (workers, _inboxes) = Workers::new(1);
    let (topology, process) = (ArcSwap::from_pointee(Topology::empty()), ProcessState::new(10));
    let shared = Arc::new(Shared { topology, workers, process });
    let live = LiveFrontend::new(2, "fe", 10, 1);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let enter = async { [live.room.enter().await.unwrap(), shared.process.room.enter().await.unwrap()] };
    let permits = runtime.block_on(enter);
    let listener = LiveListener::all(&config.frontends[0].bind, &[], 1).remove(0);
    let frontend = Arc::new(Frontend {
        config: config.frontends[0].clone(),
        live,
        listeners: vec![Arc::clone(&listener)],
        track: None,
        rules: None,
    });
    let worker = DataWorker::new(shared, Arc::default(), &LogSinks::default());
    let (near, _far) = MemoryStream::pair();
    let socket = Socket::in_memory(near, Rc::new(StreamDeadlines::new(Duration::MAX)));
    let peer = ([127, 0, 0, 1], 1).into();
    let registered =
        Client::register(&worker, peer, (frontend, Some(Arc::clone(&listener))), socket, permits);
    (worker, registered, listener)
}

fn totals(client: &Client) -> Totals {
    client.frontend.borrow().live.tally.totals()
}

#[test]
fn a_panic_is_an_internal_error_and_no_fault_of_the_client() {
    let (_worker, registered, listener) = client();
    let Registered(client) = &registered;
    let exchange = Exchange::begin(client, None);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _held = exchange;
        panic!("for the test");
    }));
    assert!(panicked.is_err());
    assert_eq!(totals(client).internal_errors, 1);
    let listener = listener.tally.totals();
    assert_eq!((listener.internal_errors, listener.ended), (1, 1), "in the row of its address as well");

    drop(Exchange::begin(client, None));
    assert_eq!((totals(client).internal_errors, totals(client).requests), (1, 2));
}

#[test]
fn a_panic_has_letters_of_its_own() {
    let table = [
        (ExchangePhase::Request, "IR"),
        (ExchangePhase::Queue, "IQ"),
        (ExchangePhase::Connect, "IC"),
        (ExchangePhase::Head, "IH"),
    ];
    for (phase, letters) in table {
        assert_eq!(Termination::internal(phase).as_str(), letters);
    }
}
