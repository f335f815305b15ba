//! What the criterion benches and `benches/versus` share: an origin that answers at once, a client that only counts bytes, a load made of many,
//! and the comparison itself.
//!
//! Nothing here links the balancer: `versus` runs it as a process like any other, and the criterion benches have theirs in
//! `benches/support`. Benches show costs; they check nothing of the balancer and are no tests.

pub mod client;
pub mod load;
pub mod origin;
pub mod versus;
