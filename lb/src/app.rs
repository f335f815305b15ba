//! Wiring: a [`Config`](crate::config::Config) becomes a bound [`App`], and a bound app runs until it is told to stop.
//!
//! Everything that can fail for want of an address or a file fails in [`App::bind`], before anything is served. This module decides
//! nothing about traffic.

mod checks;
mod signals;
mod started;

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::control::{ApplyError, Control, Event, Origin, descriptors};
use crate::listener::Threads;
use crate::log::{self, Log};
use crate::topology::{ProcessState, Shared, Topology, Workers};
use crate::vital::guarded;
use crate::{admin, discovery, sampler, web};
use checks::Checks;

/// How long the first lookup of all server names may delay the start.
const FIRST_LOOKUP: Duration = Duration::from_secs(2);

/// How long to retry addresses in use at the start: a predecessor that was just told to stop is about to free
/// them.
const PREDECESSOR: Duration = Duration::from_secs(1);
/// Interval between attempts.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// A balancer that is bound and not running yet.
#[derive(Debug)]
pub struct App {
    control: Arc<Control>,
    runtime: Runtime,
    threads: Threads,
    checks: Checks,
    log: Log,
    admin: Vec<admin::Listener>,
    web: web::Web,
}

/// Commands to a running app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Stop: gracefully at first; the second time, at once.
    Stop,
    /// Read the configuration again.
    Reload,
    /// Reopen log files.
    ReopenLogs,
}

/// Reads the configuration and runs: the command `lb run`.
pub fn run(file: &Path) -> ExitCode {
    let config = match crate::rules::load(file) {
        Ok(config) => config,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::FAILURE;
        }
    };
    let summary = started::Summary::of(&config);
    let started = control_runtime().and_then(|runtime| {
        // Before the first address is bound: a signal that arrives as soon as requests are served must not end the process.
        let signals = signals::listen(&runtime).context("cannot listen to signals")?;
        let app = App::bind_on(runtime, config)?;
        if io::stderr().is_terminal() {
            eprintln!("{}", summary.line(&app));
        }
        Ok(app.run(signals))
    });
    started.unwrap_or_else(|error| {
        eprintln!("lb: {error:#}");
        ExitCode::FAILURE
    })
}

fn control_runtime() -> anyhow::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .thread_name("lb-control")
        .build()
        .context("cannot make the control runtime")
}

// === impl App ===

impl App {
    /// Binds everything that the configuration names.
    ///
    /// # Errors
    /// The first address, socket or file that is not available.
    pub fn bind(config: Config) -> anyhow::Result<Self> {
        Self::bind_on(control_runtime()?, config)
    }

    /// Does the same; `runtime` becomes that of the control side.
    fn bind_on(runtime: Runtime, mut config: Config) -> anyhow::Result<Self> {
        let shares = descriptors::share(&mut config)?;
        crate::net::give_large_blocks_back();
        let zone = log::find_time_zone();
        let log = log::start(&config.logs)?;
        let inside = runtime.enter();
        let (workers, inboxes) = Workers::new(config.process.threads);
        let shared = Arc::new(Shared {
            topology: ArcSwap::from_pointee(Topology::empty()),
            workers,
            process: ProcessState::new(config.process.maxconn),
        });
        let control = Control::new(Arc::clone(&shared), &config, log.clone());
        control.share_out(&shares);
        if let Err(unknown) = zone {
            control.emit(&Event::Notice { text: &unknown });
        }
        let patience = Patience::begin(&runtime);
        let web = patience.bind(|| web::bind(&config.stats.bind))?;
        let admin = config.admin.iter().map(|socket| patience.bind(|| admin::bind(socket)));
        let admin = admin.collect::<Result<_, _>>()?;
        let checks = Checks::prepare(&control).context("cannot start the thread of checks")?;
        let threads = Threads::start(&shared, inboxes, &log)?;
        let applied = patience.bind(|| match control.apply(config.clone(), None, &Origin::Start) {
            Err(ApplyError::Listen(error)) => Err(error),
            applied => Ok(applied),
        });
        drop(inside);
        if let Err(error) = applied.map_err(ApplyError::Listen).flatten() {
            threads.end();
            return Err(error.into());
        }
        Ok(Self { control, runtime, threads, checks, log, admin, web })
    }

