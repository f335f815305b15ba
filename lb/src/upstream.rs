//! Connections to servers: opening one, sending a request on it, keeping it idle for the next.
//!
//! Nothing here knows backends or balancing: a connection goes to an address and is kept under a key. It refuses to retry; it
//! says whether the request is still whole, so that the caller can.

mod body;
mod connection;
mod idle;

pub use body::{Progress, RequestBody};
pub use connection::{Connection, Limits, SendError, connect};
pub use idle::IdleStore;
