//! What binds a client to a server, and what is remembered of it: cookies and stick tables.
//!
//! It reads what a request brings and says which server is meant; whether that one is used is decided where servers are picked. It
//! refuses to know connections and versions of HTTP: heads give it values and take lines.

mod cookie;
mod dynamic;
mod freq;
mod key;
mod reply;
mod stamp;
mod table;

pub use cookie::{Asked, Found, Jar};
pub use dynamic::dynamic_cookie;
pub use key::Key;
pub use reply::{Given, Reply};
pub use table::{Bound, InUse, Table, Told, Value};

#[cfg(test)]
mod tests;
