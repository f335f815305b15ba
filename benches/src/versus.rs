//! `lb` beside HAProxy, nginx and a bare relay: CPU per request, idle memory, instructions and system calls, on one machine in one run.
//!
//! It measures and judges nothing but `--check`. What cannot be fair is refused: a proxy that adds other fields, answers wrongly, or
//! opens a server connection for each request stops the run. It needs `/proc`; load goes to 127.0.0.1 only and stops by itself.

mod args;
mod calls;
mod count;
mod idle;
mod load;
mod machine;
mod process;
mod proxy;
mod rounds;
mod stage;
mod svg;
mod table;
mod verify;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use args::Args;
use machine::Machine;
use proxy::{Kind, Proxy};
use rounds::Measured;
use stage::Stage;

/// The size that `--check` speaks of.
const CHECKED: usize = 128;

/// Runs the command line. Exit codes: 0 measured or nothing to measure, 1 failed or above `--check`, 2 wrong usage, 130 interrupted.
pub fn main() -> ExitCode {
    let args = Args::parse();
    if !Path::new("/proc/self/stat").exists() {
        println!("versus: this system has no /proc to read CPU times and memory from: nothing measured");
        return ExitCode::SUCCESS;
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let code = runtime.block_on(async {
        // Whoever is interrupted drops what it has started, which ends it.
        tokio::select! {
            result = run(&args) => result.unwrap_or_else(|error| failed(&error)),
            result = interrupted() => match result {
                Ok(()) => ExitCode::from(130),
                Err(error) => failed(&error.into()),
            },
        }
    });
    // A client may still wait for its answer.
    runtime.shutdown_background();
    code
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("versus: {error:#}");
    ExitCode::FAILURE
}

async fn interrupted() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let machine = Machine::find();
    let proxies = Proxy::all(args).await?;
    let stage = Stage::set(args, machine).await?;
    println!("{}", about(args, &proxies, &stage));

    let mut above = false;
    if args.rounds > 0 {
        above = load(args, &stage, &proxies).await?;
    }
    if let Some(number) = args.idle {
        idle::measure(&stage, &proxies, number, args.sizes()[0]).await?;
    }
    if let Some(number) = args.instructions {
        count::instructions(&stage, &proxies, number, args.sizes()[0]).await?;
    }
    if let Some(number) = args.syscalls {
        count::system_calls(&stage, &proxies, number, args.sizes()[0]).await?;
    }
    Ok(if above { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The tables of CPU per request; says whether `--check` found lb above its limit.
async fn load(args: &Args, stage: &Stage, proxies: &[Proxy]) -> anyhow::Result<bool> {
    for proxy in proxies {
        let started = stage.start(proxy).await?;
        verify::verify(stage, &started, &args.sizes())
            .await
            .with_context(|| format!("{} is not fit for the comparison", proxy.name))?;
    }
    let mut above = false;
    let mut drawn = Vec::new();
    for size in args.sizes() {
        let measured = rounds::measure(args, stage, proxies, size).await?;
        println!("\n{}", table::load(size, &measured));
        if size == CHECKED {
            above = check(args, &measured);
        }
        drawn.push((size, measured));
    }
    if let Some(file) = &args.svg {
        std::fs::write(file, svg::draw(&drawn)).with_context(|| file.display().to_string())?;
        println!("\nThe picture is in {}.", file.display());
    }
    Ok(above)
}

/// Whether lb's ratio to HAProxy is above the limit, if there is one.
fn check(args: &Args, measured: &[Measured]) -> bool {
    let Some(limit) = args.check else { return false };
    let first = |kind| measured.iter().find(|one| one.kind == kind);
    let (Some(lb), Some(haproxy)) = (first(Kind::Lb), first(Kind::HaProxy)) else {
        println!("\nHAProxy is not installed (apt-get install haproxy): --check {limit} is not checked");
        return false;
    };
    let ratio = table::ratio(lb, haproxy);
    let verdict = if ratio > limit { "ABOVE" } else { "within" };
    println!("\n{} to HAProxy at {CHECKED} B: {ratio:.3}, {verdict} the limit of {limit}", lb.name);
    ratio > limit
}

/// What is compared, and how.
fn about(args: &Args, proxies: &[Proxy], stage: &Stage) -> String {
    let versions: Vec<_> = proxies.iter().map(|proxy| proxy.version.as_str()).collect();
    let missing: Vec<_> = [(Kind::HaProxy, "haproxy"), (Kind::Nginx, "nginx")]
        .iter()
        .filter(|(kind, _)| proxies.iter().all(|proxy| proxy.kind != *kind))
        .map(|(_, program)| {
            format!("{program} is not installed (apt-get install {program}): its column stays empty.\n")
        })
        .collect();
    format!(
        "Compared: {}.\n{}{} connections, one thread a proxy, {}. Keep-alive on both sides, three servers, the same three X-Forwarded\n\
         fields, no logs but those of an lb that is observed, health checks every 2 s (nginx has none; the relay has neither checks nor fields).",
        versions.join(", "),
        missing.concat(),
        args.connections,
        stage.machine,
    )
}
