//! A load balancer for HTTP, driven while it runs by HAProxy's own commands.

pub mod config;
