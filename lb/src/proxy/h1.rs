//! HTTP/1.1 on both sides of an exchange, by an engine of our own on raw buffers.
//!
//! A connection waits without a buffer; when bytes come it borrows a [`Kit`](kit::Kit) from its worker and gives it back when it
//! idles again. Heads are parsed by `httparse`, judged (`request`, `response`) and written anew; bodies are framed anew
//! ([`pump`]). Where an exchange goes, what it may be retried on and how it is accounted for is decided elsewhere and shared with HTTP/2.

mod ask;
mod buffer;
pub mod chunk;
mod deliver;
mod field;
mod kit;
pub mod probe;
mod pump;
pub mod request;
pub mod response;
mod rewrite;
mod serve;
mod session;
mod tunnel;

pub use ask::MAX_INTERIM;
pub use buffer::Buffer;
pub use kit::Kits;
pub use pump::{Broken, Pump, Way};
pub use serve::PREFACE;
pub use session::{serve_once, session};

use self::request::Limits;

/// What bounds a server's head: not configurable, since nobody else's memory is at stake.
pub const ANSWER: Limits = Limits { max_head: 64 * 1024, max_fields: 256 };
