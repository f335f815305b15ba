//! The command line: runs a node until a signal, or asks a running one for its health. Holds no HTTP of its own.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::Parser;

use crate::health;
use crate::node::Node;
use crate::options::Options;

#[derive(Debug, Parser)]
#[command(name = "api", version, about = "The sample's HTTP API node")]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Asks the node that listens on --bind for /health: exit 0 if it answers 200, else 1
    Healthcheck,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Stop,
    ToggleHealth,
}

struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    toggle: tokio::signal::unix::Signal,
}

/// Runs the program with these arguments, the program's name first, on a runtime of its own; returns when it is over.
///
/// Exit codes: 0 stopped with nothing cut short (or healthy), 1 it could not start, had to cut requests short, or is
/// not healthy, 2 wrong usage.
pub fn main_with(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing to do about a closed terminal.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let name = cli.options.name.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.and_then(|runtime| match cli.command {
        None => runtime.block_on(run(cli.options)),
        Some(Command::Healthcheck) => {
            runtime.block_on(health::ask(cli.options.bind)).map(|()| ExitCode::SUCCESS)
        }
    });
    outcome.unwrap_or_else(|error| {
        eprintln!("{name}: {error}");
        ExitCode::FAILURE
    })
}

async fn run(options: Options) -> io::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let name = options.name.clone();
    let bind = options.bind;
    let started = tokio::select! {
        started = Node::start(options) => started,
        () = signals.stop() => return Ok(ExitCode::SUCCESS),
    };
    let node = started.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {bind}: {error}; choose another with --bind"))
    })?;
    eprintln!("{name}: version {} listens on {}", node.version(), node.addr());

    while signals.next().await == Order::ToggleHealth {
        node.set_healthy(!node.healthy());
        eprintln!("{name}: SIGUSR2, health is now {}", if node.healthy() { "ok" } else { "failing" });
    }

    eprintln!("{name}: stopping, requests in flight may finish");
    let finished = tokio::select! {
        finished = node.stop() => finished,
        () = signals.stop() => false,
    };
    eprintln!(
        "{name}: stopped after {} requests{}",
        node.count(),
        if finished { "" } else { ", some were cut short" }
    );
    Ok(if finished { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

// === impl Signals ===

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            toggle: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.terminate.recv() => Order::Stop,
            _ = self.interrupt.recv() => Order::Stop,
            _ = self.toggle.recv() => Order::ToggleHealth,
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) -> Order {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler the system's own way of ending a program is left.
            std::future::pending::<()>().await;
        }
        Order::Stop
    }
}

impl Signals {
    async fn stop(&mut self) {
        while self.next().await != Order::Stop {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let cli = Cli::try_parse_from(["api"]).unwrap();
        assert_eq!(cli.options, Options::default());
        assert!(cli.command.is_none());
    }

    #[test]
    fn healthcheck_takes_the_bind_address_on_either_side() {
        for args in [
            ["api", "--bind", "127.0.0.1:4001", "healthcheck"],
            ["api", "healthcheck", "--bind", "127.0.0.1:4001"],
        ] {
            let cli = Cli::try_parse_from(args).unwrap();
            assert!(matches!(cli.command, Some(Command::Healthcheck)));
            assert_eq!(cli.options.bind.port(), 4001);
        }
    }

    #[test]
    fn wrong_usage_is_two() {
        for args in
            [vec!["api", "--grace", "soon"], vec!["api", "--bind", "4000"], vec!["api", "--nmae", "x"]]
        {
            let code = main_with(args.into_iter().map(OsString::from));
            assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(2)));
        }
    }
}
