//! Accepts clients and serves their connections, on data workers.
//!
//! A worker is a thread with a single-threaded runtime. Nothing that serves requests is shared between workers.
//! It takes commands and connections from its inbox, and ends when it is told to or when the inbox is closed.

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
use crate::proxy::{Client, DataWorker};
use crate::topology::{Inbox, Shared, WorkerCommand};
use crate::vital;

/// The data workers' threads.
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
    /// The system cannot create a thread or an event loop.
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
                let (shared, sinks, stop) = (Arc::clone(shared), log.sinks(), stop.clone());
                std::thread::Builder::new().name(format!("lb-data-{index}")).spawn(move || {
                    let _vital = vital::PanicGuard("a worker of the data side");
                    counters::enter_worker(index);
                    let work = async move {
                        let connections = Arc::clone(&inbox.connections);
                        let worker = DataWorker::new(shared, connections, &sinks);
                        tokio::select! {
                            () = run(&worker, inbox) => {}
                            () = stop.cancelled() => {}
                        }
                    };
                    // Exchanges still in flight are dropped, and recorded, with the local set.
                    runtime.block_on(LocalSet::new().run_until(work));
                })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { handles, stop })
    }

    /// Ends all workers and what is still in flight; returns when the threads have ended.
    pub fn end(self) {
        self.stop.cancel();
        for handle in self.handles {
            // A panic of a worker ends the process, so there is none to report.
            let _ = handle.join();
        }
    }
}

async fn run(worker: &Rc<DataWorker>, mut inbox: Inbox) {
    let sweeper = Rc::clone(worker);
    let sweeps = async move { sweeper.watchdog.run(|| sweeper.tick()).await };
    spawn_local(vital::guarded("the sweep of a worker", sweeps));
    while let Some(order) = inbox.orders.recv().await {
        handle(worker, order);
    }
}

fn handle(worker: &Rc<DataWorker>, order: WorkerCommand) {
    let clients = || worker.clients.borrow();
    match order {
        WorkerCommand::Listen(listen) => {
            let accepting = accept::run(Arc::clone(&worker.shared), listen);
            spawn_local(vital::guarded("the accept loop of a worker", accepting));
        }
        WorkerCommand::Admit(accepted, door) => {
            let admitting = accept::admit_all(Arc::clone(&worker.shared), accepted, door);
            spawn_local(vital::guarded("the accept loop of a worker", admitting));
        }
        WorkerCommand::Serve(arrival) => {
            session::spawn(worker, arrival);
        }
        WorkerCommand::CloseIdle(server) => {
            worker.idle.borrow_mut().close(server);
            worker.servers.close(server);
        }
        WorkerCommand::MakeRoom => {
            worker.make_room();
        }
        WorkerCommand::Down { server, silent } => {
            let concerned = |(_, client): &(usize, &Rc<Client>)| client.is_on(server);
            clients().iter().filter(concerned).for_each(|(_, client)| client.server_went_down(silent));
        }
        WorkerCommand::KillServer(server) => {
            clients().iter().filter(|(_, client)| client.is_on(server)).for_each(|(_, client)| client.kill());
        }
        WorkerCommand::KillSession(id) => {
            clients().iter().filter(|(_, client)| client.id == id).for_each(|(_, client)| client.kill());
        }
        WorkerCommand::Finish(frontend) => {
            let concerned = |id: u32| frontend.is_none_or(|frontend| frontend == id);
            clients()
                .iter()
                .filter(|(_, client)| concerned(client.frontend_id()))
                .for_each(|(_, client)| client.finish());
        }
        WorkerCommand::Sessions(answer) => {
            let sessions = clients().iter().filter_map(|(_, client)| client.info(worker)).collect();
            // If the requester is gone, the list is not needed.
            let _ = answer.send(sessions);
        }
        WorkerCommand::Tick(tick) => worker.watchdog.set_tick(tick),
        WorkerCommand::Log(sinks) => worker.log_to(&sinks),
    }
}