    /// Frontends with their listen addresses.
    pub fn frontends(&self) -> Vec<(Arc<str>, SocketAddr)> {
        self.control.addresses()
    }

    /// Addresses of the pages and metrics.
    pub fn stats(&self) -> Vec<SocketAddr> {
        self.web.addresses()
    }

    /// Paths or addresses of the runtime sockets.
    pub fn sockets(&self) -> Vec<String> {
        self.admin.iter().map(admin::Listener::place).collect()
    }

    /// The only way to change state.
    pub fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control)
    }

    /// Runs until it is told to stop; returns when everything has ended.
    pub fn run(self, signals: UnboundedReceiver<Signal>) -> ExitCode {
        let Self { control, runtime, threads, checks, log, admin, web } = self;
        let stop = CancellationToken::new();
        let (clean, checks) = runtime.block_on(async {
            let mut tasks = JoinSet::new();
            discovery::resolve_all_once(&control, FIRST_LOOKUP).await;
            let process = &control.shared().process;
            // Set only here.
            let _ = process.boot.set(process.started.elapsed());
            let checks = checks.begin(stop.clone());
            let (looking_up, sampling) = (Arc::clone(&control), Arc::clone(&control));
            tasks.spawn(guarded("discovery", discovery::run(looking_up, stop.clone())));
            tasks.spawn(guarded("the sampler", sampler::run(sampling, stop.clone())));
            tasks.spawn(guarded("the web server", web.serve(Arc::clone(&control), stop.clone())));
            for listener in admin {
                tasks.spawn(guarded("the runtime socket", admin::serve(listener, Arc::clone(&control))));
            }
            let clean = supervise(&control, signals).await;
            stop.cancel();
            (clean, checks)
        });
        // A panic of that thread ends the process.
        let _ = checks.join();
        threads.end();
        let end = if clean { "stopped" } else { "stopped with exchanges cut off" };
        control.emit(&Event::Notice { text: end });
        log.end();
        // Lookups may hang in threads that cannot be ended; do not wait for them.
        runtime.shutdown_background();
        if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Retries of addresses in use at the start.
struct Patience<'a> {
    runtime: &'a Runtime,
    until: Instant,
}

impl<'a> Patience<'a> {
    fn begin(runtime: &'a Runtime) -> Self {
        Self { runtime, until: Instant::now() + PREDECESSOR }
    }

    /// Repeats `bind` while an address is in use and there is time.
    fn bind<T>(&self, mut bind: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        loop {
            match bind() {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < self.until => {
                    self.runtime.block_on(tokio::time::sleep(ASK_AGAIN));
                }
                result => return result,
            }
        }
    }
}

/// Handles signals until the end; returns whether everything in flight was completed.
async fn supervise(control: &Arc<Control>, mut signals: UnboundedReceiver<Signal>) -> bool {
    loop {
        match signals.recv().await {
            // The result is logged.
            Some(Signal::Reload) => drop(control.reload(&Origin::Signal).await),
            Some(Signal::ReopenLogs) => control.log().reopen(),
            Some(Signal::Stop) | None => break,
        }
    }
    let grace = control.process_config().shutdown_grace;
    control.emit(&Event::Notice { text: "stopping: no new connections, what is in flight may finish" });
    control.begin_stop();
    let started = Instant::now();
    let process = &control.shared().process;
    let finished = process.emptied();
    let again = async {
        while let Some(signal) = signals.recv().await {
            if signal == Signal::Stop {
                return;
            }
        }
        std::future::pending::<()>().await;
    };
    let clean = tokio::select! {
        finished = timeout(grace, finished) => finished.is_ok(),
        () = again => false,
    };
    let left = process.connections.get();
    let text = format!("stopped after {} ms, {left} connections left", started.elapsed().as_millis());
    control.emit(&Event::Notice { text: &text });
    clean
}
