//! End-to-end tests of the node: real sockets, and the real process where signals matter.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod ending;
mod limit;
#[cfg(unix)]
mod process;
mod routes;
mod wire;
