//! The sample without Docker: `lb`, three nodes and the clients as processes of this machine.
//!
//! `compose up` runs them until Ctrl-C; `compose deploy` rolls a new version over the nodes and gives the verdict.
//! It is the operator of the sample and nothing more: it balances nothing and judges no request itself.

mod deploy;
mod narrate;
mod node;
mod ports;
mod process;
mod role;
mod sample;
mod socket;
mod topology;
mod verdict;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::narrate::Narrator;
use crate::role::Role;
use crate::sample::{LIVELY, Load, QUIET, Sample};
use crate::verdict::Verdict;

/// Runs the sample on this machine, without Docker.
#[derive(Parser)]
#[command(name = "compose", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the balancer, the nodes and the clients until Ctrl-C (the default)
    Up(LoadArguments),
    /// Rolls a new version over all nodes under traffic and says whether a request was lost
    Deploy(DeployArguments),
}

#[derive(Args)]
struct DeployArguments {
    /// The version to deploy; the nodes start at v1
    #[arg(long, default_value = "v2")]
    version_label: String,
    /// Go on running after the deployment, until Ctrl-C
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    load: LoadArguments,
}

#[derive(Args)]
struct LoadArguments {
    /// How many client processes send traffic
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    clients: u16,
    /// Requests a second of each client; without it the client's own default
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
}

fn main() -> ExitCode {
    if let Some((role, arguments)) = Role::of(std::env::args_os()) {
        return role.run(arguments);
    }
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("compose: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(arguments.command)) {
        Ok(verdict) if verdict.is_clean() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("compose: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Option<Command>) -> anyhow::Result<Verdict> {
    let narrator = Narrator::start();
    let (load, deployment) = match command {
        None => (Load::default(), None),
        Some(Command::Up(load)) => (load.load(QUIET), None),
        Some(Command::Deploy(deploy)) => (deploy.load.load(LIVELY), Some(deploy)),
    };
    let mut asked_to_stop = Stop::listen()?;

    let mut sample = tokio::select! {
        started = Sample::start(load, &narrator) => started?,
        () = asked_to_stop.wait() => anyhow::bail!("stopped before everything was up"),
    };
    let nodes = sample.topology.names();
    let work = async {
        let Some(deployment) = &deployment else {
            sample.print_how_to_use(&narrator);
            return sample.watch(&narrator).await;
        };
        deploy::roll(&mut sample, &deployment.version_label, &narrator).await?;
        if deployment.keep {
            sample.print_how_to_use(&narrator);
            return sample.watch(&narrator).await;
        }
        Ok(())
    };
    let outcome = tokio::select! {
        outcome = work => outcome,
        () = asked_to_stop.wait() => {
            narrator.say("stopping: clients first, then lb, then the nodes");
            Ok(())
        }
    };

    // Whatever happened, what was started is stopped in order; a second Ctrl-C ends it at once.
    let mut verdict = tokio::select! {
        verdict = sample.stop(&narrator) => verdict,
        () = asked_to_stop.wait() => anyhow::bail!("stopped at once; no verdict"),
    };
    if let Err(error) = outcome {
        verdict.object(format!("{error:#}"));
    }
    if let Some(deployment) = &deployment {
        verdict.require_version(&nodes, &deployment.version_label);
    }
    print!("{verdict}");
    Ok(verdict)
}

/// The signals to stop: Ctrl-C or SIGTERM.
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

// === impl Stop ===

impl Stop {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

// === impl LoadArguments ===

impl LoadArguments {
    /// The traffic that was asked for; each client prints a line so often.
    fn load(&self, lines_every: &'static str) -> Load {
        Load { clients: self.clients, rate: self.rate, lines_every }
    }
}
