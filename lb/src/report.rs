//! What there is to know about the balancer, in the forms in which it is told: one report, several renderings.
//!
//! State is collected once into rows ([`row::ReportRow`], the columns of HAProxy's `show stat`) and facts about the process
//! ([`process::Facts`]); renderings only read these. Nothing here writes state, and nothing here speaks to anybody:
//! `admin` and `web` do.

mod collect;
pub mod column;
mod drift;
mod field;
pub mod info;
pub mod overview;
pub mod process;
pub mod prometheus;
mod readiness;
mod resolvers;
pub mod row;
pub mod stat;
mod state;
mod versions;
mod whole;

pub use drift::text as drift;
pub use overview::{Overview, json};
pub use readiness::readiness;
pub use resolvers::{resolver_rows, resolvers};
pub use state::{backends, servers_state};
pub use versions::text as versions;

/// The version that programs are told: numbers first, high enough for what HAProxy's tools expect.
pub const VERSION: &str = concat!("3.4.0-lb", env!("CARGO_PKG_VERSION"));

/// What people are told: lb's own version, and whose API it speaks.
pub const NAME_AND_VERSION: &str = concat!("lb ", env!("CARGO_PKG_VERSION"), " (HAProxy 3.4 API)");
