//! The runtime socket through real Unix sockets.

mod agents;
mod answers;
pub(crate) mod lab;
mod levels;
mod waiting;
mod wire;
