//! HTTP/1.1 on both sides of an exchange, by an engine of our own on raw buffers.
//!
//! A connection waits without a buffer; when bytes come it borrows a [`Kit`](buffers::Kit) from its worker and gives it back when it
//! idles again. Heads are parsed by `httparse`, judged (`request`, `response`) and written anew; bodies are framed anew
//! ([`transfer`]). Where an exchange goes, what it may be retried on and how it is accounted for is decided elsewhere and shared with HTTP/2.

mod buffer;
mod buffers;
mod deliver;
pub mod probe;
pub mod request;
pub mod response;
mod ruled;
mod serve;
mod session;
mod transfer;
mod tunnel;
mod upstream_request;

pub use buffer::Buffer;
pub use buffers::BufferPool;
pub use serve::PREFACE;
pub use session::{serve_once, session};
pub use transfer::{Broken, Pump, Transfer};
pub use upstream_request::MAX_INTERIM;

use crate::http::head::Limits;

/// What bounds a server's head: not configurable, since nobody else's memory is at stake.
pub const ANSWER: Limits = Limits { max_head: 64 * 1024, max_fields: 256 };
