//! The origin as a process, for `benches/versus`: `origin SIZE,SIZE… NUMBER` listens on so many free ports of 127.0.0.1, prints
//! their addresses one a line, and serves until its standard input ends, so that it never outlives its parent.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::process::ExitCode;

use benches::origin::Origin;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let sizes: Option<Vec<usize>> =
        arguments.next().and_then(|sizes| sizes.split(',').map(|size| size.parse().ok()).collect());
    let number: Option<usize> = arguments.next().and_then(|number| number.parse().ok());
    let (Some(sizes), Some(number)) = (sizes, number) else {
        eprintln!("usage: origin SIZE,SIZE… NUMBER");
        return ExitCode::from(2);
    };
    let serve = || -> io::Result<()> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let origin = Origin::start(&vec![any; number], &sizes)?;
        for address in origin.addresses() {
            println!("{address}");
        }
        io::stdin().read_to_end(&mut Vec::new())?;
        Ok(())
    };
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("origin: {error}");
            ExitCode::FAILURE
        }
    }
}
