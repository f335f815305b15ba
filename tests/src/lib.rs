//! The harness of the end-to-end tests: `lb` in this process, its neighbours on both sides, and eyes for what it does.
//!
//! [`Lab`] starts a real `lb` on free ports; [`Wire`] speaks HTTP/1.1 byte by byte; [`Origin`] is a server that does whatever a test
//! wants; [`eventually`] waits for a condition. Everything is cleaned up on drop, so that tests run in parallel. The harness
//! never sleeps for a guessed time, and does not know what a correct response is: tests say that.

mod lab;
mod normal;
mod origin;
mod plan;
mod running;
mod socket;
mod traffic;
mod wait;
mod wire;

pub use lab::Lab;
pub use normal::{FREE, normal};
pub use origin::{Closed, Conn, Deaf, Origin};
pub use plan::Plan;
pub use running::Running;
pub use socket::{Row, Rows};
pub use traffic::{Mix, Probe, Record, Traffic, gets, mixed};
pub use wait::{PATIENCE, eventually, settled, within};
pub use wire::{Head, Message, Wire, strict};
