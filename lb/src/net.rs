//! Sockets: binding, options, limits of the process, and streams that know how long they have been silent.
//!
//! Nothing here knows HTTP, and nothing here decides what a silence means: see [`deadlines`] for who is told.

pub mod bind;
pub mod deadlines;
pub mod descriptors;
pub mod lane;
pub mod limits;
mod memory_stream;
mod socket;
mod splice;
mod sys;
pub mod turn;
pub mod unix;
pub mod watchdog;

pub use deadlines::{Ended, StreamDeadlines};
pub use descriptors::{Descriptors, Unit};
pub use memory_stream::MemoryStream;
pub use socket::{ReadTarget, Socket};
pub use splice::Pipe;
pub use sys::{Blocks, give_large_blocks_back, watch};
pub use watchdog::{WatchGuard, Watchdog};
