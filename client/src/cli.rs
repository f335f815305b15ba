//! The command line: runs until told to stop, prints the verdict, and says it with the exit code.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use tokio_util::sync::CancellationToken;

use crate::health;
use crate::options::Options;
use crate::report::Report;
use crate::run::run;

#[derive(Debug, Parser)]
#[command(name = "client", version, about = "Sends a steady mix of traffic and judges every answer")]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Asks the client that was started with the same --health: exit 0 if it sends, gets answers and nothing has failed, else 1
    Healthcheck,
}

/// Runs the program with these arguments, the program's name first, on a runtime of its own; returns when it is over.
///
/// Exit codes: 0 no request failed (or healthy), 1 one failed, nothing could be judged, or it is not healthy, 2 wrong usage.
pub fn main_with(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Cli { options, command } = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing to do about a closed terminal.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let name = options.name.clone();
    let json = options.json;
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&name, &error),
    };
    if let Some(Command::Healthcheck) = command {
        return runtime.block_on(healthcheck(&name, options.health));
    }
    match runtime.block_on(until_signal(options)) {
        Ok(report) => match print(&report, json) {
            Ok(()) if report.passed() => ExitCode::SUCCESS,
            Ok(()) if report.requests == 0 => fail(&name, &"nothing was judged"),
            Ok(()) => ExitCode::FAILURE,
            Err(error) => fail(&name, &format!("cannot print the report: {error}")),
        },
        Err(error) => fail(&name, &error),
    }
}

async fn healthcheck(name: &str, addr: Option<SocketAddr>) -> ExitCode {
    let Some(addr) = addr else {
        eprintln!("{name}: healthcheck needs --health ADDRESS, the one that the client was started with");
        return ExitCode::from(2);
    };
    match health::ask(addr).await {
        Ok(health) => {
            // The exit code says it too.
            let _ = writeln!(io::stdout(), "{health}");
            if health.healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => fail(name, &error),
    }
}

fn fail(name: &str, error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("{name}: {error}");
    ExitCode::FAILURE
}

fn print(report: &Report, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, report)?;
        writeln!(out)?;
    } else {
        write!(out, "{report}")?;
    }
    out.flush()
}

/// Runs; the first signal ends sending, a second one ends waiting for what is in flight.
async fn until_signal(options: Options) -> Result<Report, Box<dyn std::error::Error>> {
    let mut signals = Signals::listen()?;
    let stop = CancellationToken::new();
    let mut running = std::pin::pin!(run(options, stop.clone()));
    tokio::select! {
        report = &mut running => return Ok(report?),
        () = signals.next() => stop.cancel(),
    }
    tokio::select! {
        report = running => Ok(report?),
        () = signals.next() => Err("stopped by a second signal, with requests in flight".into()),
    }
}

struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

// === impl Signals ===

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler the system's own way of ending a program is left.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let cli = Cli::try_parse_from(["client"]).unwrap();
        assert_eq!(cli.options, Options::default());
        assert!(cli.command.is_none());
    }

    #[test]
    fn healthcheck_takes_its_address_on_either_side_and_needs_it() {
        for args in [
            ["client", "--health", "127.0.0.1:4100", "healthcheck"],
            ["client", "healthcheck", "--health", "127.0.0.1:4100"],
        ] {
            let cli = Cli::try_parse_from(args).unwrap();
            assert!(matches!(cli.command, Some(Command::Healthcheck)));
            assert_eq!(cli.options.health, Some(([127, 0, 0, 1], 4100).into()));
        }
        let code = main_with(["client", "healthcheck"].map(OsString::from));
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(2)));
    }

    #[test]
    fn wrong_usage_is_refused_with_the_reason() {
        for (args, complaint) in [
            (["--mix", "gte=1"], "there are get, post"),
            (["--target", "127.0.0.1:5000"], "http://HOST:PORT"),
            (["--connections", "0"], "1..=10000"),
            (["--live-interval", "0s"], "longer than 0s"),
            (["--duration", "soon"], "expected number"),
        ] {
            let error = Cli::try_parse_from(["client"].into_iter().chain(args)).unwrap_err();
            assert!(error.to_string().contains(complaint), "{args:?}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
