//! The command line: runs until told to stop, prints the verdict, and says it with the exit code.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use tokio_util::sync::CancellationToken;

use crate::options::Options;
use crate::report::Report;
use crate::run::run;

#[derive(Debug, Parser)]
#[command(name = "client", version, about = "Sends a steady mix of traffic and judges every answer")]
struct Cli {
    #[command(flatten)]
    options: Options,
}

/// Runs the program with these arguments, the program's name first, on a runtime of its own; returns when it is over.
///
/// Exit codes: 0 no request failed, 1 one failed or nothing could be judged, 2 wrong usage.
pub fn main_with(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let options = match Cli::try_parse_from(args) {
        Ok(cli) => cli.options,
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
        assert_eq!(Cli::try_parse_from(["client"]).unwrap().options, Options::default());
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
