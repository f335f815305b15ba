//! The `client` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    client::main_with(std::env::args_os())
}
