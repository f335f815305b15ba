//! What the control side asks of the data workers, and who they are.
//!
//! Orders are facts or wishes about connections that only a worker can touch. They carry no state that a snapshot holds, and
//! no answer is awaited on the data side. The channels are unbounded, what travels in them is not: arrivals hold one of `maxconn`
//! permits each, everything else comes from the operator or a state change.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{Frontend, LiveListener, Spot, Topology};
use crate::counters::Gauge;
use crate::ids::ServerId;
use crate::log::LogSinks;

/// An order to one worker.
#[derive(Debug)]
pub enum WorkerCommand {
    /// Accept on a listener from now on.
    Listen(Listen),
    /// Let in connections that a listener has left behind.
    Admit(Vec<(TcpStream, SocketAddr)>, Door),
    /// Take over a client's connection.
    Serve(Arrival),
    /// Close idle connections to a server.
    CloseIdle(ServerId),
    /// Close what nobody uses: descriptors are short.
    MakeRoom,
    /// A server has gone down: requests that wait for its answer leave it, if they can. With `silent`, it says nothing at all any more, and
    /// those that cannot leave it end.
    Down {
        /// The server.
        server: ServerId,
        /// Whether nothing is heard of it.
        silent: bool,
    },
    /// End every exchange on a server.
    KillServer(ServerId),
    /// End one client connection.
    KillSession(u64),
    /// Finish client connections: of one frontend, or all. What is in flight is completed.
    Finish(Option<u32>),
    /// Tell which exchanges are in flight.
    Sessions(oneshot::Sender<Vec<SessionInfo>>),
    /// Look for silent connections this often.
    Tick(Duration),
    /// Lines of exchanges go these ways from now on.
    Log(LogSinks),
}

/// A listener, and what is known of those who come to it.
#[derive(Debug)]
pub struct Listen {
    /// Bound and listening.
    pub listener: std::net::TcpListener,
    /// The way in.
    pub door: Door,
    /// Cancelled when it shall close.
    pub stop: CancellationToken,
}

/// The way in for those who come to one listening socket. Whose clients they are the snapshot says, so that a socket that passes from one
/// frontend to another loses nobody.
#[derive(Debug)]
pub struct Door {
    /// Which socket it is.
    pub spot: Spot,
    /// Whose it was when that was looked up last.
    pub frontend: Arc<Frontend>,
    /// Which of its addresses.
    pub listener: Arc<LiveListener>,
    /// Told when it passes to another frontend.
    pub moved: Arc<Notify>,
    /// A process that stops waits for this to be dropped.
    pub open: TaskTrackerToken,
}

/// A client's connection on its way to a worker.
#[derive(Debug)]
pub struct Arrival {
    /// Connected, non-blocking, registered with no event loop.
    pub stream: TcpStream,
    /// The client.
    pub peer: SocketAddr,
    /// The frontend as it was on arrival.
    pub frontend: Arc<Frontend>,
    /// Where it came to, when that address has statistics of its own.
    pub listener: Option<Arc<LiveListener>>,
    /// Its place in its frontend, and in the process.
    pub permits: [OwnedSemaphorePermit; 2],
}

/// An exchange in flight, for `show sess`.
#[derive(Debug, Clone)]
pub struct SessionInfo {
    /// Number of the client connection in this process.
    pub id: u64,
    /// The client.
    pub peer: SocketAddr,
    /// Its frontend.
    pub frontend: Arc<str>,
    /// Its backend, when the request has one.
    pub backend: Option<Arc<str>>,
    /// Its server, when one was picked.
    pub server: Option<Arc<str>>,
    /// Since the request came.
    pub age: Duration,
    /// Requests on this connection so far.
    pub requests: u64,
}

/// The data workers, as others see them.
#[derive(Debug)]
pub struct Workers(Vec<WorkerHandle>);

#[derive(Debug)]
struct WorkerHandle {
    orders: mpsc::UnboundedSender<WorkerCommand>,
    connections: Arc<Gauge>,
}

/// A worker's end of its channel.
#[derive(Debug)]
pub struct Inbox {
    /// What it is asked to do.
    pub orders: mpsc::UnboundedReceiver<WorkerCommand>,
    /// Client connections that it has or is about to get.
    pub connections: Arc<Gauge>,
}

// === impl Door ===

impl Door {
    /// Looks up whose it is. Where nobody has the address any more, those who came to it stay clients of the frontend that had it.
    pub fn look_up(&mut self, topology: &Topology) {
        let (frontend, listener) = match topology.at(&self.spot) {
            Some(owner) => owner,
            None => match topology.frontend(&self.frontend.live) {
                Some(frontend) => (frontend, &self.listener),
                None => return,
            },
        };
        if !Arc::ptr_eq(frontend, &self.frontend) {
            self.frontend = Arc::clone(frontend);
            self.listener = Arc::clone(listener);
        }
    }
}

// === impl Workers ===

impl Workers {
    /// Channels to `count` workers, and their ends.
    pub fn new(count: usize) -> (Self, Vec<Inbox>) {
        let (workers, inboxes) = (0..count)
            .map(|_| {
                let (sender, orders) = mpsc::unbounded_channel();
                let connections = Arc::new(Gauge::default());
                (
                    WorkerHandle { orders: sender, connections: Arc::clone(&connections) },
                    Inbox { orders, connections },
                )
            })
            .unzip();
        (Self(workers), inboxes)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// How many client connections each has.
    pub fn connections(&self) -> Vec<u64> {
        self.0.iter().map(|worker| worker.connections.get()).collect()
    }

    /// Hands a connection to the worker with the fewest. It counts from this moment, so that arrivals in a row spread evenly.
    pub fn place(&self, arrival: Arrival) {
        if let Some(worker) = self.0.iter().min_by_key(|worker| worker.connections.get()) {
            worker.connections.up();
            worker.send(WorkerCommand::Serve(arrival));
        }
    }

    /// Gives a listener to worker `index`, counted around.
    pub fn listen(&self, index: usize, listen: Listen) {
        self.0[index % self.0.len()].send(WorkerCommand::Listen(listen));
    }

    /// Gives worker `index`, counted around, connections that a listener has left behind.
    pub fn admit(&self, index: usize, accepted: Vec<(TcpStream, SocketAddr)>, door: Door) {
        self.0[index % self.0.len()].send(WorkerCommand::Admit(accepted, door));
    }

    /// Gives an order to all.
    pub fn broadcast(&self, order: impl Fn() -> WorkerCommand) {
        self.0.iter().for_each(|worker| worker.send(order()));
    }

    /// Asks all what is in flight.
    pub async fn sessions(&self) -> Vec<SessionInfo> {
        let answers: Vec<_> = self
            .0
            .iter()
            .map(|worker| {
                let (answer, asked) = oneshot::channel();
                worker.send(WorkerCommand::Sessions(answer));
                asked
            })
            .collect();
        let mut sessions = Vec::new();
        for asked in answers {
            // A worker that has ended has nothing in flight.
            sessions.extend(asked.await.unwrap_or_default());
        }
        sessions
    }
}

impl WorkerHandle {
    fn send(&self, order: WorkerCommand) {
        // Fails only when the worker has ended, and with it everything that the order could be about.
        let _ = self.orders.send(order);
    }
}
