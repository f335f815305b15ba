//! Sockets: binding, options, limits of the process, and streams with deadlines.
//!
//! Nothing here knows HTTP or decides what silence means: see [`deadlines`].

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
