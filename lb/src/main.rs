//! The `lb` binary.

use std::process::ExitCode;

use lb::net::Blocks;

#[global_allocator]
static ALLOCATOR: Blocks = Blocks::new();

fn main() -> ExitCode {
    lb::cli::main_with(std::env::args_os())
}
