//! One report of the state, in several renderings: CSV and lines for HAProxy's tools, JSON for the page, Prometheus for scrapers.
//!
//! State is read, never written. What programs parse is the same bytes as HAProxy's; what people read is our own.

mod column;
pub mod info;
pub(crate) mod json;
pub(crate) mod prometheus;
mod rows;
mod servers;
pub mod stat;

use crate::topology::Topology;

pub use servers::servers_state;

/// What `show version` and `show info` say. HAProxy's tools want a number of HAProxy's in front to know what they may ask for.
pub const VERSION: &str = concat!("3.4.0-lb", env!("CARGO_PKG_VERSION"));

/// The answer to `show backend`.
pub fn backends(topology: &Topology) -> String {
    let names = topology.backends.iter().map(|backend| format!("{}\n", backend.live.name));
    std::iter::once("# name\n".to_owned()).chain(names).collect()
}
