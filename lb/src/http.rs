//! The HTTP/1.1 codec: heads, fields, framing and chunks, as bytes.
//!
//! It knows bytes and RFC 9110 and 9112, and nothing of connections, configuration, or what is done with a message. A head is parsed and
//! judged ([`request`], [`response`]), may be edited ([`overlay`]), and is then written once.

pub mod chunk;
pub mod edit;
pub mod field;
pub mod framing;
pub mod head;
mod malformed;
pub mod overlay;
pub mod request;
pub mod response;
pub mod rewrite;
mod target;

pub use malformed::Malformed;
