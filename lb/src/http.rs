//! The HTTP/1.1 codec: heads, fields, framing and chunks, as bytes.
//!
//! It knows bytes and RFC 9110 and 9112, and nothing of connections, configuration, or what is done with a message.

pub mod chunk;
pub mod field;
pub mod framing;
pub mod rewrite;
