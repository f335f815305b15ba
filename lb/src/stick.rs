//! What binds a client to a server: cookies.
//!
//! It reads what a request brings and says which server is meant; whether that one is used is decided where servers are picked. It
//! refuses to know connections and versions of HTTP: heads give it values and take lines.

mod cookie;
mod dynamic;
mod reply;
mod stamp;

pub use cookie::{Asked, Found, Jar};
pub use dynamic::dynamic_cookie;
pub use reply::{Given, Reply};

#[cfg(test)]
mod tests;
