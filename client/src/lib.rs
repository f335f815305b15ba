//! The judge: sends a steady mix of traffic to a target and checks every answer to its last byte.
//!
//! A request failed when it was refused, reset, cut short, late, answered with 400 or more, or altered on the way. What a
//! standard client recovers from by itself is counted apart as *reconnected*: an idle connection that the peer had closed
//! before the request was sent, and one replay of an idempotent request on a reused connection that was closed before any
//! byte of the answer (RFC 9112 §9.3.1).
//!
//! It is not a load generator: connections are few, answers are verified, and figures come second. It keeps no idle
//! connections apart from the one of each worker, so that the end of a connection always has a request that it belongs to.

mod cli;
mod connection;
mod exchange;
mod fault;
mod health;
mod mix;
mod options;
mod pace;
mod report;
mod run;
mod table;
mod tally;
mod worker;

pub use cli::main_with;
pub use fault::{Failure, Reason};
pub use mix::{Kind, Mix};
pub use options::{Options, Target};
pub use report::{KindReport, Latency, NodeReport, ReasonReport, Report};
pub use run::{Error, run};
