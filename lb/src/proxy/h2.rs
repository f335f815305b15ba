//! HTTP/2 on either side of an exchange: towards clients by h2 itself, which tells who a stream is and takes it back; towards servers by
//! hyper, which stands on it.
//!
//! Every stream of a client is a connection to the HTTP/1.1 engine, over a [`Duct`](crate::net::MemoryStream) instead of a socket, and so is
//! every stream to a server that speaks HTTP/2. What is checked, framed, routed, retried, accounted for and logged is so in one place,
//! whatever is spoken at the ends; here is only translation. It refuses what has no meaning in between: `CONNECT`, upgrades.

mod body;
mod frames;
mod paced;
mod send;
mod serve;
mod servers;
mod stream;
mod text;

pub use serve::serve;
pub use servers::{H2Connections, StreamPlace};

/// Runs hyper's tasks on the thread of their connection.
#[derive(Debug, Clone, Copy)]
struct Local;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}
