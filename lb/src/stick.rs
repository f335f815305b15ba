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

pub use cookie::{CookieMatch, CookieState, PersistenceCookie};
pub use dynamic::dynamic_cookie;
pub use key::StickKey;
pub use reply::{CookieAction, SetCookie};
pub use table::{EntrySnapshot, EntryValue, InUse, StickTable, StickyServer};

#[cfg(test)]
mod tests;
