//! The `api` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    api::main_with(std::env::args_os())
}
