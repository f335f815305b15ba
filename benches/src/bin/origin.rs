//! The origin as a process, for `benches/versus`: `origin SIZE ADDRESS…` serves until it is ended.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let size = arguments.next().and_then(|size| size.parse().ok());
    let addresses: Result<Vec<_>, _> = arguments.map(|address| address.parse()).collect();
    let (Some(size), Ok(addresses)) = (size, addresses) else {
        eprintln!("usage: origin SIZE ADDRESS…");
        return ExitCode::from(2);
    };
    match benches::origin::start(&addresses, size) {
        Ok(_) => loop {
            std::thread::park();
        },
        Err(error) => {
            eprintln!("origin: {error}");
            ExitCode::FAILURE
        }
    }
}
