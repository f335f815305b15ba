//! The command behind `benches/versus`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    benches::versus::main()
}
