//! Sockets: binding, options, limits of the process, and streams that know how long they have been silent.
//!
//! Nothing here knows HTTP, and nothing here decides what a silence means: see [`pulse`] for who is told.

pub mod bind;
pub mod descriptors;
mod duct;
pub mod lane;
pub mod limits;
pub mod pulse;
mod socket;
mod splice;
mod sys;
pub mod turn;
pub mod unix;
pub mod watchdog;

pub use descriptors::{Descriptors, Unit};
pub use duct::Duct;
pub use pulse::{Ended, Pulse};
pub use socket::{Room, Socket};
pub use splice::Pipe;
pub use sys::{Blocks, give_large_blocks_back, watch};
pub use watchdog::{Watchdog, Watched};
