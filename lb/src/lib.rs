//! `lb`: an HTTP load balancer that takes HAProxy's place in a deployment without downtime.
//!
//! The map and the floors are in `ARCHITECTURE.md`; the rule that a module uses only lower floors is held by a test.
//! This crate refuses to be a framework: the binary is its user, the public items are there for tests, benches and the sample.

pub mod admin;
pub mod app;
pub mod balance;
pub mod cli;
pub mod config;
pub mod control;
pub mod counters;
pub mod ctl;
pub mod discovery;
pub mod health;
pub mod http;
pub mod ids;
pub mod listener;
pub mod log;
pub mod net;
pub mod pattern;
pub mod proxy;
pub mod readers;
pub mod report;
pub mod rules;
pub mod sample;
pub mod sampler;
pub mod server;
pub mod stick;
pub mod top;
pub mod topology;
pub mod upstream;
pub mod vital;
pub mod web;
