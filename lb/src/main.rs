//! The `lb` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    lb::cli::main_with(std::env::args_os())
}
