//! Connections to servers: opening one, and keeping it idle for the next exchange.
//!
//! Nothing here knows HTTP, backends or balancing: a connection goes to an address and is kept under a key. It refuses to retry.

mod connection;
mod idle;

pub use connection::{ServerConnection, StreamOutcome, connect};
pub use idle::IdleStore;
