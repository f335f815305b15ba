//! A run from the first look at the target to the report. Decides nothing about single requests.

use std::future;
use std::io;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::connection::Connection;
use crate::exchange::{NodeIdentity, Plan};
use crate::fault::Reason;
use crate::health;
use crate::options::Options;
use crate::pace::Pace;
use crate::report::Report;
use crate::tally::Tally;
use crate::worker::{Outcome, Worker};

/// The pause between two looks at a target that is not ready.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Why nothing could be judged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The target gave no good answer in `wait_ready`.
    #[error("{target} gave no good answer in {}: {last}; start it, or wait longer with --wait-ready", humantime::format_duration(*waited))]
    NotReady {
        /// The target.
        target: String,
        /// How long it was given.
        waited: Duration,
        /// What was wrong with the last answer.
        last: Reason,
    },
    /// Health checks cannot be answered where `health` says.
    #[error("cannot answer health checks at {addr}: {source}; choose another address with --health")]
    Health {
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// What the workers of a run share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) pace: Pace,
    tally: Mutex<Tally>,
}

/// Waits for the target, sends until the duration or the number of requests is reached or `stop` is cancelled, finishes what is
/// in flight, and reports. Runs on the current runtime; dropping it ends it.
///
/// # Errors
/// [`Error::Health`] and [`Error::NotReady`]. A target that fails later is no error but is in the report. A run that is stopped before the target
/// is ready reports 0 requests.
pub async fn run(options: Options, stop: CancellationToken) -> Result<Report, Error> {
    let running = Arc::new(OnceLock::new());
    let _health = answer_health(&options, &running).await?;
    if let Some(ready) = stop.run_until_cancelled(wait_ready(&options)).await {
        ready?;
    }
    let start = Instant::now();
    let shared = Arc::new(Shared {
        pace: Pace::new(&options, start),
        tally: Mutex::new(Tally::new(&options, start)),
        options,
    });
    let _ = running.set(Arc::clone(&shared));
    let sending = stop.child_token();
    let mut workers = JoinSet::new();
    for _ in 0..shared.options.connections {
        workers.spawn(Worker::new(Arc::clone(&shared)).work(sending.clone()));
    }
    let live =
        (!shared.options.quiet).then(|| AbortOnDropHandle::new(tokio::spawn(live(Arc::clone(&shared)))));

    tokio::select! {
        () = all(&mut workers) => {}
        () = over(shared.options.duration) => {}
        () = sending.cancelled() => {}
    }
    shared.tally().close(Instant::now());
    sending.cancel();
    all(&mut workers).await;
    drop(live);
    let report = shared.tally().report(&shared.options, Instant::now());
    Ok(report)
}

/// Answers health checks, where that is asked for, until the returned handle is dropped.
async fn answer_health(
    options: &Options,
    running: &Arc<OnceLock<Arc<Shared>>>,
) -> Result<Option<AbortOnDropHandle<()>>, Error> {
    let Some(addr) = options.health else { return Ok(None) };
    let refused = |source| Error::Health { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(refused)?;
    if !options.quiet {
        let addr = listener.local_addr().map_err(refused)?;
        let _ = writeln!(std::io::stderr(), "{}: answers health checks at {addr}", options.name);
    }
    Ok(Some(AbortOnDropHandle::new(tokio::spawn(health::answer(listener, Arc::clone(running))))))
}

async fn wait_ready(options: &Options) -> Result<(), Error> {
    let start = Instant::now();
    let mut last = Reason::Timeout;
    while start.elapsed() < options.wait_ready {
        let left = options.wait_ready.saturating_sub(start.elapsed());
        match tokio::time::timeout(left.min(options.timeout), look(options)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(reason)) => last = reason,
            Err(_) => last = Reason::Timeout,
        }
        tokio::time::sleep(LOOK_AGAIN.min(left)).await;
    }
    if options.wait_ready.is_zero() {
        return Ok(());
    }
    Err(Error::NotReady { target: options.target.to_string(), waited: options.wait_ready, last })
}

async fn look(options: &Options) -> Result<(), Reason> {
    let mut connection = Connection::open(&options.target).await?;
    let sent = Instant::now();
    let response = connection.send(Plan::Get.request(&options.target)?).await?;
    let identity = NodeIdentity::of(&response);
    Plan::Get.check(response, identity.as_ref(), sent).await.map(drop)
}

async fn all(workers: &mut JoinSet<()>) {
    while let Some(ended) = workers.join_next().await {
        if let Err(error) = ended
            && let Ok(panic) = error.try_into_panic()
        {
            // A judge that has lost a worker must not give a verdict.
            std::panic::resume_unwind(panic);
        }
    }
}

async fn over(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => future::pending().await,
    }
}

async fn live(shared: Arc<Shared>) {
    let interval = shared.options.live_interval;
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
    loop {
        ticks.tick().await;
        let line = shared.tally().live(Instant::now(), interval);
        // A reader of standard error that has gone must not end the verdict.
        let _ = writeln!(std::io::stderr(), "{}: {line}", shared.options.name);
    }
}

// === impl Shared ===

impl Shared {
    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a request in the books, and introduces a node that answers for the first time.
    pub(crate) fn record(&self, outcome: &Outcome) {
        let mut tally = self.tally();
        tally.record(outcome);
        let introduction = tally.introduce(outcome);
        drop(tally);
        if let Some(line) = introduction
            && !self.options.quiet
        {
            let _ = writeln!(std::io::stderr(), "{}: {line}", self.options.name);
        }
    }
}
