//! The load as a process, for `benches/versus`: `load ADDRESS PATH CONNECTIONS SECONDS` asks for that long, and prints how many answers came and
//! how many seconds that took. An answer that is not as it should be ends it with 1.

use std::process::ExitCode;
use std::time::Duration;

use benches::load::{Load, Plan};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let Some(plan) = plan(&arguments) else {
        eprintln!("usage: load ADDRESS PATH CONNECTIONS SECONDS");
        return ExitCode::from(2);
    };
    match plan.run() {
        Ok(Load { requests, took }) => {
            println!("{requests} {}", took.as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("load: {}{}: {error}", plan.address, plan.path);
            ExitCode::FAILURE
        }
    }
}

fn plan(arguments: &[String]) -> Option<Plan> {
    let [address, path, connections, seconds] = arguments else { return None };
    let time = Duration::from_secs(seconds.parse().ok()?);
    Some(Plan {
        address: address.parse().ok()?,
        path: path.clone(),
        connections: connections.parse().ok()?,
        time,
    })
}
