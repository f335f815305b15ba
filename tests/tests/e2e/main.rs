//! `lb` from the outside, through real sockets: one module a subject, one binary, all tests in parallel.
//!
//! Tests say statuses, bytes and states, never wordings that may change. Each says what would break it where its name does not.

#![expect(clippy::unwrap_used, reason = "in tests the place of a panic says what went wrong")]

mod agents;
mod balance;
mod body;
mod clients;
mod connection;
mod cookies;
mod corpus;
mod crash;
mod deploy;
mod drift;
mod ends;
mod failure;
mod fields;
mod frames;
mod frontends;
mod grpc;
mod h2;
mod handover;
mod health;
mod log;
mod lost;
mod members;
mod metrics;
mod monitoring;
mod names;
mod page;
mod queue;
mod refused;
mod relay;
mod reload;
mod replay;
mod rerouted;
mod rules;
mod runtime;
mod servers;
mod spread;
mod stats;
mod stop;
mod tables;
mod time;
mod transcripts;
mod upgrade;

/// An answer with this status and body.
fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A 200 with this body.
fn ok(body: &str) -> String {
    answer("200 OK", body)
}

/// A GET with these additional lines, each with its line end.
fn get(target: &str, lines: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: lab\r\n{lines}\r\n")
}

/// A POST with this body.
fn post(target: &str, body: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: lab\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
