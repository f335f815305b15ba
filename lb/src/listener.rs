//! Accepting clients and serving their connections, on data workers.
//!
//! A worker is a thread with a single-threaded runtime; nothing that serves requests is shared between two. It takes orders and
//! arrivals from its inbox, and ends when it is told to or when nobody can tell it anything any more.

mod accept;
mod session;

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::task::{LocalSet, spawn_local};
use tokio_util::sync::CancellationToken;

use crate::counters;
use crate::log::{self, Log};
use crate::proxy::{Client, Worker};
use crate::topology::{Inbox, Order, Shared};
use crate::vital;

/// The threads of the data side.
#[derive(Debug)]
pub struct Threads {
    handles: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

// === impl Threads ===

impl Threads {
    /// Starts a worker for each inbox.
    ///
    /// # Errors
    /// The system has no thread or no event loop for us.
    pub fn start(shared: &Arc<Shared>, inboxes: Vec<Inbox>, log: &Log) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let handles = inboxes
            .into_iter()
            .enumerate()
            .map(|(index, inbox)| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .on_thread_park(log::before_sleep)
                    .build()?;
                let (shared, ways, stop) = (Arc::clone(shared), log.ways(), stop.clone());
                std::thread::Builder::new().name(format!("lb-data-{index}")).spawn(move || {
                    let _vital = vital::Guard("a worker of the data side");
                    counters::enter_worker(index);
                    let work = async move {
                        let connections = Arc::clone(&inbox.connections);
                        let worker = Worker::new(shared, connections, &ways);
                        tokio::select! {
                            () = run(&worker, inbox) => {}
                            () = stop.cancelled() => {}
                        }
                    };
                    // What is still in flight is dropped, and settled, with the local set.
                    runtime.block_on(LocalSet::new().run_until(work));
                })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { handles, stop })
    }

    /// Ends all workers, and with them what is still in flight; returns when they are gone.
    pub fn end(self) {
        self.stop.cancel();
        for handle in self.handles {
            // A worker does not panic without ending the process.
            let _ = handle.join();
        }
    }
}

async fn run(worker: &Rc<Worker>, mut inbox: Inbox) {
    let sweeper = Rc::clone(worker);
    let sweeps = async move { sweeper.watchdog.run(|| sweeper.tick()).await };
    spawn_local(vital::guarded("the sweep of a worker", sweeps));
    while let Some(order) = inbox.orders.recv().await {
        obey(worker, order);
    }
}

fn obey(worker: &Rc<Worker>, order: Order) {
    let clients = || worker.clients.borrow();
    match order {
        Order::Listen(listen) => {
            let accepting = accept::run(Arc::clone(&worker.shared), listen);
            spawn_local(vital::guarded("the accept loop of a worker", accepting));
        }
        Order::Admit(accepted, door) => {
            let admitting = accept::admit_all(Arc::clone(&worker.shared), accepted, door);
            spawn_local(vital::guarded("the accept loop of a worker", admitting));
        }
        Order::Serve(arrival) => {
            session::spawn(worker, arrival);
        }
        Order::CloseIdle(server) => {
            worker.idle.borrow_mut().close(server.get());
            worker.servers.close(server.get());
        }
        Order::MakeRoom => {
            worker.make_room();
        }
        Order::Down { server, silent } => {
            let concerned = |(_, client): &(usize, &Rc<Client>)| client.is_on(server);
            clients().iter().filter(concerned).for_each(|(_, client)| client.server_went_down(silent));
        }
        Order::KillServer(server) => {
            clients().iter().filter(|(_, client)| client.is_on(server)).for_each(|(_, client)| client.kill());
        }
        Order::KillSession(id) => {
            clients().iter().filter(|(_, client)| client.id == id).for_each(|(_, client)| client.kill());
        }
        Order::Finish(frontend) => {
            let concerned = |id: u32| frontend.is_none_or(|frontend| frontend == id);
            clients()
                .iter()
                .filter(|(_, client)| concerned(client.frontend_id()))
                .for_each(|(_, client)| client.finish());
        }
        Order::Sessions(answer) => {
            let sessions = clients().iter().filter_map(|(_, client)| client.info(worker)).collect();
            // Whoever asked may have gone; then nobody wants to know.
            let _ = answer.send(sessions);
        }
        Order::Tick(tick) => worker.watchdog.set_tick(tick),
        Order::Log(ways) => worker.log_to(&ways),
    }
}
